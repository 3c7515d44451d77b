import { useNavigate } from "@tanstack/react-router";
import { App, Button, Popconfirm } from "antd";
import { useJobActions, type Report } from "../../api/jobs";
import { isFinished, type Job } from "../../api/types";
import { useMessages } from "../../app/preferences";
import { problemText } from "../../components/problem";
import { LinkButton } from "../../components/link-button";

/** What a person can do with the job as it is now. */
export function Actions({ job }: { job: Job }) {
  const t = useMessages();
  const navigate = useNavigate();
  const { message } = App.useApp();
  const { stop, remove } = useJobActions();
  const { id } = job.metadata;
  const complain = (error: unknown) => void message.error(problemText(error, t));
  const settle = (done: () => void) => ({
    onSuccess: ({ failed }: Report) => (failed[0] ? complain(failed[0].error) : done()),
    onError: complain,
  });
  return (
    <>
      <LinkButton to="/jobs/new" search={{ from: id }}>
        {t.job.rebuild}
      </LinkButton>
      {isFinished(job.status.phase) ? (
        <Popconfirm
          title={t.jobs.deleteQuestion(1)}
          okText={t.jobs.delete}
          okButtonProps={{ danger: true }}
          onConfirm={() => remove.mutate([id], settle(() => void navigate({ to: "/jobs" })))}
        >
          <Button danger loading={remove.isPending}>
            {t.jobs.delete}
          </Button>
        </Popconfirm>
      ) : (
        <Popconfirm
          title={t.jobs.stopQuestion(1)}
          description={t.job.stopHelp}
          okText={t.jobs.stop}
          okButtonProps={{ danger: true }}
          onConfirm={() => stop.mutate([id], settle(() => undefined))}
        >
          <Button danger loading={stop.isPending || job.status.phase === "Terminating"}>
            {t.jobs.stop}
          </Button>
        </Popconfirm>
      )}
    </>
  );
}
