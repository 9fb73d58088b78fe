/** The commands that look into, check, repair and compact a data directory, on a real one that a real server wrote. */
import { closeSync, existsSync, openSync, readdirSync, readSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { instant } from './prometheus-client.ts';
import { runCommand, type ServerProcess, startServer, temporaryDirectory } from './server-process.ts';

const DAY_SEC = 86_400;
/** Noon of a day that has passed long since. */
const FIRST_SEC = 1_767_225_600 + DAY_SEC / 2;
const DAYS = 3;
const HOSTS = 20;
const ROWS = 400;

const { path: dataDir, remove } = temporaryDirectory('directory');
let server: ServerProcess | undefined;

afterAll(async () => {
  await server?.stop('SIGKILL');
  remove();
});

/** Rows whose values do not compress, so that data files have row groups of some size. */
function body(day: number): string {
  const lines: string[] = [];
  let state = day + 1;
  for (let host = 0; host < HOSTS; host++) {
    for (let n = 0; n < ROWS; n++) {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      lines.push(`load,host=h${host} value=${state / 4096} ${FIRST_SEC + day * DAY_SEC + n * 10}`);
    }
  }
  return lines.join('\n');
}

async function write(text: string): Promise<void> {
  const response = await fetch(`${server!.url}/write?precision=s`, { method: 'POST', body: text });
  expect(response.status).toBe(204);
}

/** Rows of each day that the server has. */
async function rowsByDay(): Promise<number[]> {
  const counts: number[] = [];
  for (let day = 0; day < DAYS; day++) {
    const series = await instant(server!.url, 'sum(count_over_time(load[6h]))', FIRST_SEC + day * DAY_SEC + 4 * 3600);
    counts.push(Number(series[0]?.value?.[1] ?? 0));
  }
  return counts;
}

function dataFiles(): string[] {
  const directory = join(dataDir, 'db/1');
  return readdirSync(directory)
    .filter((name) => name.endsWith('.tsm'))
    .map((name) => join(directory, name));
}

/** Inverts a bit in a part of a file, 0 … 1. */
function flip(path: string, part: number): void {
  const offset = Math.floor(statSync(path).size * part);
  const file = openSync(path, 'r+');
  const byte = Buffer.alloc(1);
  readSync(file, byte, 0, 1, offset);
  byte[0] ^= 4;
  writeSync(file, byte, 0, 1, offset);
  closeSync(file);
}

test('commands refuse a directory that a server has open, and one that is not there', async () => {
  server = await startServer({ dataDir });
  for (const command of [['doctor'], ['compact']]) {
    const { code, output } = await runCommand([...command, '--data', dataDir]);
    expect(code, output).toBe(3);
    expect(output).toMatch(/^varve: cannot .*/);
  }
  const nowhere = join(dataDir, 'nowhere');
  for (const command of [['doctor'], ['compact'], ['wal', 'dump']]) {
    const { code, output } = await runCommand([...command, '--data', nowhere]);
    expect([code, output]).toEqual([
      3,
      `varve: cannot use ${nowhere}: there is no such directory. Choose another with --data\n`,
    ]);
    const file = await runCommand([...command, '--data', join(dataDir, 'LOCK')]);
    expect(file.code).toBe(3);
    expect(file.output).toMatch(/^varve: cannot use .*: it is not a directory\. .*\n$/);
  }
  for (const command of [
    ['user', 'list'],
    ['token', 'list'],
  ]) {
    const { code, output } = await runCommand([...command, '--data', nowhere]);
    expect([code, output]).toEqual([1, expect.stringContaining('there is no such directory')]);
  }
  expect(existsSync(nowhere), 'a mistyped name makes no directory').toBe(false);
});

test('tsm dump names what is no data file, and goes on with the next', async () => {
  const paths = [join(dataDir, 'LOCK'), join(dataDir, 'nowhere.tsm')];
  const { code, output } = await runCommand(['tsm', 'dump', ...paths]);
  expect(code).toBe(3);
  expect(output.split('\n')).toEqual([
    `varve: cannot read ${paths[0]} at offset 0: it does not begin as a data file`,
    expect.stringContaining(`varve: cannot read ${paths[1]}: ENOENT`),
    '',
  ]);
});

test('wal dump prints segments and records of a server that was killed', async () => {
  for (let day = 0; day < DAYS; day++) await write(body(day));
  await server!.stop('SIGKILL');
  const { code, output } = await runCommand(['wal', 'dump', '--data', dataDir]);
  expect(code).toBe(0);
  expect(output).toMatch(/^segment 0000000000000001\.wal {2}\d+ bytes/m);
  expect(output).toMatch(/^ {2}\d+ {2}lsn 1 {2}definitions {2}database 1 {2}\d+ bytes$/m);
  expect(output).toMatch(/^ {2}\d+ {2}lsn \d+ {2}batch {2}database 1 {2}\d+ bytes$/m);
});

test('compact leaves one cold file per day, and tsm dump describes it', async () => {
  const compact = await runCommand(['compact', '--data', dataDir]);
  expect(compact.code, compact.output).toBe(0);
  expect(compact.output).toMatch(/^\d+ merges: \d+ bytes of data files before, \d+ after$/m);
  expect(dataFiles()).toHaveLength(DAYS);
  const { code, output } = await runCommand(['tsm', 'dump', '--series', dataFiles()[0]]);
  expect(code).toBe(0);
  expect(output).toContain('database default, partition 2026-01-01T00:00:00.000Z of 86400 s');
  expect(output).toContain(`cold, ${HOSTS} series, ${HOSTS * ROWS} rows, ${HOSTS * ROWS} values`);
  expect(output).toMatch(/^ {2}group 0 at \d+ {2}\d+ bytes/m);
  expect(output).toMatch(/^ {4}value {2}float {2}\S.* {2}\d+ bytes$/m);
  expect(output).toMatch(/^ {2}series \d+ {2}load,host=h0$/m);
  const doctor = await runCommand(['doctor', '--data', dataDir]);
  expect(doctor.output).toMatch(/1 databases, 3 files with 24000 rows in \d+ bytes, \d+ log records\n\nsound\n$/);
  expect(doctor.code).toBe(0);
});

test('the doctor says what a flipped bit costs, --repair puts the file aside, and the rest is served', async () => {
  server = await startServer({ dataDir });
  expect(await rowsByDay()).toEqual([HOSTS * ROWS, HOSTS * ROWS, HOSTS * ROWS]);
  expect(await server.stop()).toBe(0);
  const [, damaged] = dataFiles();
  flip(damaged, 0.3);
  const name = damaged.slice(dataDir.length + 1);
  const found = await runCommand(['doctor', '--data', dataDir]);
  expect(found.code).toBe(1);
  expect(found.output).toContain(`\n${name}\n  wrong: `);
  expect(found.output).toContain(
    `  lost:  ${HOSTS * ROWS} rows of ${HOSTS} series from 2026-01-02T12:00:00.000Z to 2026-01-02T13:06:30.000Z`,
  );
  expect(found.output).toContain('         load,host=h0\n');
  expect(found.output).toContain('--repair');
  const repaired = await runCommand(['doctor', '--data', dataDir, '--repair', '--json']);
  expect(repaired.code, repaired.output).toBe(0);
  const { findings } = JSON.parse(repaired.output) as {
    findings: { path: string; repaired: boolean; series: string[] }[];
  };
  expect(findings).toHaveLength(1);
  expect(findings[0]).toMatchObject({ path: name, repaired: true });
  expect(findings[0].series).toHaveLength(HOSTS);
  expect(readdirSync(join(dataDir, 'db/1/quarantine'))).toEqual([damaged.slice(damaged.lastIndexOf('/') + 1)]);
  expect((await runCommand(['doctor', '--data', dataDir])).output).toMatch(/\nsound\n$/);
  server = await startServer({ dataDir });
  expect(await rowsByDay()).toEqual([HOSTS * ROWS, 0, HOSTS * ROWS]);
  await write(body(1));
  expect(await rowsByDay(), 'the lost day may be written anew').toEqual([HOSTS * ROWS, HOSTS * ROWS, HOSTS * ROWS]);
  expect(await server.stop()).toBe(0);
});

test('damage inside a file fails the queries that need it, by the name of the file; others go on', async () => {
  const [first] = dataFiles();
  flip(first, 0.3);
  server = await startServer({ dataDir });
  const query = new URLSearchParams({ query: 'load', time: String(FIRST_SEC) });
  const answer = await fetch(`${server.url}/api/v1/query?${query}`);
  expect([answer.status, await answer.text()]).toEqual([
    500,
    expect.stringContaining(`cannot read ${first} at offset`),
  ]);
  const other = await instant(server.url, 'sum(count_over_time(load[6h]))', FIRST_SEC + 2 * DAY_SEC + 4 * 3600);
  expect(Number(other[0]?.value?.[1])).toBe(HOSTS * ROWS);
  expect(await server.stop()).toBe(0);
  flip(first, 0.3);
});

test('a start with a damaged file serves the rest, and says so in the log and in a metric', async () => {
  const [first] = dataFiles();
  flip(first, 0.9999);
  server = await startServer({ dataDir });
  expect(await rowsByDay()).toEqual([0, HOSTS * ROWS, HOSTS * ROWS]);
  await expect.poll(() => server?.output()).toContain(`"file":"${first.slice(first.lastIndexOf('/') + 1)}"`);
  await expect.poll(() => server?.output()).toContain('8000 rows of 20 series from 2026-01-01T12:00:00.000Z');
  const metrics = await (await fetch(`${server.url}/metrics`)).text();
  expect(metrics).toMatch(/^varve_quarantined_files(\{[^}]*\})? 1$/m);
  expect(await server.stop()).toBe(0);
});

test('a damaged index is rebuilt from the files; a damaged manifest or catalog stops the start and is named', async () => {
  flip(join(dataDir, 'db/1/index.log'), 0.5);
  server = await startServer({ dataDir });
  expect(await rowsByDay()).toEqual([0, HOSTS * ROWS, HOSTS * ROWS]);
  await expect.poll(() => server?.output()).toContain('rebuilding the index from 2 data files');
  expect(await server.stop()).toBe(0);
  for (const name of ['db/1/MANIFEST', 'CATALOG']) {
    flip(join(dataDir, name), 0.5);
    const refusal = new RegExp(`cannot read ${join(dataDir, name)}: (wrong checksum|it is damaged)`);
    await expect(startServer({ dataDir }), name).rejects.toThrow(refusal);
    flip(join(dataDir, name), 0.5);
  }
  server = await startServer({ dataDir });
  expect(await rowsByDay()).toEqual([0, HOSTS * ROWS, HOSTS * ROWS]);
  expect(await server.stop()).toBe(0);
});
