/**
 * The same lines to a real influxd and to the parser: both take or refuse them alike, for the same reason, and what is
 * read back is the same, but for the differences listed with their reasons. Skipped where influxd is not installed.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Batch } from '../batch/batch.ts';
import { SeriesIndex } from '../index/series-index.ts';
import { readBatch } from './batch-reader.ts';
import { parseLines } from './line-parser.ts';
import { floatText, type ReferenceValue, seriesJson } from './reference-parser.ts';
import { parsePrecision } from './timestamp.ts';

const INFLUXD = '/usr/bin/influxd';

/** Lines on which both must agree. One body each; some have several lines. */
const SAME: string[] = [
  // Numbers.
  ...[
    '1',
    '1.',
    '.5',
    '-.5',
    '1.5',
    '-1.5',
    '1e5',
    '1E5',
    '1e+5',
    '1e-5',
    '1.e5',
    '-0',
    '-0.0',
    '00012',
    '1e0005',
    '1e-400',
    '0.0',
  ],
  ...[
    '+1',
    '+1.5',
    'NaN',
    'nan',
    'NAN',
    'inf',
    'Inf',
    '+Inf',
    '-Inf',
    '-inf',
    'infinity',
    '1e400',
    '-1e400',
    '1e',
    '1e+',
    '1e5.',
    '1.5.5',
  ],
  ...[
    '-',
    '+',
    '.',
    '-.',
    '0x10',
    '1_000',
    '1a',
    '1-2',
    '1e5-2',
    'e5',
    '.e5',
    '-e5',
    '5f',
    '--1',
    '1,',
    '1 x',
    '1"',
    '1;',
    'N',
    'n',
  ],
  ...[
    '5.827000141143799',
    '0.46200001239776611',
    '1.7976931348623157e308',
    '2.2250738585072011e-308',
    '4.9e-324',
    '9007199254740993',
  ],
  ...['9007199254740992.5', '123456789012345678', '0.1000000000000000055511151231257827', '179769313486231580793e289'],
  // Integers.
  ...['0i', '-0i', '5i', '-5i', '0012i', '9007199254740993i', '9223372036854775807i', '-9223372036854775808i'],
  ...[
    '9223372036854775808i',
    '-9223372036854775809i',
    '99999999999999999999999i',
    '+5i',
    '1.0i',
    '1.i',
    '1e3i',
    '1i2',
    '1ii',
    'i',
    '-i',
  ],
  // Booleans.
  ...[
    't',
    'T',
    'true',
    'True',
    'TRUE',
    'f',
    'F',
    'false',
    'False',
    'FALSE',
    'tRUE',
    'TRue',
    'tr',
    'truee',
    'fa',
    'FALSe',
    'yes',
    't1',
  ],
  // Strings.
  ...[
    '""',
    '"a"',
    '"a b,c=d"',
    '"\\"a\\""',
    '"a\\\\b"',
    '"a\\nb"',
    '"\\\\"',
    '"a\nb"',
    '"# x"',
    '"ü🌤"',
    '"\t"',
    '"',
    '"\\"',
    "'a'",
    '"a',
    'a"b"',
  ],
]
  .map((value) => `m v=${value} 1`)
  .concat([
    // Keys.
    'm',
    'm ',
    'm,a=b',
    'm,a=b ',
    ',a=b v=1',
    'm,',
    'm, v=1',
    'm,a v=1',
    'm,a= v=1',
    'm,=b v=1',
    'm,a=b, v=1',
    'm,a=b,,c=d v=1',
    'm,a=b=c v=1 1',
    'm,a==b v=1 1',
    'm,a=b,c v=1',
    'm, a=b v=1',
    'm ,v=1',
    '=m v=1 1',
    'm= v=1 1',
    '"m" v=1 1',
    '"m x" v=1 1',
    'm\\,x v=1 1',
    'm\\ x v=1 1',
    'm\\=x v=1 1',
    'm\\"x v=1 1',
    'm\\x v=1 1',
    'm\\\\x v=1 1',
    'm\\ v=1 1',
    'm\\',
    '\\m v=1 1',
    'm,a\\,b=c v=1 1',
    'm,a\\ b=c v=1 1',
    'm,a\\=b=c v=1 1',
    'm,a\\b=c v=1 1',
    'm,a"b=c"d v=1 1',
    'm,a=b\\,c v=1 1',
    'm,a=b\\ c v=1 1',
    'm,a=b\\=c v=1 1',
    'm,a=b\\c v=1 1',
    'm,a=b\\\\c v=1 1',
    'm,a=b\\ v=1 1',
    'm,a=\\ v=1',
    'm,a=b\\,c=d v=1 1',
    'm,a=b\\\\,c=d v=1 1',
    'm,stadt=Köln,ü=ö v=1 1',
    'm\tx v=1 1',
    'm,a=b\tc v=1 1',
    'mü v=1 1',
    // Tags.
    'm,b=1,a=2 v=1 1',
    'm,a=1,a=2 v=1 1',
    'm,b=1,a=2,b=3 v=1 1',
    'm,time=x v=1 1',
    'm,A=1,a=2,Z=3,_=4 v=1 1',
    'm,a-b=1,a=2,ab=3 v=1 1',
    // Fields.
    'm v',
    'm v=',
    'm v= 1',
    'm v=,w=1 1',
    'm =1 1',
    'm v=1,=2 1',
    'm v=1, 1',
    'm v=1,,w=2 1',
    'm v=1,w 1',
    'm v,w=1 1',
    'm v=1 w=2',
    'm v=1=2 1',
    'm v==1 1',
    'm \\=1 1',
    'm a\\,b=1,c\\ d=2,e\\=f=3,g\\"h=4,i\\j=5 1',
    'm "v"=1 1',
    'm "v w"=1 1',
    'm v=1,w=2i,x=t,y="z" 1',
    'm v\tw=1 1',
    'm v=1,v=2 1',
    'm v=1i,w=2,v=3i 1',
    'm v=1,v="x" 1',
    'm time=5 1',
    'm time=5,v=1 7',
    'm v=1,time="x" 7',
    'm ü=1 1',
    'm #=1 1',
    // Timestamps.
    'm v=1 0',
    'm v=1 -0',
    'm v=1 -5',
    'm v=1 0001',
    'm v=1 +5',
    'm v=1 1e3',
    'm v=1 1.0',
    'm v=1 --1',
    'm v=1 -',
    'm v=1 x',
    'm v=1 1x',
    'm v=1 1 2',
    'm v=1 9223372036854775806',
    'm v=1 9223372036854775807',
    'm v=1 9223372036854775808',
    'm v=1 -9223372036854775806',
    'm v=1 -9223372036854775807',
    'm v=1 -9223372036854775808',
    'm v=1 -9223372036854775809',
    'm v=1 123456789012345678901',
    'm v=1 1767225600123456789',
    // Blanks, comments, several lines.
    ' m v=1 1',
    '\tm v=1 1',
    '\0m v=1 1',
    'm  v=1   1',
    'm \tv=1 \t1',
    'm v=1 1  ',
    'm v=1 1\t',
    'm v=1 1 \t',
    'm v=1\t1',
    '#m v=1 1',
    '  # x',
    '\n\n \nm v=1 1\n\n',
    '# a\nm v=1 1\n#b',
    'm v=1 1\nm v=x 2\nm v=3 3',
    'm a=1 1\nm b=2 1\nm a=3,b=4 2',
    'm v="a\n\nb" 1\nm v="c" 2',
    'm v=1 1\n1',
  ]);

/** Lines on which they differ, and why. */
const DIFFERENT: [line: string, why: string][] = [
  ['m v=1 1\nm v=2i 2\nm v=3 3', 'a conflict with a field that the same body made drops the whole body in InfluxDB'],
  ['m v=5u 1', 'unsigned integers: InfluxDB takes them only in builds with uint64 support'],
  ['m v=18446744073709551615u 1', 'the same'],
  [
    'm v=1 1\r\nm v=2 2\r\n',
    'a carriage return before a newline belongs to the line end: Windows writes it, Varve ignores it',
  ],
  ['m v="a"b 1', 'InfluxDB stores the string a" for this; Varve refuses what follows a closing quote'],
  ['m v="a""b" 1', 'the same'],
  [
    'm v="a 1\nm v=2 2',
    'an open quote swallows all that follows in InfluxDB; Varve refuses its line and keeps the others',
  ],
  ['# say "v=\nm v=1 1\n# x="y\nm v=2 2', 'quotes in comments mean nothing to Varve; they join lines in InfluxDB'],
  ['#\\\nm v=1 1', 'a backslash does not take the newline out of a comment'],
  ['m v=1 1\nm,a=b\\\nm v=2 2', 'nor out of any other line: InfluxDB reads the line and the next one as one'],
];

interface Point {
  series: string;
  fields: [string, ReferenceValue][];
  time: string | null;
}

describe.skipIf(!existsSync(INFLUXD))('against influxd (skipped where /usr/bin/influxd is missing)', () => {
  const directory = mkdtempSync(join(tmpdir(), 'varve-influxd-'));
  let influxd: ChildProcess;
  let url = '';

  beforeAll(async () => {
    const [http, rpc] = [await freePort(), await freePort()];
    const config = join(directory, 'influxdb.conf');
    writeFileSync(
      config,
      `reporting-disabled = true\nbind-address = "127.0.0.1:${rpc}"\n[meta]\ndir = "${directory}/meta"\n` +
        `[data]\ndir = "${directory}/data"\nwal-dir = "${directory}/wal"\nquery-log-enabled = false\n` +
        `[monitor]\nstore-enabled = false\n[http]\nbind-address = "127.0.0.1:${http}"\nlog-enabled = false\n`,
    );
    influxd = spawn(INFLUXD, ['run', '-config', config], { stdio: 'ignore' });
    url = `http://127.0.0.1:${http}`;
    for (let i = 0; ; i++) {
      const up = await fetch(`${url}/ping`).then(
        (answer) => answer.status === 204,
        () => false,
      );
      if (up) break;
      if (i > 200) throw new Error('influxd does not answer');
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }, 20000);

  afterAll(async () => {
    const gone = new Promise((resolve) => influxd.once('exit', resolve));
    influxd.kill('SIGKILL');
    await gone;
    rmSync(directory, { recursive: true, force: true });
  });

  let databases = 0;

  /** Writes a body to a new database and reads everything back. */
  async function influx(body: string, precision: string): Promise<{ error: string; points: Point[] }> {
    const database = `d${databases++}`;
    await query(`CREATE DATABASE ${database}`);
    const written = await fetch(`${url}/write?db=${database}&precision=${precision}`, { method: 'POST', body });
    const error = written.status === 204 ? '' : ((await written.json()) as { error: string }).error;
    const types = new Map<string, string>();
    for (const { name, values } of await query('SHOW FIELD KEYS', database)) {
      for (const [field, type] of values) types.set(`${name}\n${field}`, String(type));
    }
    const points: Point[] = [];
    for (const { name, tags, columns, values } of await query('SELECT * FROM /.*/ GROUP BY *', database)) {
      for (const row of values) {
        const fields: [string, ReferenceValue][] = [];
        for (let i = 1; i < columns.length; i++) {
          if (row[i] === null) continue;
          const type = types.get(`${name}\n${columns[i]}`) ?? '';
          fields.push([columns[i], [type, valueText(type, row[i] as string | boolean)]]);
        }
        const pairs = Object.entries(tags ?? {}).filter(([, value]) => value !== '');
        points.push({ series: seriesJson(name, pairs), fields: fields.sort(), time: String(row[0]) });
      }
    }
    return { error, points: points.sort(order) };
  }

  interface Rows {
    name: string;
    tags?: Record<string, string>;
    columns: string[];
    values: unknown[][];
  }

  /** The rows of a query; numbers as the text they stand in the answer. */
  async function query(q: string, db = ''): Promise<Rows[]> {
    const answer = await fetch(`${url}/query?epoch=ns&db=${db}&q=${encodeURIComponent(q)}`, { method: 'POST' });
    const source = (_: string, value: unknown, context?: { source?: string }): unknown =>
      typeof value === 'number' ? context?.source : value;
    const parsed = JSON.parse(await answer.text(), source) as { results: { series?: Rows[] }[] };
    return parsed.results[0].series ?? [];
  }

  function varve(body: string, precision: string): { reasons: string[]; points: Point[] } {
    const index = new SeriesIndex();
    const batch = new Batch();
    const bytes = Buffer.from(body);
    // Server time is told from a real timestamp by its being the only one in the future of both servers.
    const outcome = parseLines(bytes, 0, bytes.length, index, batch, {
      nowSec: 8e9,
      nowNano: 0,
      precision: parsePrecision(precision),
    });
    const utf8 = (text: string): string => Buffer.from(text, 'latin1').toString();
    // The last write to a series, field and time wins.
    const merged = new Map<string, Point & { byName: Map<string, ReferenceValue> }>();
    for (const { series, fields, time } of readBatch(batch, index)) {
      const key = `${series} ${time}`;
      const point = merged.get(key) ?? { series: utf8(series), fields: [], time: String(time), byName: new Map() };
      for (const [name, [type, text]] of fields) point.byName.set(utf8(name), [type, utf8(text)]);
      merged.set(key, point);
    }
    const points = [...merged.values()].map(({ series, time, byName }) => ({
      series,
      time,
      fields: [...byName].sort(),
    }));
    return { reasons: outcome.errors.map(({ reason }) => reason), points: points.sort(order) };
  }

  /** Both with server times blanked: a time that is only Varve's, and that is only InfluxDB's, is the server's. */
  async function both(body: string, precision = 'ns') {
    const theirs = await influx(body, precision);
    const ours = varve(body, precision);
    const now = BigInt(Date.now()) * 1000000n;
    for (const point of ours.points) if (point.time === '8000000000000000000') point.time = null;
    for (const point of theirs.points) {
      const away = BigInt(point.time ?? '0') - now;
      if (away < 60000000000n && away > -60000000000n) point.time = null;
    }
    return { theirs, ours };
  }

  test(`${SAME.length} bodies are taken or refused alike, and stored alike`, { timeout: 60000 }, async () => {
    expect(SAME.length).toBeGreaterThan(150);
    const otherWords: string[] = [];
    for (const body of SAME) {
      const { theirs, ours } = await both(body);
      expect({ body, refused: ours.reasons.length > 0, points: ours.points }).toEqual({
        body,
        refused: theirs.error !== '',
        points: theirs.points,
      });
      for (const reason of ours.reasons) {
        if (!theirs.error.includes(OTHER_WORDS.get(body) ?? reason)) {
          otherWords.push(`${JSON.stringify(body)}: ${reason}, InfluxDB: ${theirs.error}`);
        }
      }
    }
    expect(otherWords).toEqual([]);
  });

  test('all precisions read alike', { timeout: 20000 }, async () => {
    for (const precision of ['n', 'u', 'ms', 's', 'm', 'h']) {
      for (const body of [
        'm v=1 2562047',
        'm v=1 -2562047',
        'm v=1 2562048',
        'm v=1 9223372036',
        'm v=1 9223372036854',
        'm v=1 9223372036855',
        'm v=1 -9223372036854775',
      ]) {
        const { theirs, ours } = await both(body, precision);
        expect({ body, precision, points: ours.points }).toEqual({ body, precision, points: theirs.points });
      }
    }
  });

  test('the differences are those that are listed', { timeout: 20000 }, async () => {
    for (const [body, why] of DIFFERENT) {
      const { theirs, ours } = await both(body);
      expect([why, ours.reasons.length, ours.points]).not.toEqual([why, theirs.error === '' ? 0 : 1, theirs.points]);
    }
  });
});

/** Bodies that both refuse, InfluxDB for another reason, which is given. */
const OTHER_WORDS = new Map<string, string>([['m v=1,v="x" 1', 'field type conflict']]);

function valueText(type: string, value: string | boolean): string {
  if (type === 'float') return floatText(Number(value));
  if (type === 'boolean') return value ? '1' : '0';
  return String(value);
}

function order(a: Point, b: Point): number {
  const [x, y] = [`${a.series} ${a.time}`, `${b.series} ${b.time}`];
  return x < y ? -1 : x > y ? 1 : 0;
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
