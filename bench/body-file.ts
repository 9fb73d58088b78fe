/**
 * Bodies made once and kept in a file, so that making them costs nothing while a server is measured.
 */
import { closeSync, existsSync, openSync, readFileSync, readSync, renameSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Yields the bodies of `make`, from a file in the temporary directory that is written the first time. */
export function keptBodies(name: string, make: () => Iterable<{ body: Uint8Array }>): Generator<{ body: Buffer }> {
  const path = join(tmpdir(), `varve-bench-${name}.bodies`);
  if (!existsSync(`${path}.json`)) writeBodies(path, make());
  return readBodies(path);
}

function* readBodies(path: string): Generator<{ body: Buffer }> {
  const lengths: number[] = JSON.parse(readFileSync(`${path}.json`, 'utf8'));
  const file = openSync(path, 'r');
  try {
    let offset = 0;
    for (const length of lengths) {
      const body = Buffer.allocUnsafe(length);
      if (readSync(file, body, 0, length, offset) !== length) throw new Error(`${path} is shorter than it should be`);
      offset += length;
      yield { body };
    }
  } finally {
    closeSync(file);
  }
}

function writeBodies(path: string, bodies: Iterable<{ body: Uint8Array }>): void {
  console.log(`writing ${path} (once)`);
  const lengths: number[] = [];
  const file = openSync(`${path}.tmp`, 'w');
  for (const { body } of bodies) {
    writeSync(file, body);
    lengths.push(body.length);
  }
  closeSync(file);
  renameSync(`${path}.tmp`, path);
  writeFileSync(`${path}.json`, JSON.stringify(lengths));
}
