import { Checkbox, Pagination, Spin } from "antd";
import type { ReactNode } from "react";
import type { Job } from "../../api/types";
import { useMessages } from "../../app/preferences";
import { useColumns, type Column } from "./columns";
import { PAGE_SIZE } from "./filters";
import { DEFAULT_SORT, type ListSearch, type Sort } from "./search";

type Change = Pick<ListSearch, "sort" | "order" | "page" | "size">;

interface Props {
  search: ListSearch;
  jobs: Job[];
  total: number;
  /** Whether what is shown belongs to an earlier question. */
  stale: boolean;
  chosen: Job[];
  onChoose: (jobs: Job[]) => void;
  onChange: (change: { [K in keyof Change]?: Change[K] | undefined }) => void;
  /** What stands where there is no job. */
  empty: ReactNode;
}

/**
 * The jobs as a table of plain HTML. antd's own brings trees, filters and menus with it, which this
 * list has no use for and which would be half of the script that it loads first.
 */
export function JobsTable({ search, jobs, total, stale, chosen, onChoose, onChange, empty }: Props) {
  const t = useMessages();
  const columns = useColumns();
  const ids = new Set(chosen.map((job) => job.metadata.id));
  const here = jobs.filter((job) => ids.has(job.metadata.id)).length;
  const others = chosen.filter((one) => !jobs.some((job) => job.metadata.id === one.metadata.id));
  const choose = (job: Job, on: boolean) => onChoose(on ? [...chosen, job] : chosen.filter((one) => one.metadata.id !== job.metadata.id));

  return (
    <>
      <div className="jobs-frame" aria-busy={stale}>
        <table className="jobs-table">
          <thead>
            <tr>
              <th scope="col" className="jobs-choice">
                <Checkbox
                  aria-label={t.jobs.chooseAll}
                  checked={here > 0 && here === jobs.length}
                  indeterminate={here > 0 && here < jobs.length}
                  disabled={jobs.length === 0}
                  onChange={(event) => onChoose(event.target.checked ? [...others, ...jobs] : others)}
                />
              </th>
              {columns.map((column) => (
                <Head key={column.key} column={column} search={search} onChange={onChange} />
              ))}
            </tr>
          </thead>
          <tbody>
            {jobs.map((job) => (
              <tr key={job.metadata.id} aria-selected={ids.has(job.metadata.id)}>
                <td className="jobs-choice">
                  <Checkbox
                    aria-label={t.jobs.choose(job.metadata.name)}
                    checked={ids.has(job.metadata.id)}
                    onChange={(event) => choose(job, event.target.checked)}
                  />
                </td>
                {columns.map((column) => (
                  <td key={column.key}>{column.cell(job)}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
        {jobs.length === 0 && <div className="jobs-empty">{stale ? <Spin /> : empty}</div>}
      </div>
      {total > 0 && (
        <Pagination
          align="end"
          responsive
          current={search.page ?? 1}
          pageSize={search.size ?? PAGE_SIZE}
          total={total}
          showSizeChanger
          pageSizeOptions={[20, 50, 100]}
          showTotal={t.jobs.total}
          onChange={(page, size) => onChange({ page: page > 1 ? page : undefined, size: size === PAGE_SIZE ? undefined : size })}
          style={{ marginTop: 16 }}
        />
      )}
    </>
  );
}

/** A column's head; a press sorts by it, the next one the other way round. */
function Head({ column, search, onChange }: { column: Column; search: ListSearch; onChange: Props["onChange"] }) {
  const { sort, title, width } = column;
  if (!sort) {
    return (
      <th scope="col" style={{ width }}>
        {title}
      </th>
    );
  }
  const shown = directionOf(search, sort);
  const next = shown === "descending" ? "asc" : undefined;
  return (
    <th scope="col" style={{ width }} aria-sort={shown}>
      <button type="button" className="jobs-sort" onClick={() => onChange({ sort: sort === DEFAULT_SORT ? undefined : sort, order: next })}>
        {title}
      </button>
    </th>
  );
}

function directionOf(search: ListSearch, sort: Sort): "ascending" | "descending" | "none" {
  if ((search.sort ?? DEFAULT_SORT) !== sort) return "none";
  return search.order === "asc" ? "ascending" : "descending";
}
