import { useMutation } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { Alert, Button, Collapse, Flex, Form, Input } from "antd";
import { useMemo, useRef, useState } from "react";
import { getJson, sendJson } from "../../api/http";
import { jobsPath } from "../../api/jobs";
import { usePools } from "../../api/pools";
import type { components } from "../../api/schema";
import type { Job } from "../../api/types";
import { useMessages, useText } from "../../app/preferences";
import { useMayChange, useProjectId } from "../../app/session";
import { Page } from "../../components/page";
import { problemText } from "../../components/problem";
import { Channels } from "./channels";
import { Hyperparameters } from "./hyperparameters";
import { bodyOf, EMPTY, valuesOfAlgorithm, type Algorithm, type JobForm } from "./model";
import { MoreSettings } from "./more";
import { Preview } from "./preview";
import { Resources } from "./resources";
import { JOB_NAME, rulesOf } from "./rules";
import { Section } from "./section";
import { fieldOf } from "./server-errors";
import { text } from "./text";
import { WhatRuns } from "./what-runs";

interface Props {
  title: string;
  start: JobForm;
  algorithm?: Algorithm;
  /** Something that the person should know before they go on. */
  note?: string;
}

export function JobFormPage({ title, start, algorithm: first, note }: Props) {
  const t = useText(text);
  const messages = useMessages();
  const [form] = Form.useForm<JobForm>();
  const [algorithm, setAlgorithm] = useState(first);
  const began = useRef(start).current;
  const values: JobForm = { ...began, ...Form.useWatch((all: JobForm) => all, { form, preserve: true }) };
  const rules = useMemo(() => rulesOf(t, messages.required, form), [t, messages, form]);
  const { create, refused, onRefused, faults, setFaults } = useCreation(form);
  const pools = usePools().data?.items ?? [];
  const pool = values.pool || pools[0]?.metadata.name || "";
  const nameRule = useNameRule();

  const onSource = (source: JobForm["source"]) => {
    if (source === "code") setAlgorithm(undefined);
    else form.setFieldsValue({ algorithm: "", parameters: [], inputs: [], outputs: [] });
  };
  const onAlgorithm = (found: Algorithm) => {
    setAlgorithm(found);
    form.setFieldsValue(valuesOfAlgorithm(found));
  };
  const mayChange = useMayChange();
  const own = algorithm !== undefined;
  const nothing = { inputs: own && values.inputs.length === 0, outputs: own && values.outputs.length === 0 };

  return (
    <Page title={title}>
      {!mayChange && <Alert type="warning" showIcon title={messages.readOnlyHelp} style={{ marginBottom: 12 }} />}
      {note && <Alert type="info" showIcon title={note} style={{ marginBottom: 12 }} />}
      <Form<JobForm>
        form={form}
        disabled={!mayChange}
        layout="vertical"
        initialValues={{ ...began, pool }}
        scrollToFirstError={{ block: "center", focus: true }}
        onFinish={() => create.mutate(bodyOf({ ...began, ...form.getFieldsValue(true) as JobForm }))}
        onFinishFailed={({ errorFields }) => setFaults(errorFields.length)}
        onValuesChange={() => setFaults(0)}
      >
        <div className="create-layout">
          <Flex vertical gap={16} style={{ minWidth: 0 }}>
            <Section title={t.basics}>
              <div className="form-grid">
                <Form.Item name="name" label={t.name} extra={t.nameHelp} validateDebounce={300} rules={[rules.required, rules.jobName, nameRule]}>
                  <Input maxLength={64} autoComplete="off" />
                </Form.Item>
                <Form.Item name="description" label={t.description} rules={[{ max: 256 }]}>
                  <Input maxLength={256} />
                </Form.Item>
              </div>
            </Section>
            <Section title={t.whatRuns}>
              <WhatRuns source={values.source} algorithm={algorithm} rules={rules} onSource={onSource} onAlgorithm={onAlgorithm} />
            </Section>
            {!nothing.inputs && (
              <Section title={t.inputs} help={t.inputsHelp}>
                <Channels kind="inputs" algorithm={algorithm} rules={rules} />
              </Section>
            )}
            {!nothing.outputs && (
              <Section title={t.outputs} help={t.outputsHelp}>
                <Channels kind="outputs" algorithm={algorithm} rules={rules} />
              </Section>
            )}
            <Section title={t.parameters} help={t.parametersHelp}>
              <Hyperparameters algorithm={algorithm} rules={rules} />
            </Section>
            <Section title={t.resources}>
              <Resources algorithm={algorithm} />
            </Section>
            <Collapse
              defaultActiveKey={hasMore(began) ? ["more"] : []}
              items={[{ key: "more", label: t.more, forceRender: true, children: <MoreSettings rules={rules} /> }]}
            />
            {refused !== undefined && (
              <Alert type="error" showIcon role="alert" title={t.refused} description={`${problemText(refused, messages)} ${t.nothingLost}`} />
            )}
            {faults > 0 && <Alert type="warning" showIcon role="alert" title={t.fixFields(faults)} />}
            <Flex gap={8} wrap>
              <Button type="primary" htmlType="submit" size="large" loading={create.isPending}>
                {t.create}
              </Button>
              <Button size="large" onClick={() => window.history.back()}>
                {t.cancel}
              </Button>
            </Flex>
          </Flex>
          <aside className="create-preview" aria-label={t.preview}>
            <Preview form={values} onRefused={onRefused} />
          </aside>
        </div>
      </Form>
    </Page>
  );
}

/** Sends the form; what the service refuses is shown at its field, and above the button. */
function useCreation(form: ReturnType<typeof Form.useForm<JobForm>>[0]) {
  const projectId = useProjectId();
  const navigate = useNavigate();
  const messages = useMessages();
  const [refused, setRefused] = useState<unknown>();
  const [faults, setFaults] = useState(0);
  const onRefused = (error: unknown) => {
    setRefused(error);
    const field = fieldOf(error, { ...EMPTY, ...form.getFieldsValue(true) as JobForm });
    if (!field) return;
    form.setFields([{ name: field as never, errors: [problemText(error, messages)] }]);
    form.scrollToField(field as never, { block: "center", focus: true });
  };
  const create = useMutation({
    mutationFn: (body: ReturnType<typeof bodyOf>) => sendJson<Job>("POST", jobsPath(projectId), body),
    onMutate: () => setRefused(undefined),
    onSuccess: (job) => navigate({ to: "/jobs/$jobId", params: { jobId: job.metadata.id } }),
    onError: onRefused,
  });
  return { create, refused, onRefused, faults, setFaults };
}

/** Whether the name is free, asked while it is typed. */
function useNameRule() {
  const t = useText(text);
  const projectId = useProjectId();
  return {
    validator: async (_: unknown, name: string | undefined) => {
      if (!name || !JOB_NAME.test(name)) return;
      const path = `/v2/${projectId}/training-job-names`;
      const check = await getJson<components["schemas"]["NameCheck"]>(path, { job_name: name }).catch(() => undefined);
      if (check?.is_duplicate) throw new Error(t.nameTaken);
    },
  };
}

/** Whether a job uses what most leave alone: then it is not hidden. */
function hasMore(form: JobForm): boolean {
  const keys = [
    "environments", "metrics", "annotations", "log_path", "stop_hours", "restarts", "unconditional",
    "hang_restart", "grace_s", "warm_start",
  ] as const;
  return keys.some((key) => JSON.stringify(form[key]) !== JSON.stringify(EMPTY[key]));
}
