/**
 * The front beside a real influxd: which statements parse, what is said of those that do not, how they are printed, and
 * which SELECTs are refused before they run.
 *
 * VARVE_SEED chooses the seed of the random ones, VARVE_DIFFERENTIAL_STATEMENTS how many of each sort there are.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { VarveError } from '../../../errors/errors.ts';
import { type InfluxdProcess, startInfluxd } from '../../../tests/influxd-process.ts';
import { havePrograms } from '../../../tests/peers.ts';
import { temporaryDirectory } from '../../../tests/server-process.ts';
import { seededRandom } from '../../promql/expression-generator.ts';
import type { MeasurementSource, SelectStatement, Source } from '../ast.ts';
import { parseParameters } from '../parser/parameters.ts';
import { parseStatements } from '../parser/parser.ts';
import { BAD_STATEMENTS, editStatement, GOOD_STATEMENTS } from '../parser/statements.cases.ts';
import { printStatement } from '../print-statement.ts';
import { checkSelect } from './check-select.ts';
import { memorySchema } from './memory-schema.cases.ts';
import { rewriteSelect } from './rewrite.ts';
import { CASE_POINTS, CASE_SHAPES, composeSelect, SELECT_CASES } from './selects.cases.ts';

const SEED = Number(process.env.VARVE_SEED ?? Math.floor(Math.random() * 2 ** 31));
const STATEMENTS = Number(process.env.VARVE_DIFFERENTIAL_STATEMENTS ?? 300);

const PARSING = 'error parsing query: ';

interface Answer {
  readonly error?: string;
  readonly results?: readonly { error?: string; series?: { name: string; values: string[][] }[] }[];
}

describe.skipIf(!havePrograms('influxd'))('the front beside influxd', () => {
  const { path, remove } = temporaryDirectory('influxql-front');
  let influxd: InfluxdProcess;

  beforeAll(async () => {
    console.log(`seed ${SEED}`);
    influxd = await startInfluxd(path);
    await ask('CREATE DATABASE cases; CREATE DATABASE cq');
    await fetch(`${influxd.url}/write?db=cases`, { method: 'POST', body: CASE_POINTS });
  });

  afterAll(async () => {
    await influxd?.stop();
    remove();
  });

  /** Null where an answer cannot be read: infinities are no JSON, and some texts no headers. */
  async function ask(q: string, parameters?: string): Promise<Answer | null> {
    const body = new URLSearchParams(parameters === undefined ? { q } : { q, params: parameters });
    try {
      const response = await fetch(`${influxd.url}/query?db=cases`, { method: 'POST', body });
      return (await response.json()) as Answer;
    } catch {
      return null;
    }
  }

  /** Both errors of a text, of parsing alone. The HTTP interface trims. */
  async function compareParsing(text: string, parameters = '{}'): Promise<boolean> {
    const answer = await ask(text, parameters);
    if (answer === null || text.trim() === '') return false;
    const theirs = answer.error?.startsWith(PARSING) === true ? answer.error.slice(PARSING.length) : null;
    expect(
      messageOf(() => parseStatements(text.trim(), parseParameters(parameters))),
      text,
    ).toBe(theirs);
    return theirs !== null;
  }

  /** Both errors of a SELECT that parses, before it is run; whether there is one. */
  async function compareChecks(text: string): Promise<boolean> {
    const answer = await ask(text);
    const theirs = answer?.error?.slice(PARSING.length) ?? answer?.results?.[0].error ?? null;
    // What influxd says of values while it computes is the functions' matter.
    if (answer === null || /iterator type|panic:/.test(theirs ?? '')) return false;
    const ours = messageOf(() => {
      const [statement] = parseStatements(text);
      const nowNs = BigInt(Date.now()) * 1_000_000n;
      rewriteSelect(checkSelect(statement as SelectStatement, nowNs).statement, memorySchema(CASE_SHAPES));
    });
    expect(ours, text).toBe(theirs);
    return theirs !== null;
  }

  it('takes and refuses the same statements with the same words', async () => {
    let refused = 0;
    for (const text of [...GOOD_STATEMENTS, ...BAD_STATEMENTS]) if (await compareParsing(text)) refused++;
    expect(refused).toBe(BAD_STATEMENTS.length);
  });

  it('does so for random edits', async () => {
    const random = seededRandom(SEED);
    let refused = 0;
    for (let i = 0; i < STATEMENTS; i++) if (await compareParsing(editStatement(random, GOOD_STATEMENTS))) refused++;
    expect(refused).toBeGreaterThan(STATEMENTS / 4);
  });

  it('binds parameters in the same way', async () => {
    const values = ['"a"', '1.5', '5', '-5', 'true', 'null', '[1]', '{"a":1}', '{"identifier":"h"}', '{"regex":"a+"}'];
    values.push(
      '{"duration":"1h"}',
      '{"duration":5}',
      '{"integer":1.5}',
      '{"float":5}',
      '{"a":1,"b":2}',
      '{"regex":"("}',
    );
    for (const value of values) {
      for (const text of [
        'SELECT $x FROM m',
        'SELECT f FROM m WHERE h =~ $x',
        'SELECT f FROM $x',
        'SELECT f FROM m LIMIT $x',
      ]) {
        await compareParsing(text, `{"x":${value}}`);
      }
    }
  });

  it('prints the same canonical texts', async () => {
    const selects = GOOD_STATEMENTS.filter((text) => /^select /i.test(text));
    const ours = new Map<string, string>();
    for (const [i, text] of selects.entries()) {
      const into = / into /i.test(text) ? text : text.replace(/\s+from\b/i, ' INTO target FROM');
      const statement = `CREATE CONTINUOUS QUERY q${i} ON cq BEGIN ${into} END`;
      const answer = await ask(statement);
      if (answer?.error !== undefined || answer?.results?.[0].error !== undefined) continue;
      const [parsed] = parseStatements(statement);
      if (parsed.kind !== 'create continuous query') throw new Error(statement);
      ours.set(`q${i}`, printStatement({ ...parsed, select: qualified(parsed.select) }));
    }
    const answer = await ask('SHOW CONTINUOUS QUERIES');
    const theirs = answer?.results?.[0].series?.find(({ name }) => name === 'cq')?.values ?? [];
    expect(theirs.length).toBeGreaterThan(50);
    expect([...ours].sort()).toEqual(theirs.map(([name, text]) => [name, text]).sort());
  });

  it('refuses the same SELECTs with the same words', async () => {
    const random = seededRandom(SEED);
    // Most are functions with all sorts of arguments: a sample of those, and all others.
    const [calls, others] = [SELECT_CASES.filter(isCall), SELECT_CASES.filter((text) => !isCall(text))];
    let refused = 0;
    for (const text of [...others, ...Array.from({ length: STATEMENTS }, () => random.pick(calls))]) {
      if (await compareChecks(text)) refused++;
    }
    expect(refused).toBeGreaterThan(100);
  });

  it('does so for SELECTs of random parts', async () => {
    const random = seededRandom(SEED);
    let refused = 0;
    for (let i = 0; i < STATEMENTS; i++) if (await compareChecks(composeSelect(random))) refused++;
    expect(refused).toBeGreaterThan(STATEMENTS / 10);
  });
});

function isCall(text: string): boolean {
  return /^SELECT \w+\([^()]*(\([^()]*\)[^()]*)?\) FROM m( WHERE time < 10s GROUP BY time\(1s\))?$/.test(text);
}

/** What is thrown as an error of the user's; null when nothing is. */
function messageOf(run: () => void): string | null {
  try {
    run();
    return null;
  } catch (error) {
    if (error instanceof VarveError) return error.message;
    throw error;
  }
}

/** As the server stores it: every measurement with the request's database and its retention policy. */
function qualified(select: SelectStatement): SelectStatement {
  const measurement = (source: MeasurementSource): MeasurementSource => ({
    ...source,
    database: source.database || 'cases',
    retentionPolicy: source.retentionPolicy || 'autogen',
  });
  const { into } = select;
  return {
    ...select,
    into: into === null ? null : { ...into, measurement: measurement(into.measurement) },
    sources: select.sources.map(
      (source): Source =>
        source.kind === 'subquery' ? { ...source, statement: qualified(source.statement) } : measurement(source),
    ),
  };
}
