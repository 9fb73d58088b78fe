/** What all scripts share: where the server is, what a write is made of, and what counts as a good answer. */
import { check } from 'k6';
import exec from 'k6/execution';
import http, { type RefinedResponse, type ResponseType } from 'k6/http';
import { Counter, Trend } from 'k6/metrics';

export const URL = __ENV.VARVE_URL ?? 'http://127.0.0.1:8086';
export const HOSTS = Number(__ENV.HOSTS ?? 200);
/** How long the main part of a test runs. */
export const DURATION = __ENV.DURATION ?? '30s';

/** Slower machines get more time: thresholds of times are multiplied by this. */
const TIME_FACTOR = Number(__ENV.TIME_FACTOR ?? 1);

/** A threshold: a percentile stays below so many ms. */
export function below(percentile: number, ms: number): string {
  return `p(${percentile})<${ms * TIME_FACTOR}`;
}

/** Lines that the server has acknowledged: it must be able to find every one of them. */
export const acknowledged = new Counter('lines_acknowledged');
/** Writes that the server put off, saying so, which is its right under overload. */
export const refused = new Counter('writes_refused');
/** Writes that failed in any other way. */
export const failed = new Counter('writes_failed');
export const writeTime = new Trend('write_duration', true);

const FIELDS = ['user', 'system', 'idle', 'nice', 'iowait', 'irq', 'softirq', 'steal', 'guest', 'guest_nice'];

/** Everything of a line but its time, per host. */
const lines = Array.from({ length: HOSTS }, (_, host) => {
  const fields = FIELDS.map((field, i) => `usage_${field}=${((host * 7 + i * 13) % 1000) / 10}`);
  return `cpu,hostname=host_${host},region=region-${host % 8} ${fields.join(',')}`;
});

const START_SEC = 1_700_000_000;

/** One line per host, at the n-th second: different for every n. */
export function body(n: number): string {
  const end = ` ${START_SEC + n}`;
  return lines.join(`${end}\n`) + end;
}

/** Writes the lines of a second that no other iteration of this scenario has; `scenario` keeps scenarios apart. */
export function write(scenario = 0): RefinedResponse<ResponseType> {
  const n = scenario * 10_000_000 + exec.scenario.iterationInTest;
  const response = http.post(`${URL}/write?precision=s`, body(n), { tags: { name: 'write' } });
  note(response, HOSTS);
  return response;
}

/** Counts what a write was answered. */
export function note(response: RefinedResponse<ResponseType>, count: number): void {
  if (response.status === 204) {
    acknowledged.add(count);
    writeTime.add(response.timings.duration);
  } else if (response.status === 503 || response.status === 429) {
    refused.add(1);
    check(response, { 'a refusal says when to try again': (r) => r.headers['Retry-After'] !== undefined });
  } else {
    failed.add(1);
  }
}
