/**
 * Reads the files of `statements/`: one request per line, what it is there for in the comment before it.
 *
 *     -- The reason, for people.
 *     -- @epoch ms
 *     SELECT usage FROM cpu LIMIT 1
 *
 * Settings hold for the next line only: `@db`, `@rp`, `@epoch`, `@chunked` (rows), `@pretty`, `@params` (JSON), `@accept`,
 * `@method`; `@write` sends its next line to /write instead; `@any-order` says that influxd leaves the order of rows or
 * series open; `@varve` is the body that Varve has to answer where InfluxDB 1.8 knows more than influxd 1.6, which is then
 * not asked, and `@differs` a reason why both answer differently, and on purpose.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DATABASE } from './data-set.ts';

export interface Request {
  /** `file.influxql:line`. */
  readonly place: string;
  readonly topic: string;
  readonly text: string;
  readonly settings: ReadonlyMap<string, string>;
}

const FOLDER = join(import.meta.dirname, 'statements');
const SETTINGS = new Set('db rp epoch chunked pretty params accept method write any-order varve differs'.split(' '));

export function readTopics(): string[] {
  return readdirSync(FOLDER)
    .filter((name) => name.endsWith('.influxql'))
    .map((name) => name.replace('.influxql', ''))
    .sort();
}

export function readRequests(topic: string): Request[] {
  const requests: Request[] = [];
  let settings = new Map<string, string>();
  const lines = readFileSync(join(FOLDER, `${topic}.influxql`), 'utf8').split('\n');
  lines.forEach((line, i) => {
    const place = `${topic}.influxql:${i + 1}`;
    const setting = /^-- @([\w-]+) ?(.*)$/.exec(line);
    if (setting !== null) {
      if (!SETTINGS.has(setting[1]!)) throw new Error(`${place}: unknown setting @${setting[1]}`);
      settings.set(setting[1]!, setting[2]!);
    } else if (line.trim() !== '' && !/^--( |$)/.test(line)) {
      requests.push({ place, topic, text: line, settings });
      settings = new Map();
    }
  });
  return requests;
}

export interface HttpAnswer {
  readonly status: number;
  /** Content-Type. */
  readonly type: string;
  /** MessagePack in hexadecimal. */
  readonly body: string;
}

/** Longer than any of these takes; a server that loops is found out. */
const TIMEOUT_MS = 8_000;

/** Sends the request to the server at `url`. */
export async function send(url: string, request: Request): Promise<HttpAnswer> {
  const { settings } = request;
  const parameters = new URLSearchParams();
  const database = settings.get('db') ?? DATABASE;
  if (database !== '') parameters.set('db', database);
  for (const name of ['rp', 'epoch', 'params', 'pretty']) {
    const value = settings.get(name);
    if (value !== undefined) parameters.set(name, value);
  }
  const chunkSize = settings.get('chunked');
  if (chunkSize !== undefined) {
    parameters.set('chunked', 'true');
    parameters.set('chunk_size', chunkSize);
  }
  if (settings.has('write')) return answerOf(await fetch(`${url}/write?${parameters}`, writing(request)));
  const headers = { accept: settings.get('accept') ?? 'application/json' };
  parameters.set('q', request.text);
  if (settings.get('method') === 'GET')
    return answerOf(await fetch(`${url}/query?${parameters}`, { headers, signal: AbortSignal.timeout(TIMEOUT_MS) }));
  return answerOf(
    await fetch(`${url}/query`, { method: 'POST', headers, body: parameters, signal: AbortSignal.timeout(TIMEOUT_MS) }),
  );
}

function writing(request: Request): RequestInit {
  // A line of the file has no line breaks of its own.
  return { method: 'POST', body: request.text.replaceAll('\\n', '\n') };
}

async function answerOf(response: Response): Promise<HttpAnswer> {
  const type = response.headers.get('content-type') ?? '';
  const bytes = Buffer.from(await response.arrayBuffer());
  return { status: response.status, type, body: bytes.toString(type.includes('msgpack') ? 'hex' : 'utf8') };
}
