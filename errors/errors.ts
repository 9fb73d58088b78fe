/**
 * Every error a user can meet, in one table: code → HTTP status and whether the same request may succeed later.
 * Messages read "cannot <verb> <thing>: <cause>".
 */
export const ERROR_TABLE = {
  bad_request: { status: 400, retryable: false },
  bad_line: { status: 400, retryable: false },
  field_type_conflict: { status: 400, retryable: false },
  limit_exceeded: { status: 400, retryable: false },
  too_slow: { status: 408, retryable: true },
  body_too_large: { status: 413, retryable: false },
  unsupported_media_type: { status: 415, retryable: false },
  unprocessable: { status: 422, retryable: false },
  not_found: { status: 404, retryable: false },
  method_not_allowed: { status: 405, retryable: false },
  unauthorized: { status: 401, retryable: false },
  forbidden: { status: 403, retryable: false },
  too_many_requests: { status: 429, retryable: true },
  timeout: { status: 503, retryable: true },
  canceled: { status: 499, retryable: true },
  overloaded: { status: 503, retryable: true },
  read_only: { status: 503, retryable: true },
  shutting_down: { status: 503, retryable: true },
  corrupt: { status: 500, retryable: false },
  locked: { status: 500, retryable: false },
  internal: { status: 500, retryable: false },
} as const;

export type ErrorCode = keyof typeof ERROR_TABLE;

/** An error with a code of the table above. Anything else that is thrown is a bug and is reported as one. */
export class VarveError extends Error {
  readonly code: ErrorCode;
  /** The setting that a request was beyond; null when it was none. */
  readonly setting: string | null;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions & { setting?: string }) {
    super(message, options);
    this.name = 'VarveError';
    this.code = code;
    this.setting = options?.setting ?? null;
  }

  get status(): number {
    return ERROR_TABLE[this.code].status;
  }

  get retryable(): boolean {
    return ERROR_TABLE[this.code].retryable;
  }
}

/** Throws a `BUG:` error when something that must hold does not. Stays on in production. */
export function assert(condition: boolean, what: string): asserts condition {
  if (!condition) throw new Error(`BUG: ${what}`);
}
