import { fork } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { nodeFileSystem } from '../disk/node-file-system.ts';
import { openWal } from './open-wal.ts';

test('a process killed with -9 in the middle of writing, again and again, loses nothing acknowledged', {
  timeout: 60_000,
}, async () => {
  const directory = mkdtempSync(join(tmpdir(), 'varve-wal-'));
  const child = new URL('./testdata/write-child.ts', import.meta.url);
  const acknowledged = new Set<number>();
  try {
    for (let round = 0; round < 5; round++) {
      const writer = fork(child, [`${directory}/wal`, String(round * 1_000_000)]);
      const gone = new Promise((resolve) => writer.once('exit', resolve));
      const wanted = acknowledged.size + 20 + 40 * round;
      writer.on('message', (number) => {
        acknowledged.add(Number(number));
        if (acknowledged.size === wanted) writer.kill('SIGKILL');
      });
      await gone;
      expect(acknowledged.size).toBeGreaterThanOrEqual(wanted);
      const back = new Set<number>();
      let last = 0;
      const { wal, report } = await openWal(
        nodeFileSystem,
        `${directory}/wal`,
        {},
        (lsn, _type, _database, payload) => {
          expect(lsn).toBeGreaterThan(last);
          last = lsn;
          const [number, fill] = Buffer.from(payload).toString().split(':');
          expect(fill).toBe('x'.repeat(Number(number) % 2000));
          back.add(Number(number));
        },
      );
      await wal.close();
      expect(report.losses).toEqual([]);
      for (const number of acknowledged) expect(back.has(number), `${number} is back`).toBe(true);
    }
  } finally {
    rmSync(directory, { recursive: true });
  }
});
