/** A query's result as its answer's data: made where the evaluation ran, on the main thread or another. */
import type { QueryResult, QueryStats } from '../query/promql/evaluate.ts';
import { instantResult, rangeResult } from './prometheus-json.ts';

export interface ResultFormat {
  /** Of an instant query; null for one over a range. */
  readonly timeMs: number | null;
  /** Series to be shown at most; 0: all. */
  readonly limit: number;
  /** What to write: JSON that becomes a member of the answer, or a whole answer. */
  readonly encoding: 'json' | 'arrow';
}

export interface WrittenResult {
  /** An object of JSON, or an Arrow stream. */
  readonly data: Uint8Array<ArrayBuffer>;
  readonly warnings: string[];
  readonly infos: string[];
  readonly stats: QueryStats;
  readonly encodeMs: number;
}

export async function writeResult(result: QueryResult, format: ResultFormat): Promise<WrittenResult> {
  const { timeMs, limit, encoding } = format;
  const { value, grid, infos, stats } = result;
  const warnings = [...result.warnings];
  if (limit > 0 && (value.kind === 'vector' || value.kind === 'matrix') && value.series.length > limit) {
    value.series.length = limit;
    warnings.push('results truncated due to limit');
  }
  const writeMs = performance.now();
  let data: Uint8Array<ArrayBuffer>;
  if (encoding === 'arrow') data = await arrowResult(result, warnings);
  else data = timeMs === null ? rangeResult(value, grid) : instantResult(value, timeMs);
  return { data, warnings, infos, stats, encodeMs: performance.now() - writeMs };
}

/** The library is loaded by the first who wants it. */
async function arrowResult({ value, grid, infos }: QueryResult, warnings: string[]): Promise<Uint8Array<ArrayBuffer>> {
  const [{ prometheusTable }, { arrowStream }] = await Promise.all([
    import('./arrow/prometheus-table.ts'),
    import('./arrow/arrow-stream.ts'),
  ]);
  const metadata = new Map<string, string>([['resultType', value.kind]]);
  if (warnings.length > 0) metadata.set('warnings', JSON.stringify(warnings));
  if (infos.length > 0) metadata.set('infos', JSON.stringify(infos));
  return arrowStream(prometheusTable(value, grid, metadata));
}
