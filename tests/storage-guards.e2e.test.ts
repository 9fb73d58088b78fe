/** What guards the data of a real server: retention per database, a nearly full disk, one that fails, damaged files. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { instant } from './prometheus-client.ts';
import { sleep, startServer, temporaryDirectory } from './server-process.ts';

const { path: directory, remove } = temporaryDirectory('storage-guards');
afterAll(remove);

const DAY_SEC = 86_400;

async function writeLines(url: string, lines: string): Promise<Response> {
  return fetch(`${url}/write?precision=s`, { method: 'POST', body: lines });
}

async function databases(url: string): Promise<Record<string, unknown>[]> {
  const { data } = (await (await fetch(`${url}/api/v1/databases`)).json()) as { data: Record<string, unknown>[] };
  return data;
}

test('a retention set over HTTP drops what is older, in that database alone, and outlives a restart', async () => {
  const dataDir = join(directory, 'retention');
  const args = ['--enable-admin-api'];
  const now = Math.floor(Date.now() / 1000);
  const old = now - 40 * DAY_SEC;
  const first = await startServer({ dataDir, args });
  for (const name of ['short', 'long']) {
    expect((await writeLines(`${first.url}/db/${name}`, `m v=1 ${old}\nm v=2 ${now}`)).status).toBe(204);
  }
  expect(await first.stop()).toBe(0);

  const second = await startServer({ dataDir, args });
  const set = (name: string, retention: string) =>
    fetch(`${second.url}/api/v1/databases/${name}?retention=${retention}`, { method: 'PUT' }).then((r) => r.status);
  expect(await set('short', 'soon')).toBe(400);
  expect(await set('none', '30d')).toBe(404);
  expect(await set('short', '30d')).toBe(200);
  while ((await databases(second.url)).find(({ name }) => name === 'short')?.files !== 1) await sleep(50);
  expect(await instant(`${second.url}/db/short`, 'm_v', old)).toEqual([]);
  expect(await instant(`${second.url}/db/short`, 'm_v', now)).toHaveLength(1);
  expect(await instant(`${second.url}/db/long`, 'm_v', old)).toHaveLength(1);
  expect(await second.stop()).toBe(0);

  const third = await startServer({ dataDir });
  const listed = await databases(third.url);
  expect(listed.find(({ name }) => name === 'short')).toMatchObject({ retentionMs: 30 * DAY_SEC * 1000 });
  expect(listed.find(({ name }) => name === 'long')).toMatchObject({ retentionMs: 0, retentionIsDefault: true });
  const refused = await fetch(`${third.url}/api/v1/databases/long?retention=1d`, { method: 'PUT' });
  expect(refused.status).toBe(503);
  expect(await third.stop()).toBe(0);
});

test('below the reserve of disk space writes are refused with the reason, and reading goes on', async () => {
  const dataDir = join(directory, 'reserve');
  const first = await startServer({ dataDir });
  expect((await writeLines(first.url, 'm v=1 100')).status).toBe(204);
  expect(await first.stop()).toBe(0);

  const second = await startServer({ dataDir, args: ['--disk-reserve', '4096TiB'], skipReady: true });
  let why = '';
  for (let tries = 0; tries < 200 && !why.includes('in reserve'); tries++) {
    await sleep(50);
    const ready = await fetch(`${second.url}/-/ready`).catch(() => null);
    if (ready !== null) {
      expect(ready.status).toBe(503);
      why = await ready.text();
    }
  }
  expect(why).toMatch(/^Varve is not ready: cannot take writes: \d+ bytes are free .* are kept in reserve\n$/);
  const refused = await writeLines(second.url, 'm v=2 200');
  expect(refused.status).toBe(503);
  expect(refused.headers.get('retry-after')).not.toBeNull();
  expect(await refused.text()).toContain('are kept in reserve');
  expect((await fetch(`${second.url}/health`)).status).toBe(200);
  expect(await instant(second.url, 'm_v', 100)).toHaveLength(1);
  expect(await second.stop()).toBe(0);
});

test('a file with a damaged footer is put aside at start; a damaged frame is told when it is read', async () => {
  const dataDir = join(directory, 'damage');
  const first = await startServer({ dataDir });
  for (const day of [0, 1, 2]) expect((await writeLines(first.url, `m v=${day} ${day * DAY_SEC}`)).status).toBe(204);
  expect(await first.stop()).toBe(0);
  const files = join(dataDir, 'db/1');
  const flip = (day: number, fromEnd: boolean) => {
    const name = readdirSync(files).find((each) => each.startsWith(`${day * DAY_SEC}-`)) as string;
    const bytes = readFileSync(join(files, name));
    bytes[fromEnd ? bytes.length - 10 : 10] ^= 1;
    writeFileSync(join(files, name), bytes);
    return name;
  };
  const aside = flip(0, true);
  const damaged = flip(1, false);

  const second = await startServer({ dataDir });
  expect(readdirSync(join(files, 'quarantine'))).toEqual([aside]);
  await expect.poll(() => second.output()).toContain('the rest is served');
  expect(await (await fetch(`${second.url}/metrics`)).text()).toContain('\nvarve_quarantined_files 1\n');
  expect(await instant(second.url, 'm_v', 2 * DAY_SEC)).toHaveLength(1);
  const answer = await fetch(`${second.url}/api/v1/query?query=m_v&time=${DAY_SEC}`);
  expect(answer.status).toBe(500);
  expect(await answer.text()).toMatch(new RegExp(`cannot read .*${damaged} at offset \\d+: checksum mismatch`));
  await expect.poll(() => second.output()).toContain('varve doctor');
  expect(await second.stop()).toBe(0);
});

test('a query of more data files than may be open says so, and takes no descriptor from anybody', async () => {
  const dataDir = join(directory, 'descriptors');
  const options = { dataDir, ulimit: '-n 1700', args: ['--query-lookback', '5m'] };
  const first = await startServer(options);
  const lines = Array.from({ length: 900 }, (_, day) => `m v=${day} ${day * DAY_SEC}`);
  expect((await writeLines(first.url, lines.join('\n'))).status).toBe(204);
  expect(await first.stop()).toBe(0);

  const second = await startServer(options);
  const sum = async (where: string): Promise<{ error?: string; series?: { values: number[][] }[] }> => {
    const q = `SELECT sum(v) FROM m ${where}`;
    const answer = await fetch(`${second.url}/query?db=default&q=${encodeURIComponent(q)}`);
    return ((await answer.json()) as { results: { error?: string; series?: { values: number[][] }[] }[] }).results[0];
  };
  const refusal = 'cannot read more than 850 data files at once: ask for a shorter time range';
  expect((await sum('')).error).toContain(refusal);
  const promql = await fetch(`${second.url}/api/v1/query?query=sum_over_time(m_v[900d])&time=${900 * DAY_SEC}`);
  expect(promql.status).toBe(422);
  expect(await promql.text()).toContain(refusal);
  const half = await sum(`WHERE time < ${450 * DAY_SEC}s`);
  expect(half.series?.[0].values[0][1]).toBe((450 * 449) / 2);
  expect((await instant(second.url, 'm_v', 899 * DAY_SEC)).length).toBe(1);
  expect(readdirSync(`/proc/${second.child.pid}/fd`).length).toBeLessThan(850);
  expect((await writeLines(second.url, `m v=1 ${900 * DAY_SEC}`)).status).toBe(204);
  expect(await second.stop()).toBe(0);
}, 60_000);

test('a log that cannot be written ends the process with a reason, and what was acknowledged is there again', async () => {
  const dataDir = join(directory, 'failing');
  // Files end at 100 KiB: an error of the disk that is not for want of space.
  const first = await startServer({ dataDir, ulimit: '-f 200' });
  let acknowledged = 0;
  for (let n = 0; n < 40; n++) {
    const lines = Array.from(
      { length: 500 },
      (_, i) => `m,host=h${i} v=${Math.sqrt(n * 1000 + i)} ${1_700_000_000 + n}`,
    );
    const answer = await writeLines(first.url, lines.join('\n')).catch(() => null);
    if (answer?.status !== 204) break;
    acknowledged++;
  }
  expect(acknowledged).toBeGreaterThan(0);
  expect(acknowledged).toBeLessThan(40);
  expect(await first.exited).toBe(1);
  expect(first.output()).toMatch(/^varve: FATAL: cannot write to the log: EFBIG/m);

  const second = await startServer({ dataDir });
  const [{ value }] = await instant(second.url, 'sum(count_over_time(m_v[1h]))', 1_700_000_100);
  expect(Number(value?.[1])).toBeGreaterThanOrEqual(acknowledged * 500);
  expect(await second.stop()).toBe(0);
});
