import createClient, { type Middleware } from "openapi-fetch";
import type { paths } from "./schema";

/** What went wrong, in the service's own words and with its stable code. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.name = "ApiError";
    this.status = status;
    this.code = code;
  }
}

/** The service did not answer at all: it restarts, or the network is away. */
export class UnreachableError extends Error {
  constructor() {
    super("unreachable");
    this.name = "UnreachableError";
  }
}

let csrf = "";

/** Told by the session; sent with every request that changes something. */
export function setCsrf(token: string): void {
  csrf = token;
}

export function csrfHeader(): Record<string, string> {
  return { "X-CSRF-Token": csrf };
}

const guard: Middleware = {
  onRequest({ request }) {
    if (request.method !== "GET") request.headers.set("X-CSRF-Token", csrf);
    return request;
  },
  async onResponse({ response }) {
    if (!response.ok) throw await errorOf(response);
    return undefined;
  },
  onError({ error }) {
    return error instanceof ApiError ? error : new UnreachableError();
  },
};

/** The error that a response stands for. */
export async function errorOf(response: Response): Promise<ApiError> {
  const body = (await response.json().catch(() => ({}))) as { error_code?: string; error_msg?: string };
  return new ApiError(response.status, body.error_code ?? "", body.error_msg ?? response.statusText);
}

/** The typed API; every answer that is not 2xx is thrown as an `ApiError`. */
export const api = createClient<paths>({ baseUrl: "/", credentials: "same-origin" });
api.use(guard);
