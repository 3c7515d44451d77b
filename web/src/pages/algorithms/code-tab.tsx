import { useNavigate, useSearch } from "@tanstack/react-router";
import { Col, Empty, Row, Skeleton, Tree } from "antd";
import { useMemo } from "react";
import { useFilesBelow } from "../../api/storage";
import { useText } from "../../app/preferences";
import { FilePreview } from "../../components/file-preview";
import { Problem } from "../../components/problem";
import { treeOf } from "./code-tree";
import { text } from "./text";

/** The code directory as a tree, and the file that is chosen in it; at first the boot file. */
export function CodeTab({ codeDir, bootFile }: { codeDir: string; bootFile: string }) {
  const t = useText(text);
  const search = useSearch({ from: "/algorithms/$algorithmId" });
  const navigate = useNavigate({ from: "/algorithms/$algorithmId" });
  const below = useFilesBelow(codeDir, true);
  const files = useMemo(() => (below.data?.objects ?? []).filter((file) => !file.is_directory), [below.data]);
  const tree = useMemo(() => treeOf(files.map((file) => file.key)), [files]);
  if (below.error) return <Problem error={below.error} retry={() => void below.refetch()} />;
  if (below.isLoading) return <Skeleton active />;
  if (files.length === 0) return <Empty description={t.noFiles} />;
  const wanted = search.file ?? bootFile;
  const shown = files.find((file) => file.key === wanted);
  return (
    <Row gutter={[16, 16]}>
      <Col xs={24} md={8} xl={6}>
        <Tree.DirectoryTree
          aria-label={t.files}
          treeData={tree}
          expandAction="click"
          defaultExpandedKeys={parents(wanted)}
          selectedKeys={shown ? [shown.key] : []}
          onSelect={(_, { node }) => {
            if (node.isLeaf) void navigate({ search: (before) => ({ ...before, file: String(node.key) }) });
          }}
        />
      </Col>
      <Col xs={24} md={16} xl={18} style={{ minWidth: 0 }}>
        {shown ? (
          <FilePreview key={shown.key} uri={codeDir + shown.key} size={shown.size} />
        ) : (
          <Empty description={t.chooseFile} />
        )}
      </Col>
    </Row>
  );
}

function parents(key: string): string[] {
  const parts = key.split("/").slice(0, -1);
  return parts.map((_, depth) => `${parts.slice(0, depth + 1).join("/")}/`);
}
