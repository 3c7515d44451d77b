import { Flex, Spin } from "antd";
import { useMessages } from "../app/preferences";

/** Before anything is known; says so when the service does not answer. */
export function Starting({ waiting }: { waiting: boolean }) {
  const t = useMessages();
  return (
    <Flex vertical align="center" justify="center" gap={16} style={{ minHeight: "100vh" }} role="status">
      <Spin size="large" />
      {waiting && <span className="secondary">{t.waitingForService}</span>}
    </Flex>
  );
}
