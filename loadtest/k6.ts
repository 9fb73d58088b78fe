/** Finds k6, and builds it where it is absent. k6 is a program written in Go, so `go` is needed for that. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const OWN = join(HERE, 'bin', 'k6');

/** The path of k6: the one built here, else the one on the PATH; null when there is none. */
export function findK6(): string | null {
  if (existsSync(OWN)) return OWN;
  const onPath = (process.env.PATH ?? '').split(delimiter).map((directory) => join(directory, 'k6'));
  return onPath.find((path) => existsSync(path)) ?? null;
}

/** Builds k6 into loadtest/bin. Takes some minutes the first time. */
export function installK6(): boolean {
  const { status, error } = spawnSync('go', ['install', 'go.k6.io/k6@latest'], {
    stdio: 'inherit',
    env: { ...process.env, GOBIN: join(HERE, 'bin') },
  });
  if (error !== undefined) console.error(`cannot build k6: ${error.message}; install Go, or put k6 on the PATH`);
  return status === 0;
}
