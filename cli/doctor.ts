/**
 * `varve doctor`: checks every checksum and cross-reference of a data directory, and can put damaged files aside.
 *
 * Exit codes: 0 sound, or repaired; 1 something is wrong; 3 the directory cannot be used.
 */
import type { Command } from 'commander';
import { type LockFile, lockDirectory } from '../disk/lock-file.ts';
import { nodeFileSystem } from '../disk/node-file-system.ts';
import { type Diagnosis, examine } from '../engine/doctor.ts';
import { VarveError } from '../errors/errors.ts';
import { runOnDirectory } from './data-directory.ts';
import { EXIT_FAILURE, EXIT_OK } from './exit-codes.ts';

/** Series of a damaged file that are named. */
const SHOWN_SERIES = 20;

interface DoctorCommandOptions {
  data: string;
  repair: boolean;
  json: boolean;
}

export function addDoctorCommand(program: Command): void {
  program
    .command('doctor')
    .description('check every checksum and cross-reference of a data directory; the server must be stopped')
    .option('-d, --data <directory>', 'the data directory', './data')
    .option('--repair', 'put damaged files aside and list what went with them', false)
    .option('--json', 'print the result as JSON', false)
    .addHelpText(
      'after',
      `
Examples:
  varve doctor --data ./data
  varve doctor --data ./data --repair

Exit codes: 0 sound, or repaired; 1 something is wrong; 3 the directory cannot be used.`,
    )
    .action((options: DoctorCommandOptions) => runOnDirectory(options.data, (dataDir) => runDoctor(dataDir, options)));
}

function runDoctor(dataDir: string, options: DoctorCommandOptions): number {
  const lock = lockStopped(dataDir);
  try {
    const showProgress = process.stderr.isTTY === true && !options.json;
    const diagnosis = examine(nodeFileSystem, dataDir, {
      repair: options.repair,
      progress: (path) => {
        if (showProgress) process.stderr.write(`\r\x1b[Kchecking ${path}`);
      },
    });
    if (showProgress) process.stderr.write('\r\x1b[K');
    process.stdout.write(options.json ? `${JSON.stringify(diagnosis, null, 2)}\n` : describe(dataDir, diagnosis));
    return diagnosis.findings.every((finding) => finding.repaired) ? EXIT_OK : EXIT_FAILURE;
  } finally {
    lock.release();
  }
}

function lockStopped(dataDir: string): LockFile {
  try {
    return lockDirectory(nodeFileSystem, dataDir);
  } catch (error) {
    if (!(error instanceof VarveError && error.code === 'locked')) throw error;
    throw new VarveError('locked', `${error.message}; stop the server first`);
  }
}

function describe(dataDir: string, diagnosis: Diagnosis): string {
  const { findings, databases, files, rows, bytes, logRecords } = diagnosis;
  const lines = [
    `${dataDir}: ${databases} databases, ${files} files with ${rows} rows in ${bytes} bytes, ${logRecords} log records`,
  ];
  for (const { path, what, lost, series, remedy } of findings) {
    lines.push('', path, `  wrong: ${what}`);
    if (lost !== '') lines.push(`  lost:  ${lost}`);
    for (const key of series.slice(0, SHOWN_SERIES)) lines.push(`         ${key}`);
    if (series.length > SHOWN_SERIES) {
      lines.push(`         and ${series.length - SHOWN_SERIES} more series, which --json lists`);
    }
    lines.push(`  do:    ${remedy}`);
  }
  lines.push('', findings.length === 0 ? 'sound' : `${findings.length} findings`);
  return `${lines.join('\n')}\n`;
}
