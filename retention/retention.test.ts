import { expect, it } from 'vitest';
import { isExpired } from './expired.ts';
import { partitionsOverCap } from './size-cap.ts';
import { refusesWrites } from './space-guard.ts';

const DAY_SEC = 86_400;

it('keeps everything without a retention, samples of 1970 included', () => {
  expect(isExpired({ partitionStartSec: 0, partitionDurationSec: DAY_SEC }, 0, 2e12)).toBe(false);
});

it('drops a partition only once its last instant is past the retention', () => {
  const span = { partitionStartSec: 10 * DAY_SEC, partitionDurationSec: DAY_SEC };
  const endMs = 11 * DAY_SEC * 1000;
  const retentionMs = 5 * DAY_SEC * 1000;
  expect(isExpired(span, retentionMs, endMs + retentionMs - 1)).toBe(false);
  expect(isExpired(span, retentionMs, endMs + retentionMs)).toBe(true);
});

it('drops the oldest partitions over all databases until the rest fits, but never the newest of one', () => {
  const partition = (database: string, day: number, sizeBytes: number) => ({
    database,
    partitionStartSec: day * DAY_SEC,
    partitionDurationSec: DAY_SEC,
    sizeBytes,
  });
  const all = [partition('a', 3, 10), partition('a', 1, 10), partition('b', 2, 10), partition('b', 0, 10)];
  const names = (capBytes: number) =>
    partitionsOverCap(all, capBytes).map((p) => `${p.database}${p.partitionStartSec / DAY_SEC}`);
  expect(names(0)).toEqual([]);
  expect(names(40)).toEqual([]);
  expect(names(39)).toEqual(['b0']);
  expect(names(25)).toEqual(['b0', 'a1']);
  expect(names(1)).toEqual(['b0', 'a1']);
});

it('refuses writes below the reserve and takes them again only well above it', () => {
  expect(refusesWrites(99, 100, false)).toBe(true);
  expect(refusesWrites(101, 100, false)).toBe(false);
  expect(refusesWrites(110, 100, true)).toBe(true);
  expect(refusesWrites(125, 100, true)).toBe(false);
  expect(refusesWrites(0, 0, true)).toBe(false);
});
