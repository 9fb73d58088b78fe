/**
 * InfluxQL beside a real influxd: the statements of `influxql/statements/`, and random ones, over the same rows. A part of
 * the server's rows lies in files of earlier runs, the last in memory and the log.
 *
 * VARVE_SEED chooses the seed of the random statements, VARVE_INFLUXQL_STATEMENTS how many there are.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { seededRandom } from '../query/promql/expression-generator.ts';
import { type InfluxdProcess, startInfluxd } from './influxd-process.ts';
import { difference } from './influxql/comparison.ts';
import { loadDataSet, NO_AUTHENTICATION } from './influxql/loading.ts';
import { type HttpAnswer, type Request, readRequests, readTopics, send } from './influxql/requests.ts';
import { statementGenerator } from './influxql/statement-generator.ts';
import { havePrograms } from './peers.ts';
import { type ServerProcess, startServer, temporaryDirectory } from './server-process.ts';

const SEED = Number(process.env.VARVE_SEED ?? Math.floor(Math.random() * 2 ** 31));
const STATEMENTS = Number(process.env.VARVE_INFLUXQL_STATEMENTS ?? 1000);

describe.skipIf(!havePrograms('influxd'))(`InfluxQL beside influxd, seed ${SEED}`, () => {
  const { path: directory, remove } = temporaryDirectory('influxql');
  let influxd: InfluxdProcess;
  let server: ServerProcess;
  let compared = 0;
  let nonEmpty = 0;

  beforeAll(async () => {
    influxd = await startInfluxd(directory);
    await loadDataSet(influxd.url);
    const dataDir = `${directory}/varve`;
    server = await startServer({ dataDir, args: NO_AUTHENTICATION });
    // Stopping flushes, so each start finds one more file.
    await loadDataSet(server.url, async () => {
      await server.stop();
      server = await startServer({ dataDir, args: NO_AUTHENTICATION });
      return server.url;
    });
  });

  afterAll(async () => {
    await server?.stop();
    await influxd?.stop();
    remove();
  });

  /** What differs, as a person wants to read it; null when nothing does. */
  async function compare(request: Request): Promise<string | null> {
    const expected = request.settings.get('varve');
    const [ours, theirs] = await Promise.all([
      send(server.url, request),
      expected === undefined
        ? send(influxd.url, request)
        : { status: 200, type: 'application/json', body: `${expected}\n` },
    ]);
    compared++;
    if (isNonEmpty(theirs)) nonEmpty++;
    // What differs on purpose is asked all the same: no answer may be a fault.
    if (request.settings.has('differs')) return ours.status < 500 ? null : `${request.place}: ${ours.body}`;
    const found = difference(request, ours, theirs);
    if (found === null) return null;
    return `${request.place}: ${request.text}\n  influxd: ${found.theirs}\n  Varve:   ${found.ours}`;
  }

  test.each(readTopics())('%s', async (topic) => {
    const differences: string[] = [];
    // In order: some of them write.
    for (const request of readRequests(topic)) {
      const found = await compare(request);
      if (found !== null) differences.push(found);
    }
    expect(differences).toEqual([]);
  });

  test('the statements test something', () => {
    console.log(`${compared} chosen statements, ${nonEmpty} with rows or an error of their own`);
    expect(compared).toBeGreaterThan(1000);
    expect(nonEmpty / compared).toBeGreaterThan(0.8);
  });

  test(
    'random statements',
    async () => {
      const generator = statementGenerator(seededRandom(SEED));
      const differences: string[] = [];
      let withRows = 0;
      for (let i = 0; i < STATEMENTS && differences.length < 10; i++) {
        const before = nonEmpty;
        const request = { place: `random ${i}`, topic: 'random', text: generator.statement(), settings: new Map() };
        const found = await compare(request);
        if (found !== null) differences.push(found);
        if (nonEmpty > before) withRows++;
      }
      console.log(`seed ${SEED}: ${STATEMENTS} random statements, ${withRows} with rows`);
      expect(differences, `seed ${SEED}`).toEqual([]);
      expect(withRows / STATEMENTS).toBeGreaterThan(0.5);
    },
    60_000 + STATEMENTS * 50,
  );
});

/** Rows, or an error that is not about a missing database. */
function isNonEmpty({ status, body }: HttpAnswer): boolean {
  return status >= 400 || /"values":|"error":|"partial"|^name,|^[0-9a-f]{80}/m.test(body);
}
