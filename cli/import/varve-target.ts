/** The server that takes what is imported: databases and retention policies by InfluxQL, rows by /write. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Credentials, endpoint, errorOf } from './influx-server.ts';

/** How often a write is tried again that the server cannot take now, and how long the last pause is. */
const MOST_TRIES = 8;
const LONGEST_PAUSE_MS = 10_000;

/** Rows that InfluxDB has not dropped yet, though its own retention policy says so, are not missed. */
const ONLY_EXPIRED = /^partial write: points beyond retention policy dropped=\d+$/;

export interface ImportTarget {
  readonly shownUrl: string;
  /** Runs statements. Throws what the server answers. */
  execute(statement: string): Promise<void>;
  /**
   * Writes lines; they are durable when this resolves.
   * @returns what the server says of lines that it refused; '' when it took all.
   */
  write(database: string, policy: string, lines: Uint8Array<ArrayBuffer>): Promise<string>;
}

export async function connectTarget(address: string, credentials: Credentials | null): Promise<ImportTarget> {
  const { url, headers } = endpoint(address, credentials);
  const ping = await fetch(`${url}/ping`, { headers }).catch((error: Error) => {
    throw new Error(`cannot reach ${url}: ${(error.cause as Error | undefined)?.message ?? error.message}`);
  });
  await ping.arrayBuffer();
  return {
    shownUrl: url,
    async execute(statement) {
      const body = new URLSearchParams({ q: statement });
      const response = await fetch(`${url}/query`, { method: 'POST', body, headers });
      const text = await response.text();
      const { results = [], error } = response.ok
        ? (JSON.parse(text) as { results?: { error?: string }[]; error?: string })
        : { error: errorOf(text) };
      const problem = error ?? results.find((result) => result.error !== undefined)?.error;
      if (problem !== undefined) throw new Error(`${url} answers '${statement}' with: ${problem}`);
    },
    async write(database, policy, lines) {
      const query = new URLSearchParams({ db: database, rp: policy, precision: 'ns' });
      for (let tries = 1; ; tries++) {
        const answer = await send(`${url}/write?${query}`, headers, lines);
        if (answer.status === 204) return '';
        if (answer.status === 400) {
          const error = errorOf(answer.text);
          return ONLY_EXPIRED.test(error) ? '' : error;
        }
        const mayPass = answer.status === 0 || answer.status === 429 || answer.status === 503;
        if (!mayPass || tries === MOST_TRIES) {
          throw new Error(`${url} refuses a write with ${answer.status}: ${errorOf(answer.text)}`);
        }
        await sleep(Math.min(LONGEST_PAUSE_MS, 100 * 2 ** tries));
      }
    },
  };
}

/** Status 0 stands for an answer that did not come. */
async function send(
  url: string,
  headers: Readonly<Record<string, string>>,
  body: Uint8Array<ArrayBuffer>,
): Promise<{ status: number; text: string }> {
  try {
    const response = await fetch(url, { method: 'POST', body, headers });
    return { status: response.status, text: await response.text() };
  } catch (error) {
    const { message, cause } = error as Error;
    return { status: 0, text: (cause as Error | undefined)?.message ?? message };
  }
}
