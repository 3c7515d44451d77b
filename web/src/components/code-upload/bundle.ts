import { packTar } from "modern-tar";

/** One file that a person chose, by its path in the code directory. */
export interface CodeFile {
  path: string;
  file: File;
}

export interface CodeBundle {
  files: CodeFile[];
  /** How many were left out, because no code lies there. */
  leftOut: number;
  bytes: number;
}

const IGNORED_FOLDERS = new Set([
  ".git", ".hg", ".svn", "__pycache__", ".venv", "venv", "node_modules", ".ipynb_checkpoints",
  ".mypy_cache", ".pytest_cache", ".ruff_cache", ".tox", ".idea", ".vscode",
]);
const IGNORED_FILES = /(\.py[co]|^\.DS_Store)$/;

/** What `trainshed run` leaves out by itself, too. */
export function isIgnored(path: string): boolean {
  const names = path.split("/");
  const file = names.pop() ?? "";
  return IGNORED_FILES.test(file) || names.some((name) => IGNORED_FOLDERS.has(name) || name.endsWith(".egg-info"));
}

/** The path in the code directory: a folder that was chosen whole is the code directory itself. */
export function pathOf(file: { name: string; webkitRelativePath?: string }): string {
  const relative = file.webkitRelativePath ?? "";
  return relative ? relative.slice(relative.indexOf("/") + 1) : file.name;
}

export function bundleOf(chosen: Iterable<File>): CodeBundle {
  const all = [...chosen].map((file) => ({ path: pathOf(file), file }));
  const files = all.filter(({ path }) => !isIgnored(path)).sort((a, b) => (a.path < b.path ? -1 : 1));
  return { files, leftOut: all.length - files.length, bytes: files.reduce((sum, { file }) => sum + file.size, 0) };
}

/** The bundle as a tar archive that is the same for the same content, so that it is kept once. */
export async function archiveOf(bundle: CodeBundle): Promise<Blob> {
  const entries = await Promise.all(
    bundle.files.map(async ({ path, file }) => ({
      header: { name: path, size: file.size, mode: 0o644, mtime: new Date(0), type: "file" as const },
      body: new Uint8Array(await file.arrayBuffer()),
    })),
  );
  return new Blob([await packTar(entries)], { type: "application/x-tar" });
}

/** The boot file that was most likely meant. */
export function likelyBootFile(paths: string[]): string {
  const python = paths.filter((path) => path.endsWith(".py"));
  const top = python.filter((path) => !path.includes("/"));
  for (const name of ["train.py", "main.py", "run.py"]) if (top.includes(name)) return name;
  return top.length === 1 ? (top[0] ?? "") : python.length === 1 ? (python[0] ?? "") : "";
}
