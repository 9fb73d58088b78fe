/**
 * Times of typical queries over series in memory, without storage and without JSON.
 *
 * node query/promql/evaluate.bench.ts [name]
 */
import { evaluatePrepared, prepareQuery } from './evaluate.ts';
import { seededRandom } from './expression-generator.ts';
import { type Labels, labelsFromPairs } from './labels.ts';
import { parseExpression } from './parser/parser.ts';
import type { SeriesSet } from './querier.ts';

interface Workload {
  readonly labels: Labels[];
  readonly times: Float64Array;
  readonly values: Float64Array[];
}

const START_MS = 1_700_000_000_000;

/** Series of one metric per host, 10 s apart: a random walk in 0 … 100, or a counter. */
function workload(metrics: number, hosts: number, points: number): Workload {
  const random = seededRandom(7);
  const times = Float64Array.from({ length: points }, (_, i) => START_MS + i * 10_000);
  const labels: Labels[] = [];
  const values: Float64Array[] = [];
  for (let m = 0; m < metrics; m++) {
    for (let h = 0; h < hosts; h++) {
      labels.push(
        labelsFromPairs([
          ['__name__', `cpu_${m}_total`],
          ['hostname', `host_${h}`],
          ['region', `region_${h % 9}`],
          ['rack', `${h % 70}`],
          ['os', 'Ubuntu16.04LTS'],
          ['arch', 'x86'],
          ['team', 'NYC'],
          ['service', `${h % 20}`],
        ]),
      );
      const column = new Float64Array(points);
      let value = 50;
      for (let i = 0; i < points; i++) {
        value = Math.max(0, Math.min(100, value + Math.round(random.next() * 4 - 2)));
        column[i] = value;
      }
      values.push(column);
    }
  }
  return { labels, times, values };
}

function seriesSet({ labels, times, values }: Workload): SeriesSet {
  return { count: labels.length, labels: (i) => labels[i]!, times: () => times, values: (i) => values[i]! };
}

function bench(name: string, data: Workload, query: string, spanSeconds: number, stepSeconds: number): void {
  if (process.argv[2] !== undefined && process.argv[2] !== name) return;
  const set = seriesSet(data);
  const endMs = data.times.at(-1)! - 3;
  const times = { startMs: endMs - spanSeconds * 1000, endMs, stepMs: stepSeconds * 1000 };
  const prepared = prepareQuery(parseExpression(query), times);
  const sets = prepared.fetches.plans.map(() => set);
  const run = () => {
    const started = performance.now();
    const result = evaluatePrepared(prepared, sets, { limits: { maxSamples: 1e9 } });
    return { ms: performance.now() - started, result };
  };
  const runs = Array.from({ length: 7 }, run);
  const sorted = runs.map((one) => one.ms).sort((a, b) => a - b);
  const { totalSamples } = runs[0]!.result.stats;
  console.log(
    `${name.padEnd(14)} ${sorted[0]!.toFixed(1).padStart(8)} ms best, ${sorted[3]!.toFixed(1).padStart(8)} ms median, ${(totalSamples / sorted[3]! / 1000).toFixed(0).padStart(6)} M samples/s  ${query}`,
  );
}

const day = workload(1, 400, 8640);
const many = workload(10, 400, 4320);
const HOUR = 3600;
bench('rate', day, 'sum by (hostname) (rate(m_total[5m]))', 23 * HOUR, 60);
bench('avg-1h', many, 'avg(avg_over_time(m[1h])) by (__name__, hostname)', 11 * HOUR, HOUR);
bench('max-1m', day, 'max(max_over_time(m[1m])) by (__name__)', HOUR, 60);
bench('avg-slide', day, 'avg_over_time(m[1h])', 20 * HOUR, 60);
bench('max-slide', day, 'max_over_time(m[1h])', 20 * HOUR, 60);
bench('stddev-slide', day, 'stddev_over_time(m[1h])', 20 * HOUR, 60);
bench('quantile', day, 'quantile_over_time(0.9, m[1h])', 20 * HOUR, 60);
bench('deriv', day, 'deriv(m[1h])', 20 * HOUR, 60);
bench('instant', day, 'm', 23 * HOUR, 60);
bench('sum', day, 'sum by (region) (m)', 23 * HOUR, 60);
bench('binary', day, 'm / on (hostname) m', 23 * HOUR, 60);
bench('topk', day, 'topk(5, m)', 23 * HOUR, 60);
