/**
 * A result of PromQL as a table: `time` (ms), `value`, and a column of words for each label of any series. Rows are in the
 * order of series, and of time within one. A series without a label has none there.
 */
import type { Labels } from '../../query/promql/labels.ts';
import type { Grid, Value } from '../../query/promql/value.ts';
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
      const rows = newRows(value.values.length);
      for (let step = 0; step < value.values.length; step++) rows.add(stepMs(grid, step), value.values[step]);
      return rows.table([], [], metadata);
    }
    case 'vector': {
      let count = 0;
      for (const { presentCount } of value.series) count += presentCount;
      const rows = newRows(count);
      const ends = value.series.map(({ values, present }) => {
        for (let step = 0; step < values.length; step++) {
          if (present[step] === 1) rows.add(stepMs(grid, step), values[step]);
        }
        return rows.count();
      });
      return rows.table(
        value.series.map(({ labels }) => labels),
        ends,
        metadata,
      );
    }
    case 'matrix': {
      let count = 0;
      for (const { times } of value.series) count += times.length;
      const rows = newRows(count);
      const ends = value.series.map(({ times, values }) => {
        for (let i = 0; i < times.length; i++) rows.add(times[i], values[i]);
        return rows.count();
      });
      return rows.table(
        value.series.map(({ labels }) => labels),
        ends,
        metadata,
      );
    }
  }
}

function stepMs({ startMs, stepMs: step }: Grid, i: number): number {
  return startMs + i * step;
}

interface Rows {
  add(timeMs: number, value: number): void;
  count(): number;
  /** @param ends of each series' rows, parallel to labels. */
  table(labels: readonly Labels[], ends: readonly number[], metadata: ReadonlyMap<string, string>): ArrowTable;
}

function newRows(rows: number): Rows {
  const times = new BigInt64Array(rows);
  const words = wordsOf64(times);
  const values = new Float64Array(rows);
  let count = 0;
  return {
    add(timeMs, value) {
      setWhole(words, count, timeMs);
      values[count++] = value;
    },
    count: () => count,
    table(labels, ends, metadata) {
      const columns = labelColumns(labels, ends, rows);
      return {
        names: distinctNames(['time', 'value', ...columns.keys()]),
        columns: [
          { kind: 'timestamp', unit: 'ms', timezone: 'UTC', values: times },
          { kind: 'float', values, present: null },
          ...columns.values(),
        ],
        rows,
        metadata,
      };
    },
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
