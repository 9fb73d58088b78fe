/**
 * Random expressions over random data, answered by a real Prometheus and by a real server: through HTTP, storage and
 * pushed-down windows. A third of the server's samples lie in files of an earlier run, a third in files of this one's
 * flush, the rest in memory and the log.
 *
 * VARVE_SEED chooses the seed, VARVE_DIFFERENTIAL_QUERIES how many expressions are tried.
 */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type Answer,
  difference,
  expressionGenerator,
  isKnownDifference,
  pointsOfAnswer,
  questionOf,
  randomSeries,
  randomTimes,
} from '../query/promql/differential.ts';
import { seededRandom } from '../query/promql/expression-generator.ts';
import { havePrograms } from './peers.ts';
import { PROMETHEUS_3, type PrometheusProcess, prometheus3Flags, startPrometheus } from './prometheus-process.ts';
import { type WrittenSeries, writeSeries } from './remote-write-request.ts';
import { type ServerProcess, startServer, temporaryDirectory } from './server-process.ts';

const SEED = Number(process.env.VARVE_SEED ?? Math.floor(Math.random() * 2 ** 31));
const QUERIES = Number(process.env.VARVE_DIFFERENTIAL_QUERIES ?? 1000);
const TIME_LIMIT_MS = 30_000;

describe.skipIf(!havePrograms('prometheus'))(`a server beside Prometheus, seed ${SEED}`, () => compareWith(null));

describe.skipIf(PROMETHEUS_3 === undefined)(`a server beside Prometheus 3, seed ${SEED}`, () => {
  describe('that drops names at once', () => compareWith(PROMETHEUS_3!));
  describe('that drops names at the end', () => compareWith(PROMETHEUS_3!, true));
});

/** @param modern a Prometheus 3, to be asked for all it knows; null for Debian's. */
function compareWith(modern: string | null, delayed = false): void {
  const { path: directory, remove } = temporaryDirectory('differential-server');
  const dataDir = join(directory, 'varve');
  let prometheus: PrometheusProcess;
  let server: ServerProcess;

  beforeAll(async () => {
    prometheus = await (modern === null
      ? startPrometheus(directory)
      : startPrometheus(directory, prometheus3Flags(delayed), modern));
    const series = randomSeries(seededRandom(SEED));
    await writeSeries(prometheus.url, series);
    // Stopping flushes, so each start finds one more file.
    for (const part of [0, 1, 2]) {
      server = await startServer({ dataDir, args: delayed ? ['--promql-delayed-name-removal'] : [] });
      await writeSeries(server.url, thirdOf(series, part));
      if (part < 2) await server.stop();
    }
  });

  afterAll(async () => {
    await prometheus.stop();
    await server.stop();
    remove();
  });

  test(
    'answers the same',
    async () => {
      const random = seededRandom(SEED + 2);
      const generator = expressionGenerator(random, modern === null);
      const deadlineMs = Date.now() + TIME_LIMIT_MS;
      const failures: string[] = [];
      let compared = 0;
      const compareOne = async () => {
        const query = generator.expression(1 + random.below(4));
        const { path, body } = questionOf(query, randomTimes(random));
        const [ours, theirs] = await Promise.all([ask(server.url, path, body), ask(prometheus.url, path, body)]);
        const problem = modern === null ? problemOf(query, ours, theirs) : modernProblemOf(query, ours, theirs);
        if (problem !== null) failures.push(`${path} ${body}\n  ${query}\n  ${problem}`);
        if (ours.status === 'success') compared++;
      };
      for (let done = 0; done < QUERIES && Date.now() < deadlineMs && failures.length < 10; done += 8) {
        await Promise.all(Array.from({ length: 8 }, compareOne));
      }
      console.log(`seed ${SEED}: ${compared} answers of the server compared`);
      expect(failures, `seed ${SEED}`).toEqual([]);
    },
    TIME_LIMIT_MS + 15_000,
  );
}

function thirdOf(series: readonly WrittenSeries[], part: number): WrittenSeries[] {
  return series.map(({ labels, samples }) => {
    const size = Math.ceil(samples.length / 3);
    return { labels, samples: samples.slice(part * size, (part + 1) * size) };
  });
}

async function ask(url: string, path: string, body: URLSearchParams): Promise<Answer> {
  return (await (await fetch(`${url}/api/v1/${path}`, { method: 'POST', body })).json()) as Answer;
}

function problemOf(query: string, ours: Answer, theirs: Answer): string | null {
  const errorOf = ({ status, error }: Answer): string | null => (status === 'success' ? null : `${error}`);
  const our = errorOf(ours);
  const their = errorOf(theirs);
  if (our === null && their === null) return difference(pointsOfAnswer(ours.data!), pointsOfAnswer(theirs.data!));
  if ((our !== null && their !== null) || isKnownDifference(query, our, their)) return null;
  return `ours: ${our ?? 'an answer'}, Prometheus': ${their ?? 'an answer'}`;
}

/** What has last digits that depend on the order of series, or on windows that slide instead of being looked at one by one. */
const INEXACT = /stddev|stdvar|deriv|predict_linear|smoothed|avg|sum/;

/** Prometheus 3 and we differ in nothing: not in what goes wrong, nor in what is remarked. */
function modernProblemOf(query: string, ours: Answer, theirs: Answer): string | null {
  // 3.16 takes the sides of fill values as they are written; before, they were swapped with group_right.
  if (query.includes('group_right') && query.includes('fill')) return null;
  if (ours.status === 'success' && theirs.status === 'success') {
    const found = difference(
      pointsOfAnswer(ours.data!),
      pointsOfAnswer(theirs.data!),
      INEXACT.test(query) ? undefined : Object.is,
    );
    if (found !== null) return found;
  } else if (errorText(ours) !== errorText(theirs)) {
    return `ours: ${ours.error ?? 'an answer'}\n  Prometheus': ${theirs.error ?? 'an answer'}`;
  }
  const [our, their] = [remarksOf(ours), remarksOf(theirs)];
  return our === their ? null : `remarks: ${our}\n  Prometheus': ${their}`;
}

/** What went wrong; of series that match more than one other, Prometheus names those that it comes across first. */
function errorText({ error = '' }: Answer): string {
  return error.replace(/(for the match group ).*( on the )/, '$1…$2').replace(/operation: \[.*\];/, 'operation: …;');
}

/** Warnings and infos. How many samples one is about, Prometheus counts anew each time that it lays remarks together. */
function remarksOf({ warnings = [], infos = [] }: Answer): string {
  const lines = [...warnings.sort(), ...infos.sort()];
  return lines.map((line) => line.replace(/over \d+ samples/, 'over … samples')).join('\n  ');
}
