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

/** The error that a response stands for. */
export async function errorOf(response: Response): Promise<ApiError> {
  const body = (await response.json().catch(() => ({}))) as { error_code?: string; error_msg?: string };
  return new ApiError(response.status, body.error_code ?? "", body.error_msg ?? response.statusText);
}
