import { expect, test } from 'vitest';
import { Batch } from '../batch/batch.ts';
import { SeriesIndex } from '../index/series-index.ts';
import { readBatch } from './batch-reader.ts';
import { newLineOutcome } from './line-outcome.ts';
import { parseLines } from './line-parser.ts';
import { newRandom, type Random } from './random.ts';
import { parseReferenceLine, type ReferencePoint, type ReferenceValue } from './reference-parser.ts';

const NOW = 1700000000123456789n;
const OPTIONS = { nowSec: 1700000000, nowNano: 123456789 };

const NAMES = [
  'a',
  'b',
  'host',
  'region',
  'usage_user',
  'x y',
  'k=v',
  'c,d',
  'ü',
  '"q"',
  'b\\s',
  'time',
  'abcd',
  'abcde',
];
const NUMBERS = [
  '0',
  '1',
  '-7',
  '42',
  '1.5',
  '.5',
  '1.',
  '-0',
  '1e3',
  '5.827000141143799',
  '123456789012',
  '9007199254740993',
];
const INTEGERS = [
  '0',
  '5',
  '-5',
  '99',
  '123456789',
  '1234567890',
  '9007199254740993',
  '-9223372036854775808',
  '9223372036854775807',
];
const STRINGS = ['', 'a', 'two words', 'a,b=c', '\\"', '\\\\', 'x\\n', 'line\nbreak', 'ü', '#'];
const NOISE = [',', '=', ' ', '"', '\\', '\n', '\r', '\t', 'i', 'e', '.', '-', '1', '#', '\0', 't', 'ÿ'];

function withEscapes(name: string, set: RegExp): string {
  return name.replace(set, '\\$&');
}

function value(random: Random, type: number): string {
  switch (type) {
    case 0:
      return random.pick(NUMBERS);
    case 1:
      return `${random.pick(INTEGERS)}i`;
    case 2:
      return `${random.pick(INTEGERS).replace('-', '')}u`;
    case 3:
      return random.pick(['t', 'T', 'true', 'True', 'TRUE', 'f', 'F', 'false', 'False', 'FALSE']);
    default:
      return `"${random.pick(STRINGS)}"`;
  }
}

/** A line of a few series with a few fields each, often as the series had them before, sometimes not. */
function goodLine(random: Random): string {
  let line = withEscapes(random.pick(['m', 'cpu', 'x y', 'c,d']), /[, ]/g);
  const tags = new Map<string, string>();
  for (let i = random.below(4); i > 0; i--)
    tags.set(random.pick(NAMES), random.pick(['1', '2', 'a b', 'v=w', 'x,y', '\\z']));
  for (const [name, text] of tags) line += `,${withEscapes(name, /[, =]/g)}=${withEscapes(text, /[, =]/g)}`;
  const fields: string[] = [];
  const first = random.below(NAMES.length);
  for (let i = 0; i <= random.below(5); i++) {
    const name = random.below(8) === 0 ? random.below(NAMES.length) : (first + i) % NAMES.length;
    // The type depends on the name, so that conflicts are rare but do occur.
    const type = random.below(40) === 0 ? random.below(5) : name % 5;
    fields.push(`${withEscapes(NAMES[name], /[, =]/g)}=${value(random, type)}`);
  }
  line += ` ${fields.join(',')}`;
  if (random.below(4) > 0)
    line += ` ${random.pick(['1767225600000000000', '1767225600000000001', '-5', '0', '12345678901'])}`;
  return line + random.pick(['', '', '', '\r', '  ']);
}

/** Changes, inserts or removes a few bytes. */
function damage(random: Random, line: string): string {
  let damaged = line;
  for (let i = 1 + random.below(3); i > 0; i--) {
    const at = random.below(damaged.length + 1);
    damaged =
      damaged.slice(0, at) + (random.below(3) > 0 ? random.pick(NOISE) : '') + damaged.slice(at + random.below(2));
  }
  return damaged;
}

/** What the reference makes of the line, given the types of fields so far; null when it is not stored. */
function expected(line: string, types: Map<string, string>): ReferencePoint | null {
  const point = parseReferenceLine(line);
  if (point === null || typeof point === 'string') return null;
  const measurement = (JSON.parse(point.series) as string[])[0];
  const typeOf = ([name]: [string, ReferenceValue]): string | undefined => types.get(`${measurement}\n${name}`);
  for (const field of point.fields) if ((typeOf(field) ?? field[1][0]) !== field[1][0]) return null;
  for (const field of point.fields) types.set(`${measurement}\n${field[0]}`, field[1][0]);
  return { ...point, time: point.time ?? NOW };
}

const plain = ({ series, fields, time }: ReferencePoint): unknown => [series, [...fields].sort(), String(time)];

test('single lines, good and damaged, are read as the reference reads them', () => {
  const random = newRandom('single lines');
  let index = new SeriesIndex();
  let types = new Map<string, string>();
  const batch = new Batch();
  let stored = 0;
  for (let i = 0; i < 40000; i++) {
    if (i % 5000 === 0) {
      index = new SeriesIndex();
      types = new Map();
    }
    let line = goodLine(random);
    if (random.below(3) === 0) line = damage(random, line);
    const bytes = Buffer.from(`${line}\n`, 'latin1');
    batch.reset();
    const outcome = parseLines(bytes, 0, bytes.length, index, batch, OPTIONS);
    const rows = readBatch(batch, index);
    // A newline outside of a string makes two lines of one; those are compared below, where lines are kept whole.
    const reference = parseReferenceLine(line);
    if (outcome.nextLine > 2 && (reference === null || typeof reference === 'string')) {
      for (const row of rows) {
        const measurement = (JSON.parse(row.series) as string[])[0];
        for (const [name, [type]] of row.fields) types.set(`${measurement}\n${name}`, type);
      }
      continue;
    }
    const want = expected(line, types);
    stored += want === null ? 0 : 1;
    expect(rows.map(plain), JSON.stringify(line)).toEqual(want === null ? [] : [plain(want)]);
  }
  expect(stored).toBeGreaterThan(15000);
});

test('bodies of many lines, in slices, keep every good line and name every bad one', () => {
  const random = newRandom('bodies');
  for (let round = 0; round < 150; round++) {
    const index = new SeriesIndex();
    const types = new Map<string, string>();
    const batch = new Batch();
    for (let body = 0; body < 3; body++) {
      const lines: string[] = [];
      for (let i = 0; i < 60; i++) {
        let line = goodLine(random);
        // Damage that opens a quote or breaks a line is for the test above: here it must be known what a line is.
        const damaged = damage(random, line);
        const sameLines = damaged.split('\n').length === line.split('\n').length;
        const sameQuotes = damaged.split('"').length === line.split('"').length && !line.includes('"');
        if (random.below(5) === 0 && sameLines && sameQuotes) line = damaged;
        lines.push(line);
      }
      const want: ReferencePoint[] = [];
      const bad: number[] = [];
      let number = 1;
      for (const line of lines) {
        const point = expected(line, types);
        if (point !== null) want.push(point);
        else if (parseReferenceLine(line) !== null) bad.push(number);
        number += line.split('\n').length;
      }
      const text = Buffer.from(lines.join('\n') + random.pick(['', '\n']), 'latin1');
      batch.reset();
      const outcome = newLineOutcome();
      let offset = 0;
      let firstLine = 1;
      while (offset < text.length) {
        const options = { ...OPTIONS, firstLine, sliceBytes: 1 + random.below(2000) };
        parseLines(text, offset, text.length, index, batch, options, outcome);
        offset = outcome.nextOffset;
        firstLine = outcome.nextLine;
      }
      expect(readBatch(batch, index).map(plain)).toEqual(want.map(plain));
      expect(outcome.rows).toBe(want.length);
      expect(outcome.rejected).toBe(bad.length);
      expect(outcome.errors.map(({ line }) => line)).toEqual(bad.slice(0, 10));
    }
  }
});

test('no bytes whatsoever make the parser throw, loop, or leave boxes of refused lines', () => {
  const random = newRandom('noise');
  const index = new SeriesIndex();
  const batch = new Batch();
  for (let i = 0; i < 20000; i++) {
    let text = '';
    for (let n = random.below(60); n > 0; n--)
      text += random.below(4) === 0 ? String.fromCharCode(random.below(256)) : random.pick(NOISE);
    const bytes = Buffer.from(text, 'latin1');
    batch.reset();
    const outcome = parseLines(bytes, 0, bytes.length, index, batch, OPTIONS);
    expect(outcome.nextOffset).toBe(bytes.length);
    expect(outcome.rows).toBe(batch.rows);
    readBatch(batch, index);
  }
});
