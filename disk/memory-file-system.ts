/**
 * A disk in memory that forgets what was not synced: the fault-injecting twin of the real file system.
 *
 * 1. Every file is an inode with two contents: what readers see, and what a power loss leaves. Writes and truncations
 *    collect in a list until `sync` applies them to the second one.
 * 2. Names are kept twice as well: creations, renames, links and removals last only after `syncDirectory` of their
 *    directory. Directories themselves last at once.
 * 3. `crash` loses power: of what was not synced, a random part stays (nothing, all, a prefix with a torn end, or any
 *    sectors in any order), decided by the seed. Handles of before are dead.
 *
 * Beyond that it runs out of space (`capacityBytes`), fails the n-th call of a kind (`fail`) and flips bits (`flipBit`).
 */
import { Random } from '../bytes/random.ts';
import type { FileSystem, ReadableFile, WritableFile } from './file-system.ts';
import { Inode } from './memory-inode.ts';
import { directoryOf } from './path.ts';

/** Calls that can be made to fail. */
export type FaultKind =
  | 'create'
  | 'write'
  | 'sync'
  | 'syncDirectory'
  | 'read'
  | 'rename'
  | 'link'
  | 'remove'
  | 'truncate';

interface Fault {
  kind: FaultKind;
  /** Calls that still succeed before the first failure. */
  after: number;
  times: number;
  code: string;
  /** Only calls on paths that contain this. */
  within: string;
}

/** One change of names, as a whole or not at all: null removes the name. */
type NameChange = [path: string, inode: Inode | null][];

export class MemoryFileSystem implements FileSystem {
  /** Bytes all files together may hold; a write beyond it stops in its middle with ENOSPC. */
  capacityBytes = Number.POSITIVE_INFINITY;
  /** While true, `sync` stays in flight until `releaseSyncs`. */
  holdSyncs = false;
  /** Calls of each kind so far, the failed ones included. */
  readonly calls: Record<FaultKind, number> = {
    create: 0,
    write: 0,
    sync: 0,
    syncDirectory: 0,
    read: 0,
    rename: 0,
    link: 0,
    remove: 0,
    truncate: 0,
  };
  private readonly random: Random;
  private names = new Map<string, Inode>();
  private durableNames = new Map<string, Inode>();
  private changes: { directory: string; change: NameChange }[] = [];
  private directories = new Set<string>(['/', '.']);
  private faults: Fault[] = [];
  private changesLeft = Number.POSITIVE_INFINITY;
  private held: (() => void)[] = [];
  private generation = 0;

  constructor(seed = 1) {
    this.random = new Random(seed);
  }

  /** Makes calls of a kind fail: the first `after` still succeed, the next `times` do not. */
  fail(kind: FaultKind, options: { after?: number; times?: number; code?: string; within?: string } = {}): void {
    const { after = 0, times = 1, code = 'EIO', within = '' } = options;
    this.faults.push({ kind, after, times, code, within });
  }

  /** Makes every changing call fail from the n-th on, counted over all kinds: how a process looks that dies there. */
  failFrom(n: number): void {
    this.changesLeft = n;
  }

  /** Forgets all faults that have not happened yet. */
  heal(): void {
    this.faults = [];
    this.changesLeft = Number.POSITIVE_INFINITY;
  }

  /** Inverts one bit of a file, now and for good, as a bad disk would. */
  flipBit(path: string, offset: number, bit: number): void {
    this.inode('open', path).flipBit(offset, bit);
  }

  releaseSyncs(): void {
    const held = this.held;
    this.held = [];
    for (const release of held) release();
  }

  /** Loses power and comes up again. Open handles throw from now on. */
  crash(): void {
    this.generation++;
    this.held = [];
    this.heal();
    const kept = new Map(this.durableNames);
    const limit = this.random.chance(0.5) ? this.random.below(this.changes.length + 1) : this.changes.length;
    const anyOrder = this.random.chance(0.3);
    // Changes may overtake each other, but not those of the same file or name.
    const behind = new Set<Inode | string>();
    for (let i = 0; i < limit; i++) {
      const { change } = this.changes[i];
      const waits = change.some(([path, inode]) => behind.has(path) || (inode !== null && behind.has(inode)));
      if (!waits && !(anyOrder && this.random.chance(0.3))) {
        applyChange(kept, change);
        continue;
      }
      for (const [path, inode] of change) {
        behind.add(path);
        if (inode !== null) behind.add(inode);
      }
    }
    this.changes = [];
    this.durableNames = kept;
    this.names = new Map(kept);
    for (const inode of new Set(kept.values())) inode.crash(this.random);
  }

  /**
   * The disk as one process sees it: after `crash` or `kill` every call fails, so that what the dead process still has
   * under way (timers, promises) cannot touch the files of its successor.
   */
  attach(): FileSystem {
    const { generation } = this;
    return new Proxy(this, {
      get(target, key) {
        const value: unknown = Reflect.get(target, key);
        if (typeof value !== 'function') return value;
        return (...values: unknown[]) => {
          if (target.generation !== generation) throw failure('EIO', String(key), 'of a dead process');
          return Reflect.apply(value, target, values);
        };
      },
    });
  }

  /** A process that dies without a power loss: the page cache stays, handles do not. */
  kill(): void {
    this.generation++;
    this.held = [];
    this.heal();
  }

  makeDirectory(path: string): void {
    for (let p = path; p !== '' && !this.directories.has(p); p = directoryOf(p)) this.directories.add(p);
  }

  list(path: string): string[] {
    const prefix = path.endsWith('/') ? path : `${path}/`;
    const found = new Set<string>();
    for (const name of [...this.names.keys(), ...this.directories]) {
      if (!name.startsWith(prefix) || name === prefix) continue;
      found.add(name.slice(prefix.length).split('/')[0]);
    }
    return [...found].sort();
  }

  exists(path: string): boolean {
    return this.names.has(path) || this.directories.has(path);
  }

  size(path: string): number {
    return this.inode('stat', path).size;
  }

  readFile(path: string): Uint8Array {
    this.step('read', path);
    const inode = this.inode('open', path);
    return inode.read(0, inode.size);
  }

  openRead(path: string): ReadableFile {
    const inode = this.inode('open', path);
    const size = inode.size;
    const check = this.handle(path);
    return {
      path,
      size,
      read: (offset, length) => {
        check.alive();
        this.step('read', path);
        if (offset < 0 || length < 0 || offset + length > Math.min(size, inode.size)) {
          throw new RangeError(`cannot read ${length} bytes at ${offset} of ${path}: it has ${inode.size}`);
        }
        return inode.read(offset, length);
      },
      close: check.close,
    };
  }

  create(path: string): WritableFile {
    this.step('create', path);
    this.needDirectory('open', path);
    let inode = this.names.get(path);
    if (inode === undefined) {
      inode = new Inode();
      this.change(path, [[path, inode]]);
    } else {
      inode.truncate(0);
    }
    return this.writable(path, inode, 0);
  }

  openAppend(path: string): WritableFile {
    const inode = this.inode('open', path);
    return this.writable(path, inode, inode.size);
  }

  openOverwrite(path: string, offset: number): WritableFile {
    const inode = this.inode('open', path);
    if (offset < 0 || offset > inode.size) {
      throw new RangeError(`cannot write at ${offset} of ${path}: it has ${inode.size} bytes`);
    }
    return this.writable(path, inode, offset);
  }

  rename(from: string, to: string): void {
    this.step('rename', from);
    const inode = this.inode('rename', from);
    this.needDirectory('rename', to);
    if (from === to) return;
    this.change(to, [
      [from, null],
      [to, inode],
    ]);
  }

  link(from: string, to: string): void {
    this.step('link', from);
    const inode = this.inode('link', from);
    this.needDirectory('link', to);
    if (this.names.has(to)) throw failure('EEXIST', 'link', to);
    this.change(to, [[to, inode]]);
  }

  remove(path: string): void {
    this.step('remove', path);
    if (this.names.has(path)) this.change(path, [[path, null]]);
  }

  removeTree(path: string): void {
    this.step('remove', path);
    const prefix = `${path}/`;
    for (const name of [...this.names.keys()]) {
      if (name === path || name.startsWith(prefix)) this.change(name, [[name, null]]);
    }
    for (const name of [...this.directories]) {
      if (name === path || name.startsWith(prefix)) this.directories.delete(name);
    }
  }

  truncate(path: string, size: number): void {
    this.step('truncate', path);
    this.inode('truncate', path).truncate(size);
  }

  syncDirectory(path: string): void {
    this.step('syncDirectory', path);
    if (!this.directories.has(path)) throw failure('ENOENT', 'open', path);
    const rest = [];
    for (const entry of this.changes) {
      if (entry.directory === path) applyChange(this.durableNames, entry.change);
      else rest.push(entry);
    }
    this.changes = rest;
  }

  freeBytes(): number {
    if (this.capacityBytes === Number.POSITIVE_INFINITY) return this.capacityBytes;
    return Math.max(0, this.capacityBytes - this.usedBytes());
  }

  /** Bytes that all files together hold. */
  usedBytes(): number {
    let sum = 0;
    for (const inode of new Set(this.names.values())) sum += inode.size;
    return sum;
  }

  private writable(path: string, inode: Inode, start: number): WritableFile {
    let size = start;
    const check = this.handle(path);
    return {
      path,
      get size() {
        return size;
      },
      write: (bytes) => {
        check.alive();
        this.step('write', path);
        const grown = Math.max(0, size + bytes.length - inode.size);
        const room = grown === 0 ? 0 : this.freeBytes();
        if (grown > room) {
          inode.write(size, bytes.subarray(0, bytes.length - (grown - room)));
          throw failure('ENOSPC', 'write', path);
        }
        inode.write(size, bytes);
        size += bytes.length;
      },
      sync: async () => {
        check.alive();
        this.step('sync', path);
        const { generation } = this;
        const mark = inode.unsyncedCount;
        if (this.holdSyncs) await new Promise<void>((resolve) => this.held.push(resolve));
        else await Promise.resolve();
        if (generation !== this.generation) throw failure('EIO', 'fdatasync', path);
        inode.sync(mark);
      },
      syncNow: () => {
        check.alive();
        this.step('sync', path);
        inode.sync(inode.unsyncedCount);
      },
      close: check.close,
    };
  }

  private handle(path: string): { alive(): void; close(): void } {
    const { generation } = this;
    let open = true;
    return {
      alive: () => {
        if (!open || generation !== this.generation) throw failure('EBADF', 'use', path);
      },
      close: () => {
        open = false;
      },
    };
  }

  private step(kind: FaultKind, path: string): void {
    this.calls[kind]++;
    if (kind !== 'read' && this.changesLeft-- <= 0) throw failure('EIO', kind, path);
    for (const fault of this.faults) {
      if (fault.kind !== kind || fault.times === 0 || !path.includes(fault.within)) continue;
      if (fault.after-- > 0) continue;
      fault.times--;
      throw failure(fault.code, kind, path);
    }
  }

  private change(path: string, change: NameChange): void {
    applyChange(this.names, change);
    this.changes.push({ directory: directoryOf(path), change });
  }

  private inode(call: string, path: string): Inode {
    const inode = this.names.get(path);
    if (inode === undefined) throw failure(this.directories.has(path) ? 'EISDIR' : 'ENOENT', call, path);
    return inode;
  }

  private needDirectory(call: string, path: string): void {
    if (!this.directories.has(directoryOf(path))) throw failure('ENOENT', call, path);
    if (this.directories.has(path)) throw failure('EISDIR', call, path);
  }
}

function applyChange(names: Map<string, Inode>, change: NameChange): void {
  for (const [path, inode] of change) {
    if (inode === null) names.delete(path);
    else names.set(path, inode);
  }
}

function failure(code: string, call: string, path: string): NodeJS.ErrnoException {
  const error: NodeJS.ErrnoException = new Error(`${code}: ${call} '${path}'`);
  error.code = code;
  return error;
}
