/** The few questions that tests ask a Prometheus API, Varve's or the real one's. */

export interface Series {
  metric: Record<string, string>;
  value?: [number, string];
  values?: [number, string][];
}

export interface ApiAnswer {
  status: string;
  data: { resultType: string; result: Series[] };
  error?: string;
  errorType?: string;
  warnings?: string[];
}

/** Asks and insists on success. */
export async function ask(url: string, path: string, parameters: Record<string, string>): Promise<ApiAnswer> {
  const response = await fetch(`${url}/api/v1/${path}`, { method: 'POST', body: new URLSearchParams(parameters) });
  const text = await response.text();
  if (!response.ok) throw new Error(`${path} ${JSON.stringify(parameters)}: ${response.status} ${text}`);
  return JSON.parse(text) as ApiAnswer;
}

/** An instant query's series. */
export async function instant(url: string, query: string, timeSec: number | string, db = ''): Promise<Series[]> {
  const answer = await ask(url, 'query', { query, time: String(timeSec), ...(db === '' ? {} : { db }) });
  return answer.data.result;
}

/** A range query's series. */
export async function range(
  url: string,
  query: string,
  startSec: number,
  endSec: number,
  stepSec: number,
): Promise<Series[]> {
  const parameters = { query, start: String(startSec), end: String(endSec), step: String(stepSec) };
  return (await ask(url, 'query_range', parameters)).data.result;
}

/** The API's spelling of a number, parsed. */
export function sampleValue(text: string): number {
  if (text === '+Inf') return Infinity;
  return text === '-Inf' ? -Infinity : Number(text);
}
