/**
 * As at-once.fuzz.test.ts, over HTTP and with SIGKILL: writers of both protocols with series in common that overwrite
 * each other's neighbours and their own rows, deletions, dropped databases, snapshots and merges meet on a server with
 * tiny limits, which is killed again and again. Then every row must be as it was acknowledged last, and no other there.
 *
 * An actor waits for each answer before it does the next thing to its rows, so what it knows is in order. What was not
 * answered may have happened or not, and the next start shows which.
 */
import { afterAll, expect, test } from 'vitest';
import { Random } from '../bytes/random.ts';
import { encodeRemoteWrite } from './remote-write-request.ts';
import { type ServerProcess, sleep, startServer, temporaryDirectory } from './server-process.ts';

const KILLS = Number(process.env.VARVE_AT_ONCE_KILLS ?? 4);
const SEED = Number(process.env.VARVE_SEED ?? Date.now() % 1_000_000);
const BASE_SEC = Math.floor(Date.now() / 3_600_000) * 3600 - 4 * 3600;
const SERIES = ['s0', 's1', 's2', 's3'];
const SLOTS = 600;
const WRITERS = 6;

const TINY = [
  ...['--memtable-size', '1MiB', '--wal-segment-size', '128KiB', '--flush-interval', '100ms'],
  ...['--maintenance-interval', '50ms', '--partition-duration', '1h', '--enable-admin-api', '--log-level', 'error'],
];

const { path: dataDir, remove } = temporaryDirectory('at-once-kill');
let server: ServerProcess | undefined;
let nextValue = 1;

afterAll(async () => {
  await server?.stop('SIGKILL');
  remove();
});

/** What is known of one row. */
interface Cell {
  /** As acknowledged last; null: not there. */
  known: number | null;
  /** What was not answered since. */
  maybe: (number | null)[];
}

/** The server is gone, or does not take this now. */
class Unanswered extends Error {}

async function post(
  url: string,
  path: string,
  body?: string | URLSearchParams | Uint8Array<ArrayBuffer>,
): Promise<string> {
  let response: Response;
  let text: string;
  try {
    response = await fetch(url + path, { method: 'POST', body });
    text = await response.text();
  } catch (cause) {
    throw new Unanswered('gone', { cause });
  }
  if (response.status === 503) throw new Unanswered(text);
  if (!response.ok || text.includes('"error"')) throw new Error(`${path}: ${response.status} ${text}`);
  return text;
}

/** Rows of one actor in one database, by series and second. */
class Rows {
  readonly cells = new Map<string, Cell>();
  readonly database: string;

  constructor(database: string) {
    this.database = database;
  }

  /** Does what gives these rows their values, and notes how it ended. */
  async change(changes: ReadonlyMap<string, number | null>, send: () => Promise<unknown>): Promise<void> {
    const cells = [...changes].map(([key, value]) => {
      const cell = this.cells.get(key) ?? { known: null, maybe: [] };
      this.cells.set(key, cell);
      cell.maybe.push(value);
      return { cell, value };
    });
    await send();
    for (const { cell, value } of cells) {
      cell.known = value;
      cell.maybe = [];
    }
  }

  /** Compares with what a start has found; that is known from then on. Returns how many rows were there. */
  settle(found: ReadonlyMap<string, number>): number {
    let rows = 0;
    for (const [key, cell] of this.cells) {
      const value = found.get(key) ?? null;
      if (value !== cell.known && !cell.maybe.includes(value)) {
        const wanted = [cell.known, ...cell.maybe].join(' or ');
        throw new Error(`${this.database} ${key} is ${value}, not ${wanted}`);
      }
      cell.known = value;
      cell.maybe = [];
      if (value !== null) rows++;
    }
    return rows;
  }
}

/** Some rows by a writer's own seconds, as both protocols write them. */
async function write(url: string, rows: Rows, random: Random, series: readonly string[], owner: number): Promise<void> {
  const changes = new Map<string, number>();
  const one = random.pick(series);
  const isRemote = random.chance(0.4);
  for (let n = 1 + random.below(60); n > 0; n--) {
    const slot = random.below(SLOTS / WRITERS) * WRITERS + owner;
    changes.set(`${isRemote ? one : random.pick(series)} ${BASE_SEC + slot * 20}`, nextValue++ + 0.5);
  }
  const points = [...changes].map(([key, value]) => ({
    name: key.split(' ')[0],
    sec: Number(key.split(' ')[1]),
    value,
  }));
  await rows.change(changes, () => {
    if (!isRemote) {
      const lines = points.map(({ name, sec, value }) => `m,s=${name} value=${value} ${sec}`).join('\n');
      return post(url, `/write?precision=s&db=${rows.database}`, lines);
    }
    const labels: [string, string][] = [
      ['__name__', 'm'],
      ['s', one],
    ];
    const samples = points.map(({ sec, value }) => ({ timeMs: sec * 1000, value })).sort((a, b) => a.timeMs - b.timeMs);
    return post(url, `/db/${rows.database}/api/v1/write`, encodeRemoteWrite([{ labels, samples }]));
  });
}

const statement = (url: string, database: string, q: string) =>
  post(url, `/query?db=${database}`, new URLSearchParams({ q }));

/** Series of its own, written and deleted in turns. */
async function writeAndDelete(url: string, rows: Rows, random: Random): Promise<void> {
  const name = `deleted${random.below(5)}`;
  if (random.chance(0.6)) return await write(url, rows, random, [name], 0);
  const isAll = random.chance(0.5);
  const fromSec = BASE_SEC + random.below(SLOTS) * 20;
  const changes = new Map<string, null>();
  for (const key of rows.cells.keys()) {
    const [series, sec] = key.split(' ');
    if (series === name && (isAll || Number(sec) >= fromSec)) changes.set(key, null);
  }
  const condition = isAll ? '' : ` AND time >= ${fromSec}s`;
  await rows.change(changes, () => statement(url, rows.database, `DELETE FROM m WHERE s = '${name}'${condition}`));
}

/** A database that comes, is written to and goes. */
async function writeAndDrop(url: string, rows: Rows, random: Random): Promise<void> {
  if (random.chance(0.9)) return await write(url, rows, random, SERIES, 0);
  const changes = new Map([...rows.cells.keys()].map((key): [string, null] => [key, null]));
  await rows.change(changes, () => statement(url, rows.database, `DROP DATABASE "${rows.database}"`));
}

/** Asks for what goes on beside the writing. */
async function disturb(url: string, random: Random): Promise<void> {
  const choice = random.below(10);
  if (choice < 5) await post(url, '/api/v1/admin/tsdb/clean_tombstones');
  else if (choice < 6) await post(url, '/api/v1/admin/tsdb/snapshot');
  else await post(url, '/api/v1/query?db=one', new URLSearchParams({ query: 'sum(count_over_time(m[6h]))' }));
  await sleep(random.below(60));
}

/** All rows of a database. Throws when one comes twice. */
async function readAll(url: string, database: string): Promise<Map<string, number>> {
  const text = await post(
    url,
    `/query?db=${database}&epoch=s`,
    new URLSearchParams({ q: 'SELECT value FROM m GROUP BY s' }),
  );
  const { results } = JSON.parse(text) as {
    results: { series?: { tags: { s: string }; values: [number, number][] }[] }[];
  };
  const found = new Map<string, number>();
  for (const { tags, values } of results[0].series ?? []) {
    for (const [sec, value] of values) {
      const key = `${tags.s} ${sec}`;
      if (found.has(key)) throw new Error(`${database} ${key} is there twice`);
      found.set(key, value);
    }
  }
  return found;
}

test(`after each of ${KILLS} kills every row is as it was acknowledged last`, {
  timeout: 60_000 + KILLS * 20_000,
}, async () => {
  console.log(`seed ${SEED}`);
  const random = new Random(SEED);
  const own = Array.from({ length: WRITERS }, (_, owner) => ({
    owner,
    rows: new Rows(owner % 2 === 0 ? 'one' : 'two'),
  }));
  const deleting = [new Rows('one'), new Rows('two')];
  const dropping = new Rows('gone');
  const all = [...own.map(({ rows }) => rows), ...deleting, dropping];
  let rows = 0;
  const check = async (url: string) => {
    rows = 0;
    for (const database of ['one', 'two', 'gone']) {
      const known = (await post(url, '/query', new URLSearchParams({ q: 'SHOW DATABASES' }))).includes(
        `["${database}"]`,
      );
      const found = known ? await readAll(url, database) : new Map<string, number>();
      const here = all.filter((each) => each.database === database);
      for (const each of here) rows += each.settle(found);
      const keys = new Set(here.flatMap(({ cells }) => [...cells.keys()]));
      for (const key of found.keys()) if (!keys.has(key)) throw new Error(`${database} ${key} was never written`);
    }
  };
  for (let round = 0; round < KILLS; round++) {
    server = await startServer({ dataDir, args: TINY });
    const { url } = server;
    await check(url);
    let isOver = false;
    const repeat = async (act: () => Promise<void>) => {
      while (!isOver) {
        try {
          await act();
        } catch (error) {
          if (!(error instanceof Unanswered)) throw error;
          await sleep(5);
        }
      }
    };
    const actors = Promise.all([
      ...own.map(({ owner, rows: mine }) => repeat(() => write(url, mine, random, SERIES, owner))),
      ...deleting.map((mine) => repeat(() => writeAndDelete(url, mine, random))),
      repeat(() => writeAndDrop(url, dropping, random)),
      ...[0, 1].map(() => repeat(() => disturb(url, random))),
    ]);
    await Promise.race([actors, sleep(200 + random.below(1800))]);
    await server.stop('SIGKILL');
    isOver = true;
    await actors;
  }
  server = await startServer({ dataDir, args: TINY });
  await check(server.url);
  console.log(`${rows} rows are there after ${KILLS} kills`);
  expect(rows).toBeGreaterThan(0);
  expect(await server.stop()).toBe(0);
  server = await startServer({ dataDir, args: TINY });
  await check(server.url);
  expect(await server.stop()).toBe(0);
});
