/** What tests of remote write share: a request decoded thrice, its rows as text. */
import { expect } from 'vitest';
import { Batch } from '../batch/batch.ts';
import { SeriesIndex } from '../index/series-index.ts';
import type { RemoteOutcome } from './remote-outcome.ts';
import type { RemoteOptions } from './remote-series.ts';
import { decodeRemoteWrite } from './remote-write.ts';

export type Decode = typeof decodeRemoteWrite;
export interface Decoded {
  outcome: RemoteOutcome;
  rows: string[];
  index: SeriesIndex;
  batch: Batch;
}

/** Rows as "key field=bits ns". */
export function show(batch: Batch, index: SeriesIndex): string[] {
  const rows: string[] = [];
  for (let row = 0; row < batch.rows; row++) {
    const slot = batch.valueStart[row];
    const shape = index.shapes[batch.shape[row]];
    expect([shape.width, shape.types[0], Buffer.from(shape.names[0]).toString()]).toEqual([1, 0, 'value']);
    const word = (BigInt(batch.bits[2 * slot + 1] >>> 0) << 32n) | BigInt(batch.bits[2 * slot] >>> 0);
    const ns = BigInt(batch.sec[row]) * 1000000000n + BigInt(batch.nano[row]);
    rows.push(`${Buffer.from(index.seriesKey(batch.series[row])).toString()} ${word.toString(16)} ${ns}`);
  }
  return rows;
}

/** Decodes a request twice, the second time with all series known and foreseen, and expects the same rows. */
export function decode(
  bytes: Uint8Array,
  how: Decode = decodeRemoteWrite,
  options: RemoteOptions = {},
  index = new SeriesIndex(),
): Decoded {
  const batch = new Batch();
  const outcome = how(bytes, index, batch, options);
  const rows = show(batch, index);
  for (let i = 0; i < 2; i++) {
    const again = new Batch();
    const second = how(bytes, index, again, options);
    expect(show(again, index)).toEqual(rows);
    expect({ ...second, newSeries: outcome.newSeries }).toEqual(outcome);
  }
  return { outcome, rows, index, batch };
}

/** A double's bits, in hex. */
export const bits = (value: number): string => new BigUint64Array(new Float64Array([value]).buffer)[0].toString(16);
