/** Statements about the schema over a small database with two policies. The answers are those of influxd 1.6.7. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Random } from '../../../bytes/random.ts';
import { ManualClock } from '../../../clock/clock.ts';
import type { Engine } from '../../../engine/engine.ts';
import { openInMemory } from '../../../engine/engine-in-memory.ts';
import { writeLines } from '../../../ingest/write-lines.ts';
import { parseStatements } from '../parser/parser.ts';
import { NO_SELECT_LIMITS } from '../select/context.ts';
import { newStatementContext, type RunningQuery } from '../statement-context.ts';
import { compareBytes } from './byte-order.ts';
import { executeSchema } from './execute.ts';
import { schemaViewOf } from './schema-view.ts';
import { SeriesSorter } from './series-order.ts';

const NOW_SEC = 1_700_000_000;

const LINES = `
cpu,host=a,dc=x usage=1,count=3i 1600000000000000000
cpu,host=b,dc=x usage=2,count=4i,ok=true 1600000060000000000
cpu,host=b,dc=y usage=2 1600700000000000000
cpu,host=c usage=5,note="hello" 1601400000000000000
mem,host=a,region=eu free=7i 1600000000000000000
mem,host=d,region=us free=8i 1601400000000000000
disk used=3 1600000000000000000
disk,path=/ used=3,total=9i -1000000000
we\\ ird,ta\\,g=v\\ 1 f\\ ield="q" 1600000000000000000
Zeta,host=a v=1 1600000000000000000
`;

const SECOND_LINES = `
cpu,host=z,rp=second usage=1,sec=3i 1600000000000000000
only2,host=q v=1i 1600000000000000000
`;

let engine: Engine;

async function load(): Promise<Engine> {
  const loaded = await openInMemory({ clock: new ManualClock(NOW_SEC * 1000) });
  loaded.createDatabase('d');
  loaded.createRetentionPolicy('d', 'second', {});
  loaded.createDatabase('empty');
  await writeLines(loaded, 'd', new TextEncoder().encode(LINES.trim()));
  await writeLines(loaded, 'd/second', new TextEncoder().encode(SECOND_LINES.trim()));
  return loaded;
}

beforeAll(async () => {
  engine = await load();
});

afterAll(async () => {
  await engine.close();
});

type Row = readonly unknown[];

/** Rows by the name of their series, or with its tags; the error as a text. */
async function run(
  text: string,
  on = engine,
  queries: readonly RunningQuery[] = [],
): Promise<Record<string, Row[]> | string> {
  const context = newStatementContext({
    engine: on,
    database: 'd',
    retentionPolicy: '',
    nowNs: BigInt(NOW_SEC) * 1_000_000_000n,
    signal: null,
    limits: NO_SELECT_LIMITS,
    workers: null,
    chunkRows: 1000,
    queries: { list: () => queries, kill: (id) => queries.some((query) => query.id === id) },
    assumedDatabase: 'default',
  });
  const answer: Record<string, Row[]> = {};
  try {
    for (const statement of parseStatements(text)) {
      const found = executeSchema(statement, context);
      if (found === null) throw new Error(`${text} is of no kind that is known here`);
      for await (const { name, tags, values, rows } of found.series) {
        const key = tags === null ? name : `${name} ${tags.map(([tag, value]) => `${tag}=${value}`).join()}`;
        answer[key] ??= [];
        for (let i = 0; i < rows; i++) {
          answer[key].push(values.map((column) => (column.kind === 'time' ? column.sec[i] : column.values[i])));
        }
      }
    }
  } catch (error) {
    return (error as Error).message;
  }
  return answer;
}

/** The rows of the only series, each its values with a space between them. */
async function list(text: string, on = engine): Promise<string[]> {
  const answer = await run(text, on);
  if (typeof answer === 'string') throw new Error(answer);
  return Object.values(answer).flatMap((rows) => rows.map((row) => row.join(' ')));
}

describe('measurements', () => {
  it.each([
    ['SHOW MEASUREMENTS', ['Zeta', 'cpu', 'disk', 'mem', 'only2', 'we ird']],
    ['SHOW MEASUREMENTS LIMIT 2 OFFSET 1', ['cpu', 'disk']],
    ['SHOW MEASUREMENTS WITH MEASUREMENT =~ /.*e.*/', ['Zeta', 'mem', 'we ird']],
    // Only measurements that have the tag at all.
    [`SHOW MEASUREMENTS WHERE host != 'a'`, ['only2']],
    [`SHOW MEASUREMENTS WHERE region !~ /./`, []],
    [`SHOW MEASUREMENTS WHERE host = 'a' AND region = 'eu'`, ['mem']],
    [`SHOW MEASUREMENTS WHERE _name = 'cpu' OR host = 'q'`, ['cpu', 'only2']],
    ['SHOW MEASUREMENTS ON nodb', []],
    ['SHOW MEASUREMENTS ON "default"', []],
  ])('%s', async (text, want) => {
    expect(await list(text)).toEqual(want);
  });
});

describe('series', () => {
  it.each([
    // The database of that name is there before anything is written to it.
    ['SHOW SERIES ON "default"', []],
    ['SHOW SERIES LIMIT 3 OFFSET 2', ['cpu,dc=x,host=b', 'cpu,dc=y,host=b', 'cpu,host=c']],
    // The index is one over all policies; with a time it is the policy's own.
    [`SHOW SERIES FROM second.cpu WHERE host =~ /z|c/`, ['cpu,host=c', 'cpu,host=z,rp=second']],
    [`SHOW SERIES FROM second.cpu WHERE time > 0`, ['cpu,host=z,rp=second']],
    [`SHOW SERIES WHERE time >= '2020-09-28'`, ['cpu,host=c', 'mem,host=d,region=us']],
    [`SHOW SERIES FROM cpu WHERE host != dc`, ['cpu,host=c', 'cpu,host=z,rp=second']],
    // Of a field, the index alone cannot say no.
    ['SHOW SERIES FROM Zeta WHERE v = 7', ['Zeta,host=a']],
    ['SHOW SERIES FROM Zeta WHERE time > 0 AND v = 7', []],
    [`SHOW SERIES FROM /we/`, ['we\\ ird,ta\\,g=v\\ 1']],
  ])('%s', async (text, want) => {
    expect(await list(text)).toEqual(want);
  });

  it('come in order whatever their tags, from the front', async () => {
    const own = await load();
    const seed = Number(process.env.VARVE_SEED ?? Date.now() % 1e9);
    const random = new Random(seed);
    const texts = ['a', 'b', 'a b', 'a!', 'aa', 'é', '￿', '😀', '1', '-'];
    const lines = Array.from({ length: 400 }, () => {
      const tags = ['k', 'k1', 'l', 'z'].filter(() => random.chance(0.6));
      const pairs = tags.map((tag) => `${tag}=${random.pick(texts).replace(' ', '\\ ')}`);
      return `${['m', ...pairs].join()} v=1 1`;
    });
    await writeLines(own, 'd', new TextEncoder().encode(lines.join('\n')));
    const database = own.database('d')!;
    const { index } = database;
    const flat = (ref: number) => {
      const { keys, values } = index.tags(ref);
      return keys.flatMap((key, i) => [key, values[i]]);
    };
    const compare = (a: string[], b: string[]): number => {
      for (let i = 0; i < a.length && i < b.length; i++) {
        const order = compareBytes(a[i], b[i]);
        if (order !== 0) return order;
      }
      return a.length - b.length;
    };
    const got = [...new SeriesSorter(database).inOrder(index.select('m', []))].flatMap((part) => [...part].map(flat));
    expect(got, `VARVE_SEED=${seed}`).toEqual([...index.select('m', [])].map(flat).sort(compare));
    const all = await list('SHOW SERIES FROM m', own);
    expect(await list('SHOW SERIES FROM m LIMIT 7 OFFSET 30', own)).toEqual(all.slice(30, 37));
    await own.close();
  });
});

describe('tags and fields', () => {
  it.each([
    ['SHOW TAG KEYS FROM mem, cpu LIMIT 2', { cpu: [['dc'], ['host']], mem: [['host'], ['region']] }],
    [`SHOW TAG KEYS WHERE host = 'c'`, { cpu: [['host']] }],
    // A time asks whether there is any partition, of whatever.
    [`SHOW TAG KEYS FROM mem WHERE time < 0`, { mem: [['host'], ['region']] }],
    [`SHOW TAG KEYS FROM mem WHERE time > now() - 1h`, {}],
    [
      'SHOW TAG VALUES WITH KEY IN (region, host, dc) LIMIT 2 OFFSET 3',
      {
        cpu: [
          ['host', 'b'],
          ['host', 'c'],
        ],
        mem: [['region', 'us']],
      },
    ],
    [`SHOW TAG VALUES WITH KEY = dc WHERE host = 'b' AND dc != 'x'`, { cpu: [['dc', 'y']] }],
    [`SHOW TAG VALUES WITH KEY !~ /o/ WHERE path = '/'`, { disk: [['path', '/']] }],
    // An OR of both kinds is an AND of the two.
    [`SHOW TAG VALUES WITH KEY = host WHERE _name = 'mem' OR dc = 'x'`, {}],
    [
      'SHOW FIELD KEYS FROM second././',
      {
        cpu: [
          ['sec', 'integer'],
          ['usage', 'float'],
        ],
        only2: [['v', 'integer']],
      },
    ],
    ['SHOW FIELD KEYS FROM cpu LIMIT 1 OFFSET 2', { cpu: [['ok', 'boolean']] }],
  ])('%s', async (text, want) => {
    expect(await run(text)).toEqual(want);
  });
});

describe('cardinalities', () => {
  it.each([
    ['SHOW SERIES CARDINALITY', { '': [[12]] }],
    ['SHOW SERIES EXACT CARDINALITY FROM cpu, second.cpu', { cpu: [[5]] }],
    ['SHOW MEASUREMENT CARDINALITY', { '': [[6]] }],
    ['SHOW MEASUREMENT EXACT CARDINALITY', { '': [[5]] }],
    ['SHOW SERIES EXACT CARDINALITY ON empty', {}],
    ['SHOW TAG KEY CARDINALITY FROM cpu', { cpu: [[2]] }],
    ['SHOW TAG VALUES CARDINALITY FROM cpu WITH KEY IN (host, dc)', { cpu: [[5]] }],
    [
      'SHOW TAG VALUES CARDINALITY FROM cpu WITH KEY = host GROUP BY dc',
      { 'cpu dc=': [[1]], 'cpu dc=x': [[2]], 'cpu dc=y': [[1]] },
    ],
    ['SHOW FIELD KEY CARDINALITY FROM cpu', { cpu: [[4]] }],
    ['SHOW SERIES EXACT CARDINALITY LIMIT 1 OFFSET 1', {}],
  ])('%s', async (text, want) => {
    expect(await run(text)).toEqual(want);
  });
});

describe('errors', () => {
  it.each([
    ['SHOW SERIES ON nodb', 'database not found: nodb'],
    ['SHOW SERIES FROM norp.cpu', 'retention policy not found: norp'],
    ['SHOW SERIES FROM cpu WHERE usage > 1', 'invalid tag comparison operator'],
    ['SHOW MEASUREMENTS WHERE host = 1', `right side of '=' must be a tag value string`],
    [`SHOW TAG VALUES WITH KEY = dc WHERE 'x' = dc`, `left side of '=' must be a tag key`],
    ['SHOW TAG VALUES WITH KEY = dc WHERE false', '&influxql.BooleanLiteral{Val:false}'],
    ['SHOW MEASUREMENTS WHERE time > 0', `SHOW MEASUREMENTS doesn't support time in WHERE clause`],
    ['SHOW TAG KEY CARDINALITY WHERE time > 0', `SHOW TAG KEY EXACT CARDINALITY doesn't support time in WHERE clause`],
    ['DROP SERIES FROM cpu WHERE time > 0', `DROP SERIES doesn't support time in WHERE clause`],
    ['KILL QUERY 99', 'no such query id: 99'],
  ])('%s', async (text, want) => {
    expect(await run(text)).toBe(want);
  });
});

it('deletions over all policies take series out of every list at once', async () => {
  const own = await load();
  await run(`DELETE FROM cpu WHERE time < '2020-09-14' AND host = 'b' AND dc = 'x'`, own);
  expect(await list('SHOW SERIES FROM cpu', own)).toEqual([
    'cpu,dc=x,host=a',
    'cpu,dc=y,host=b',
    'cpu,host=c',
    'cpu,host=z,rp=second',
  ]);
  await run(`DROP SERIES WHERE host =~ /a|z/`, own);
  expect(await list('SHOW TAG VALUES WITH KEY = host', own)).toEqual(['host b', 'host c', 'host d', 'host q']);
  // Fields stay as long as their measurement has series in the policy.
  expect(await list('SHOW FIELD KEYS FROM cpu', own)).toHaveLength(4);
  expect(await list('SHOW FIELD KEYS FROM second.cpu', own)).toEqual([]);
  await run('DROP MEASUREMENT cpu', own);
  expect(await list('SHOW MEASUREMENTS', own)).toEqual(['disk', 'mem', 'only2', 'we ird']);
  // What a comparison of a tag cannot mean is refused, rather than delete what nobody meant.
  expect(await run(`DELETE WHERE host > 'a'`, own)).toBe('invalid tag comparison operator');
  expect(await run('DELETE FROM mem WHERE free = 7', own)).toMatch(/^shard \d+: fields not supported in WHERE clause/);
  expect(await list('SHOW SERIES CARDINALITY', own)).toEqual(['5']);
  await own.close();
});

it('shards are partitions, and can be dropped by their number', async () => {
  const own = await load();
  const before = await list('SHOW SHARDS', own);
  const shard = before.find((line) => line.includes('2020-09-29'))!;
  await run(`DROP SHARD ${shard.split(' ')[0]}; DROP SHARD 1`, own);
  expect(await list('SHOW SHARDS', own)).toEqual(before.filter((line) => line !== shard));
  expect(await list('SHOW SERIES FROM mem', own)).toEqual(['mem,host=a,region=eu']);
  await own.close();
});

it('SHOW QUERIES rounds ages down as InfluxDB does', async () => {
  const query = { id: 7n, text: 'SELECT 1', database: 'd', status: 'running' } as const;
  const ages = [0.0154, 15.9, 3599_999, 3_661_000];
  const queries = ages.map((ageMs) => ({ ...query, ageMs }));
  const answer = (await run('SHOW QUERIES', engine, queries)) as Record<string, Row[]>;
  expect(answer[''].map((row) => row[3])).toEqual(['15µs', '15ms', '59m59s', '1h1m1s']);
  expect(await run('KILL QUERY 7', engine, queries)).toEqual({});
});

it('the view that SELECT asks knows types, and prefers the stronger', () => {
  const view = schemaViewOf((_, policy) => engine.resolve('d', policy));
  const source = { kind: 'measurement', database: '', retentionPolicy: '', name: 'cpu', regex: null } as const;
  expect(view.typeOf(source, 'usage')).toBe('float');
  expect(view.typeOf(source, 'host')).toBe('tag');
  expect(view.typeOf(source, 'sec')).toBeNull();
  expect(view.typeOf({ ...source, retentionPolicy: 'second' }, 'sec')).toBe('integer');
  const all = { ...source, name: '', regex: { kind: 'regex', pattern: '.*' } } as const;
  expect(view.measurements(all)).toEqual(['Zeta', 'cpu', 'disk', 'mem', 'we ird']);
  expect([...view.fieldsAndTags(all).tagKeys].sort()).toEqual(['dc', 'host', 'path', 'region', 'ta,g']);
});
