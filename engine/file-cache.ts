/**
 * Open data files, a bounded number of them; the least recently used are closed. Opening one reads its tail, what else
 * it holds is read and verified when it is needed.
 *
 * What was asked for in one turn of the event loop stays open until the next: a reader may need more files at once than
 * are kept, up to a part of what the process may have open.
 */
import type { FileSystem } from '../disk/file-system.ts';
import { openFileLimit } from '../disk/open-file-limit.ts';
import { VarveError } from '../errors/errors.ts';
import { openTsm, type TsmFile } from '../tsm/reader.ts';

/** Files that stay open from turn to turn. */
const MAX_OPEN_FILES = 800;
/** The part of all files and connections that one turn may open. */
const MAX_SHARE = 0.5;

interface OpenFile {
  readonly file: TsmFile;
  /** When it was last asked for. */
  turn: number;
}

export class FileCache {
  /** Least recently used first. */
  private readonly open = new Map<string, OpenFile>();
  private readonly fs: FileSystem;
  private readonly directory: string;
  private turn = 0;
  private turnWillEnd = false;

  constructor(fs: FileSystem, directory: string) {
    this.fs = fs;
    this.directory = directory;
  }

  /**
   * The file. Valid until the next turn of the event loop. Throws VarveError 'corrupt', 'unprocessable' when too many were
   * asked for in this turn, or Node's error.
   */
  get(name: string): TsmFile {
    let entry = this.open.get(name);
    if (entry === undefined) {
      this.makeRoom();
      entry = { file: openTsm(this.fs, `${this.directory}/${name}`), turn: this.turn };
    } else this.open.delete(name);
    entry.turn = this.turn;
    this.open.set(name, entry);
    this.endTurnLater();
    return entry.file;
  }

  /** What `use` makes of the file, which stays open if there is room: for who looks at any number of files. */
  look<T>(name: string, use: (file: TsmFile) => T): T {
    if (this.open.size < MAX_OPEN_FILES || this.open.has(name)) return use(this.get(name));
    const file = openTsm(this.fs, `${this.directory}/${name}`);
    try {
      return use(file);
    } finally {
      file.close();
    }
  }

  drop(name: string): void {
    this.open.get(name)?.file.close();
    this.open.delete(name);
  }

  close(): void {
    for (const { file } of this.open.values()) file.close();
    this.open.clear();
  }

  private makeRoom(): void {
    if (this.open.size < MAX_OPEN_FILES || this.closeOldest()) return;
    const most = Math.max(MAX_OPEN_FILES, Math.floor(openFileLimit() * MAX_SHARE));
    if (this.open.size < most) return;
    throw new VarveError(
      'unprocessable',
      `cannot read more than ${most} data files at once: ask for a shorter time range, allow the server more open files (ulimit -n), or give the database a longer partition duration`,
    );
  }

  /** Closes the least recently used file; false when it is needed in this turn, as all others then are. */
  private closeOldest(): boolean {
    for (const [name, { file, turn }] of this.open) {
      if (turn === this.turn) return false;
      this.open.delete(name);
      file.close();
      return true;
    }
    return false;
  }

  /** What a turn has opened beyond the limit is closed at its end, not at the next query: connections need descriptors, too. */
  private endTurnLater(): void {
    if (this.turnWillEnd) return;
    this.turnWillEnd = true;
    setImmediate(() => {
      this.turnWillEnd = false;
      this.turn++;
      while (this.open.size > MAX_OPEN_FILES) this.closeOldest();
    });
  }
}
