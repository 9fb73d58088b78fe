/**
 * A second copy of what the ids in the log mean: measurements, fields and shapes, in `schema` beside the index.
 *
 * Rows in the write-ahead log name their shapes by id. Should `index.log` be damaged, data files give the series back,
 * but not these ids; this small file does. It is replaced as a whole whenever a checkpoint saves new ones, so that it
 * holds all that the log behind that checkpoint does not define itself.
 *
 *     magic "VARVESCH" · version u32 · CRC32C of the rest u32 · definitions, see index/definitions.ts
 */
import { crc32c } from '../bytes/crc32c.ts';
import { ByteReader } from '../bytes/reader.ts';
import { ByteWriter } from '../bytes/writer.ts';
import { readFileIfExists, replaceFile } from '../disk/atomic-file.ts';
import type { FileSystem } from '../disk/file-system.ts';
import { VarveError } from '../errors/errors.ts';
import type { SeriesIndex } from '../index/series-index.ts';

export const SCHEMA_NAME = 'schema';

const MAGIC = new TextEncoder().encode('VARVESCH');
const VERSION = 1;
const HEADER_BYTES = 16;

export class SchemaFile {
  private readonly fs: FileSystem;
  private readonly path: string;
  /** What the file says, as far as this process knows. */
  private saved = '';

  constructor(fs: FileSystem, directory: string) {
    this.fs = fs;
    this.path = `${directory}/${SCHEMA_NAME}`;
  }

  /** Writes the file anew if the index has more than it. Durable on return. */
  save(index: SeriesIndex): void {
    const mark = `${index.series.measurements.limit} ${index.fields.length} ${index.shapes.length}`;
    if (mark === this.saved) return;
    const definitions = index.schemaDefinitions();
    const out = new ByteWriter(HEADER_BYTES + definitions.length);
    out.raw(MAGIC);
    out.u32(VERSION);
    out.u32(crc32c(definitions));
    out.raw(definitions);
    const bytes = out.take();
    const before = readFileIfExists(this.fs, this.path);
    if (before === null || Buffer.compare(before, bytes) !== 0) replaceFile(this.fs, this.path, bytes);
    this.saved = mark;
  }

  /**
   * Gives a new index the ids of the file; false when there is none.
   * @throws VarveError 'corrupt'
   */
  load(index: SeriesIndex): boolean {
    const bytes = readFileIfExists(this.fs, this.path);
    if (bytes === null) return false;
    const definitions = bytes.subarray(HEADER_BYTES);
    const damaged = (why: string) => new VarveError('corrupt', `cannot read ${this.path}: ${why}`);
    if (bytes.length < HEADER_BYTES || Buffer.compare(bytes.subarray(0, MAGIC.length), MAGIC) !== 0) {
      throw damaged('it does not begin like a schema');
    }
    const reader = new ByteReader(bytes, MAGIC.length);
    const version = reader.u32();
    if (version !== VERSION) throw damaged(`version ${version}, this build knows ${VERSION}`);
    if (reader.u32() !== crc32c(definitions)) throw damaged('wrong checksum');
    index.applyDefinitions(definitions);
    return true;
  }
}
