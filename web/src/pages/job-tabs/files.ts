import type { components } from "../../api/schema";

export type OutputFile = components["schemas"]["OutputFile"];

/** A folder or file in a listing; a channel is a folder at the top. */
export interface Entry {
  name: string;
  path: string;
  folder: boolean;
  /** Bytes; of a folder, of all that is in it. */
  size: number;
  /** Seconds since the epoch; of a folder, of the newest in it. */
  mtime: number;
  file?: OutputFile;
}

/** What lies directly in `folder` (`train_url/ckpt/`; empty for the channels), folders first. */
export function entriesOf(files: OutputFile[], folder: string): Entry[] {
  const found = new Map<string, Entry>();
  for (const file of files) {
    const whole = `${file.channel}/${file.key}`;
    if (!whole.startsWith(folder)) continue;
    const [name = "", ...rest] = whole.slice(folder.length).split("/");
    if (!name) continue;
    const before = found.get(name);
    found.set(name, {
      name,
      path: `${folder}${name}${rest.length ? "/" : ""}`,
      folder: rest.length > 0,
      size: (before?.size ?? 0) + file.size,
      mtime: Math.max(before?.mtime ?? 0, file.mtime),
      ...(rest.length ? {} : { file }),
    });
  }
  return [...found.values()].sort((a, b) => Number(b.folder) - Number(a.folder) || (a.name < b.name ? -1 : 1));
}
