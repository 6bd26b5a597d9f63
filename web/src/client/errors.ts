/** What a service, the operator API or the console answered instead of a result. */
export class ServiceError extends Error {
  override readonly name = "ServiceError";
  /** The exception's name: "ValidationException". */
  readonly code: string;
  /** Identifies the request in the server's logs; empty when no answer came. */
  readonly requestId: string;
  /** The HTTP status; 0 when no answer came. */
  readonly status: number;

  constructor(error: { code: string; message: string; requestId?: string; status?: number }) {
    super(error.message);
    this.code = error.code;
    this.requestId = error.requestId ?? "";
    this.status = error.status ?? 0;
  }

  /** Whether the caller's policies do not allow the call. */
  get denied(): boolean {
    return /^(AccessDenied|AccessDeniedException|UnauthorizedOperation|NotAuthorized)$/.test(this.code);
  }

  /** The action that was denied, "outcrop:GetServer", where the message names it. */
  get action(): string | undefined {
    return /not authorized to perform:?\s+([A-Za-z0-9-]+:[A-Za-z0-9]+)/.exec(this.message)?.[1];
  }

  /** Whether the same request may succeed a moment later. */
  get transient(): boolean {
    return this.status === 0 ? this.code === "NetworkError" : this.status === 429 || this.status >= 500;
  }
}

/** The code of the error that a call gets when the session has ended. */
export const sessionEnded = "SessionEnded";

/** Any thrown value as a ServiceError. */
export function asServiceError(thrown: unknown): ServiceError {
  if (thrown instanceof ServiceError) return thrown;
  if (thrown instanceof Error) return new ServiceError({ code: thrown.name, message: thrown.message });
  return new ServiceError({ code: "Error", message: String(thrown) });
}

/** Whether somebody stopped the request, which is nothing to report. */
export function aborted(thrown: unknown): boolean {
  return thrown instanceof Error && thrown.name === "AbortError";
}

/** Reads an error answer of any of the protocols. */
export async function readError(answer: Response): Promise<ServiceError> {
  const text = await answer.text().catch(() => "");
  const header = (name: string) => answer.headers.get(name) ?? "";
  let code = header("x-amzn-errortype");
  let message = "";
  let requestId = header("x-amzn-requestid") || header("x-amz-request-id");
  if (text.trimStart().startsWith("<")) {
    const xml = new DOMParser().parseFromString(text, "application/xml");
    const of = (tag: string) => xml.getElementsByTagName(tag)[0]?.textContent ?? "";
    code ||= of("Code");
    message = of("Message");
    requestId ||= of("RequestId") || of("RequestID");
  } else {
    try {
      const body = JSON.parse(text) as { [key: string]: unknown };
      const of = (...keys: string[]) =>
        keys.map((key) => body[key]).find((v): v is string => typeof v === "string") ?? "";
      code ||= of("__type", "code", "Code");
      message = of("message", "Message");
      requestId ||= of("requestId");
    } catch {
      message = text.slice(0, 500);
    }
  }
  // "aws.protocols#ThrottlingException:http://…" is what the name may be wrapped in.
  code = code.replace(/:.*$/s, "").replace(/^.*#/s, "");
  return new ServiceError({
    code: code || `HTTP${answer.status}`,
    message: message || answer.statusText || `The server answered with status ${answer.status}.`,
    requestId,
    status: answer.status,
  });
}
