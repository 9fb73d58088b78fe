/**
 * Compares at a desk: starts influxd and Varve, loads the data set into both, asks the statements, prints what differs.
 *
 *     node tests/influxql/run.ts                      all topics
 *     node tests/influxql/run.ts aggregates 'fill('   those whose topic or text contains one of the words
 *     node tests/influxql/run.ts --influxd …          only influxd: its answers
 *     node tests/influxql/run.ts --query 'SELECT …'   one statement more, both answers
 *     node tests/influxql/run.ts --random 1000 7      as many random ones, from seed 7
 */

import { seededRandom } from '../../query/promql/expression-generator.ts';
import { startInfluxd } from '../influxd-process.ts';
import { type ServerProcess, startServer, temporaryDirectory } from '../server-process.ts';
import { difference } from './comparison.ts';
import { loadDataSet, NO_AUTHENTICATION } from './loading.ts';
import { type Request, readRequests, readTopics, send } from './requests.ts';
import { statementGenerator } from './statement-generator.ts';

const LONGEST_PRINTED = 3000;

const words = process.argv.slice(2);
const influxdOnly = take('--influxd');
const everything = take('--all');
const randomAt = words.indexOf('--random');
const [randomCount, randomSeed] = randomAt < 0 ? [0, 0] : words.splice(randomAt).slice(1).map(Number);
const queryAt = words.indexOf('--query');
const queries = queryAt < 0 ? [] : words.splice(queryAt).slice(1);

function take(flag: string): boolean {
  const at = words.indexOf(flag);
  if (at >= 0) words.splice(at, 1);
  return at >= 0;
}

function chosen(): Request[] {
  if (randomAt >= 0) {
    const generator = statementGenerator(seededRandom(randomSeed ?? 1));
    return Array.from({ length: randomCount ?? 100 }, (_, i) => ({
      place: `random ${i}`,
      topic: 'random',
      text: generator.statement(),
      settings: new Map(),
    }));
  }
  const asked = queries.map((text, i) => ({ place: `query ${i + 1}`, topic: '', text, settings: new Map() }));
  if (asked.length > 0 && words.length === 0) return asked;
  const all = readTopics().flatMap(readRequests);
  // Requests that write depend on those before them.
  return [
    ...all.filter(
      ({ topic, text }) => words.length === 0 || words.some((word) => topic === word || text.includes(word)),
    ),
    ...asked,
  ];
}

function shortened(text: string): string {
  return text.length <= LONGEST_PRINTED ? text : `${text.slice(0, LONGEST_PRINTED)}… (${text.length})`;
}

/** The parts around the first character that differs. */
function around(text: string, other: string): string {
  if (text.length <= LONGEST_PRINTED) return text;
  let at = 0;
  while (at < text.length && text[at] === other[at]) at++;
  const from = Math.max(0, at - 300);
  return `…${text.slice(from, at + 600)}… (${text.length} characters, differs at ${at})`;
}

const { path: directory, remove } = temporaryDirectory('influxql-run');
const influxd = await startInfluxd(directory);
let varve: ServerProcess | null = null;
try {
  await loadDataSet(influxd.url);
  if (!influxdOnly) {
    const dataDir = `${directory}/varve`;
    varve = await startServer({ dataDir, args: NO_AUTHENTICATION });
    try {
      await loadDataSet(varve.url, async () => {
        await varve?.stop();
        varve = await startServer({ dataDir, args: NO_AUTHENTICATION });
        return varve.url;
      });
    } catch (error) {
      console.log(`cannot load: ${error}`);
    }
  }
  const counts = new Map<string, { same: number; different: number }>();
  for (const request of chosen()) {
    const expected = request.settings.get('varve');
    const theirs =
      expected === undefined
        ? await send(influxd.url, request)
        : { status: 200, type: 'application/json', body: `${expected}\n` };
    if (varve === null) {
      console.log(`${request.place}: ${request.text}\n    ${theirs.status} ${shortened(theirs.body.trimEnd())}`);
      continue;
    }
    const ours = await send(varve.url, request).catch((error) => ({ status: 0, type: '', body: String(error) }));
    if (ours.status === 0) {
      await varve.stop('SIGKILL');
      varve = await startServer({ dataDir: `${directory}/varve`, args: NO_AUTHENTICATION });
    }
    const found = request.settings.has('differs') ? null : difference(request, ours, theirs);
    const count = counts.get(request.topic) ?? { same: 0, different: 0 };
    counts.set(request.topic, count);
    if (found === null) count.same++;
    else count.different++;
    if (found !== null || everything || request.topic === '') {
      const [theirText, ourText] =
        found === null
          ? [`${theirs.status} ${theirs.body}`, `${ours.status} ${ours.body}`]
          : [found.theirs, found.ours];
      console.log(`${found === null ? 'same' : 'DIFFERENT'} ${request.place}: ${request.text}`);
      for (const [name, value] of request.settings) console.log(`    @${name} ${value}`);
      console.log(
        `  influxd: ${around(theirText, ourText).trimEnd()}\n  varve:   ${around(ourText, theirText).trimEnd()}`,
      );
    }
  }
  for (const [topic, { same, different }] of counts) console.log(`${topic}: ${same} same, ${different} different`);
} finally {
  await varve?.stop();
  await influxd.stop();
  remove();
}
