/**
 * Snapshots: a data directory of its own, beside the live data, that a server can be started on.
 *
 *     DATA/snapshots/20261121T134502Z-5f1c0a9be2d34c77/
 *       db/ID/…     data files as second names of the live ones (no bytes are copied), index and manifest as copies
 *       ACCESS      users and tokens
 *       CATALOG     last, so a snapshot without it is not whole
 *
 * All is taken between two turns of the event loop, in which nothing else can change, so it is a state that a crash
 * could have left: everything that was in files. Rows that are only in memory are flushed before.
 */
import { randomBytes } from 'node:crypto';
import type { FileSystem } from '../disk/file-system.ts';
import type { Engine } from './engine.ts';
import { QUARANTINE } from './quarantine.ts';

export interface SnapshotOptions {
  /** Leave out what is only in memory and in the log. */
  skipMemory?: boolean;
}

/** Takes a snapshot and returns its name, a directory in `DATA/snapshots`. Durable when this resolves. */
export async function takeSnapshot(engine: Engine, options: SnapshotOptions = {}): Promise<string> {
  if (!options.skipMemory) await engine.flush();
  engine.assertOpen();
  const { fs, dataDir, clock } = engine.options;
  const time = new Date(clock.nowMs()).toISOString().replace(/[-:]|\.\d+/g, '');
  const name = `${time}-${randomBytes(8).toString('hex')}`;
  const target = `${dataDir}/snapshots/${name}`;
  try {
    for (const database of engine.allDatabases()) {
      const directory = `${target}/db/${database.id}`;
      fs.makeDirectory(directory);
      for (const file of fs.list(database.directory)) {
        if (file === QUARANTINE || file.endsWith('.tmp')) continue;
        const from = `${database.directory}/${file}`;
        if (!file.endsWith('.tsm')) copy(fs, from, `${directory}/${file}`);
        else if (database.manifest.files.has(file)) linkOrCopy(fs, from, `${directory}/${file}`);
      }
      fs.syncDirectory(directory);
    }
    fs.makeDirectory(`${target}/db`);
    fs.syncDirectory(`${target}/db`);
    for (const file of ['ACCESS', 'CATALOG']) {
      if (fs.exists(`${dataDir}/${file}`)) copy(fs, `${dataDir}/${file}`, `${target}/${file}`);
    }
    fs.syncDirectory(target);
    fs.syncDirectory(`${dataDir}/snapshots`);
    fs.syncDirectory(dataDir);
  } catch (error) {
    fs.removeTree(target);
    throw error;
  }
  return name;
}

/** A second name where the disk has such, else a copy. */
function linkOrCopy(fs: FileSystem, from: string, to: string): void {
  try {
    fs.link(from, to);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EXDEV' && code !== 'EPERM' && code !== 'ENOTSUP' && code !== 'EMLINK') throw error;
    copy(fs, from, to);
  }
}

function copy(fs: FileSystem, from: string, to: string): void {
  const file = fs.create(to, to.endsWith('/ACCESS') ? 0o600 : undefined);
  try {
    file.write(fs.readFile(from));
    file.syncNow();
  } finally {
    file.close();
  }
}
