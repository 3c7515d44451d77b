import { Result } from "antd";
import { useMessages } from "../app/preferences";
import { LinkButton } from "../components/link-button";

export function NotFoundPage() {
  const t = useMessages();
  return (
    <Result
      status="404"
      title={t.notFound}
      extra={
        <LinkButton to="/" color="primary" variant="solid">
          {t.places.overview}
        </LinkButton>
      }
    />
  );
}
