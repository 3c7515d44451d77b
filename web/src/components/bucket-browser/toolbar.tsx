import { PlusOutlined } from "@ant-design/icons";
import { App, Button, Flex, Input, Popover, Typography } from "antd";
import { useState } from "react";
import { useStorageActions } from "../../api/storage";
import { useMessages, useText } from "../../app/preferences";
import { problemText } from "../problem";
import { text } from "./text";
import { UploadButtons } from "./uploads";
import { isPlainName } from "./uri";
import type { Uploads } from "./use-uploads";

/** Uploads files into a folder, and makes folders in it. */
export function Toolbar({ uri, uploads, onOpen }: { uri: string; uploads: Uploads; onOpen: (uri: string) => void }) {
  return (
    <Flex gap={8} wrap align="center">
      <UploadButtons uri={uri} uploads={uploads} />
      <NewFolder uri={uri} onOpen={onOpen} />
    </Flex>
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
      <Button icon={<PlusOutlined />}>{t.newFolder}</Button>
    </Popover>
  );
}
