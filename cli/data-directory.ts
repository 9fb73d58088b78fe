/**
 * A data directory as the commands see it that work on one themselves. What is wrong with it is said in one line, and by the
 * exit code; only what nobody has foreseen comes with its stack.
 */
import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { VarveError } from '../errors/errors.ts';
import { EXIT_DATA } from './exit-codes.ts';

/** The directory's full path. Throws `not_found` when it is not there: a mistyped name must not become a new directory. */
export function existingDirectory(path: string): string {
  const directory = resolve(path);
  if (statSync(directory, { throwIfNoEntry: false }) === undefined) {
    throw new VarveError(
      'not_found',
      `cannot use ${directory}: there is no such directory. Choose another with --data`,
    );
  }
  return directory;
}

/** Runs a command's work on an existing data directory, and sets the exit code: what `work` returns, or EXIT_DATA. */
export async function runOnDirectory(
  path: string,
  work: (directory: string) => number | Promise<number>,
): Promise<void> {
  try {
    process.exitCode = await work(existingDirectory(path));
  } catch (error) {
    process.stderr.write(`varve: ${directoryFailure(resolve(path), error)}\n`);
    process.exitCode = EXIT_DATA;
  }
}

/** Why a directory cannot be used, with what to do about it. */
export function directoryFailure(directory: string, error: unknown): string {
  const { code, syscall, message } = error as NodeJS.ErrnoException;
  if (code === 'EACCES' || code === 'EROFS' || code === 'EPERM') {
    return `cannot write to ${directory}: ${message}. Give this user the directory, or choose another with --data`;
  }
  if (code === 'ENOTDIR' || code === 'EEXIST') {
    return `cannot use ${directory}: it is not a directory. Choose another with --data`;
  }
  if (error instanceof VarveError) return message;
  if (syscall !== undefined) return `cannot use ${directory}: ${message}`;
  return `cannot open ${directory}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
}
