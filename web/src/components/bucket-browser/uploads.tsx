import { FolderAddOutlined, UploadOutlined } from "@ant-design/icons";
import { Alert, Button, Flex, Progress, Typography } from "antd";
import { useRef, useState, type DragEvent, type ReactNode } from "react";
import { useMessages, useText } from "../../app/preferences";
import { problemText } from "../problem";
import { text } from "./text";
import { nameOf } from "./uri";
import type { Upload, Uploads } from "./use-uploads";

/** Buttons that put files, or a whole folder, into a folder of a bucket. */
export function UploadButtons({ uri, uploads }: { uri: string; uploads: Uploads }) {
  const t = useText(text);
  const add = (files: File[]) => uploads.add(uri, files);
  return (
    <>
      <Choose label={t.upload} icon={<UploadOutlined />} onChosen={add} />
      <Choose label={t.uploadFolder} icon={<FolderAddOutlined />} folder onChosen={add} />
    </>
  );
}

interface ChooseProps {
  label: string;
  icon: ReactNode;
  folder?: boolean;
  onChosen: (files: File[]) => void;
}

function Choose({ label, icon, folder, onChosen }: ChooseProps) {
  const chooser = useRef<HTMLInputElement>(null);
  return (
    <>
      <input
        ref={chooser}
        type="file"
        multiple
        style={{ display: "none" }}
        aria-label={label}
        {...(folder ? { webkitdirectory: "" } : {})}
        onChange={(event) => {
          onChosen([...(event.target.files ?? [])]);
          event.target.value = "";
        }}
      />
      <Button icon={icon} onClick={() => chooser.current?.click()}>
        {label}
      </Button>
    </>
  );
}

/** How far the uploads have come, and what did not arrive. */
export function UploadProgress({ uploads }: { uploads: Uploads }) {
  const all = uploads.list;
  if (all.length === 0) return null;
  const going = all.some((one) => one.state === "waiting" || one.state === "sending");
  return going ? <Going all={all} onStop={uploads.stop} /> : <Ended all={all} onDismiss={uploads.clear} />;
}

function Going({ all, onStop }: { all: Upload[]; onStop: () => void }) {
  const t = useText(text);
  const done = all.filter((one) => one.state === "done").length;
  const bytes = all.reduce((sum, one) => sum + one.size + 1, 0);
  const sent = all.reduce((sum, one) => sum + (one.size + 1) * one.share, 0);
  return (
    <Flex align="center" gap={12} wrap role="status">
      <Typography.Text>{t.uploading(done, all.length)}</Typography.Text>
      <Progress
        aria-label={t.uploading(done, all.length)}
        percent={Math.floor((100 * sent) / bytes)}
        style={{ flex: 1, minWidth: 160 }}
      />
      <Button size="small" onClick={onStop}>
        {t.stop}
      </Button>
    </Flex>
  );
}

function Ended({ all, onDismiss }: { all: Upload[]; onDismiss: () => void }) {
  const t = useText(text);
  const messages = useMessages();
  const failed = all.filter((one) => one.state === "failed");
  const done = all.filter((one) => one.state === "done").length;
  return (
    <Alert
      role="status"
      type={failed.length ? "error" : done < all.length ? "warning" : "success"}
      showIcon
      title={failed.length ? t.failed(failed.length) : t.uploaded(done)}
      description={
        failed.length > 0 &&
        failed.slice(0, 5).map((one) => (
          <div key={one.id}>
            {nameOf(one.uri)}: {problemText(one.error, messages)}
          </div>
        ))
      }
      action={
        <Button size="small" onClick={onDismiss}>
          {t.dismiss}
        </Button>
      }
    />
  );
}

/** An area that takes dropped files. */
export function DropArea({ onDrop, children }: { onDrop: (files: File[]) => void; children: ReactNode }) {
  const t = useText(text);
  const [over, setOver] = useState(false);
  const carriesFiles = (event: DragEvent) => event.dataTransfer.types.includes("Files");
  return (
    <div
      className={over ? "drop-area drop-area-over" : "drop-area"}
      data-hint={t.drop}
      onDragOver={(event) => {
        if (!carriesFiles(event)) return;
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        if (!carriesFiles(event)) return;
        event.preventDefault();
        setOver(false);
        onDrop([...event.dataTransfer.files]);
      }}
    >
      {children}
    </div>
  );
}
