/**
 * Acknowledged means kept. A server under write load is killed with SIGKILL at random moments, many times in a row on
 * one directory, sometimes while it is still recovering from the last kill. After each start every acknowledged point
 * must be there with its value, and nothing that was never sent.
 *
 * Several writers use both protocols; thresholds are small, so that kills also hit flushes, merges and log rotation.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { instant, sampleValue } from './prometheus-client.ts';
import { encodeRemoteWrite } from './remote-write-request.ts';
import { type ServerProcess, sleep, startServer, temporaryDirectory } from './server-process.ts';

const KILLS = Number(process.env.VARVE_KILLS ?? 32);
const SEED = Number(process.env.VARVE_SEED ?? Date.now() % 1_000_000);
const WRITERS = 5;
const POINTS_PER_REQUEST = 40;
/** Points are ten seconds apart, so a writer goes through partitions as it goes on. */
const STEP_MS = 10_000;
const BASE_MS = Date.UTC(2024, 0, 1);

const SMALL = ['--memtable-size', '3MiB', '--flush-interval', '300ms', '--log-level', 'warn'];

/** A small random generator, so that a failing run can be repeated. */
function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** One writer: what it sent, and which of it was acknowledged. */
interface Writer {
  id: number;
  remote: boolean;
  /** Points sent so far; the next one's number. */
  sent: number;
  /** [from, to) ranges of point numbers that were acknowledged. */
  acknowledged: [number, number][];
}

/** The value of a writer's point: any mix-up of writers, points or fields shows. */
function pointValue(writer: number, point: number): number {
  return writer * 1e9 + point + 0.125;
}

function requestOf(writer: Writer, from: number, to: number): { path: string; body: Uint8Array<ArrayBuffer> } {
  if (writer.remote) {
    const samples = [];
    for (let n = from; n < to; n++) {
      samples.push({ timeMs: BASE_MS + n * STEP_MS, value: pointValue(writer.id, n) });
    }
    const labels: [string, string][] = [
      ['__name__', 'kill'],
      ['writer', String(writer.id)],
    ];
    return { path: '/api/v1/write', body: encodeRemoteWrite([{ labels, samples }]) };
  }
  const lines: string[] = [];
  for (let n = from; n < to; n++) {
    const value = pointValue(writer.id, n);
    lines.push(`kill,writer=${writer.id} value=${value},whole=${n}i ${BASE_MS + n * STEP_MS}000000`);
  }
  return { path: '/write', body: new TextEncoder().encode(lines.join('\n')) };
}

/** Writes without pause until the server is gone. */
async function writeUntilGone(url: string, writer: Writer, gone: () => boolean): Promise<void> {
  while (!gone()) {
    const from = writer.sent;
    const to = from + POINTS_PER_REQUEST;
    writer.sent = to;
    const { path, body } = requestOf(writer, from, to);
    try {
      const response = await fetch(url + path, { method: 'POST', body });
      await response.arrayBuffer();
      if (response.status === 204) writer.acknowledged.push([from, to]);
      else if (response.status !== 503) throw new Error(`status ${response.status}`);
    } catch (error) {
      if (error instanceof Error && error.message.startsWith('status')) throw error;
      await sleep(5);
    }
  }
}

/** Reads one writer's points back and holds them against what was sent. Returns how many acknowledged ones it found. */
async function verify(url: string, writer: Writer): Promise<number> {
  const lastMs = BASE_MS + writer.sent * STEP_MS;
  const rangeSec = (lastMs - BASE_MS) / 1000 + 10;
  const found = new Uint8Array(writer.sent);
  const fields: [string, (point: number) => number][] = [['kill', (n) => pointValue(writer.id, n)]];
  if (!writer.remote) fields.push(['kill_whole', (n) => n]);
  let count = 0;
  for (const [name, want] of fields) {
    found.fill(0);
    const series = await instant(url, `${name}{writer="${writer.id}"}[${rangeSec}s]`, lastMs / 1000);
    for (const [sec, text] of series[0]?.values ?? []) {
      const point = (sec * 1000 - BASE_MS) / STEP_MS;
      if (!Number.isInteger(point) || point < 0 || point >= writer.sent) {
        throw new Error(`writer ${writer.id}: ${name} has a point at ${sec} that was never sent`);
      }
      if (sampleValue(text) !== want(point)) {
        throw new Error(`writer ${writer.id}: point ${point} of ${name} is ${text}, not ${want(point)}`);
      }
      found[point] = 1;
    }
    for (const [from, to] of writer.acknowledged) {
      for (let point = from; point < to; point++) {
        if (found[point] === 0) throw new Error(`writer ${writer.id}: acknowledged point ${point} of ${name} is lost`);
        count++;
      }
    }
  }
  return count;
}

const { path: dataDir, remove } = temporaryDirectory('kill');
const writers: Writer[] = Array.from({ length: WRITERS }, (_, id) => ({
  id,
  remote: id % 2 === 1,
  sent: 0,
  acknowledged: [],
}));
const next = random(SEED);
let server: ServerProcess | undefined;

beforeAll(() => console.log(`seed ${SEED}, ${KILLS} kills`));

afterAll(async () => {
  await server?.stop('SIGKILL');
  remove();
});

test(`every acknowledged point is there after each of ${KILLS} kills`, { timeout: 600_000 }, async () => {
  let points = 0;
  for (let round = 0; round < KILLS; round++) {
    if (round % 5 === 4) await killWhileStarting();
    server = await startServer({ dataDir, args: SMALL });
    for (const writer of writers) await verify(server.url, writer);
    let gone = false;
    const url = server.url;
    const writing = writers.map((writer) => writeUntilGone(url, writer, () => gone));
    await sleep(50 + next() * 1000);
    await server.stop('SIGKILL');
    gone = true;
    await Promise.all(writing);
  }
  server = await startServer({ dataDir, args: SMALL });
  for (const writer of writers) points += await verify(server.url, writer);
  const files = await metric(server.url, 'varve_files');
  console.log(`${points} acknowledged values found after ${KILLS} kills, ${files} files`);
  expect(files, 'kills also met flushes').toBeGreaterThan(0);
  expect(points).toBeGreaterThan(KILLS * POINTS_PER_REQUEST);
  expect(await server.stop()).toBe(0);
});

test('a clean stop after all that keeps everything too', async () => {
  server = await startServer({ dataDir, args: SMALL });
  for (const writer of writers) await verify(server.url, writer);
  expect(await server.stop()).toBe(0);
});

/** Starts and kills before or around the moment it is ready. */
async function killWhileStarting(): Promise<void> {
  const starting = startServer({ dataDir, args: SMALL, skipReady: true });
  const early = await starting.catch(() => undefined);
  await sleep(next() * 150);
  await early?.stop('SIGKILL');
}

async function metric(url: string, name: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(text.match(new RegExp(`^${name} (.+)$`, 'm'))?.[1]);
}
