/** The server's HTTP API, as far as the pages use it. Every call can be aborted; errors carry the server's words. */

import type { Labels } from './format.ts';
import { SERVER_URL } from './server.ts';
import { authorizedFetch } from './session.ts';

export type Sample = [timeSec: number, value: string];

export interface MatrixSeries {
  metric: Labels;
  values: Sample[];
}

export interface VectorSeries {
  metric: Labels;
  value: Sample;
}

export type QueryData =
  | { resultType: 'matrix'; result: MatrixSeries[] }
  | { resultType: 'vector'; result: VectorSeries[] }
  | { resultType: 'scalar' | 'string'; result: Sample };

export interface QueryAnswer {
  data: QueryData;
  /** Whether there are more series than were asked for. */
  isCut: boolean;
  notes: string[];
}

export interface DatabaseInfo {
  name: string;
  retentionMs: number;
  partitionDurationSec: number;
  series: number;
  files: number;
  fileBytes: number;
  memtableBytes: number;
}

export interface Counted {
  name: string;
  value: number;
}

export interface SeriesStatistics {
  headStats: { numSeries: number; numLabelPairs: number; minTime: number; maxTime: number };
  seriesCountByMetricName: Counted[];
  labelValueCountByLabelName: Counted[];
  memoryInBytesByLabelName: Counted[];
  seriesCountByLabelValuePair: Counted[];
}

export interface Partition {
  startSec: number;
  durationSec: number;
  files: number;
  bytes: number;
  rows: number;
  values: number;
  isCold: boolean;
}

export class ApiError extends Error {}

/** Settings of every request: which database is looked at. */
export interface Scope {
  database: string;
  signal?: AbortSignal | undefined;
}

interface Envelope<T> {
  status: string;
  data: T;
  error?: string;
  warnings?: string[];
  infos?: string[];
}

async function request<T>(path: string, parameters: Record<string, string>, scope: Scope): Promise<Envelope<T>> {
  const query = new URLSearchParams({ ...parameters, db: scope.database });
  let response: Response;
  try {
    response = await authorizedFetch(`${SERVER_URL}${path}?${query}`, { signal: scope.signal ?? null });
  } catch (error) {
    if ((error as Error).name === 'AbortError') throw error;
    throw new ApiError('The server does not answer. Is it running?');
  }
  const text = await response.text();
  let body: Envelope<T>;
  try {
    body = JSON.parse(text);
  } catch {
    throw new ApiError(`${response.status} ${response.statusText}: ${text.slice(0, 200)}`);
  }
  if (!response.ok || body.status !== 'success')
    throw new ApiError(body.error ?? `the server answered ${response.status}`);
  return body;
}

/** How the server says that an answer has been cut at `limit`. */
const CUT = 'results truncated due to limit';

/** More series are not sent: they cannot be told apart, and take long to get here. */
export const MOST_SERIES = 2000;

function answerOf(body: Envelope<QueryData>): QueryAnswer {
  const notes = [...(body.warnings ?? []), ...(body.infos ?? [])];
  return { data: body.data, isCut: notes.includes(CUT), notes: notes.filter((note) => note !== CUT) };
}

export async function queryRange(
  query: string,
  startSec: number,
  endSec: number,
  stepSec: number,
  scope: Scope,
): Promise<QueryAnswer> {
  const range = { start: String(startSec), end: String(endSec), step: String(stepSec) };
  const parameters = { query, ...range, limit: String(MOST_SERIES) };
  return answerOf(await request<QueryData>('api/v1/query_range', parameters, scope));
}

export async function queryInstant(query: string, timeSec: number, scope: Scope): Promise<QueryAnswer> {
  const parameters = { query, time: String(timeSec), limit: String(MOST_SERIES) };
  return answerOf(await request<QueryData>('api/v1/query', parameters, scope));
}

export async function databases(signal?: AbortSignal): Promise<DatabaseInfo[]> {
  return (await request<DatabaseInfo[]>('api/v1/databases', {}, { database: '', signal })).data;
}

export async function metricNames(scope: Scope): Promise<string[]> {
  return (await request<string[]>('api/v1/label/__name__/values', {}, scope)).data;
}

export async function metadata(scope: Scope): Promise<Record<string, { type: string; help: string; unit: string }[]>> {
  return (await request<Record<string, { type: string; help: string; unit: string }[]>>('api/v1/metadata', {}, scope))
    .data;
}

export async function seriesStatistics(limit: number, scope: Scope): Promise<SeriesStatistics> {
  return (await request<SeriesStatistics>('api/v1/status/tsdb', { limit: String(limit) }, scope)).data;
}

export async function partitions(scope: Scope): Promise<Partition[]> {
  return (await request<Partition[]>('api/v1/status/partitions', {}, scope)).data;
}

export async function status(
  page: 'buildinfo' | 'runtimeinfo' | 'flags',
  scope: Scope,
): Promise<Record<string, unknown>> {
  return (await request<Record<string, unknown>>(`api/v1/status/${page}`, {}, scope)).data;
}

/** Writes line protocol. */
export async function writeLines(lines: string, database: string): Promise<void> {
  const response = await authorizedFetch(`${SERVER_URL}write?${new URLSearchParams({ db: database })}`, {
    method: 'POST',
    body: lines,
  });
  if (!response.ok) throw new ApiError(`the server answered ${response.status}: ${await response.text()}`);
}
