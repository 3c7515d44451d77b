/** Places in buckets as people and the API write them: `obs://bucket/folder/file`. */

const SCHEME = "obs://";

export interface Crumb {
  name: string;
  uri: string;
}

export function bucketUri(bucket: string): string {
  return `${SCHEME}${bucket}/`;
}

/** Bucket and key of a URI; undefined for what is no place in a bucket. */
export function parts(uri: string): { bucket: string; key: string } | undefined {
  const match = /^(?:obs|s3):\/\/([^/]+)(?:\/(.*))?$/s.exec(uri.trim());
  return match ? { bucket: match[1] ?? "", key: match[2] ?? "" } : undefined;
}

/** The folders on the way to `uri`, from its bucket on. */
export function crumbs(uri: string): Crumb[] {
  const place = parts(uri);
  if (!place) return [];
  const found: Crumb[] = [{ name: place.bucket, uri: bucketUri(place.bucket) }];
  for (const name of place.key.split("/").filter(Boolean)) {
    const above = found[found.length - 1]?.uri ?? "";
    found.push({ name, uri: `${above}${name}/` });
  }
  return found;
}

/** The folder in which `uri` lies (itself, where it is a folder); empty for no place in a bucket. */
export function folderOf(uri: string): string {
  const place = parts(uri);
  if (!place) return "";
  return bucketUri(place.bucket) + place.key.slice(0, place.key.lastIndexOf("/") + 1);
}

export function isFolder(uri: string): boolean {
  return uri.endsWith("/");
}

/** Whether a person may call a new folder or file so: one part of a key. */
export function isPlainName(name: string): boolean {
  return name !== "" && name !== "." && name !== ".." && !/[/\\\0]/.test(name);
}

/** The last part of a URI, without the slash of a folder. */
export function nameOf(uri: string): string {
  return uri.replace(/\/+$/, "").split("/").pop() ?? "";
}
