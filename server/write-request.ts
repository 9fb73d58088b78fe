import type { IncomingMessage } from 'node:http';

/** One write as the routes see it: the body is read, and unpacked unless the route does that itself. */
export interface WriteRequest {
  readonly database: string;
  readonly parameters: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
  readonly body: Uint8Array;
}

/** How a write is answered. Anything but 204 has a JSON body. */
export interface WriteAnswer {
  readonly status: number;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export const WRITTEN: WriteAnswer = { status: 204, body: '' };
