import { expect, test } from 'vitest';
import { Batch } from '../batch/batch.ts';
import { SeriesIndex } from '../index/series-index.ts';
import { readBatch } from './batch-reader.ts';
import { errorText } from './line-outcome.ts';
import { parseLines } from './line-parser.ts';

const NOW = { nowSec: 1000, nowNano: 0 };

function parse(text: string, index: SeriesIndex, oldest: { sec: number; nano: number }) {
  const batch = new Batch();
  const bytes = Buffer.from(text);
  const outcome = parseLines(bytes, 0, bytes.length, index, batch, { ...NOW, oldest });
  return { outcome, times: [...readBatch(batch, index)].map(({ time }) => String(time)) };
}

test('rows from before the oldest time are dropped and counted, to the nanosecond', () => {
  const { outcome, times } = parse('m v=1 5000000006\nm v=2 5000000007\nm v=3 4999999999\nm v=4', new SeriesIndex(), {
    sec: 5,
    nano: 7,
  });
  expect(times).toEqual(['5000000007', '1000000000000']);
  expect([outcome.rows, outcome.expired, outcome.rejected]).toEqual([2, 2, 0]);
  expect(errorText(outcome)).toBe('partial write: points beyond retention policy dropped=2');
});

test('they define no series and no field', () => {
  const index = new SeriesIndex();
  parse('m,t=a v=1 6000000000\nm,t=a old="x" 1\nm,t=b v=1 1\nn v=1i 1\nm,t=a v=2 1', index, { sec: 5, nano: 0 });
  expect(index.measurementNames()).toEqual(['m']);
  expect(index.tagValueNames('t')).toEqual(['a']);
  expect(index.fieldsOfMeasurement(index.measurementId('m')).map((field) => index.fields[field].name)).toEqual(['v']);
});

test('lines that are wrong are told of as well', () => {
  const { outcome } = parse('m v=1 1\nm v=x 1', new SeriesIndex(), { sec: 5, nano: 0 });
  expect(errorText(outcome)).toBe(
    "partial write: unable to parse 'm v=x 1': invalid boolean (line 2, column 5)\npoints beyond retention policy dropped=2",
  );
});
