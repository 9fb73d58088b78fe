/** A query's result as its answer's data: made where the evaluation ran, on the main thread or another. */
import type { QueryResult, QueryStats } from '../query/promql/evaluate.ts';
import { instantResult, rangeResult } from './prometheus-json.ts';

export interface ResultFormat {
  /** Of an instant query; null for one over a range. */
  readonly timeMs: number | null;
  /** Series to be shown at most; 0: all. */
  readonly limit: number;
}

export interface WrittenResult {
  /** JSON: an object. */
  readonly data: Uint8Array<ArrayBuffer>;
  readonly warnings: string[];
  readonly infos: string[];
  readonly stats: QueryStats;
  readonly encodeMs: number;
}

export function writeResult(result: QueryResult, { timeMs, limit }: ResultFormat): WrittenResult {
  const { value, grid, infos, stats } = result;
  const warnings = [...result.warnings];
  if (limit > 0 && (value.kind === 'vector' || value.kind === 'matrix') && value.series.length > limit) {
    value.series.length = limit;
    warnings.push('results truncated due to limit');
  }
  const writeMs = performance.now();
  const data = timeMs === null ? rangeResult(value, grid) : instantResult(value, timeMs);
  return { data, warnings, infos, stats, encodeMs: performance.now() - writeMs };
}
