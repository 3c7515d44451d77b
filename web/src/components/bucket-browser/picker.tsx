import { FolderOpenOutlined } from "@ant-design/icons";
import { Button, Flex, Input, Modal, Space, Typography } from "antd";
import { lazy, Suspense, useState } from "react";
import { useText } from "../../app/preferences";
import { text } from "./text";
import { folderOf } from "./uri";

const BucketBrowser = lazy(() => import("./browser").then((m) => ({ default: m.BucketBrowser })));

export type Pick = "folder" | "file" | "any";

interface Props {
  /** What a place may be. */
  pick: Pick;
  /** What the place is for, as screen readers say it. */
  label: string;
  value?: string;
  onChange?: (uri: string) => void;
  placeholder?: string;
  id?: string;
  status?: "error" | "";
}

/** A place in a bucket: written by hand, or chosen in the bucket browser. */
export function BucketPicker({ pick, label, value = "", onChange, placeholder = "obs://", id, status }: Props) {
  const t = useText(text);
  const [open, setOpen] = useState(false);
  return (
    <>
      <Space.Compact style={{ width: "100%" }}>
        <Input
          className="mono"
          {...(id ? { id } : {})}
          {...(status ? { status } : {})}
          value={value}
          aria-label={label}
          placeholder={placeholder}
          onChange={(event) => onChange?.(event.target.value)}
        />
        <Button icon={<FolderOpenOutlined />} aria-label={t.browseFor(label)} onClick={() => setOpen(true)}>
          {t.browse}
        </Button>
      </Space.Compact>
      {open && (
        <PickDialog
          pick={pick}
          start={value}
          onCancel={() => setOpen(false)}
          onPick={(uri) => {
            setOpen(false);
            onChange?.(uri);
          }}
        />
      )}
    </>
  );
}

interface DialogProps {
  pick: Pick;
  start: string;
  onPick: (uri: string) => void;
  onCancel: () => void;
}

function PickDialog({ pick, start, onPick, onCancel }: DialogProps) {
  const t = useText(text);
  const [at, setAt] = useState(folderOf(start));
  const [file, setFile] = useState("");
  const chosen = file || (pick === "file" ? "" : at);
  const open = (uri: string) => {
    setAt(uri);
    setFile("");
  };
  return (
    <Modal
      open
      width={760}
      title={{ folder: t.chooseFolder, file: t.chooseFile, any: t.choose }[pick]}
      okText={t.ok}
      cancelText={t.cancel}
      okButtonProps={{ disabled: !chosen }}
      onOk={() => onPick(chosen)}
      onCancel={onCancel}
      destroyOnHidden
    >
      <Flex vertical gap={12} style={{ minHeight: 320 }}>
        <div style={{ flex: 1, maxHeight: "55vh", overflow: "auto" }}>
          <Suspense fallback={null}>
            <BucketBrowser uri={at} onOpen={open} {...(pick === "folder" ? {} : { chosen: file, onChoose: setFile })} />
          </Suspense>
        </div>
        <Typography.Text type="secondary">
          {t.chosen}:{" "}
          <span className="mono" style={{ overflowWrap: "anywhere" }}>
            {chosen || t.nothingChosen}
          </span>
        </Typography.Text>
      </Flex>
    </Modal>
  );
}
