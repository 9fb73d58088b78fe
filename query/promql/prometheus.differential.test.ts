/**
 * Random expressions over random data, answered by a real Prometheus and by this engine over series in memory, compared.
 *
 * VARVE_SEED chooses the seed, VARVE_DIFFERENTIAL_QUERIES how many expressions are tried.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { havePrograms } from '../../tests/peers.ts';
import { type PrometheusProcess, startPrometheus } from '../../tests/prometheus-process.ts';
import { writeSeries } from '../../tests/remote-write-request.ts';
import { temporaryDirectory } from '../../tests/server-process.ts';
import {
  type Answer,
  difference,
  expressionGenerator,
  isKnownDifference,
  type Points,
  pointsOfAnswer,
  questionOf,
  randomSeries,
  randomTimes,
} from './differential.ts';
import { evaluate } from './evaluate.ts';
import { seededRandom } from './expression-generator.ts';
import { MemoryQuerier } from './memory-querier.ts';
import type { QueryTimes } from './prepare.ts';

const SEED = Number(process.env.VARVE_SEED ?? Math.floor(Math.random() * 2 ** 31));
const QUERIES = Number(process.env.VARVE_DIFFERENTIAL_QUERIES ?? 3000);
const TIME_LIMIT_MS = 45_000;

async function ownPoints(querier: MemoryQuerier, query: string, times: QueryTimes): Promise<Points> {
  const { value, grid } = await evaluate(query, times, querier);
  const points: Points = new Map();
  if (value.kind === 'scalar') {
    points.set('', new Map([...value.values].map((v, i) => [grid.startMs + i * grid.stepMs, v])));
  } else if (value.kind === 'vector') {
    for (const { labels, values, present } of value.series) {
      const own = new Map<number, number>();
      for (let i = 0; i < grid.count; i++) if (present[i] === 1) own.set(grid.startMs + i * grid.stepMs, values[i]!);
      points.set(labels.key, own);
    }
  }
  return points;
}

describe.skipIf(!havePrograms('prometheus'))(`against Prometheus, seed ${SEED}`, () => {
  const { path: directory, remove } = temporaryDirectory('differential');
  const querier = new MemoryQuerier();
  let prometheus: PrometheusProcess;

  beforeAll(async () => {
    prometheus = await startPrometheus(directory);
    const series = randomSeries(seededRandom(SEED));
    for (const { labels, samples } of series) for (const sample of samples) querier.add(labels, sample);
    await writeSeries(prometheus.url, series);
  });

  afterAll(async () => {
    await prometheus.stop();
    remove();
  });

  it(
    'answers the same',
    async () => {
      const random = seededRandom(SEED + 1);
      const generator = expressionGenerator(random);
      const deadlineMs = Date.now() + TIME_LIMIT_MS;
      const failures: string[] = [];
      let compared = 0;
      let errors = 0;
      const compareOne = async () => {
        const query = generator.expression(1 + random.below(4));
        const times = randomTimes(random);
        const { path, body } = questionOf(query, times);
        const response = await fetch(`${prometheus.url}/api/v1/${path}`, { method: 'POST', body });
        const answer = (await response.json()) as Answer;
        const theirError = answer.status === 'success' ? null : `${answer.error}`;
        const where = `${path} ${body}\n  ${query}`;
        let own: Points;
        try {
          own = await ownPoints(querier, query, times);
        } catch (error) {
          errors++;
          const message = error instanceof Error ? error.message : `${error}`;
          if (theirError === null && !isKnownDifference(query, message, null)) {
            failures.push(`${where}\n  failed: ${message}`);
          }
          return;
        }
        compared++;
        if (theirError !== null) {
          if (!isKnownDifference(query, null, theirError)) {
            failures.push(`${where}\n  Prometheus failed: ${theirError}`);
          }
          return;
        }
        const found = difference(own, pointsOfAnswer(answer.data!));
        if (found !== null) failures.push(`${where}\n  ${found}`);
      };
      for (let done = 0; done < QUERIES && Date.now() < deadlineMs && failures.length < 10; done += 8) {
        await Promise.all(Array.from({ length: 8 }, compareOne));
      }
      console.log(`seed ${SEED}: ${compared} answers compared, ${errors} errors on both sides`);
      expect(failures, `seed ${SEED}`).toEqual([]);
    },
    TIME_LIMIT_MS + 15_000,
  );
});
