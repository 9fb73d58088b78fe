/** `varve compact`: does now, with the server stopped, what it would do over time: one cold file per passed partition. */
import type { Command } from 'commander';
import { openEngine } from '../engine/engine.ts';
import { runOnDirectory } from './data-directory.ts';
import { EXIT_OK } from './exit-codes.ts';

export function addCompactCommand(program: Command): void {
  program
    .command('compact')
    .description('merge and re-encode all passed partitions now; the server must be stopped')
    .option('-d, --data <directory>', 'the data directory', './data')
    .addHelpText('after', '\nExample:\n  varve compact --data ./data')
    .action((options: { data: string }) => runOnDirectory(options.data, compact));
}

async function compact(dataDir: string): Promise<number> {
  const engine = await openEngine({ dataDir, maintenanceIntervalMs: 0 });
  const size = () => {
    let bytes = 0;
    for (const { manifest } of engine.allDatabases())
      for (const file of manifest.files.values()) bytes += file.sizeBytes;
    return bytes;
  };
  await engine.flush();
  const before = size();
  const progress = setInterval(() => {
    if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${engine.counters.merges} merges done`);
  }, 200);
  try {
    await engine.maintenance.run(true);
  } finally {
    clearInterval(progress);
    if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
  }
  process.stdout.write(`${engine.counters.merges} merges: ${before} bytes of data files before, ${size()} after\n`);
  await engine.close();
  return EXIT_OK;
}
