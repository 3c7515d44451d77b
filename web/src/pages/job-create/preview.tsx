import { Alert, Button, Card, Segmented, Typography } from "antd";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { sendJson } from "../../api/http";
import { jobsPath } from "../../api/jobs";
import type { components } from "../../api/schema";
import { useText } from "../../app/preferences";
import { useProjectId } from "../../app/session";
import { CopyButton } from "../../components/copy-button";
import { commandOf } from "./command";
import { bodyOf, type JobForm } from "./model";
import { text } from "./text";

type Plan = components["schemas"]["Plan"];

/** The same job as a command and as a request, as the form is now; and what it would run. */
export function Preview({ form, onRefused }: { form: JobForm; onRefused: (error: unknown) => void }) {
  const t = useText(text);
  const projectId = useProjectId();
  const [shown, setShown] = useState<"command" | "body">("command");
  const body = bodyOf(form);
  const content = shown === "command" ? commandOf(form) : JSON.stringify(body, null, 2);
  const plan = useMutation({
    mutationFn: () => sendJson<Plan>("POST", `${jobsPath(projectId)}/dry-run`, body),
    onError: onRefused,
  });
  return (
    <Card size="small" title={<h2 style={{ fontSize: 15, margin: 0 }}>{t.preview}</h2>} extra={<CopyButton text={content} />}>
      <Segmented
        block
        value={shown}
        onChange={(value) => setShown(value as "command" | "body")}
        options={[
          { value: "command", label: t.command },
          { value: "body", label: t.body },
        ]}
      />
      <pre role="group" className="code-block" tabIndex={0} aria-label={shown === "command" ? t.command : t.body}>
        {content}
      </pre>
      <Button block loading={plan.isPending} onClick={() => plan.mutate()}>
        {t.check}
      </Button>
      {plan.data && <PlanFacts plan={plan.data} />}
    </Card>
  );
}

function PlanFacts({ plan }: { plan: Plan }) {
  const t = useText(text);
  const first = plan.tasks[0]?.processes[0];
  return (
    <div style={{ marginTop: 12 }} role="status">
      <Alert type="success" showIcon title={t.checked} style={{ marginBottom: 8 }} />
      {plan.tasks.map((task) => (
        <Typography.Text key={task.task} type="secondary" style={{ display: "block" }}>
          {t.planTask(task.task, task.node)} · {task.processes.length} × {plan.flavor}
        </Typography.Text>
      ))}
      {first && (
        <pre role="group" className="code-block" tabIndex={0} aria-label={t.plan}>
          {first.command}
        </pre>
      )}
    </div>
  );
}
