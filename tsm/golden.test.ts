/**
 * Pins the format: files written by an earlier build must read as they did, and writing the same rows again must give the
 * same bytes. When the format changes on purpose, raise the version in `MAGIC` and write new files with
 * `VARVE_WRITE_GOLDEN=1 vitest run tsm/golden.test.ts`.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { crc32c } from '../bytes/crc32c.ts';
import { MemoryFileSystem } from '../disk/memory-file-system.ts';
import { randomOf, randomSlice, rowTexts } from './random-rows.ts';
import { openTsm } from './reader.ts';
import { verifyTsm } from './verify.ts';
import { createTsm } from './writer.ts';

const DIRECTORY = join(dirname(fileURLToPath(import.meta.url)), 'testdata');
const ALL = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY] as const;

/** Series of all types and lengths, deterministic. */
function written(cold: boolean): Uint8Array {
  const fs = new MemoryFileSystem();
  fs.makeDirectory('/data');
  const random = randomOf(2026);
  const writer = createTsm(fs, '/data/golden.tsm', {
    database: 'golden',
    partitionStartSec: 1_700_006_400,
    partitionDurationSec: 86400,
    indexEpoch: '0123456789abcdef',
    level: cold ? 2 : 0,
    cold,
    minLsn: 17,
    maxLsn: 4711,
  });
  for (let ref = 3; ref < 60; ref += 3) {
    const rows = ref % 9 === 0 ? 300 : 1 + Math.floor(random() * 12);
    writer.addSeries(ref, Buffer.from(`golden,host=h${ref},zone=z${ref % 2}`), randomSlice(random, rows, 1e9));
  }
  writer.finish();
  return fs.readFile('/data/golden.tsm');
}

/** A checksum of all rows as text. */
function rowsChecksum(bytes: Uint8Array): number {
  const fs = new MemoryFileSystem();
  const file = fs.create('/golden.tsm');
  file.write(bytes);
  file.close();
  expect(verifyTsm(fs, '/golden.tsm')).toEqual([]);
  const lines: string[] = [];
  for (const { ref, key, slice } of openTsm(fs, '/golden.tsm').iterate()) {
    lines.push(`${ref} ${Buffer.from(key)}`, ...rowTexts(slice, null, ...ALL));
  }
  return crc32c(Buffer.from(lines.join('\n')));
}

describe('golden files', () => {
  for (const temperature of ['hot', 'cold']) {
    const path = join(DIRECTORY, `v1-${temperature}.tsm`);
    it(`of the ${temperature} kind read and write as they did`, () => {
      const now = written(temperature === 'cold');
      if (process.env.VARVE_WRITE_GOLDEN !== undefined) {
        mkdirSync(DIRECTORY, { recursive: true });
        writeFileSync(path, now);
      }
      const golden = readFileSync(path);
      expect(rowsChecksum(golden)).toBe(ROWS_CHECKSUM);
      // zlib and zstd may pack otherwise in another version, so bytes are compared by what they say, sizes closely.
      expect(Math.abs(now.length - golden.length)).toBeLessThan(golden.length / 20);
      expect(rowsChecksum(now)).toBe(ROWS_CHECKSUM);
    });
  }
});

const ROWS_CHECKSUM = 35684248;
