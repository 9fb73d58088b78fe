/** The test runner's backend that evaluates in this process over series in memory. */
import { evaluate, type QueryOptions, type QueryResult } from './evaluate.ts';
import { EMPTY_LABELS } from './labels.ts';
import { MemoryQuerier } from './memory-querier.ts';
import type { BackendResult, ResultSeries, TestBackend } from './promqltest.ts';
import type { Grid, SeriesColumn } from './value.ts';

export function memoryBackend(options: QueryOptions = {}): TestBackend {
  const querier = new MemoryQuerier();
  return {
    clear: () => querier.clear(),
    load(samples) {
      for (const { labels, timeMs, value, startMs } of samples) querier.add(labels, { timeMs, value, startMs });
    },
    async instant(query, timeMs) {
      return backendResult(await evaluate(query, { startMs: timeMs, endMs: timeMs, stepMs: 0 }, querier, options));
    },
    async range(query, startMs, endMs, stepMs) {
      return backendResult(await evaluate(query, { startMs, endMs, stepMs }, querier, options));
    },
  };
}

function backendResult({ value, grid, warnings, infos }: QueryResult): BackendResult {
  const base = { text: '', warnings, infos };
  switch (value.kind) {
    case 'string':
      return { ...base, type: 'string', series: [], text: value.value };
    case 'scalar': {
      const column = { labels: EMPTY_LABELS, values: value.values, present: new Uint8Array(grid.count).fill(1) };
      return { ...base, type: grid.count === 1 ? 'scalar' : 'matrix', series: [columnPoints(column, grid)] };
    }
    case 'vector':
      return { ...base, type: 'vector', series: value.series.map((column) => columnPoints(column, grid)) };
    case 'matrix':
      return {
        ...base,
        type: 'matrix',
        series: value.series.map(({ labels, times, values }) => ({ labels, timesMs: [...times], values: [...values] })),
      };
  }
}

function columnPoints(column: Pick<SeriesColumn, 'labels' | 'values' | 'present'>, grid: Grid): ResultSeries {
  const timesMs: number[] = [];
  const values: number[] = [];
  for (let i = 0; i < grid.count; i++) {
    if (column.present[i] === 0) continue;
    timesMs.push(grid.startMs + i * grid.stepMs);
    values.push(column.values[i]!);
  }
  return { labels: column.labels, timesMs, values };
}
