/** `varve wal dump` and `varve tsm dump`: what is in the log and in data files, as text. They only read. */
import type { Command } from 'commander';
import { FIELD_TYPE_NAMES } from '../batch/field-type.ts';
import { nodeFileSystem } from '../disk/node-file-system.ts';
import { VarveError } from '../errors/errors.ts';
import { describeRowGroups, describeSections } from '../tsm/describe.ts';
import { openTsm } from '../tsm/reader.ts';
import { dumpLog } from '../wal/dump.ts';
import { runOnDirectory } from './data-directory.ts';
import { EXIT_DATA, EXIT_OK } from './exit-codes.ts';

const WAL_EXAMPLE = '\nExample:\n  varve wal dump --data ./data';
const TSM_EXAMPLE = '\nExample:\n  varve tsm dump data/db/1/*.tsm';

const out = (line: string): boolean => process.stdout.write(`${line}\n`);

export function addDumpCommands(program: Command): void {
  program
    .command('wal')
    .description('look into the write-ahead log')
    .addHelpText('after', WAL_EXAMPLE)
    .command('dump')
    .description('print segments and records')
    .option('-d, --data <directory>', 'the data directory', './data')
    .addHelpText('after', WAL_EXAMPLE)
    .action((options: { data: string }) =>
      runOnDirectory(options.data, (directory) => {
        dumpWal(`${directory}/wal`);
        return EXIT_OK;
      }),
    );
  program
    .command('tsm')
    .description('look into data files')
    .addHelpText('after', TSM_EXAMPLE)
    .command('dump')
    .description('print row groups, encodings and sizes')
    .argument('<file...>', 'data files')
    .option('--series', 'also print the series', false)
    .addHelpText('after', TSM_EXAMPLE)
    .action((paths: string[], options: { series: boolean }) => {
      for (const path of paths) {
        try {
          dumpTsm(path, options.series);
        } catch (error) {
          const { syscall, message } = error as NodeJS.ErrnoException;
          if (!(error instanceof VarveError) && syscall === undefined) throw error;
          process.stderr.write(`varve: ${error instanceof VarveError ? message : `cannot read ${path}: ${message}`}\n`);
          process.exitCode = EXIT_DATA;
        }
      }
    });
}

function dumpWal(directory: string): void {
  for (const entry of dumpLog(nodeFileSystem, directory)) {
    if (entry.kind === 'segment') {
      const notes = [entry.header === 'good' ? '' : `header ${entry.header}`, entry.recycled ? 'recycled' : ''];
      out(
        `segment ${entry.segment}  ${entry.sizeBytes} bytes  ${notes.filter((note) => note !== '').join(', ')}`.trimEnd(),
      );
    } else if (entry.kind === 'record') {
      const lsn = entry.firstLsn === entry.lsn ? `${entry.lsn}` : `${entry.firstLsn} … ${entry.lsn}`;
      out(`  ${entry.offset}  lsn ${lsn}  ${entry.typeName}  database ${entry.database}  ${entry.sizeBytes} bytes`);
    } else {
      const what = entry.recordsFollow ? 'DAMAGED, records follow' : 'end of the log';
      out(`  ${entry.offset}  ${entry.sizeBytes} bytes  ${what}`);
    }
  }
}

function dumpTsm(path: string, series: boolean): void {
  const file = openTsm(nodeFileSystem, path);
  try {
    const { meta } = file;
    const start = new Date(meta.partitionStartSec * 1000).toISOString();
    out(`${path}  ${meta.sizeBytes} bytes`);
    out(`  database ${meta.database}, partition ${start} of ${meta.partitionDurationSec} s, index ${meta.indexEpoch}`);
    out(
      `  level ${meta.level}${meta.cold ? ', cold' : ''}, ${meta.seriesCount} series, ${meta.rows} rows, ${meta.values} values`,
    );
    out(`  ${(meta.sizeBytes / meta.values).toFixed(3)} bytes per value`);
    for (const section of describeSections(file)) {
      out(`  section ${section.name}  ${section.bytes} bytes${section.inline ? '  in the tail' : ''}`);
    }
    for (const group of describeRowGroups(file)) {
      const flags = group.flags.length > 0 ? `  ${group.flags.join(' ')}` : '';
      out(
        `  group ${group.group} at ${group.offset}  ${group.bytes} bytes  ${group.series} series from ref ${group.firstRef}${flags}`,
      );
      out(
        `    ${group.rows} rows, ${group.minOffsetNs} … ${group.maxOffsetNs} ns; times ${group.times} ${group.timeBytes} bytes`,
      );
      for (const column of group.columns) {
        const notes = `${column.sparse ? ', sparse' : ''}${column.hasStatistics ? ', statistics' : ''}`;
        out(`    ${column.field}  ${FIELD_TYPE_NAMES[column.type]}  ${column.encoding}${notes}  ${column.bytes} bytes`);
      }
    }
    if (!series) return;
    for (const { ref, key } of file.keys()) out(`  series ${ref}  ${new TextDecoder().decode(key)}`);
  } finally {
    file.close();
  }
}
