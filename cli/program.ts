/**
 * The command line: one file per command, each of which adds itself to the program below.
 *
 * Exit codes: 0 done or stopped as asked; 1 an unexpected failure; 2 wrong usage; 3 the data directory cannot be used;
 * 4 the address cannot be listened on.
 */
import { Command } from 'commander';
import { addCompactCommand } from './compact.ts';
import { addConfigCommand } from './config.ts';
import { addDatabaseCommand } from './db.ts';
import { addDoctorCommand } from './doctor.ts';
import { addDumpCommands } from './dump.ts';
import { EXIT_USAGE } from './exit-codes.ts';
import { addExportCommand } from './export.ts';
import { addImportCommand } from './import.ts';
import { addQueryCommand } from './query.ts';
import { addRulesCommand } from './rules.ts';
import { addServeCommand } from './serve.ts';
import { addTokenCommand } from './token.ts';
import { addUserCommand } from './user.ts';
import { readVersion } from './version.ts';
import { addWriteCommand } from './write.ts';

const COMMANDS = [
  addServeCommand,
  addWriteCommand,
  addQueryCommand,
  addExportCommand,
  addDatabaseCommand,
  addUserCommand,
  addTokenCommand,
  addRulesCommand,
  addConfigCommand,
  addDoctorCommand,
  addDumpCommands,
  addCompactCommand,
  addImportCommand,
];

/** The program with all its commands. */
export function createProgram(): Command {
  const program = new Command('varve')
    .description('A time-series metrics database: line protocol and Prometheus remote write in, PromQL out.')
    .version(readVersion(), '-v, --version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .configureHelp({ showGlobalOptions: true })
    .showHelpAfterError('(run with --help to see the options and examples)')
    .exitOverride((error) => {
      process.exit(error.exitCode === 0 ? 0 : EXIT_USAGE);
    })
    .addHelpText(
      'after',
      `
Examples:
  varve serve                                     serve ./data on http://127.0.0.1:8086
  varve user create admin --admin --data ./data   an administrator: from now on it asks who comes
  varve serve --listen :8086 --retention 90d      and may be reached from other machines

Exit codes:
  0  done, or stopped as asked        3  the data directory cannot be used
  1  an unexpected failure            4  the address cannot be listened on
  2  wrong usage`,
    );
  for (const add of COMMANDS) add(program);
  return program;
}

/** Does what the command line says. */
export async function runProgram(): Promise<void> {
  // A reader that has seen enough, such as head, is no error.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    throw error;
  });
  await createProgram().parseAsync();
}
