/** Damage of every kind to small logs: each truncation, each flipped bit, missing and swapped segments. */
import { expect, test } from 'vitest';
import { MemoryFileSystem } from '../disk/memory-file-system.ts';
import { VarveError } from '../errors/errors.ts';
import { LOG_DIRECTORY, openAndCollect, type SeenRecord } from './history.ts';
import type { WalOptions } from './options.ts';
import { BATCH } from './record.ts';
import { listSegments } from './segment.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
const OPTIONS: WalOptions = { segmentSizeBytes: 200 };

/** The files of a log that was closed in order: two segments, six records and a mark. */
async function smallLog(): Promise<Map<string, Uint8Array>> {
  const fs = new MemoryFileSystem();
  const { wal } = await openAndCollect(fs, OPTIONS);
  for (let i = 1; i <= 6; i++) wal.append(BATCH, i, bytes(`r${i}`));
  await wal.close();
  const files = new Map<string, Uint8Array>();
  for (const name of fs.list(LOG_DIRECTORY)) files.set(name, fs.readFile(`${LOG_DIRECTORY}/${name}`));
  return files;
}

function diskOf(files: Map<string, Uint8Array>): MemoryFileSystem {
  const fs = new MemoryFileSystem();
  fs.makeDirectory(LOG_DIRECTORY);
  for (const [name, content] of files) {
    const file = fs.create(`${LOG_DIRECTORY}/${name}`);
    file.write(content);
    file.close();
  }
  return fs;
}

function lsns(seen: SeenRecord[]): number[] {
  for (const { lsn, payload, database } of seen) {
    expect(payload).toBe(`r${lsn}`);
    expect(database).toBe(lsn);
  }
  return seen.map(({ lsn }) => lsn);
}

/** Opens strictly; null when that is refused. */
async function openStrictly(fs: MemoryFileSystem): Promise<number[] | null> {
  try {
    const { wal, seen } = await openAndCollect(fs, OPTIONS);
    await wal.close();
    return lsns(seen);
  } catch (error) {
    expect(error).toBeInstanceOf(VarveError);
    expect((error as VarveError).code).toBe('corrupt');
    expect((error as VarveError).message).toMatch(/^cannot .*--wal-recovery=skip|a later version/s);
    return null;
  }
}

const ALL = [1, 2, 3, 4, 5, 6];

test('a log cut short at any byte gives the whole records in front of the cut, and goes on', async () => {
  const files = await smallLog();
  const names = [...files.keys()];
  expect(names.length).toBe(2);
  const last = files.get(names[1]) as Uint8Array;
  for (let size = 0; size <= last.length; size++) {
    const fs = diskOf(new Map([...files, [names[1], last.subarray(0, size)]]));
    const { wal, seen, report } = await openAndCollect(fs, OPTIONS);
    const found = lsns(seen);
    expect(found).toEqual(ALL.slice(0, found.length));
    expect(report.losses).toEqual([]);
    const lsn = wal.append(BATCH, wal.lastLsn + 1, bytes(`r${wal.lastLsn + 1}`));
    await wal.close();
    expect(await openStrictly(fs)).toEqual([...found, lsn]);
  }
});

test('a first segment cut short at any byte stops the start, as later records are there', async () => {
  const files = await smallLog();
  const [[name, first]] = [...files];
  for (let size = 0; size < first.length; size++) {
    expect(await openStrictly(diskOf(new Map([...files, [name, first.subarray(0, size)]]))), `${size}`).toBe(null);
  }
});

test('no flipped bit yields a wrong record: strict stops, or nothing is lost; skip says what is', async () => {
  const files = await smallLog();
  let stopped = 0;
  for (const [name, content] of files) {
    for (let bit = 0; bit < content.length * 8; bit++) {
      const damaged = content.slice();
      damaged[bit >> 3] ^= 1 << (bit & 7);
      const fs = diskOf(new Map([...files, [name, damaged]]));
      const found = await openStrictly(fs);
      if (found !== null) {
        // A header follows from its segment's name, and the mark at the end holds no data.
        expect(found, `${name} bit ${bit}`).toEqual(ALL);
        continue;
      }
      stopped++;
      if (bit % 5 !== 0) continue;
      const { wal, seen, report } = await openAndCollect(fs, { ...OPTIONS, recovery: 'skip' });
      expect(report.losses.length).toBe(1);
      const { fromLsn, toLsn } = report.losses[0];
      expect(lsns(seen)).toEqual(ALL.filter((lsn) => lsn < fromLsn || lsn > toLsn));
      expect(fromLsn).toBe(toLsn);
      await wal.close();
      // The loss was accepted, so the next start does not stumble over it, nor the one after that.
      expect(await openStrictly(fs)).toEqual(lsns(seen));
      expect(await openStrictly(fs)).toEqual(lsns(seen));
    }
  }
  // All bits of six records of 34 bytes.
  expect(stopped).toBe(6 * 34 * 8);
});

test('a missing segment is noticed, and skipped when told so', async () => {
  const files = await smallLog();
  const [first, second] = [...files.keys()];
  const fs = diskOf(new Map([[second, files.get(second) as Uint8Array]]));
  expect(await openStrictly(fs)).toBe(null);
  const { wal, seen, report } = await openAndCollect(fs, { ...OPTIONS, recovery: 'skip' });
  expect(report.losses).toEqual([{ segment: first, offset: 0, bytes: 0, fromLsn: 1, toLsn: lsns(seen)[0] - 1 }]);
  await wal.close();
  expect(await openStrictly(fs)).toEqual(lsns(seen));
});

test('a missing segment in the middle, and one that is nothing but noise', async () => {
  for (const damage of ['missing', 'noise'] as const) {
    const fs = new MemoryFileSystem();
    const { wal } = await openAndCollect(fs, OPTIONS);
    for (let i = 1; i <= 20; i++) {
      wal.append(BATCH, i, bytes(`r${i}`));
      if (i % 2 === 0) await wal.sync();
    }
    // Marks take LSNs as well, so the payloads no longer number them; only the order is looked at here.
    await wal.close();
    const { segments } = listSegments(fs, LOG_DIRECTORY);
    expect(segments.length).toBeGreaterThan(3);
    fs.remove(segments[1].path);
    if (damage === 'noise') fs.create(segments[1].path).write(new Uint8Array(150).fill(0xa5));
    await expect(openAndCollect(fs, OPTIONS)).rejects.toThrow('--wal-recovery=skip');
    const opened = await openAndCollect(fs, { ...OPTIONS, recovery: 'skip' });
    const lost = { fromLsn: segments[1].firstLsn, toLsn: segments[2].firstLsn - 1 };
    expect(opened.report.losses).toMatchObject([lost]);
    const got = opened.seen.map(({ lsn }) => lsn);
    expect(got.some((lsn) => lsn >= lost.fromLsn && lsn <= lost.toLsn)).toBe(false);
    expect(got.length).toBeGreaterThan(10);
    await opened.wal.close();
    const again = await openAndCollect(fs, OPTIONS);
    expect(again.seen).toEqual(opened.seen);
    expect(again.report.losses).toEqual([]);
  }
});

test('damage behind the checkpoint does not matter', async () => {
  const fs = new MemoryFileSystem();
  const { wal } = await openAndCollect(fs, OPTIONS);
  for (let i = 1; i <= 6; i++) wal.append(BATCH, i, bytes(`r${i}`));
  await wal.sync();
  wal.checkpoint(5);
  await wal.close();
  const [segment] = listSegments(fs, LOG_DIRECTORY).segments;
  expect(segment.firstLsn).toBe(5);
  fs.flipBit(segment.path, 32 + 33, 0);
  expect(await openStrictly(fs)).toEqual([6]);
});

test('a damaged CHECKPOINT stops the start; skip replays all that is left', async () => {
  const fs = new MemoryFileSystem();
  const { wal } = await openAndCollect(fs, OPTIONS);
  for (let i = 1; i <= 6; i++) wal.append(BATCH, i, bytes(`r${i}`));
  await wal.sync();
  wal.checkpoint(5);
  await wal.close();
  for (let bit = 0; bit < 24 * 8; bit++) {
    fs.flipBit(`${LOG_DIRECTORY}/CHECKPOINT`, bit >> 3, bit & 7);
    expect(await openStrictly(fs)).toBe(null);
    fs.remove(`${LOG_DIRECTORY}/REPLAY-ATTEMPTS`);
    fs.flipBit(`${LOG_DIRECTORY}/CHECKPOINT`, bit >> 3, bit & 7);
  }
  fs.flipBit(`${LOG_DIRECTORY}/CHECKPOINT`, 0, 0);
  const { seen, report } = await openAndCollect(fs, { ...OPTIONS, recovery: 'skip' });
  expect(lsns(seen)).toEqual([5, 6]);
  expect(report.checkpointDamaged).toBe(true);
});

test('a hole that a power loss left in front of later records is a torn tail, not damage', async () => {
  const fs = new MemoryFileSystem();
  const { wal } = await openAndCollect(fs, { segmentSizeBytes: 1 << 20 });
  for (let i = 1; i <= 3; i++) wal.append(BATCH, i, bytes(`r${i}`));
  await wal.sync();
  // One write, of which the disk kept the end and not the start; nothing of it was acknowledged.
  for (let i = 5; i <= 7; i++) wal.append(BATCH, i, bytes(`r${i}`));
  void wal.durable(wal.lastLsn).catch(() => {});
  fs.holdSyncs = true;
  await new Promise((resolve) => setImmediate(resolve));
  fs.kill();
  fs.holdSyncs = false;
  const [{ path }] = listSegments(fs, LOG_DIRECTORY).segments;
  const offset = 32 + 3 * 34 + 32;
  fs.flipBit(path, offset + 3, 0);
  const opened = await openAndCollect(fs, { segmentSizeBytes: 1 << 20 });
  expect(opened.seen.map(({ payload }) => payload)).toEqual(['r1', 'r2', 'r3']);
  expect(opened.report.cut).toEqual({ segment: '0000000000000001.wal', offset, bytes: 3 * 34, segments: [] });
  // A record of the same size takes the place of the lost one; the two that lay behind it must not follow it.
  const lsn = opened.wal.append(BATCH, 5, bytes('rX'));
  await opened.wal.durable(lsn);
  fs.kill();
  const { seen } = await openAndCollect(fs, { segmentSizeBytes: 1 << 20 });
  expect(seen.map(({ payload }) => payload)).toEqual(['r1', 'r2', 'r3', 'rX']);
});
