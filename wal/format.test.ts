/**
 * The bytes on disk, pinned. If one of these changes, logs of earlier versions are no longer read: give the format a new
 * version instead.
 */
import { expect, test } from 'vitest';
import { Batch, BOX_STRING, BOX_WIDE } from '../batch/batch.ts';
import { FLOAT, INTEGER, STRING } from '../batch/field-type.ts';
import { ByteWriter } from '../bytes/writer.ts';
import { MemoryFileSystem } from '../disk/memory-file-system.ts';
import { decodeBatch, encodeBatch } from './batch-codec.ts';
import { dumpLog } from './dump.ts';
import { LOG_DIRECTORY, openAndCollect } from './history.ts';
import { BATCH, DEFINITIONS } from './record.ts';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

test('a segment with two records and a mark, and a checkpoint', async () => {
  const fs = new MemoryFileSystem();
  const { wal } = await openAndCollect(fs);
  wal.append(DEFINITIONS, 7, Buffer.from('abc'));
  await wal.sync();
  wal.append(BATCH, 0x01020304, Buffer.from('defg'));
  await wal.close();
  wal.checkpoint(2);
  const segment = [
    // Header: magic, version, recycled, first LSN, reserved, checksum.
    '564152564557414c 01000000 00000000 0100000000000000 00000000 5f629f83',
    // Checksums of header and payload, length, type, database, LSN, LSNs that were not durable yet; payload.
    'eea5a988 104d4fa6 03000000 01000000 07000000 0100000000000000 01000000 616263',
    '3ff4e7fb 5f629f83 00000000 06000000 00000000 0200000000000000 01000000',
    'afc73765 732a3678 04000000 02000000 04030201 0300000000000000 02000000 64656667',
    '9f0cc35c 5f629f83 00000000 06000000 00000000 0400000000000000 01000000',
  ];
  expect(hex(fs.readFile(`${LOG_DIRECTORY}/0000000000000001.wal`))).toBe(segment.join('').replaceAll(' ', ''));
  const checkpoint = '5641525645434b50 01000000 0200000000000000 ac071eaf';
  expect(hex(fs.readFile(`${LOG_DIRECTORY}/CHECKPOINT`))).toBe(checkpoint.replaceAll(' ', ''));
});

/** One row of each kind of value. */
function goldenBatch(): { batch: Batch; shapes: { width: number; types: Uint8Array }[] } {
  const batch = new Batch();
  const shapes = [
    { width: 5, types: new Uint8Array(5).fill(FLOAT) },
    { width: 3, types: new Uint8Array([INTEGER, INTEGER, STRING]) },
  ];
  const row = (series: number, shape: number, sec: number, nano: number) => {
    const { width } = shapes[shape];
    batch.reserve(width);
    const r = batch.rows++;
    batch.series[r] = series;
    batch.shape[r] = shape;
    batch.sec[r] = sec;
    batch.nano[r] = nano;
    batch.valueStart[r] = batch.valueCount;
    batch.valueCount += width;
    return batch.valueStart[r];
  };
  batch.values.set([1, -16, 176, 12.75, Math.fround(0.1)], row(1, 0, 1_700_000_000, 5_000_000));
  batch.values.set([-0, 1e300, 70000, -1.5, Number.NaN], row(2, 0, 1_700_000_000, 5_000_000));
  const at = row(9, 1, -9_000_000_000, 999_000_000);
  batch.values[at] = 42;
  batch.setBox(at + 1, BOX_WIDE, batch.addWide(-(2n ** 63n)));
  batch.setBox(at + 2, BOX_STRING, batch.addString(Buffer.from('héllo'), 0, 6));
  return { batch, shapes };
}

test('a batch with every kind of token', () => {
  const { batch, shapes } = goldenBatch();
  const out = new ByteWriter();
  encodeBatch(batch, shapes, out, null);
  const golden = [
    // Plain; 3 rows, 13 values, 1 wide integer, 1 string; times in ms.
    '00 03 0d 01 01 02',
    // Shapes: 2 × 0, 1 × 1. Series: +1, +1, +7.
    '02 00 01 01 02 02 0e',
    // Times: a far one, the same again (1 × 0 ms), a far one.
    '00 80c49fd50c c096b102 01 00 00 ffe7888743 c08faedc03',
    // 1, -16, 176, 12.75, 0.1 widened.
    '11 00 c16001 cff609 f2cdcccc3d',
    // -0, 1e300, 70000, -1.50, NaN.
    'f200000080 f19c7500883ce4377e c2e02202 cf2b01 f1000000000000f87f',
    // 42, -2^63, 'héllo'.
    '3a f30000000000000080 f40668c3a96c6c6f',
  ];
  expect(hex(out.view8())).toBe(golden.join('').replaceAll(' ', ''));
  const into = new Batch();
  decodeBatch(out.view8(), shapes, into);
  expect(into.rows).toBe(3);
  expect(into.bits.slice(0, 26)).toEqual(batch.bits.slice(0, 26));
});

test('a dump names every record and what is between them, and changes nothing', async () => {
  const fs = new MemoryFileSystem();
  const { wal } = await openAndCollect(fs);
  for (let i = 0; i < 3; i++) wal.append(BATCH, i, Buffer.from(`r${i}`));
  await wal.close();
  const path = `${LOG_DIRECTORY}/0000000000000001.wal`;
  fs.flipBit(path, 32 + 34 + 33, 0);
  const before = fs.readFile(path);
  const entries = [...dumpLog(fs, LOG_DIRECTORY)].map((entry) =>
    entry.kind === 'record'
      ? `${entry.lsn} ${entry.typeName} of ${entry.database} at ${entry.offset}, ${entry.sizeBytes} B`
      : `${entry.kind}, ${entry.sizeBytes} B`,
  );
  expect(entries).toEqual([
    'segment, 166 B',
    '1 batch of 0 at 32, 34 B',
    'other, 34 B',
    '3 batch of 2 at 100, 34 B',
    '4 mark of 0 at 134, 32 B',
  ]);
  expect(fs.readFile(path)).toEqual(before);
});
