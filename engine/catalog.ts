/**
 * The catalog: the databases of a data directory, their ids and settings.
 *
 * One small file, `CATALOG`: a line of JSON with a version, the databases and a CRC32C of their text. It changes rarely
 * and is replaced as a whole. Ids name directories and log records; they are never used twice.
 */
import { crc32c } from '../bytes/crc32c.ts';
import { replaceFile } from '../disk/atomic-file.ts';
import type { FileSystem } from '../disk/file-system.ts';
import { VarveError } from '../errors/errors.ts';

const VERSION = 1;

/** What is set for one database; it applies to data written from then on. */
export interface DatabaseSettings {
  /** Time range of a partition in s. Fixed at creation: existing files are cut by it. */
  partitionDurationSec: number;
  /** Age in ms at which whole partitions are dropped; 0 keeps them for ever, null goes by the server's setting. */
  retentionMs: number | null;
}

export interface CatalogEntry {
  id: number;
  name: string;
  settings: DatabaseSettings;
}

interface CatalogContent {
  nextId: number;
  databases: CatalogEntry[];
}

export class Catalog {
  private readonly fs: FileSystem;
  private readonly path: string;
  private content: CatalogContent = { nextId: 1, databases: [] };

  constructor(fs: FileSystem, dataDirectory: string) {
    this.fs = fs;
    this.path = `${dataDirectory}/CATALOG`;
    if (fs.exists(this.path)) this.content = this.read();
    else if (fs.list(`${dataDirectory}/db`).length > 0) {
      const cause = `it is gone, though there are databases in ${dataDirectory}/db; restore it from a backup`;
      throw new VarveError('corrupt', `cannot read ${this.path}: ${cause}`);
    }
  }

  entries(): readonly CatalogEntry[] {
    return this.content.databases;
  }

  /** Adds a database; durable on return. */
  add(name: string, settings: DatabaseSettings): CatalogEntry {
    const entry = { id: this.content.nextId, name, settings };
    this.write({ nextId: entry.id + 1, databases: [...this.content.databases, entry] });
    return entry;
  }

  /** Forgets a database; durable on return. */
  remove(id: number): void {
    this.write({ ...this.content, databases: this.content.databases.filter((entry) => entry.id !== id) });
  }

  /** Changes settings; durable on return. */
  update(id: number, settings: DatabaseSettings): void {
    const databases = this.content.databases.map((entry) => (entry.id === id ? { ...entry, settings } : entry));
    this.write({ ...this.content, databases });
  }

  private write(content: CatalogContent): void {
    const text = JSON.stringify(content);
    const crc = crc32c(new TextEncoder().encode(text));
    const file = JSON.stringify({ version: VERSION, crc32c: crc, content: text });
    replaceFile(this.fs, this.path, new TextEncoder().encode(`${file}\n`));
    this.content = content;
  }

  private read(): CatalogContent {
    try {
      const file = JSON.parse(new TextDecoder().decode(this.fs.readFile(this.path)));
      if (file.version !== VERSION) throw new Error(`version ${file.version}, this build knows ${VERSION}`);
      if (crc32c(new TextEncoder().encode(file.content)) !== file.crc32c) throw new Error('wrong checksum');
      return JSON.parse(file.content) as CatalogContent;
    } catch (cause) {
      throw new VarveError('corrupt', `cannot read ${this.path}: ${(cause as Error).message}`, { cause });
    }
  }
}
