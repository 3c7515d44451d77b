import { ConfigProvider } from "antd";
import type { ReactNode } from "react";
import { useMessages } from "../app/preferences";
import { useMayChange } from "../app/session";

/** What changes something: whoever may only look sees it, cannot use it, and is told why. */
export function MemberOnly({ children }: { children: ReactNode }) {
  const t = useMessages();
  if (useMayChange()) return children;
  return (
    <ConfigProvider componentDisabled>
      <div className="member-only" title={t.readOnlyHelp}>
        {children}
      </div>
    </ConfigProvider>
  );
}
