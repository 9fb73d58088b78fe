/**
 * Appending with group commit to a real disk, and replaying, with records of 55 kB: what 5000 rows of the cpu workload
 * come to. Also fdatasync of a growing and of a recycled segment. Run: node wal/wal.bench.ts [directory]
 */
import * as nodeFs from 'node:fs';
import { join } from 'node:path';
import { nodeFileSystem } from '../disk/node-file-system.ts';
import { openWal } from './open-wal.ts';
import type { SyncMode, WalOptions } from './options.ts';
import { BATCH } from './record.ts';

const base = nodeFs.mkdtempSync(join(process.argv[2] ?? '.', '.varve-bench-'));
const RECORD_BYTES = 55_000;
const RECORDS = 2000;

/** So many writers, each with one record under way, as requests are. */
async function append(what: string, mode: SyncMode, writers: number, options: WalOptions = {}): Promise<void> {
  const directory = `${base}/${mode}-${writers}-${options.spareSegments ?? 1}`;
  const times: number[] = [];
  const { wal } = await openWal(
    nodeFileSystem,
    directory,
    { mode, ...options, onSync: (s) => times.push(s) },
    () => {},
  );
  const payload = new Uint8Array(RECORD_BYTES).map((_, i) => (i * 7919) >> 3);
  const records = mode === 'always' || writers === 1 ? RECORDS / 4 : RECORDS;
  const cpu = process.cpuUsage();
  const start = performance.now();
  let left = records;
  const write = async () => {
    while (left-- > 0) {
      const lsn = wal.append(BATCH, 1, payload);
      await wal.durable(lsn);
      if (lsn % 1000 === 0) wal.checkpoint(lsn - 10);
    }
  };
  await Promise.all(Array.from({ length: writers }, write));
  await wal.sync();
  const seconds = (performance.now() - start) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  const megabytes = (records * RECORD_BYTES) / 1e6;
  const cpuMs = ((user + system) / 1000 / megabytes).toFixed(2);
  times.sort((a, b) => a - b);
  const sync = ((times[times.length >> 1] ?? 0) * 1000).toFixed(2);
  console.log(
    `${what.padEnd(34)} ${(megabytes / seconds).toFixed(0).padStart(5)} MB/s  ${cpuMs} CPU-ms/MB  ` +
      `${times.length} syncs, median ${sync} ms`,
  );
  await wal.close();
}

async function replay(): Promise<void> {
  const directory = `${base}/replay`;
  const { wal } = await openWal(nodeFileSystem, directory, { mode: 'none' }, () => {});
  const payload = new Uint8Array(RECORD_BYTES).fill(7);
  for (let i = 0; i < RECORDS; i++) wal.append(BATCH, 1, payload);
  await wal.close();
  const start = performance.now();
  const { wal: again, report } = await openWal(nodeFileSystem, directory, {}, () => {});
  const seconds = (performance.now() - start) / 1000;
  console.log(`replay ${(report.bytes / 1e6 / seconds).toFixed(0)} MB/s`);
  await again.close();
}

/** Latency of a write of 100 kB with its fdatasync, into a file that grows and over one that is there. */
function recycling(): void {
  const bytes = new Uint8Array(100_000).fill(7);
  for (const what of ['growing', 'recycled', 'growing', 'recycled']) {
    const fd = nodeFs.openSync(`${base}/segment`, what === 'growing' ? 'w' : 'r+');
    const times: number[] = [];
    for (let i = 0; i < 200; i++) {
      const start = performance.now();
      nodeFs.writeSync(fd, bytes, 0, bytes.length, i * bytes.length);
      nodeFs.fdatasyncSync(fd);
      times.push(performance.now() - start);
    }
    nodeFs.closeSync(fd);
    times.sort((a, b) => a - b);
    console.log(`${what.padEnd(9)} segment: median ${times[100].toFixed(2)} ms, p99 ${times[197].toFixed(2)} ms`);
  }
}

try {
  recycling();
  await append('group, 1 writer', 'group', 1);
  await append('group, 1 writer, no recycling', 'group', 1, { spareSegments: 0 });
  await append('group, 16 writers', 'group', 16);
  await append('group, 16 writers, no recycling', 'group', 16, { spareSegments: 0 });
  await append('always, 16 writers', 'always', 16);
  await append('async, 16 writers', 'async', 16);
  await append('none, 16 writers', 'none', 16);
  await replay();
} finally {
  nodeFs.rmSync(base, { recursive: true });
}
