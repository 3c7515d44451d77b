import { csrfHeader, errorOf, languageHeader, UnreachableError } from "./errors";

type Query = Record<string, string | number | boolean | undefined>;

/** An address of the service with its query. */
export function url(path: string, query: Query = {}): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== "") search.set(name, String(value));
  }
  const text = search.toString();
  return text ? `${path}?${text}` : path;
}

async function send(path: string, init: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(path, { credentials: "same-origin", ...init, headers: { ...languageHeader(), ...init.headers } });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new UnreachableError();
  }
  if (!response.ok) throw await errorOf(response);
  return response;
}

export async function getJson<T>(
  path: string,
  query: Query = {},
  signal?: AbortSignal,
  headers: Record<string, string> = {},
): Promise<T> {
  const response = await send(url(path, query), { headers, ...(signal ? { signal } : {}) });
  return (await response.json()) as T;
}

export async function getBytes(path: string, query: Query = {}): Promise<{ bytes: Uint8Array; headers: Headers }> {
  const response = await send(url(path, query), {});
  return { bytes: new Uint8Array(await response.arrayBuffer()), headers: response.headers };
}

/** The first bytes of an answer, `limit` at most; the rest is not fetched. */
export async function getHead(path: string, limit: number, signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
  const response = await send(path, signal ? { signal } : {});
  const reader = response.body?.getReader();
  const head = new Uint8Array(limit);
  let filled = 0;
  while (reader && filled < limit) {
    const { done, value } = await reader.read();
    if (done) break;
    const part = value.subarray(0, limit - filled);
    head.set(part, filled);
    filled += part.length;
  }
  await reader?.cancel();
  return head.slice(0, filled);
}

/** Send JSON with `method`; the JSON of the answer, or undefined where there is none. */
export async function sendJson<T>(method: "POST" | "PUT" | "DELETE", path: string, body?: unknown): Promise<T> {
  const response = await send(path, {
    method,
    headers: { ...csrfHeader(), ...(body === undefined ? {} : { "Content-Type": "application/json" }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return (text ? JSON.parse(text) : undefined) as T;
}
