import { useNavigate } from "@tanstack/react-router";
import { App, Button, Popconfirm } from "antd";
import type { Algorithm } from "../../api/algorithms";
import { useMessages, useText } from "../../app/preferences";
import { LinkButton } from "../../components/link-button";
import { problemText } from "../../components/problem";
import { useAlgorithmActions } from "./api";
import { text } from "./text";

/** To the form for a job of this algorithm. */
export function CreateJobLink({ algorithm, size }: { algorithm: Algorithm; size?: "small" }) {
  const t = useText(text);
  return (
    <LinkButton
      to="/jobs/new"
      search={{ algorithm: algorithm.metadata.id }}
      {...(size ? { size } : { color: "primary" as const, variant: "solid" as const })}
      aria-label={`${t.createJob}: ${algorithm.metadata.name}`}
    >
      {t.createJob}
    </LinkButton>
  );
}

export function EditLink({ id, version, label }: { id: string; version?: number; label: string }) {
  return (
    <LinkButton to="/algorithms/$algorithmId/edit" params={{ algorithmId: id }} search={version ? { version } : {}}>
      {label}
    </LinkButton>
  );
}

export function DeleteButton({ algorithm }: { algorithm: Algorithm }) {
  const t = useText(text);
  const m = useMessages();
  const navigate = useNavigate();
  const { message } = App.useApp();
  const { remove } = useAlgorithmActions();
  return (
    <Popconfirm
      title={t.deleteQuestion(algorithm.metadata.name)}
      description={t.deleteHelp}
      okText={t.delete}
      cancelText={t.cancel}
      okButtonProps={{ danger: true }}
      onConfirm={() =>
        remove.mutate(algorithm.metadata.id, {
          onSuccess: () => void navigate({ to: "/algorithms" }),
          onError: (error) => void message.error(problemText(error, m)),
        })
      }
    >
      <Button danger loading={remove.isPending}>
        {t.delete}
      </Button>
    </Popconfirm>
  );
}
