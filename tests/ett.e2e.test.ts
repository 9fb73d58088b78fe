/**
 * A real data set through the whole path: posted by curl whole and in pieces, read back by range queries, before and
 * after a restart. Every value must come back with every bit, and every bit is compared with the text that went in.
 */
import { execFile, spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { haveFile, havePrograms } from './peers.ts';
import { ask, sampleValue } from './prometheus-client.ts';
import { type ServerProcess, startServer, temporaryDirectory } from './server-process.ts';
import { ROOT } from './source-tree.ts';

const SOURCE = resolve(ROOT, '../shared/data/ett.lp.gz');
const FIELD_VALUES = 243_880;
const STEP_SEC = 3600;
const POINTS_PER_QUERY = 10_000;

const run = promisify(execFile);

/** "station field" → second → the bits of the value. */
type Expected = Map<string, Map<number, bigint>>;

const bits = new DataView(new ArrayBuffer(8));

function bitsOf(value: number): bigint {
  bits.setFloat64(0, value);
  return bits.getBigUint64(0);
}

function parseExpected(text: string): { expected: Expected; firstSec: number; lastSec: number } {
  const expected: Expected = new Map();
  let firstSec = Infinity;
  let lastSec = -Infinity;
  for (const line of text.split('\n')) {
    if (line === '') continue;
    const [head, fields, time] = line.split(' ');
    const station = head.slice('ett,station='.length);
    const sec = Number(time.slice(0, -9));
    firstSec = Math.min(firstSec, sec);
    lastSec = Math.max(lastSec, sec);
    for (const field of fields.split(',')) {
      const [name, value] = field.split('=');
      const key = `${station} ${name}`;
      let column = expected.get(key);
      if (column === undefined) {
        column = new Map();
        expected.set(key, column);
      }
      column.set(sec, bitsOf(Number(value)));
    }
  }
  return { expected, firstSec, lastSec };
}

const ready = haveFile(SOURCE) && havePrograms('curl');

describe.skipIf(!ready)('the ETT data set', () => {
  const { path: directory, remove } = temporaryDirectory('ett');
  const dataDir = join(directory, 'data');
  let server: ServerProcess;
  let text: string;
  let want: ReturnType<typeof parseExpected>;

  beforeAll(async () => {
    text = gunzipSync(readFileSync(SOURCE)).toString();
    want = parseExpected(text);
    server = await startServer({ dataDir });
  });

  afterAll(async () => {
    await server.stop();
    remove();
  });

  /** Reads everything back in slices of the time range and compares bits; the number of values that were equal. */
  async function compareAll(db: string): Promise<number> {
    const span = POINTS_PER_QUERY * STEP_SEC;
    let equal = 0;
    const wrong: string[] = [];
    for (let start = want.firstSec; start <= want.lastSec; start += span) {
      const end = Math.min(start + span - STEP_SEC, want.lastSec);
      const query = '{__name__=~"ett_.+"}';
      const parameters = { query, start: String(start), end: String(end), step: String(STEP_SEC), db };
      const { data } = await ask(server.url, 'query_range', parameters);
      for (const { metric, values } of data.result) {
        const column = want.expected.get(`${metric.station} ${metric.__name__.slice('ett_'.length)}`);
        for (const [sec, value] of values ?? []) {
          if (column?.get(sec) === bitsOf(sampleValue(value))) equal++;
          else wrong.push(`${JSON.stringify(metric)} at ${sec}: ${value}`);
        }
      }
    }
    expect(wrong.slice(0, 10)).toEqual([]);
    return equal;
  }

  test('has as many values as it says', () => {
    let count = 0;
    for (const column of want.expected.values()) count += column.size;
    expect(count).toBe(FIELD_VALUES);
  });

  test('posted whole by curl, in one request', async () => {
    const file = join(directory, 'ett.lp');
    writeFileSync(file, text);
    const { stdout } = await run('curl', [
      '-sS',
      '-o',
      '-',
      '-w',
      '%{http_code}',
      '--data-binary',
      `@${file}`,
      `${server.url}/write?db=whole`,
    ]);
    expect(stdout).toBe('204');
    expect(await compareAll('whole')).toBe(FIELD_VALUES);
  });

  test('posted in pieces, plain, gzip and chunked', async () => {
    const lines = text.split('\n').filter((line) => line !== '');
    const pieceLines = 5000;
    let piece = 0;
    for (let i = 0; i < lines.length; i += pieceLines, piece++) {
      const body = `${lines.slice(i, i + pieceLines).join('\n')}\n`;
      const zipped = piece % 3 === 1;
      const child = spawn(zipped ? 'gzip' : 'cat', zipped ? ['-c'] : [], { stdio: ['pipe', 'pipe', 'inherit'] });
      const headers = [
        ...(zipped ? ['-H', 'Content-Encoding: gzip'] : []),
        ...(piece % 3 === 2 ? ['-H', 'Transfer-Encoding: chunked'] : []),
      ];
      const code = await new Promise<string>((done, failed) => {
        const curl = spawn(
          'curl',
          [
            '-sS',
            '-o',
            '/dev/null',
            '-w',
            '%{http_code}',
            ...headers,
            '--data-binary',
            '@-',
            `${server.url}/write?db=pieces`,
          ],
          { stdio: [child.stdout, 'pipe', 'inherit'] },
        );
        let out = '';
        curl.stdout.setEncoding('utf8').on('data', (chunk: string) => {
          out += chunk;
        });
        curl.once('error', failed);
        curl.once('close', () => done(out));
        child.stdin.end(body);
      });
      expect(code).toBe('204');
    }
    expect(piece).toBe(7);
    expect(await compareAll('pieces')).toBe(FIELD_VALUES);
  });

  test('is the same after a restart', async () => {
    expect(await server.stop()).toBe(0);
    server = await startServer({ dataDir });
    expect(await compareAll('whole')).toBe(FIELD_VALUES);
    expect(await compareAll('pieces')).toBe(FIELD_VALUES);
  });

  test('is the same after kill -9', async () => {
    await server.stop('SIGKILL');
    server = await startServer({ dataDir });
    expect(await compareAll('whole')).toBe(FIELD_VALUES);
    expect(await compareAll('pieces')).toBe(FIELD_VALUES);
  });
});
