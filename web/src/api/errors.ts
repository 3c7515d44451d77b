/** What went wrong, in the service's own words and with its stable code. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  /** The message in English, whatever the person's language. */
  readonly english: string;

  constructor(status: number, code: string, message: string, english = message) {
    super(message);
    this.name = "ApiError";
    this.status = status;
    this.code = code;
    this.english = english;
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

/** Asks the service for its sentences in the language of the page. */
export function languageHeader(): Record<string, string> {
  return { "X-Language": document.documentElement.lang.startsWith("zh") ? "zh-cn" : "en-us" };
}

/** The error that a response stands for. */
export async function errorOf(response: Response): Promise<ApiError> {
  return errorIn(response, await response.json().catch(() => undefined));
}

/** The error of an answer with this status and body. */
export function errorIn(answer: { status: number; statusText: string }, body: unknown): ApiError {
  const { error_code, error_msg, error_msg_en } = (body ?? {}) as Partial<Record<string, string>>;
  return new ApiError(answer.status, error_code ?? "", error_msg ?? answer.statusText, error_msg_en);
}
