import { CheckOutlined, CopyOutlined } from "@ant-design/icons";
import { Button } from "antd";
import { useEffect, useState } from "react";
import { useText } from "../app/preferences";

const text = {
  en: { copy: "Copy", copied: "Copied" },
  zh: { copy: "复制", copied: "已复制" },
};

/** Puts text on the clipboard, and says that it did. */
export function CopyButton({ text: content, label }: { text: string; label?: string }) {
  const t = useText(text);
  const [done, setDone] = useState(false);
  useEffect(() => {
    if (!done) return;
    const timer = setTimeout(() => setDone(false), 2000);
    return () => clearTimeout(timer);
  }, [done]);
  return (
    <Button
      size="small"
      icon={done ? <CheckOutlined /> : <CopyOutlined />}
      {...(label ? { "aria-label": label } : {})}
      onClick={() => void copy(content).then(setDone)}
    >
      {done ? t.copied : t.copy}
    </Button>
  );
}

/** `navigator.clipboard` exists only on https and localhost; elsewhere the old way is left. */
async function copy(content: string): Promise<boolean> {
  if (navigator.clipboard) {
    return navigator.clipboard.writeText(content).then(
      () => true,
      () => false,
    );
  }
  const box = document.createElement("textarea");
  box.value = content;
  box.style.position = "fixed";
  document.body.append(box);
  box.select();
  const done = document.execCommand("copy");
  box.remove();
  return done;
}
