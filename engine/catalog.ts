/**
 * The catalog: the databases of a data directory, their ids and settings, retention policies and continuous queries.
 *
 * One small file, `CATALOG`: a line of JSON with a version, the content and a CRC32C of its text. It changes rarely and
 * is replaced as a whole, so that every change to it, however many entries it touches, happens or does not. Ids name
 * directories and log records; they are never used twice.
 *
 * Version 1 knew databases with a partition duration and a retention only; it is read, and written anew as version 2 by
 * the next change.
 */
import { crc32c } from '../bytes/crc32c.ts';
import { replaceFile } from '../disk/atomic-file.ts';
import type { FileSystem } from '../disk/file-system.ts';
import { VarveError } from '../errors/errors.ts';

const VERSION = 2;
const OLDEST_VERSION = 1;

/** Bounds on what writers may add to a database; null is the server's own bound. */
export interface DatabaseLimits {
  /** Series that may exist at once. */
  readonly maxSeries: number | null;
  /** New series per second. */
  readonly maxNewSeriesPerSec: number | null;
  /** Tags of one series. */
  readonly maxTagsPerSeries: number | null;
  /** Bytes of one tag value. */
  readonly maxTagValueBytes: number | null;
}

export const NO_LIMITS: DatabaseLimits = {
  maxSeries: null,
  maxNewSeriesPerSec: null,
  maxTagsPerSeries: null,
  maxTagValueBytes: null,
};

/** What is set for one database; it applies to data written from then on. */
export interface DatabaseSettings {
  /** Time range of a partition in s. Fixed once there are rows: existing files are cut by it. */
  partitionDurationSec: number;
  /** Age in ms at which whole partitions are dropped; 0 keeps them for ever, null goes by the server's setting. */
  retentionMs: number | null;
  /** Bytes of files, over all its retention policies, beyond which the oldest partitions go; 0 or absent is no cap. */
  sizeCapBytes?: number;
  limits?: DatabaseLimits;
}

/** A retention policy of a database. How long it keeps rows is set on the entry that holds them. */
export interface PolicyEntry {
  readonly name: string;
  /** The entry whose rows are the policy's: the database itself, or one that is hidden behind it. */
  readonly id: number;
  /** As was said when it was made, to be shown; there is one copy of everything. */
  readonly replication: number;
  /** As shown, in ms; null is what InfluxDB chooses for how long the policy keeps rows. */
  readonly shardDurationMs: number | null;
}

/** A continuous query, as the text that made it. */
export interface ContinuousQueryEntry {
  readonly name: string;
  /** The whole CREATE statement in canonical form. */
  readonly text: string;
}

export interface CatalogEntry {
  readonly id: number;
  readonly name: string;
  readonly settings: DatabaseSettings;
  /** Absent while the database has the one policy that it began with. */
  readonly policies?: readonly PolicyEntry[];
  /** The default policy's name; it may be gone. Comes and goes with `policies`. */
  readonly defaultPolicy?: string;
  readonly continuousQueries?: readonly ContinuousQueryEntry[];
}

export interface CatalogContent {
  readonly nextId: number;
  readonly databases: readonly CatalogEntry[];
}

export class Catalog {
  private readonly fs: FileSystem;
  private readonly path: string;
  private current: CatalogContent = { nextId: 1, databases: [] };
  /** A change failed, and may be on disk all the same: until the file is written again, nothing may rely on it. */
  private isDoubtful = false;

  constructor(fs: FileSystem, dataDirectory: string) {
    this.fs = fs;
    this.path = `${dataDirectory}/CATALOG`;
    if (fs.exists(this.path)) this.current = this.read();
    else if (fs.list(`${dataDirectory}/db`).length > 0) {
      const cause = `it is gone, though there are databases in ${dataDirectory}/db; restore it from a backup`;
      throw new VarveError('corrupt', `cannot read ${this.path}: ${cause}`);
    }
  }

  get content(): CatalogContent {
    return this.current;
  }

  entries(): readonly CatalogEntry[] {
    return this.current.databases;
  }

  /** Puts new content in place of the old; durable on return. When it fails, the old is put back. */
  replace(content: CatalogContent): void {
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

  /** Makes sure that the file is what is said here. Throws the disk's error while it cannot. */
  settle(): void {
    if (!this.isDoubtful) return;
    this.write(this.current);
  }

  private write(content: CatalogContent): void {
    const text = JSON.stringify(content);
    const crc = crc32c(new TextEncoder().encode(text));
    const file = JSON.stringify({ version: VERSION, crc32c: crc, content: text });
    replaceFile(this.fs, this.path, new TextEncoder().encode(`${file}\n`));
    this.isDoubtful = false;
  }

  private read(): CatalogContent {
    try {
      const file = JSON.parse(new TextDecoder().decode(this.fs.readFile(this.path)));
      if (!(file.version >= OLDEST_VERSION && file.version <= VERSION)) {
        throw new Error(`version ${file.version}, this build knows ${OLDEST_VERSION} to ${VERSION}`);
      }
      if (crc32c(new TextEncoder().encode(file.content)) !== file.crc32c) throw new Error('wrong checksum');
      return JSON.parse(file.content) as CatalogContent;
    } catch (cause) {
      throw new VarveError('corrupt', `cannot read ${this.path}: ${(cause as Error).message}`, { cause });
    }
  }
}
