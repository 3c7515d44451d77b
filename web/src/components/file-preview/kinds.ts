/** What kind of file a name stands for, and which grammar colours it. */

const GRAMMARS: Record<string, string> = {
  py: "python",
  pyi: "python",
  sh: "bash",
  bash: "bash",
  json: "json",
  jsonl: "json",
  ipynb: "json",
  yaml: "yaml",
  yml: "yaml",
  toml: "ini",
  ini: "ini",
  cfg: "ini",
  md: "markdown",
  js: "javascript",
  ts: "javascript",
  cpp: "cpp",
  cc: "cpp",
  c: "cpp",
  h: "cpp",
  hpp: "cpp",
  cu: "cpp",
  xml: "xml",
  html: "xml",
  dockerfile: "bash",
};

const IMAGES: Record<string, string> = {
  png: "image/png",
  jpg: "image/jpeg",
  jpeg: "image/jpeg",
  gif: "image/gif",
  webp: "image/webp",
  svg: "image/svg+xml",
  bmp: "image/bmp",
};

function extension(name: string): string {
  return (name.split("/").pop() ?? "").toLowerCase().split(".").pop() ?? "";
}

/** The grammar for a file's name; empty where there is none. */
export function grammarOf(name: string): string {
  return GRAMMARS[extension(name)] ?? "";
}

/** The media type of an image by its name; empty where it is none. */
export function imageTypeOf(name: string): string {
  return IMAGES[extension(name)] ?? "";
}

/** Whether bytes are text: UTF-8 (a character cut off at the end is forgiven) without NUL. */
export function decodeText(bytes: Uint8Array, whole: boolean): string | null {
  if (bytes.includes(0)) return null;
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes, { stream: !whole });
  } catch {
    return null;
  }
}
