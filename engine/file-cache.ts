/**
 * Open data files, a bounded number of them; the least recently used are closed. Opening one reads its tail, what else
 * it holds is read and verified when it is needed.
 */
import type { FileSystem } from '../disk/file-system.ts';
import { openTsm, type TsmFile } from '../tsm/reader.ts';

const MAX_OPEN_FILES = 800;

export class FileCache {
  private readonly open = new Map<string, TsmFile>();
  private readonly fs: FileSystem;
  private readonly directory: string;

  constructor(fs: FileSystem, directory: string) {
    this.fs = fs;
    this.directory = directory;
  }

  /** The file. Valid until the next turn of the event loop. Throws VarveError 'corrupt', or Node's error. */
  get(name: string): TsmFile {
    let file = this.open.get(name);
    if (file === undefined) file = openTsm(this.fs, `${this.directory}/${name}`);
    else this.open.delete(name);
    this.open.set(name, file);
    return file;
  }

  /** Closes down to the limit. Called between queries, so that no query loses a file under its hands. */
  trim(): void {
    for (const [name, file] of this.open) {
      if (this.open.size <= MAX_OPEN_FILES) return;
      this.open.delete(name);
      file.close();
    }
  }

  drop(name: string): void {
    this.open.get(name)?.close();
    this.open.delete(name);
  }

  close(): void {
    for (const file of this.open.values()) file.close();
    this.open.clear();
  }
}
