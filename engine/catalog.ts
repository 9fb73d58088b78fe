/**
 * The catalog: the databases of a data directory, their ids and settings, retention policies and continuous queries.
 *
 * One small file, `CATALOG`, that changes rarely and is replaced as a whole: every change to it, however many entries it
 * touches, happens or does not. Ids name directories and log records; they are never used twice.
 *
 * Version 1 knew databases with a partition duration and a retention only; it is read, and written anew as version 2 by
 * the next change.
 */
import type { FileSystem } from '../disk/file-system.ts';
import { JsonFile } from '../disk/json-file.ts';
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
  private readonly file: JsonFile<CatalogContent>;

  constructor(fs: FileSystem, dataDirectory: string) {
    const path = `${dataDirectory}/CATALOG`;
    if (!fs.exists(path) && fs.list(`${dataDirectory}/db`).length > 0) {
      const cause = `it is gone, though there are databases in ${dataDirectory}/db; restore it from a backup`;
      throw new VarveError('corrupt', `cannot read ${path}: ${cause}`);
    }
    const initial = { nextId: 1, databases: [] };
    this.file = new JsonFile(fs, path, { version: VERSION, oldestVersion: OLDEST_VERSION, initial });
  }

  get content(): CatalogContent {
    return this.file.content;
  }

  entries(): readonly CatalogEntry[] {
    return this.content.databases;
  }

  /** Puts new content in place of the old; durable on return. When it fails, the old stands. */
  replace(content: CatalogContent): void {
    this.file.replace(content);
  }

  /** Makes sure that what is on disk is what is said here. Throws the disk's error while it cannot. */
  settle(): void {
    this.file.settle();
  }
}
