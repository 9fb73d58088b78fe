/**
 * The parameters of the Prometheus API: a form body and the URL's query string together, times and durations in every
 * spelling that Prometheus takes. Errors carry Prometheus' own text, because dashboards and people match on it.
 */
import { parseDurationMs } from '../clock/duration.ts';
import { VarveError } from '../errors/errors.ts';
import { FORM_LIMIT_BYTES, readAtMost } from './request-body.ts';

/** The earliest and latest times Prometheus formats; clients send them to mean "from ever" and "for ever". */
const MIN_TIME = '-292273086-05-16T16:47:06Z';
const MAX_TIME = '292277025-08-18T07:12:54.999999999Z';
const MIN_TIME_MS = -9_223_309_901_257_974;
const MAX_TIME_MS = 9_223_309_901_257_974;

const FLOAT = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
const INFINITE = /^[+-]?inf(inity)?$/i;
const RFC3339 = /^(\d{4}-\d\d-(\d\d))T(\d\d:\d\d:\d\d)(?:[.,](\d+))?(Z|[+-]\d\d:\d\d)$/;

/** Parameters of a request. The body's come first, so they win over the URL's where one value is asked for. */
export async function readParameters(request: Request, limitBytes = FORM_LIMIT_BYTES): Promise<URLSearchParams> {
  const url = new URL(request.url);
  if (request.method !== 'POST' && request.method !== 'PUT') return url.searchParams;
  const type = (request.headers.get('content-type') ?? '').toLowerCase();
  let merged: URLSearchParams;
  if (type.startsWith('application/x-www-form-urlencoded'))
    merged = new URLSearchParams(textOf(await readAtMost(request, limitBytes)));
  else if (type.startsWith('multipart/form-data')) {
    const body = await readAtMost(request, limitBytes);
    merged = await multipartParameters(
      new Response(body, { headers: { 'content-type': request.headers.get('content-type') ?? '' } }),
    );
  } else return url.searchParams;
  for (const [key, value] of url.searchParams) merged.append(key, value);
  return merged;
}

function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

/** The fields of a multipart form; one that is a file is its text. */
export async function multipartParameters(body: Pick<Request, 'formData'>): Promise<URLSearchParams> {
  const parameters = new URLSearchParams();
  try {
    for (const [key, value] of await body.formData()) {
      parameters.append(key, typeof value === 'string' ? value : await value.text());
    }
  } catch (error) {
    throw new VarveError('bad_request', `cannot read form: ${(error as Error).message}`, { cause: error });
  }
  return parameters;
}

/** A parameter is wrong: Prometheus' wording and its `bad_data`. */
export function invalidParameter(name: string, cause: string): VarveError {
  return new VarveError('bad_request', `invalid parameter "${name}": ${cause}`);
}

/** Does something with a parameter's value; what is wrong with it is told as that parameter's fault. */
export function withParameter<T>(name: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof VarveError && error.code === 'bad_request') throw invalidParameter(name, error.message);
    throw error;
  }
}

/** A time (Unix seconds with fraction, or RFC 3339) in ms since the epoch; null when the text is not one. */
export function parseTimeMs(text: string): number | null {
  const plain = withoutSeparators(text);
  if (FLOAT.test(plain)) {
    const seconds = Number(plain);
    const whole = Math.trunc(seconds);
    const ms = whole * 1000 + Math.round((seconds - whole) * 1000);
    return Number.isSafeInteger(ms) ? ms : null;
  }
  const match = RFC3339.exec(text);
  if (match !== null) {
    const [, date, day, time, fraction = '', zone] = match;
    const ms = Date.parse(`${date}T${time}${zone}`);
    // A day that its month does not have would pass for one of the next month.
    if (Number.isNaN(ms) || new Date(`${date}T00:00:00Z`).getUTCDate() !== Number(day)) return null;
    return ms + Math.trunc(Number(`0.${fraction}0`) * 1000 + 1e-9);
  }
  if (text === MIN_TIME) return MIN_TIME_MS;
  return text === MAX_TIME ? MAX_TIME_MS : null;
}

/** Underscores between digits of a number may help to read it. */
function withoutSeparators(text: string): string {
  return text.includes('_') ? text.replace(/(?<=\d)_(?=\d)/g, '') : text;
}

/** A duration (seconds with fraction, or `5m`) in ms; null when the text is not one. */
export function parseApiDurationMs(text: string): number | null {
  const plain = withoutSeparators(text);
  if (!FLOAT.test(plain)) return parseDurationMs(text);
  const ms = Number(plain) * 1000;
  return Math.abs(ms) < 9.2e15 ? ms : null;
}

/** The time parameter `name`, or `fallbackMs` when it is absent or empty. */
export function timeParameterMs(parameters: URLSearchParams, name: string, fallbackMs: number): number {
  const text = parameters.get(name);
  if (text === null || text === '') return fallbackMs;
  const ms = parseTimeMs(text);
  if (ms === null) {
    throw invalidParameter(name, `invalid time value for '${name}': cannot parse "${text}" to a valid timestamp`);
  }
  return ms;
}

/** The time parameter `name`, which must be there. */
export function requiredTimeParameterMs(parameters: URLSearchParams, name: string): number {
  const text = parameters.get(name) ?? '';
  const ms = parseTimeMs(text);
  if (ms === null) throw invalidParameter(name, `cannot parse "${text}" to a valid timestamp`);
  return ms;
}

/** The duration parameter `name`, or `fallbackMs` when it is absent or empty. */
export function durationParameterMs(parameters: URLSearchParams, name: string, fallbackMs: number): number {
  const text = parameters.get(name);
  if (text === null || text === '') return fallbackMs;
  return requiredDurationParameterMs(parameters, name);
}

/** The duration parameter `name`, which must be there. */
export function requiredDurationParameterMs(parameters: URLSearchParams, name: string): number {
  const text = parameters.get(name) ?? '';
  const ms = parseApiDurationMs(text);
  if (ms === null) throw invalidParameter(name, durationProblem(text));
  return ms;
}

/** What is wrong with a text that is no duration. */
export function durationProblem(text: string): string {
  const overflows = FLOAT.test(withoutSeparators(text)) || INFINITE.test(text);
  return `cannot parse ${JSON.stringify(text)} to a valid duration${overflows ? '. It overflows int64' : ''}`;
}

/** The `limit` parameter: how many results to return at most, 0 for all. */
export function limitParameter(parameters: URLSearchParams): number {
  const text = parameters.get('limit');
  if (text === null || text === '') return 0;
  if (!/^[+-]?\d+$/.test(text))
    throw invalidParameter('limit', `strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`);
  const limit = Number(text);
  if (limit < 0) throw invalidParameter('limit', 'limit must be non-negative');
  return limit;
}
