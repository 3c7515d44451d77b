import { App, Button, Flex } from "antd";
import { useJobActions, type Report } from "../../api/jobs";
import { isFinished, type Job } from "../../api/types";
import { useMessages } from "../../app/preferences";
import { problemText } from "../../components/problem";

const SHOWN_NAMES = 8;

interface Props {
  jobs: Job[];
  onDone: () => void;
}

/** Stops or deletes the chosen jobs after a question, and says what became of each that failed. */
export function BulkBar({ jobs, onDone }: Props) {
  const t = useMessages();
  const { modal, message } = App.useApp();
  const { stop, remove } = useJobActions();
  const going = jobs.filter((job) => !isFinished(job.status.phase));
  const finished = jobs.filter((job) => isFinished(job.status.phase));

  const tell = (report: Report, done: string) => {
    onDone();
    if (report.failed.length === 0) void message.success(done);
    else modal.warning({ width: 560, title: t.jobs.partly(report.done.length, report.failed.length), content: <Failures jobs={jobs} report={report} /> });
  };
  const ask = (action: typeof stop, which: Job[], words: { question: string; verb: string; done: (n: number) => string; left: string }) =>
    modal.confirm({
      title: words.question,
      width: 520,
      content: <Names jobs={which} note={which.length < jobs.length ? words.left : ""} />,
      okText: words.verb,
      cancelText: t.jobs.cancel,
      okButtonProps: { danger: true },
      onOk: () =>
        action.mutateAsync(which.map((job) => job.metadata.id)).then(
          (report) => tell(report, words.done(report.done.length)),
          (error: unknown) => void message.error(problemText(error, t)),
        ),
    });

  if (jobs.length === 0) return null;
  return (
    <Flex gap={8} align="center" wrap role="toolbar" aria-label={t.jobs.chosen(jobs.length)} style={{ marginBottom: 12 }}>
      <span>{t.jobs.chosen(jobs.length)}</span>
      <Button
        disabled={!going.length}
        loading={stop.isPending}
        onClick={() =>
          ask(stop, going, { question: t.jobs.stopQuestion(going.length), verb: t.jobs.stop, done: t.jobs.stopped, left: t.jobs.leftFinished })
        }
      >
        {t.jobs.stopCount(going.length)}
      </Button>
      <Button
        danger
        disabled={!finished.length}
        loading={remove.isPending}
        onClick={() =>
          ask(remove, finished, { question: t.jobs.deleteQuestion(finished.length), verb: t.jobs.delete, done: t.jobs.deleted, left: t.jobs.leftGoing })
        }
      >
        {t.jobs.deleteCount(finished.length)}
      </Button>
      <Button type="link" onClick={onDone}>
        {t.jobs.clearChosen}
      </Button>
    </Flex>
  );
}

function Names({ jobs, note }: { jobs: Job[]; note: string }) {
  const t = useMessages();
  const more = jobs.length - SHOWN_NAMES;
  return (
    <>
      <ul style={{ paddingInlineStart: 20, overflowWrap: "anywhere" }}>
        {jobs.slice(0, SHOWN_NAMES).map((job) => (
          <li key={job.metadata.id}>{job.metadata.name}</li>
        ))}
      </ul>
      {more > 0 && <p>{t.jobs.andMore(more)}</p>}
      {note && <span className="secondary">{note}</span>}
    </>
  );
}

function Failures({ jobs, report }: { jobs: Job[]; report: Report }) {
  const t = useMessages();
  const names = new Map(jobs.map((job) => [job.metadata.id, job.metadata.name]));
  return (
    <ul style={{ paddingInlineStart: 20, maxHeight: "40vh", overflow: "auto", overflowWrap: "anywhere" }}>
      {report.failed.map(({ id, error }) => (
        <li key={id}>
          <strong>{names.get(id) ?? id}</strong>: {problemText(error, t)}
        </li>
      ))}
    </ul>
  );
}
