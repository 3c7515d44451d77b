import { Link } from "@tanstack/react-router";
import { Button, Result } from "antd";
import { useMessages } from "../app/preferences";

export function NotFoundPage() {
  const t = useMessages();
  return (
    <Result
      status="404"
      title={t.notFound}
      extra={
        <Link to="/">
          <Button type="primary">{t.places.overview}</Button>
        </Link>
      }
    />
  );
}
