/**
 * A running InfluxDB 1.x, read over its HTTP API: what is there as JSON, rows as chunked MessagePack, which alone tells
 * integers from floats and keeps 64 bits.
 */
import { fieldStart, type LineWriter, lineStart } from './line-writer.ts';
import { documents, kindOf, type MessagePackReader } from './messagepack-reader.ts';

/** Rows of one chunk of an answer: large enough to cost little, small enough to be read at once. */
const CHUNK_ROWS = 5_000;

export interface InfluxServer {
  /** Without credentials, for people and for the state of an import. */
  readonly shownUrl: string;
  readonly version: string;
  /** The rows of a statement's series. */
  query(statement: string, database?: string): Promise<Table[]>;
  /** Writes the rows of a SELECT … GROUP BY * as lines. Yields the series so far when some are there to be sent. */
  readLines(select: string, database: string, names: FieldNames, lines: LineWriter): AsyncGenerator<number>;
}

export interface Table {
  readonly name: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly unknown[])[];
}

/** How a field's values are to be written, by the kind in which they come. */
export interface FieldTarget {
  readonly name: string;
  readonly as: 'float' | 'integer' | 'unsigned' | 'string' | 'boolean';
}

/** The targets of a field whose values come as floats, whole numbers, texts or booleans. */
export interface FieldTargets {
  readonly float: FieldTarget;
  readonly integer: FieldTarget;
  readonly text: FieldTarget;
  readonly boolean: FieldTarget;
}

export type FieldNames = ReadonlyMap<string, FieldTargets>;

export interface Credentials {
  readonly user: string;
  readonly password: string;
}

/** @throws Error when nothing that speaks InfluxDB's protocol answers there. */
export async function connectInflux(address: string, credentials: Credentials | null): Promise<InfluxServer> {
  const { url, headers } = endpoint(address, credentials);
  const ask = async (statement: string, database: string, more: Record<string, string>, accept: string) => {
    const body = new URLSearchParams({ q: statement, db: database, ...more });
    const response = await fetch(`${url}/query`, { method: 'POST', body, headers: { ...headers, accept } });
    if (response.ok) return response;
    const text = await response.text();
    throw new Error(`${url} answers '${statement}' with ${response.status}: ${errorOf(text)}`);
  };
  const ping = await fetch(`${url}/ping`, { headers }).catch((error: Error) => {
    throw new Error(`cannot reach ${url}: ${(error.cause as Error | undefined)?.message ?? error.message}`);
  });
  await ping.arrayBuffer();
  const version = ping.headers.get('x-influxdb-version');
  if (version === null) throw new Error(`cannot read from ${url}: what answers there is no InfluxDB`);
  return {
    shownUrl: url,
    version,
    async query(statement, database = '') {
      const response = await ask(statement, database, { epoch: 'ns' }, 'application/json');
      const { results = [] } = (await response.json()) as { results?: JsonResult[] };
      const failed = results.find(({ error }) => error !== undefined);
      if (failed !== undefined) throw new Error(`${url} answers '${statement}' with: ${failed.error}`);
      return results.flatMap(({ series = [] }) =>
        series.map(({ name = '', columns, values = [] }) => ({ name, columns, rows: values })),
      );
    },
    async *readLines(select, database, names, lines) {
      const chunks = { chunked: 'true', chunk_size: String(CHUNK_ROWS), epoch: 'ns' };
      const response = await ask(select, database, chunks, 'application/x-msgpack');
      const type = response.headers.get('content-type') ?? '';
      if (!type.includes('msgpack')) {
        await response.body?.cancel();
        throw new Error(`${url} cannot answer in MessagePack: InfluxDB 1.4 or later is needed, this is ${version}`);
      }
      if (response.body === null) return;
      const read = (reader: MessagePackReader) => {
        const [mark, linesBefore] = [lines.mark(), lines.lines];
        try {
          return readDocument(reader, names, lines);
        } catch (error) {
          lines.cut(mark);
          lines.lines = linesBefore;
          throw error;
        }
      };
      let series = 0;
      // A series that goes on in the next document is counted there.
      for await (const ended of documents(response.body, read)) {
        series += ended;
        yield series;
      }
    },
  };
}

interface JsonResult {
  readonly error?: string;
  readonly series?: readonly {
    readonly name?: string;
    readonly columns: readonly string[];
    readonly values?: readonly (readonly unknown[])[];
  }[];
}

/** An address with its credentials, which may be in the URL, as headers. */
export function endpoint(
  address: string,
  credentials: Credentials | null,
): { url: string; headers: Record<string, string> } {
  const parsed = new URL(address);
  const user = credentials?.user ?? decodeURIComponent(parsed.username);
  const password = credentials?.password ?? decodeURIComponent(parsed.password);
  parsed.username = '';
  parsed.password = '';
  const url = parsed.toString().replace(/\/+$/, '');
  if (user === '') return { url, headers: {} };
  return { url, headers: { authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}` } };
}

/** The error that a refusal holds, or the beginning of what it holds instead. */
export function errorOf(text: string): string {
  try {
    const { error } = JSON.parse(text) as { error?: unknown };
    if (typeof error === 'string') return error;
  } catch {
    // Then it is no JSON.
  }
  return text.slice(0, 200);
}

/** One document of a chunked answer: `{results: [{statement_id, series, partial}]}`. Returns how many series end in it. */
function readDocument(reader: MessagePackReader, names: FieldNames, lines: LineWriter): number {
  let ended = 0;
  forEachEntry(reader, (key) => {
    if (key === 'error') throw new Error(reader.text());
    if (key !== 'results') throw new Error(`the answer has a member '${key}', which is not known`);
    for (let results = reader.arrayHeader(); results > 0; results--) {
      forEachEntry(reader, (member) => {
        if (member === 'statement_id') reader.integer();
        else if (member === 'error') throw new Error(reader.text());
        else if (member === 'partial') reader.boolean();
        else if (member === 'series') {
          for (let series = reader.arrayHeader(); series > 0; series--) ended += readSeries(reader, names, lines);
        } else throw new Error(`a result has a member '${member}', which is not known`);
      });
    }
  });
  return ended;
}

function forEachEntry(reader: MessagePackReader, read: (key: string) => void): void {
  for (let entries = reader.mapHeader(); entries > 0; entries--) read(reader.text());
}

/** One series, or a part of it: its name, tags and columns come before its values. Returns 1 when it ends here, else 0. */
function readSeries(reader: MessagePackReader, names: FieldNames, lines: LineWriter): number {
  let name = '';
  let isPartial = false;
  const tags: [string, string][] = [];
  const columns: string[] = [];
  forEachEntry(reader, (key) => {
    switch (key) {
      case 'name':
        name = reader.text();
        return;
      case 'tags':
        forEachEntry(reader, (tag) => tags.push([tag, reader.text()]));
        return;
      case 'columns':
        for (let count = reader.arrayHeader(); count > 0; count--) columns.push(reader.text());
        return;
      case 'partial':
        isPartial = reader.boolean();
        return;
      case 'values':
        // Tags come in no order, and lines of a series are found faster when theirs is always the same.
        tags.sort(([a], [b]) => (a < b ? -1 : 1));
        readRows(reader, lineStart(name, tags), columnsOf(columns, names), lines);
        return;
      default:
        throw new Error(`a series has a member '${key}', which is not known`);
    }
  });
  return isPartial ? 0 : 1;
}

interface Column {
  readonly targets: FieldTargets;
  /** By name of the target: ` name=` and `,name=`. */
  readonly starts: ReadonlyMap<string, readonly [first: Uint8Array, later: Uint8Array]>;
}

/** The columns after the time. */
function columnsOf(columns: readonly string[], names: FieldNames): Column[] {
  return columns.slice(1).map((column) => {
    const targets = names.get(column);
    if (targets === undefined) throw new Error(`the answer has a column '${column}', which is no field`);
    const { float, integer, text, boolean } = targets;
    const starts = [float, integer, text, boolean].map(
      ({ name }) => [name, [fieldStart(name, true), fieldStart(name, false)]] as const,
    );
    return { targets, starts: new Map(starts) };
  });
}

function readRows(reader: MessagePackReader, start: Uint8Array, columns: readonly Column[], lines: LineWriter): void {
  for (let rows = reader.arrayHeader(); rows > 0; rows--) {
    const width = reader.arrayHeader();
    if (width !== columns.length + 1) throw new Error(`a row has ${width} values, and ${columns.length + 1} columns`);
    const time = reader.integer();
    const mark = lines.mark();
    lines.raw(start);
    let isFirst = true;
    for (const column of columns) {
      if (reader.peek() === 0xc0) {
        reader.nil();
        continue;
      }
      readField(reader, column, isFirst, lines);
      isFirst = false;
    }
    if (isFirst) lines.cut(mark);
    else lines.end(String(time));
  }
}

function readField(reader: MessagePackReader, { targets, starts }: Column, isFirst: boolean, lines: LineWriter): void {
  const kind = kindOf(reader.peek());
  if (kind === 'nil' || kind === 'other') throw new Error('a field has a value that is none');
  const target = targets[kind];
  lines.raw(starts.get(target.name)![isFirst ? 0 : 1]);
  if (kind === 'text') lines.string(reader.textBytes());
  else if (kind === 'boolean') lines.text(reader.boolean() ? 'true' : 'false');
  else if (kind === 'float') lines.text(floatText(reader.float()));
  else lines.text(`${reader.integer()}${target.as === 'integer' ? 'i' : target.as === 'unsigned' ? 'u' : ''}`);
}

function floatText(value: number): string {
  return value === 0 && 1 / value < 0 ? '-0' : `${value}`;
}
