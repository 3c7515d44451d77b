import { Flex } from "antd";
import { useEffect, type ReactNode } from "react";
import { useMessages } from "../app/preferences";
import { MemberOnly } from "./member-only";

/** A page's title (also the tab's), what can be done on it, and its content. */
export function Page({ title, actions, children }: { title: string; actions?: ReactNode; children: ReactNode }) {
  const t = useMessages();
  useEffect(() => {
    document.title = `${title} · ${t.appName}`;
  }, [title, t]);
  return (
    <>
      <Flex className="page-head" align="center" justify="space-between" gap={12} wrap style={{ marginBottom: 16 }}>
        <h1 className="page-title">{title}</h1>
        {actions && (
          <MemberOnly>
            <Flex gap={8} wrap>
              {actions}
            </Flex>
          </MemberOnly>
        )}
      </Flex>
      {children}
    </>
  );
}
