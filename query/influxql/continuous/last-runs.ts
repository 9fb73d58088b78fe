/**
 * When continuous queries last ran, in the file `CONTINUOUS` of the data directory. It is written now and then, and at a
 * clean stop; when it is lost or damaged, queries begin as if they were new.
 */
import type { FileSystem } from '../../../disk/file-system.ts';
import { JsonFile } from '../../../disk/json-file.ts';
import type { Log } from '../../../engine/options.ts';

const VERSION = 1;
const SAVE_INTERVAL_MS = 60_000;

/** Keys with ns since the epoch as text. */
type Content = readonly (readonly [key: string, lastNs: string])[];

export class LastRuns {
  private readonly runs = new Map<string, bigint>();
  private readonly file: JsonFile<Content>;
  private readonly log: Log;
  private isChanged = false;
  private savedMs = Number.NEGATIVE_INFINITY;

  constructor(fs: FileSystem, directory: string, log: Log) {
    this.log = log;
    const path = `${directory}/CONTINUOUS`;
    const options = { version: VERSION, oldestVersion: VERSION, initial: [] };
    let file: JsonFile<Content>;
    try {
      file = new JsonFile<Content>(fs, path, options);
    } catch (error) {
      log('error', `${(error as Error).message}; continuous queries begin as if they were new`);
      fs.remove(path);
      file = new JsonFile<Content>(fs, path, options);
    }
    for (const [key, last] of file.content) this.runs.set(key, BigInt(last));
    this.file = file;
  }

  /** ns since the epoch, or null when it never ran. */
  get(key: string): bigint | null {
    return this.runs.get(key) ?? null;
  }

  set(key: string, last: bigint): void {
    this.runs.set(key, last);
    this.isChanged = true;
  }

  /** Forgets all other keys. */
  keep(keys: ReadonlySet<string>): void {
    for (const key of this.runs.keys()) {
      if (keys.has(key)) continue;
      this.runs.delete(key);
      this.isChanged = true;
    }
  }

  /** Saves when that was long ago. @param nowMs of a clock that never steps back */
  saveSometimes(nowMs: number): void {
    if (nowMs - this.savedMs < SAVE_INTERVAL_MS) return;
    this.savedMs = nowMs;
    this.save();
  }

  /** Saves what has changed. A disk that refuses is told of, and does not matter. */
  save(): void {
    if (!this.isChanged) return;
    try {
      this.file.replace([...this.runs].map(([key, last]) => [key, String(last)] as const));
      this.isChanged = false;
    } catch (error) {
      this.log('warn', `cannot note when continuous queries ran: ${(error as Error).message}`);
    }
  }
}
