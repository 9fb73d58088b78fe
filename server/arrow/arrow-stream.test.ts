/** Tables written as Arrow streams and read back by the library; tests/arrow.e2e.test.ts has pyarrow read what a server sends. */
import { type Table, tableFromIPC } from 'apache-arrow';
import { describe, expect, test } from 'vitest';
import type { ResultSeries } from '../../query/influxql/result.ts';
import type { SeriesPart } from '../../query/influxql/result-part.ts';
import { labelsFromPairs } from '../../query/promql/labels.ts';
import type { Value } from '../../query/promql/value.ts';
import { arrowStream } from './arrow-stream.ts';
import { distinctNames } from './column-names.ts';
import { influxTable } from './influx-table.ts';
import { wantsArrow } from './media-type.ts';
import { prometheusTable } from './prometheus-table.ts';

function typesOf(table: Table): Record<string, string> {
  return Object.fromEntries(table.schema.fields.map(({ name, type }) => [name, String(type)]));
}

function rowsOf(table: Table): unknown[][] {
  return Array.from({ length: table.numRows }, (_, row) =>
    table.schema.fields.map((_, c) => table.getChildAt(c)?.get(row)),
  );
}

function readPrometheus(value: Value, stepMs = 60_000): Table {
  const grid = { startMs: -60_000, stepMs, count: 3, endMs: -60_000 + 2 * stepMs };
  return tableFromIPC(arrowStream(prometheusTable(value, grid, new Map([['resultType', value.kind]]))));
}

describe('PromQL', () => {
  test('a vector has a row per present step, and a column per label', () => {
    const column = (labels: Record<string, string>, values: number[], present: number[]) => ({
      labels: labelsFromPairs(Object.entries(labels)),
      dropName: false,
      values: Float64Array.from(values),
      present: Uint8Array.from(present),
      presentCount: present.filter((flag) => flag === 1).length,
    });
    const table = readPrometheus({
      kind: 'vector',
      series: [
        column({ __name__: 'up', host: 'a', value: 'v' }, [1, Number.NaN, Number.NEGATIVE_INFINITY], [1, 0, 1]),
        column({ __name__: 'up', zone: 'é' }, [1.5, 2.5, -0], [1, 1, 1]),
      ],
    });
    expect(typesOf(table)).toEqual({
      time: 'Timestamp<MILLISECOND, UTC>',
      value: 'Float64',
      __name__: 'Dictionary<Int8, Utf8>',
      host: 'Dictionary<Int8, Utf8>',
      value_1: 'Dictionary<Int8, Utf8>',
      zone: 'Dictionary<Int8, Utf8>',
    });
    expect(rowsOf(table)).toEqual([
      [-60_000, 1, 'up', 'a', 'v', null],
      [60_000, Number.NEGATIVE_INFINITY, 'up', 'a', 'v', null],
      [-60_000, 1.5, 'up', null, null, 'é'],
      [0, 2.5, 'up', null, null, 'é'],
      [60_000, -0, 'up', null, null, 'é'],
    ]);
    expect(table.schema.metadata.get('resultType')).toBe('vector');
  });

  test('scalars, strings, raw points, nothing', () => {
    expect(rowsOf(readPrometheus({ kind: 'scalar', values: Float64Array.of(1, 2, 3) }))).toEqual([
      [-60_000, 1],
      [0, 2],
      [60_000, 3],
    ]);
    expect(rowsOf(readPrometheus({ kind: 'string', value: 'text' }))).toEqual([[-60_000, 'text']]);
    const points = {
      labels: labelsFromPairs([['a', 'b']]),
      dropName: false,
      times: Float64Array.of(1_700_000_000_123),
      values: Float64Array.of(5),
      startTimes: null,
    };
    expect(rowsOf(readPrometheus({ kind: 'matrix', series: [points] }))).toEqual([[1_700_000_000_123, 5, 'b']]);
    const nothing = readPrometheus({ kind: 'vector', series: [] });
    expect([nothing.numRows, Object.keys(typesOf(nothing))]).toEqual([0, ['time', 'value']]);
  });

  test('many rows in several batches, more words than fit a byte', () => {
    const series = Array.from({ length: 300 }, (_, i) => ({
      labels: labelsFromPairs([['host', `h${i}`]]),
      dropName: false,
      times: Float64Array.from({ length: 500 }, (_, t) => t * 1000),
      values: new Float64Array(500).fill(i),
      startTimes: null,
    }));
    const table = readPrometheus({ kind: 'matrix', series });
    expect([table.numRows, table.batches.length]).toEqual([150_000, 3]);
    expect(typesOf(table).host).toBe('Dictionary<Int16, Utf8>');
    for (const row of [0, 65_535, 65_536, 131_072, 149_999]) {
      const i = Math.floor(row / 500);
      expect(rowsOf(table.slice(row, row + 1))).toEqual([[(row % 500) * 1000, i, `h${i}`]]);
    }
  });
});

describe('InfluxQL', () => {
  const series = (
    partial: Partial<ResultSeries> & Pick<ResultSeries, 'columns' | 'values'>,
    rows: number,
  ): SeriesPart => ({
    series: { name: 'm', tags: null, partial: false, rows, ...partial },
    start: 0,
    end: rows,
    partial: false,
  });
  const read = (parts: SeriesPart[]) => tableFromIPC(arrowStream(influxTable(parts, new Map())));
  const time = (...sec: number[]) =>
    ({ kind: 'time', sec: Float64Array.from(sec), nano: new Float64Array(sec.length).fill(7) }) as const;
  const number = (
    kind: 'float' | 'integer' | 'unsigned' | 'boolean',
    values: (number | null)[],
    wide: bigint[] | null = null,
  ) => ({
    kind,
    values: Float64Array.from(values, (value) => value ?? 0),
    wide: wide === null ? null : BigInt64Array.from(wide),
    present: values.includes(null) ? Uint8Array.from(values, (value) => (value === null ? 0 : 1)) : null,
  });

  test('every type, tags and nulls', () => {
    const table = read([
      series(
        {
          tags: [
            ['f', 'x'],
            ['host', ''],
          ],
          columns: ['time', 'f', 'i', 'u', 'b', 's'],
          values: [
            time(-1, 2),
            number('float', [1.5, null]),
            number('integer', [null, -3]),
            number('unsigned', [0, 0], [-1n, 5n]),
            number('boolean', [1, 0]),
            { kind: 'string', values: [null, 'text'] },
          ],
        },
        2,
      ),
      series(
        { tags: [['host', 'a']], columns: ['time', 'i'], values: [time(3), number('integer', [0], [2n ** 60n])] },
        1,
      ),
    ]);
    expect(typesOf(table)).toEqual({
      name: 'Dictionary<Int8, Utf8>',
      f: 'Dictionary<Int8, Utf8>',
      host: 'Dictionary<Int8, Utf8>',
      time: 'Timestamp<NANOSECOND, UTC>',
      f_1: 'Float64',
      i: 'Int64',
      u: 'Uint64',
      b: 'Bool',
      s: 'Utf8',
    });
    const times = table.getChild('time')?.data.flatMap(({ values }) => [...(values as BigInt64Array)]);
    expect(times).toEqual([-999_999_993n, 2_000_000_007n, 3_000_000_007n]);
    const others = table.select(['name', 'f', 'host', 'f_1', 'i', 'u', 'b', 's']);
    expect(rowsOf(others)).toEqual([
      ['m', 'x', null, 1.5, null, 2n ** 64n - 1n, true, null],
      ['m', 'x', null, null, -3n, 5n, false, 'text'],
      ['m', null, 'a', null, 2n ** 60n, null, null, null],
    ]);
  });

  test('a column of several types is of floats where all are numbers, of texts otherwise', () => {
    const columns = ['n', 't'];
    const table = read([
      series({ columns, values: [number('integer', [1, null]), number('boolean', [1, 0])] }, 2),
      series({ columns, values: [number('float', [0.5]), { kind: 'string', values: ['x'] }] }, 1),
      series({ columns, values: [number('unsigned', [0], [-1n]), number('float', [null])] }, 1),
    ]);
    expect(rowsOf(table)).toEqual([
      ['m', 1, 'true'],
      ['m', null, 'false'],
      ['m', 0.5, 'x'],
      ['m', 2 ** 64, null],
    ]);
  });

  test('mixed columns of SHOW statements, parts of series', () => {
    const mixed = series(
      {
        name: '',
        columns: ['a', 'b', 'c', 'd'],
        values: [
          { kind: 'mixed', values: [1, null, 3] },
          { kind: 'mixed', values: [true, false, null] },
          { kind: 'mixed', values: ['x', 2, null] },
          { kind: 'mixed', values: [null, null, 2n ** 60n] },
        ],
      },
      3,
    );
    const table = read([{ ...mixed, start: 1 }]);
    expect(typesOf(table)).toEqual({ a: 'Int64', b: 'Bool', c: 'Int64', d: 'Int64' });
    expect(rowsOf(table)).toEqual([
      [null, false, 2n, null],
      [3n, null, null, 2n ** 60n],
    ]);
    expect(typesOf(read([mixed])).c).toBe('Utf8');
    expect(read([]).numRows).toBe(0);
  });
});

test('names that are taken', () => {
  expect(distinctNames(['time', 'time', 'time_1', 'time'])).toEqual(['time', 'time_1', 'time_1_1', 'time_2']);
});

test.each<[string | null, boolean]>([
  [null, false],
  ['*/*', false],
  ['application/*', false],
  ['application/vnd.apache.arrow.stream', true],
  ['application/vnd.apache.arrow.stream, application/json;q=0.9', true],
  ['application/vnd.apache.arrow.stream;q=0.5, application/json', false],
  ['application/vnd.apache.arrow.stream;q=0', false],
])('Accept: %s', (accept, expected) => {
  expect(wantsArrow(accept)).toBe(expected);
});
