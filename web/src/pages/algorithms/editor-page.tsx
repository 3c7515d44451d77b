import { useParams, useSearch } from "@tanstack/react-router";
import { Skeleton } from "antd";
import { useAlgorithm } from "../../api/algorithms";
import { useText } from "../../app/preferences";
import { Problem } from "../../components/problem";
import { useVersions } from "./api";
import { Editor } from "./editor";
import { EMPTY, valuesOf } from "./form-model";
import { text } from "./text";

export function NewAlgorithmPage() {
  const t = useText(text);
  return <Editor id="" title={t.create} initial={EMPTY} />;
}

/** The next version of an algorithm, at first like its newest one, or like the one that is asked for. */
export function EditAlgorithmPage() {
  const t = useText(text);
  const { algorithmId } = useParams({ from: "/algorithms/$algorithmId/edit" });
  const { version } = useSearch({ from: "/algorithms/$algorithmId/edit" });
  const algorithm = useAlgorithm(algorithmId);
  const versions = useVersions(algorithmId);
  const error = algorithm.error ?? versions.error;
  if (error) return <Problem error={error} retry={() => void algorithm.refetch()} />;
  if (!algorithm.data || !versions.data) return <Skeleton active />;
  const older = versions.data.items.find((one) => one.version_num === version);
  return (
    <Editor
      id={algorithm.data.metadata.id}
      title={`${t.edit}: ${algorithm.data.metadata.name}`}
      initial={valuesOf(algorithm.data, older ?? algorithm.data)}
    />
  );
}
