import { Card, Typography } from "antd";
import type { ReactNode } from "react";

/** One part of the form, under a heading. */
export function Section({ title, help, children }: { title: string; help?: string; children: ReactNode }) {
  return (
    <Card size="small" title={<h2 style={{ fontSize: 15, margin: 0 }}>{title}</h2>} styles={{ body: { paddingTop: 16 } }}>
      {help && (
        <Typography.Paragraph type="secondary" style={{ marginTop: -4 }}>
          {help}
        </Typography.Paragraph>
      )}
      {children}
    </Card>
  );
}
