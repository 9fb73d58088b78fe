/**
 * Programs and data that a test compares with. Where one is absent the test is skipped and says so, unless
 * VARVE_REQUIRE_PEERS=1 makes it a failure, as continuous integration does.
 */
import { accessSync, constants, existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

const required = process.env.VARVE_REQUIRE_PEERS === '1';

/** Whether a program is on the PATH (Debian's prometheus and curl are in /usr/bin). */
export function havePrograms(...names: string[]): boolean {
  const directories = [...(process.env.PATH ?? '').split(delimiter), '/usr/bin', '/usr/sbin'];
  const missing = names.filter((name) => !directories.some((directory) => executable(join(directory, name))));
  return present(missing, 'program');
}

/** Whether an npm package is there that is too large to be one of this project's own. */
export function havePackage(path: string, name: string): boolean {
  return present(existsSync(join(path, 'node_modules', name)) ? [] : [name], 'npm package');
}

export function haveFile(path: string): boolean {
  // Data beside the checkout is not in everybody's reach, so its absence is never a failure.
  if (existsSync(path)) return true;
  console.warn(`skipped: ${path} is not there`);
  return false;
}

function executable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function present(missing: string[], kind: string): boolean {
  if (missing.length === 0) return true;
  const message = `${kind} ${missing.join(', ')} is not installed`;
  if (required) throw new Error(message);
  console.warn(`skipped: ${message}`);
  return false;
}
