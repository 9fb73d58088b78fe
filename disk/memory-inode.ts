/**
 * A file of the memory disk: its content as readers see it, the content that a power loss leaves, and the operations
 * in between.
 */
import type { Random } from '../bytes/random.ts';

/** What a disk writes as one: a power loss keeps or loses each of these on its own. */
const SECTOR_BYTES = 512;

/** A write at an offset, or, without bytes, a cut at it. */
interface Operation {
  offset: number;
  bytes: Uint8Array | null;
}

/** Bytes that grow: `bytes[0 .. size]`, zeros behind. */
class Image {
  bytes: Uint8Array;
  size: number;

  constructor(bytes = new Uint8Array(0), size = 0) {
    this.bytes = bytes;
    this.size = size;
  }

  apply(operation: Operation): void {
    const { offset, bytes } = operation;
    if (bytes === null) {
      this.resize(offset);
      return;
    }
    if (offset + bytes.length > this.size) this.resize(offset + bytes.length);
    this.bytes.set(bytes, offset);
  }

  resize(size: number): void {
    if (size > this.bytes.length) {
      const grown = new Uint8Array(Math.max(size, this.bytes.length * 2, 64));
      grown.set(this.bytes.subarray(0, this.size));
      this.bytes = grown;
    }
    if (size < this.size) this.bytes.fill(0, size, this.size);
    this.size = size;
  }

  copy(): Image {
    return new Image(this.bytes.slice(0, this.size), this.size);
  }
}

export class Inode {
  private image = new Image();
  private durable = new Image();
  private unsynced: Operation[] = [];
  /** Operations ever applied to `durable`, so that a sync in flight knows which of `unsynced` it covers. */
  private synced = 0;

  get size(): number {
    return this.image.size;
  }

  /** A mark for `sync`: everything done so far. */
  get unsyncedCount(): number {
    return this.synced + this.unsynced.length;
  }

  read(offset: number, length: number): Uint8Array {
    return this.image.bytes.slice(offset, offset + length);
  }

  write(offset: number, bytes: Uint8Array): void {
    const operation = { offset, bytes: bytes.slice() };
    this.image.apply(operation);
    this.unsynced.push(operation);
  }

  truncate(size: number): void {
    const operation = { offset: size, bytes: null };
    this.image.apply(operation);
    this.unsynced.push(operation);
  }

  /** Makes everything up to the mark durable. */
  sync(mark: number): void {
    const n = mark - this.synced;
    if (n <= 0) return;
    for (let i = 0; i < n; i++) this.durable.apply(this.unsynced[i]);
    this.unsynced.splice(0, n);
    this.synced = mark;
  }

  flipBit(offset: number, bit: number): void {
    if (offset >= this.image.size)
      throw new RangeError(`cannot flip a bit at ${offset}: the file has ${this.image.size}`);
    this.image.bytes[offset] ^= 1 << bit;
    if (offset < this.durable.size) this.durable.bytes[offset] ^= 1 << bit;
  }

  /** Loses power: keeps the durable content and a random part of what came after it. */
  crash(random: Random): void {
    const image = this.survivor(random);
    this.synced += this.unsynced.length;
    this.unsynced = [];
    this.durable = image;
    this.image = image.copy();
  }

  private survivor(random: Random): Image {
    const count = this.unsynced.length;
    if (count === 0) return this.durable;
    const how = random.below(4);
    if (how === 0) return this.durable;
    if (how === 1) return this.image.copy();
    if (how === 2) return this.prefix(random, random.below(count));
    return this.sectors(random);
  }

  /** The first operations, and a part of the next one. */
  private prefix(random: Random, whole: number): Image {
    const image = this.durable.copy();
    for (let i = 0; i < whole; i++) image.apply(this.unsynced[i]);
    const { offset, bytes } = this.unsynced[whole];
    if (bytes !== null) image.apply({ offset, bytes: bytes.subarray(0, random.below(bytes.length + 1)) });
    return image;
  }

  /** Each sector old or new on its own, as a disk may write them in any order; what never came is zeros. */
  private sectors(random: Random): Image {
    const image = this.durable.copy();
    const low = Math.min(this.durable.size, this.image.size);
    const high = Math.max(this.durable.size, this.image.size);
    image.resize(low + random.below(high - low + 1));
    const keep = random.unit();
    for (let at = 0; at < image.size; at += SECTOR_BYTES) {
      if (!random.chance(keep)) continue;
      const end = Math.min(at + SECTOR_BYTES, image.size);
      image.bytes.fill(0, at, end);
      image.bytes.set(this.image.bytes.subarray(at, Math.min(end, this.image.size)), at);
    }
    return image;
  }
}
