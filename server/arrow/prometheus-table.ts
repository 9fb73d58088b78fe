/**
 * A result of PromQL as a table: `time` (ms), `value`, and a column of words for each label of any series. Rows are in the
 * order of series, and of time within one. A series without a label has none there.
 */
import type { Labels } from '../../query/promql/labels.ts';
import type { Grid, PointSeries, SeriesColumn, Value } from '../../query/promql/value.ts';
import type { ArrowTable, WordColumn } from './arrow-stream.ts';
import { distinctNames } from './column-names.ts';
import { setWhole, wordsOf64 } from './int64-words.ts';

/** The grid of an instant query has its one time. */
export function prometheusTable(value: Value, grid: Grid, metadata: ReadonlyMap<string, string>): ArrowTable {
  switch (value.kind) {
    case 'string': {
      const times = new BigInt64Array([BigInt(grid.startMs)]);
      const time = { kind: 'timestamp', unit: 'ms', timezone: 'UTC', values: times } as const;
      return { names: ['time', 'value'], columns: [time, { kind: 'text', values: [value.value] }], rows: 1, metadata };
    }
    case 'scalar': {
      const { values } = value;
      return tableOf([], [], gridTimes(grid), values, metadata);
    }
    case 'vector':
      return vectorTable(value.series, grid, metadata);
    case 'matrix':
      return matrixTable(value.series, metadata);
  }
}

function gridTimes({ startMs, stepMs, count }: Grid): BigInt64Array {
  const times = new BigInt64Array(count);
  const words = wordsOf64(times);
  for (let i = 0; i < count; i++) setWhole(words, i, startMs + i * stepMs);
  return times;
}

function vectorTable(series: readonly SeriesColumn[], grid: Grid, metadata: ReadonlyMap<string, string>): ArrowTable {
  let rows = 0;
  for (const { presentCount } of series) rows += presentCount;
  const times = new BigInt64Array(rows);
  const values = new Float64Array(rows);
  const steps = gridTimes(grid);
  const stepWords = wordsOf64(steps);
  const timeWords = wordsOf64(times);
  let at = 0;
  const ends = series.map((column) => {
    if (column.presentCount === column.values.length) {
      times.set(steps, at);
      values.set(column.values, at);
      at += column.presentCount;
      return at;
    }
    for (let step = 0; step < column.values.length; step++) {
      if (column.present[step] === 0) continue;
      timeWords[2 * at] = stepWords[2 * step];
      timeWords[2 * at + 1] = stepWords[2 * step + 1];
      values[at++] = column.values[step];
    }
    return at;
  });
  return tableOf(
    series.map(({ labels }) => labels),
    ends,
    times,
    values,
    metadata,
  );
}

function matrixTable(series: readonly PointSeries[], metadata: ReadonlyMap<string, string>): ArrowTable {
  let rows = 0;
  for (const { times } of series) rows += times.length;
  const times = new BigInt64Array(rows);
  const words = wordsOf64(times);
  const values = new Float64Array(rows);
  let at = 0;
  const ends = series.map((points) => {
    values.set(points.values, at);
    for (let i = 0; i < points.times.length; i++) setWhole(words, at++, points.times[i]);
    return at;
  });
  return tableOf(
    series.map(({ labels }) => labels),
    ends,
    times,
    values,
    metadata,
  );
}

/** @param ends of each series' rows, parallel to labels. */
function tableOf(
  labels: readonly Labels[],
  ends: readonly number[],
  times: BigInt64Array,
  values: Float64Array,
  metadata: ReadonlyMap<string, string>,
): ArrowTable {
  const columns = labelColumns(labels, ends, times.length);
  return {
    names: distinctNames(['time', 'value', ...columns.keys()]),
    columns: [
      { kind: 'timestamp', unit: 'ms', timezone: 'UTC', values: times },
      { kind: 'float', values, present: null },
      ...columns.values(),
    ],
    rows: times.length,
    metadata,
  };
}

/** By label, in the order of names. */
function labelColumns(labels: readonly Labels[], ends: readonly number[], rows: number): Map<string, WordColumn> {
  const names = new Set<string>();
  for (const each of labels) for (const name of each.names) names.add(name);
  const columns = new Map<string, WordColumn & { words: string[]; codeOf: Map<string, number> }>();
  for (const name of [...names].sort()) {
    const codes = new Int32Array(rows).fill(-1);
    columns.set(name, { kind: 'words', codes, words: [], codeOf: new Map() });
  }
  let start = 0;
  labels.forEach((each, s) => {
    for (let i = 0; i < each.names.length; i++) {
      const { codes, words, codeOf } = columns.get(each.names[i])!;
      let code = codeOf.get(each.values[i]);
      if (code === undefined) {
        code = words.push(each.values[i]) - 1;
        codeOf.set(each.values[i], code);
      }
      codes.fill(code, start, ends[s]);
    }
    start = ends[s];
  });
  return columns;
}
