/**
 * The LOCK of a data directory: one process at a time, and none has to clean up after one that was killed.
 *
 * The file names its owner: process id, the process' start time (an id alone may have been given to another process since)
 * and a random word that no other lock ever has. Taking it is free of races:
 *
 * 1. The content is written to a file of its own, which is then linked to the lock's name. That is one step, and fails
 *    when the name is taken; nobody ever sees half a lock.
 * 2. If it is taken by a live process, that is the answer.
 * 3. If its owner is gone, whoever wants to replace it first takes the lock `<path>.<the owner's word>` in the same way,
 *    so at most one process replaces this very lock. Having it, it looks again: only if the lock is still that owner's
 *    is it replaced, by a rename.
 *
 * Start times come from /proc. Where there is none (macOS, Windows) a live process id alone counts as the owner. Processes
 * in different containers do not see each other; a data directory must not be shared between those.
 */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { VarveError } from '../errors/errors.ts';
import type { FileSystem } from './file-system.ts';
import { directoryOf } from './path.ts';

/** How processes are told apart. Tests bring their own. */
export interface ProcessTable {
  readonly self: number;
  /** Something that differs between two processes that had the same id one after the other; null when there is none now. */
  identity(pid: number): string | null;
}

interface Owner {
  pid: number;
  identity: string;
  word: string;
}

export interface LockFile {
  readonly path: string;
  /** Gives the lock back. */
  release(): void;
}

/** Attempts to take a lock that changes hands under our eyes. */
const ATTEMPTS = 16;

/** Takes `<directory>/LOCK`, or throws `locked`. */
export function lockDirectory(fs: FileSystem, directory: string, processes: ProcessTable = systemProcesses): LockFile {
  const path = `${directory}/LOCK`;
  const owner = { pid: processes.self, identity: processes.identity(processes.self) ?? '', word: newWord() };
  const holder = take(fs, path, owner, processes);
  if (holder !== null) {
    throw new VarveError('locked', `cannot open ${directory}: it is in use by process ${holder.pid}`);
  }
  return { path, release: () => release(fs, path, owner) };
}

/** Null when the lock is ours now, else who has it. */
function take(fs: FileSystem, path: string, owner: Owner, processes: ProcessTable): Owner | null {
  const mine = `${path}.${owner.word}.mine`;
  writeOwner(fs, mine, owner);
  try {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      if (linkIfFree(fs, mine, path)) return null;
      const holder = readOwner(fs, path);
      if (holder === undefined) continue;
      if (holder.word !== '' && isAlive(holder, processes)) return holder;
      const rival = replaceStale(fs, path, holder, owner, processes);
      if (rival !== null) return rival;
      if (readOwner(fs, path)?.word === owner.word) return null;
    }
    throw new VarveError('locked', `cannot open ${directoryOf(path)}: its lock keeps changing hands`);
  } finally {
    fs.remove(mine);
  }
}

/** Puts ours in place of a lock whose owner is gone, if it is still there. Not null: who is about to do the same. */
function replaceStale(fs: FileSystem, path: string, stale: Owner, owner: Owner, processes: ProcessTable): Owner | null {
  const guard = `${path}.${stale.word === '' ? 'torn' : stale.word}`;
  const taker = { ...owner, word: newWord() };
  const rival = take(fs, guard, taker, processes);
  if (rival !== null) return rival;
  try {
    const now = readOwner(fs, path);
    if (now?.word === stale.word) {
      const next = `${path}.${owner.word}.next`;
      writeOwner(fs, next, owner);
      fs.rename(next, path);
    }
    return null;
  } finally {
    release(fs, guard, taker);
  }
}

function release(fs: FileSystem, path: string, owner: Owner): void {
  if (readOwner(fs, path)?.word === owner.word) fs.remove(path);
}

function linkIfFree(fs: FileSystem, from: string, to: string): boolean {
  try {
    fs.link(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

function writeOwner(fs: FileSystem, path: string, { pid, identity, word }: Owner): void {
  const file = fs.create(path);
  try {
    file.write(new TextEncoder().encode(`${pid}\n${identity}\n${word}\n`));
    file.syncNow();
  } finally {
    file.close();
  }
}

/** The owner that a lock names; undefined when there is no lock; with no word when a power loss tore the file. */
function readOwner(fs: FileSystem, path: string): Owner | undefined {
  let text: string;
  try {
    text = new TextDecoder().decode(fs.readFile(path));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  const [pid, identity, word, end] = text.split('\n');
  if (end === undefined || !/^\d+$/.test(pid) || !/^[0-9a-f]{16}$/.test(word))
    return { pid: 0, identity: '', word: '' };
  return { pid: Number(pid), identity, word };
}

function isAlive(owner: Owner, processes: ProcessTable): boolean {
  return processes.identity(owner.pid) === owner.identity;
}

function newWord(): string {
  return randomBytes(8).toString('hex');
}

/** The machine's processes: the boot's id and the start time in clock ticks since then. */
const systemProcesses: ProcessTable = {
  self: process.pid,
  identity(pid) {
    if (process.platform === 'linux') {
      try {
        const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
        // The command's name, in parentheses, may hold anything; the state and the start time are 1 and 20 behind it.
        const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
        if (fields[0] === 'Z' || fields[0] === 'X') return null;
        return `${readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()} ${fields[19]}`;
      } catch {
        return null;
      }
    }
    try {
      process.kill(pid, 0);
      return 'alive';
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === 'EPERM' ? 'alive' : null;
    }
  },
};
