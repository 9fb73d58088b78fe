/**
 * The PromQL test runner's backend that is a server behind HTTP: samples are loaded by remote write 2.0, every `clear`
 * begins a new database, and queries go through Prometheus' API.
 */
import { compressSync } from 'snappy';
import { type EncodedSeries, encodeRequest2 } from '../ingest/remote-encoder.ts';
import { EMPTY_LABELS, type Labels } from '../query/promql/labels.ts';
import {
  type BackendResult,
  type LoadSample,
  labelsFromObject,
  type ResultSeries,
  type TestBackend,
} from '../query/promql/promqltest.ts';
import { sampleValue } from './prometheus-client.ts';

const STALE_BITS = 0x7ff0000000000002n;

type Point = [timeSec: number, value: string];

interface QueryAnswer {
  status: string;
  error?: string;
  warnings?: string[];
  infos?: string[];
  data: { resultType: BackendResult['type']; result: unknown };
}

/** A backend over the server at `url`; its databases are called `prefix` and a number. */
export function httpBackend(url: string, prefix: string): TestBackend {
  let databases = 0;
  const base = () => `${url}/db/${prefix}-${databases}/api/v1`;
  const ask = async (path: string, parameters: Record<string, string>): Promise<BackendResult> => {
    const response = await fetch(`${base()}/${path}`, { method: 'POST', body: new URLSearchParams(parameters) });
    const answer = (await response.json()) as QueryAnswer;
    if (answer.status !== 'success') throw new Error(answer.error);
    return backendResult(answer);
  };
  return {
    clear() {
      databases++;
    },
    load: (samples) => write(`${base()}/write`, samples),
    instant: (query, timeMs) => ask('query', { query, time: seconds(timeMs) }),
    range: (query, startMs, endMs, stepMs) =>
      ask('query_range', { query, start: seconds(startMs), end: seconds(endMs), step: seconds(stepMs) }),
  };
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(3);
}

async function write(url: string, samples: readonly LoadSample[]): Promise<void> {
  if (samples.length === 0) return;
  const bySeries = new Map<string, EncodedSeries>();
  for (const { labels, timeMs, value, startMs } of samples) {
    let series = bySeries.get(labels.key);
    if (series === undefined) {
      series = { labels: pairs(labels), samples: [] };
      bySeries.set(labels.key, series);
    }
    const start = startMs === 0 ? {} : { startMs };
    series.samples.push({ value: value === 'stale' ? STALE_BITS : value, ms: timeMs, ...start });
  }
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/x-protobuf;proto=io.prometheus.write.v2.Request',
      'content-encoding': 'snappy',
      'x-prometheus-remote-write-version': '2.0.0',
    },
    body: Uint8Array.from(compressSync(Buffer.from(encodeRequest2([...bySeries.values()])))),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`cannot load: ${response.status} ${text}`);
}

function pairs({ names, values }: Labels): [string, string][] {
  return names.map((name, i) => [name, values[i]]);
}

function backendResult({ data, warnings = [], infos = [] }: QueryAnswer): BackendResult {
  const base = { type: data.resultType, text: '', warnings, infos };
  switch (data.resultType) {
    case 'string':
      return { ...base, series: [], text: (data.result as Point)[1] };
    case 'scalar':
      return { ...base, series: [resultSeries(EMPTY_LABELS, [data.result as Point])] };
    case 'vector':
      return {
        ...base,
        series: (data.result as { metric: Record<string, string>; value: Point }[]).map(({ metric, value }) =>
          resultSeries(labelsFromObject(metric), [value]),
        ),
      };
    case 'matrix':
      return {
        ...base,
        series: (data.result as { metric: Record<string, string>; values: Point[] }[]).map(({ metric, values }) =>
          resultSeries(labelsFromObject(metric), values),
        ),
      };
  }
}

function resultSeries(labels: Labels, points: readonly Point[]): ResultSeries {
  return {
    labels,
    timesMs: points.map(([timeSec]) => Math.round(timeSec * 1000)),
    values: points.map(([, value]) => sampleValue(value)),
  };
}
