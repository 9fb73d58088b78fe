/**
 * The outline of a file: magic numbers, limits, and the tail, which describes everything else. README.md draws it all.
 */
import { crc32c } from '../bytes/crc32c.ts';
import { ByteWriter } from '../bytes/writer.ts';
import { VarveError } from '../errors/errors.ts';
import { decodeBytes, encodeBytes } from './byte-compression.ts';
import { type Cursor, cursorOf, readByte, readRaw, readVarint, readZigzag, withSlack } from './cursor.ts';

/** "VTS" and the version; the first and the last bytes of every file. */
export const MAGIC = Uint8Array.of(0x56, 0x54, 0x53, 1);
export const MAGIC_BYTES = 4;
export const CRC_BYTES = 4;
/** Stored tail length, CRC32C, magic. */
export const FOOTER_BYTES = 4 + CRC_BYTES + MAGIC_BYTES;

/** Rows of one row group; a pack holds fewer. */
export const GROUP_ROWS = 16384;
/** A pack of short series is closed at this many rows … */
export const PACK_ROWS = 8192;
/** … or this many values. */
export const PACK_VALUES = 65536;
/** Row groups smaller than this have one checksum for all their parts. */
export const JOINED_BYTES = 4096;

/** Which partition a file is of, and how it came to be. */
export interface TsmHeader {
  database: string;
  partitionStartSec: number;
  partitionDurationSec: number;
  /** Identifies the series index whose refs the file uses. */
  indexEpoch: string;
  /** Merge level: 0 for a flush. */
  level: number;
  /** Encoded for size rather than for the writer's speed. */
  cold: boolean;
  /** Log positions the file covers, when it comes straight from the log. */
  minLsn?: number;
  maxLsn?: number;
}

/** A written file. */
export interface TsmMeta extends TsmHeader {
  path: string;
  sizeBytes: number;
  rows: number;
  /** Field values, absent ones not counted. */
  values: number;
  seriesCount: number;
  /** Smallest and largest row time, ns since the partition's start. */
  minOffsetNs: number;
  maxOffsetNs: number;
}

/** Sections in the order of the tail. */
export const SECTION = { FIELDS: 0, GROUPS: 1, SERIES: 2, KEYS: 3, BLOOM: 4 } as const;
export const SECTION_NAMES = ['fields', 'groups', 'series', 'keys', 'bloom'] as const;
export const SECTION_COUNT = 5;
/** Sections up to this size are stored inside the tail and compressed with it. */
export const INLINE_BYTES = 2048;

/** Where a section is: in the tail itself, or at an offset with its own checksum. */
export interface SectionPlace {
  inline: Uint8Array | null;
  offset: number;
  length: number;
  crc: number;
}

/** What the tail says. */
export interface Tail {
  header: TsmHeader;
  /** Rows × columns of all row groups that hold no value. */
  absentValues: number;
  sections: SectionPlace[];
}

const IS_COLD = 1;
const HAS_LSN = 2;
/** The epoch is hexadecimal and stored as the bytes that it spells. */
const HEX_EPOCH = 4;
const HEX = /^([0-9a-f]{2})+$/;

/** A number as mantissa · 10^exponent: round times take two or three bytes. */
export function writeScaled(w: ByteWriter, v: number): void {
  let exponent = 0;
  let mantissa = v;
  while (mantissa !== 0 && mantissa % 10 === 0 && exponent < 15) {
    mantissa /= 10;
    exponent++;
  }
  // Small mantissas share a byte with the exponent.
  if (mantissa < 15) {
    w.u8(exponent | (mantissa << 4));
    return;
  }
  w.u8(exponent | 0xf0);
  w.varint(mantissa - 15);
}

export function readScaled(c: Cursor): number {
  const first = readByte(c);
  const mantissa = first >>> 4 === 15 ? readVarint(c) + 15 : first >>> 4;
  return mantissa * 10 ** (first & 15);
}

/** The bytes that end a file: compressed tail and footer. */
export function encodeTail(tail: Tail): Uint8Array {
  const w = new ByteWriter(1024);
  const { header } = tail;
  const hasLsn = header.minLsn !== undefined && header.maxLsn !== undefined;
  const isHex = HEX.test(header.indexEpoch);
  w.u8((header.cold ? IS_COLD : 0) | (hasLsn ? HAS_LSN : 0) | (isHex ? HEX_EPOCH : 0));
  w.text(header.database);
  writeScaled(w, header.partitionDurationSec);
  // Partitions are aligned to their duration.
  w.zigzag(header.partitionStartSec / header.partitionDurationSec);
  w.blob(Buffer.from(header.indexEpoch, isHex ? 'hex' : 'utf8'));
  w.u8(header.level);
  if (hasLsn) {
    w.varint(header.minLsn!);
    w.varint(header.maxLsn!);
  }
  w.varint(tail.absentValues);
  for (const section of tail.sections) {
    w.varint(section.length * 2 + (section.inline === null ? 1 : 0));
    if (section.inline !== null) {
      w.raw(section.inline);
    } else {
      w.varint(section.offset);
      w.u32(section.crc);
    }
  }
  const out = new ByteWriter(w.length + 64);
  encodeBytes(out, w.view8(), 'thorough');
  out.u32(out.length);
  out.u32(crc32c(out.view8()));
  out.raw(MAGIC);
  return out.take();
}

/** Parses a stored tail whose checksum was verified. */
export function decodeTail(stored: Uint8Array): Tail {
  const bytes = withSlack(decodeBytes(cursorOf(stored)));
  const c = cursorOf(bytes, 0, bytes.length - 8);
  const flags = readByte(c);
  const database = readText(c);
  const partitionDurationSec = readScaled(c);
  const header: TsmHeader = {
    database,
    partitionStartSec: readZigzag(c) * partitionDurationSec,
    partitionDurationSec,
    indexEpoch: flags & HEX_EPOCH ? Buffer.from(readRaw(c, readVarint(c))).toString('hex') : readText(c),
    level: readByte(c),
    cold: (flags & IS_COLD) !== 0,
  };
  if (flags & HAS_LSN) {
    header.minLsn = readVarint(c);
    header.maxLsn = readVarint(c);
  }
  const tail: Tail = {
    header,
    absentValues: readVarint(c),
    sections: [],
  };
  for (let s = 0; s < SECTION_COUNT; s++) {
    const size = readVarint(c);
    const length = Math.floor(size / 2);
    if (size % 2 === 0) {
      tail.sections.push({ inline: withSlack(readRaw(c, length)), offset: 0, length, crc: 0 });
    } else {
      const offset = readVarint(c);
      const crc = readRaw(c, 4);
      tail.sections.push({
        inline: null,
        offset,
        length,
        crc: new DataView(crc.buffer, crc.byteOffset).getUint32(0, true),
      });
    }
  }
  return tail;
}

function readText(c: Cursor): string {
  return new TextDecoder().decode(readRaw(c, readVarint(c)));
}

export function corrupt(path: string, offset: number, why: string, cause?: unknown): VarveError {
  return new VarveError('corrupt', `cannot read ${path} at offset ${offset}: ${why}`, { cause });
}
