import { csrfHeader, errorIn, languageHeader, UnreachableError } from "./errors";

/** Told how much of the whole was sent, from 0 to 1. */
export type OnProgress = (share: number) => void;

/** Send bytes and hear how far it is; `fetch` cannot say that. The answer is JSON. */
export function upload<T>(
  method: "PUT" | "POST",
  path: string,
  body: Blob,
  onProgress?: OnProgress,
  signal?: AbortSignal,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open(method, path);
    for (const [name, value] of Object.entries({ ...csrfHeader(), ...languageHeader() })) request.setRequestHeader(name, value);
    request.setRequestHeader("Content-Type", body.type || "application/octet-stream");
    request.upload.onprogress = (event) => onProgress?.(event.total > 0 ? event.loaded / event.total : 1);
    request.onerror = () => reject(new UnreachableError());
    request.onabort = () => reject(new DOMException("stopped", "AbortError"));
    signal?.addEventListener("abort", () => request.abort());
    request.onload = () => {
      const answer = parsed(request.responseText);
      if (request.status >= 200 && request.status < 300) resolve(answer as T);
      else reject(errorIn(request, answer));
    };
    request.send(body);
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
