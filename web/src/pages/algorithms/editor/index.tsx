import { useBlocker, useNavigate } from "@tanstack/react-router";
import { App, Button, Flex, Form } from "antd";
import { useState } from "react";
import { useText } from "../../../app/preferences";
import { Page } from "../../../components/page";
import { Problem } from "../../../components/problem";
import { useAlgorithmActions, useSearchAlgorithms } from "../api";
import { requestOf, type FormValues } from "../form-model";
import { text } from "../text";
import { Basics } from "./basics";
import { Channels } from "./channels";
import { Demands } from "./demands";
import { Parameters } from "./parameters";
import { SearchPolicy } from "./search";

interface Props {
  /** The algorithm whose next version this is; empty for a new algorithm. */
  id: string;
  title: string;
  initial: FormValues;
}

/** The form of an algorithm: everything that the contract between service and script knows. */
export function Editor({ id, title, initial }: Props) {
  const t = useText(text);
  const navigate = useNavigate();
  const { message } = App.useApp();
  const { save } = useAlgorithmActions();
  const known = useSearchAlgorithms().data?.search_algo_list ?? [];
  const [form] = Form.useForm<FormValues>();
  const [changed, setChanged] = useState(false);
  const blocked = changed && !save.isSuccess;
  useBlocker({ shouldBlockFn: () => blocked && !window.confirm(t.unsaved), enableBeforeUnload: () => blocked });

  const submit = (values: FormValues) => {
    const options = new Map(known.map((one) => [one.name, one.params ?? []]));
    const request = requestOf({ ...initial, ...values }, options);
    save.mutate(
      { id, request },
      {
        onSuccess: ({ metadata }) => {
          setChanged(false);
          void message.success(t.saved(metadata.name, metadata.version_num));
          void navigate({ to: "/algorithms/$algorithmId", params: { algorithmId: metadata.id }, ignoreBlocker: true });
        },
      },
    );
  };

  const buttons = (
    <Button type="primary" loading={save.isPending} onClick={() => form.submit()}>
      {id ? t.save : t.create}
    </Button>
  );
  return (
    <Page title={title} actions={buttons}>
      <Form<FormValues>
        form={form}
        layout="vertical"
        initialValues={initial}
        onValuesChange={() => setChanged(true)}
        onFinish={submit}
        scrollToFirstError={{ focus: true }}
      >
        <Flex vertical gap={16}>
          <Basics />
          <Channels list="inputs" />
          <Channels list="outputs" />
          <Parameters />
          <SearchPolicy />
          <Demands />
          {save.error && <Problem error={save.error} />}
          <div>{buttons}</div>
        </Flex>
      </Form>
    </Page>
  );
}
