/** What is known of metrics: type, help and unit. They are rows of the companion database `metadata`, at time 0. */
import type { RowSlice } from '../batch/column.ts';
import type { Database } from '../engine/database.ts';

export interface MetricMetadata {
  type: string;
  help: string;
  unit: string;
}

const EPOCH = { sec: 0, nano: 0 };

const decoder = new TextDecoder();

/**
 * Metadata by metric, in the order of the names.
 * @param metric just this one, '' for all.
 * @param limit metrics at most; negative is no limit.
 */
export function findMetadata(database: Database | undefined, metric = '', limit = -1): Map<string, MetricMetadata> {
  const found = new Map<string, MetricMetadata>();
  if (database === undefined) return found;
  const { index } = database;
  const reader = database.reader(EPOCH, EPOCH);
  const refs = [...index.select(metric === '' ? null : metric, [])].map((ref) => ({
    ref,
    name: index.measurementName(ref),
  }));
  refs.sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const { ref, name } of refs) {
    if (limit >= 0 && found.size >= limit) break;
    const slice = reader.read(ref, null)[0]?.slice;
    if (slice === undefined) continue;
    found.set(name, { type: textOf(slice, 'type'), help: textOf(slice, 'help'), unit: textOf(slice, 'unit') });
  }
  return found;
}

function textOf(slice: RowSlice, field: string): string {
  const column = slice.columns[slice.fields.indexOf(field)];
  if (column === undefined) return '';
  const last = slice.rows - 1;
  return decoder.decode(column.stringBytes!.subarray(column.stringOffsets![last], column.stringOffsets![last + 1]));
}
