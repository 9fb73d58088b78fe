/**
 * Small state that is kept as a whole: one file with a line of JSON, which has a version, the content as text and the
 * CRC32C of that text. It is replaced by rename, so a reader finds the old content or the new one.
 *
 * A replacement that fails may be on disk all the same. What it said is taken back at once, or by the next `settle`, which
 * whoever relies on the content calls before acknowledging anything.
 */
import { crc32c } from '../bytes/crc32c.ts';
import { VarveError } from '../errors/errors.ts';
import { replaceFile } from './atomic-file.ts';
import type { FileSystem } from './file-system.ts';

export interface JsonFileOptions<T> {
  /** Written. */
  readonly version: number;
  /** The oldest that is read, as content of the same shape. */
  readonly oldestVersion: number;
  /** What a file that does not exist stands for. */
  readonly initial: T;
  /** Permissions of the file. */
  readonly mode?: number;
}

export class JsonFile<T> {
  readonly path: string;
  private readonly fs: FileSystem;
  private readonly options: JsonFileOptions<T>;
  private current: T;
  private isDoubtful = false;

  /** Reads `path`. Throws VarveError 'corrupt' when it is damaged or of another version. */
  constructor(fs: FileSystem, path: string, options: JsonFileOptions<T>) {
    this.fs = fs;
    this.path = path;
    this.options = options;
    this.current = fs.exists(path) ? this.read() : options.initial;
  }

  get content(): T {
    return this.current;
  }

  /** Puts new content in place of the old; durable on return. Throws the disk's error, and then the old stands. */
  replace(content: T): void {
    try {
      this.write(content);
    } catch (error) {
      this.isDoubtful = true;
      try {
        this.settle();
      } catch {
        // The next `settle` tries again.
      }
      throw error;
    }
    this.current = content;
  }

  /** Makes sure that the file says what is said here. Throws the disk's error while it cannot. */
  settle(): void {
    if (this.isDoubtful) this.write(this.current);
  }

  private write(content: T): void {
    const { version, mode } = this.options;
    const text = JSON.stringify(content);
    const line = JSON.stringify({ version, crc32c: crc32c(new TextEncoder().encode(text)), content: text });
    replaceFile(this.fs, this.path, new TextEncoder().encode(`${line}\n`), mode);
    this.isDoubtful = false;
  }

  private read(): T {
    const { version, oldestVersion } = this.options;
    try {
      const file = parsed(new TextDecoder().decode(this.fs.readFile(this.path)));
      if (!(file.version >= oldestVersion && file.version <= version)) {
        const known = oldestVersion === version ? `${version}` : `${oldestVersion} to ${version}`;
        throw new Error(`version ${file.version}, this build knows ${known}`);
      }
      if (crc32c(new TextEncoder().encode(file.content)) !== file.crc32c) throw new Error('wrong checksum');
      return JSON.parse(file.content) as T;
    } catch (cause) {
      throw new VarveError('corrupt', `cannot read ${this.path}: ${(cause as Error).message}`, { cause });
    }
  }
}

function parsed(text: string): { version: number; crc32c: number; content: string } {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new Error('it is damaged', { cause });
  }
}
