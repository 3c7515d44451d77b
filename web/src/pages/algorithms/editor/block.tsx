import { DeleteOutlined } from "@ant-design/icons";
import { Button, Card, Flex, Typography } from "antd";
import type { ReactNode } from "react";
import { useText } from "../../../app/preferences";
import { text } from "../text";

/** A part of the form, with its title and what it is about. */
export function Block({ title, help, children }: { title: string; help?: string; children: ReactNode }) {
  return (
    <Card size="small" title={<h2 className="card-title">{title}</h2>}>
      {help && <Typography.Paragraph type="secondary">{help}</Typography.Paragraph>}
      {children}
    </Card>
  );
}

/** One of several alike things in a form, with a way to take it out. */
export function Item({ name, onRemove, children }: { name: string; onRemove: () => void; children: ReactNode }) {
  const t = useText(text);
  return (
    <Flex gap={8} align="start" className="form-item-block">
      <div style={{ flex: 1, minWidth: 0 }}>{children}</div>
      <Button type="text" icon={<DeleteOutlined />} aria-label={t.remove(name)} title={t.remove(name)} onClick={onRemove} />
    </Flex>
  );
}
