import { FolderAddOutlined, UploadOutlined } from "@ant-design/icons";
import { App, Button, Flex, Input, Popover, Progress, Typography } from "antd";
import { useRef, useState } from "react";
import { useStorageActions } from "../../api/storage";
import { useMessages, useText } from "../../app/preferences";
import { problemText } from "../problem";
import { text } from "./text";
import { isPlainName } from "./uri";

/** Uploads files into a folder, and makes folders in it. */
export function Toolbar({ uri, onOpen }: { uri: string; onOpen: (uri: string) => void }) {
  return (
    <Flex gap={8} wrap align="center">
      <Uploads uri={uri} />
      <NewFolder uri={uri} onOpen={onOpen} />
    </Flex>
  );
}

function Uploads({ uri }: { uri: string }) {
  const t = useText(text);
  const messages = useMessages();
  const { message } = App.useApp();
  const { put } = useStorageActions();
  const chooser = useRef<HTMLInputElement>(null);
  const [now, setNow] = useState<{ name: string; percent: number } | null>(null);

  const send = async (files: File[]) => {
    for (const file of files) {
      const onProgress = (share: number) => setNow({ name: file.name, percent: Math.round(share * 100) });
      onProgress(0);
      await put
        .mutateAsync({ uri: uri + file.name, body: file, onProgress })
        .catch((error: unknown) => void message.error(`${file.name}: ${problemText(error, messages)}`));
    }
    setNow(null);
  };

  return (
    <>
      <input
        ref={chooser}
        type="file"
        multiple
        hidden
        aria-label={t.upload}
        onChange={(event) => {
          void send([...(event.target.files ?? [])]);
          event.target.value = "";
        }}
      />
      {now ? (
        <Flex vertical style={{ width: 180 }} role="status">
          <Typography.Text ellipsis type="secondary">
            {t.uploading(now.name)}
          </Typography.Text>
          <Progress percent={now.percent} size="small" aria-label={t.uploading(now.name)} />
        </Flex>
      ) : (
        <Button icon={<UploadOutlined />} onClick={() => chooser.current?.click()}>
          {t.upload}
        </Button>
      )}
    </>
  );
}

function NewFolder({ uri, onOpen }: { uri: string; onOpen: (uri: string) => void }) {
  const t = useText(text);
  const messages = useMessages();
  const { message } = App.useApp();
  const { put } = useStorageActions();
  const [open, setOpen] = useState(false);
  const [name, setName] = useState("");
  const fine = isPlainName(name);

  const make = async () => {
    const made = `${uri}${name}/`;
    try {
      await put.mutateAsync({ uri: made, body: new Blob([]) });
    } catch (error) {
      void message.error(problemText(error, messages));
      return;
    }
    setOpen(false);
    setName("");
    onOpen(made);
  };

  return (
    <Popover
      trigger="click"
      open={open}
      onOpenChange={setOpen}
      content={
        <Flex gap={8} align="start">
          <div>
            <Input
              autoFocus
              value={name}
              aria-label={t.folderName}
              placeholder={t.folderName}
              status={name && !fine ? "error" : ""}
              onChange={(event) => setName(event.target.value)}
              onPressEnter={() => fine && void make()}
            />
            {name && !fine && <Typography.Text type="danger">{t.badName}</Typography.Text>}
          </div>
          <Button type="primary" disabled={!fine} loading={put.isPending} onClick={() => void make()}>
            {t.create}
          </Button>
        </Flex>
      }
    >
      <Button icon={<FolderAddOutlined />}>{t.newFolder}</Button>
    </Popover>
  );
}
