/**
 * Reads MessagePack from a stream that arrives in pieces, for the answers of InfluxDB: maps, arrays, texts, numbers and
 * its extension for times.
 *
 * A document is read when it is there as a whole: reading ahead of the bytes throws `NEED_MORE`, and the caller comes
 * back with more. So that large documents are not read over and over, a try waits until the bytes have doubled.
 */

/** Thrown when the bytes end before the document does. */
const NEED_MORE = new Error('the document goes on');

export class MessagePackReader {
  private bytes: Uint8Array<ArrayBufferLike> = new Uint8Array(0);
  private view = new DataView(this.bytes.buffer);
  /** Where the next value starts. */
  private at = 0;

  /** Starts over at the first byte of a buffer, which is not copied. */
  reset(bytes: Uint8Array): void {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.at = 0;
  }

  /** Bytes that were read. */
  get position(): number {
    return this.at;
  }

  /** Moves on by some bytes and returns where they start. */
  private take(count: number): number {
    const start = this.at;
    if (start + count > this.bytes.length) throw NEED_MORE;
    this.at = start + count;
    return start;
  }

  /** The first byte of the next value, which stays where it is. */
  peek(): number {
    if (this.at >= this.bytes.length) throw NEED_MORE;
    return this.bytes[this.at];
  }

  private type(): number {
    return this.bytes[this.take(1)];
  }

  /** Entries of the map that starts here. */
  mapHeader(): number {
    const type = this.type();
    if ((type & 0xf0) === 0x80) return type & 0x0f;
    if (type === 0xde) return this.view.getUint16(this.take(2));
    if (type === 0xdf) return this.view.getUint32(this.take(4));
    throw unexpected('a map', type);
  }

  /** Items of the array that starts here. */
  arrayHeader(): number {
    const type = this.type();
    if ((type & 0xf0) === 0x90) return type & 0x0f;
    if (type === 0xdc) return this.view.getUint16(this.take(2));
    if (type === 0xdd) return this.view.getUint32(this.take(4));
    throw unexpected('an array', type);
  }

  /** The bytes of a text, as a view that is good until `reset`. */
  textBytes(): Uint8Array {
    const type = this.type();
    let length: number;
    if ((type & 0xe0) === 0xa0) length = type & 0x1f;
    else if (type === 0xd9) length = this.bytes[this.take(1)];
    else if (type === 0xda) length = this.view.getUint16(this.take(2));
    else if (type === 0xdb) length = this.view.getUint32(this.take(4));
    else throw unexpected('a text', type);
    const start = this.take(length);
    return this.bytes.subarray(start, start + length);
  }

  text(): string {
    return Buffer.from(this.textBytes()).toString();
  }

  boolean(): boolean {
    const type = this.type();
    if (type === 0xc2) return false;
    if (type === 0xc3) return true;
    throw unexpected('a boolean', type);
  }

  nil(): void {
    const type = this.type();
    if (type !== 0xc0) throw unexpected('nil', type);
  }

  float(): number {
    const type = this.type();
    if (type === 0xcb) return this.view.getFloat64(this.take(8));
    if (type === 0xca) return this.view.getFloat32(this.take(4));
    throw unexpected('a float', type);
  }

  /** A whole number; 64-bit ones that doubles cannot hold are a bigint. */
  integer(): number | bigint {
    const type = this.type();
    if (type <= 0x7f) return type;
    if (type >= 0xe0) return type - 256;
    switch (type) {
      case 0xcc:
        return this.view.getUint8(this.take(1));
      case 0xcd:
        return this.view.getUint16(this.take(2));
      case 0xce:
        return this.view.getUint32(this.take(4));
      case 0xcf:
        return this.view.getBigUint64(this.take(8));
      case 0xd0:
        return this.view.getInt8(this.take(1));
      case 0xd1:
        return this.view.getInt16(this.take(2));
      case 0xd2:
        return this.view.getInt32(this.take(4));
      case 0xd3:
        return this.view.getBigInt64(this.take(8));
      default:
        throw unexpected('a whole number', type);
    }
  }
}

/** What kind of value a first byte begins. */
export type ValueKind = 'nil' | 'boolean' | 'float' | 'integer' | 'text' | 'other';

export function kindOf(type: number): ValueKind {
  if (type <= 0x7f || type >= 0xe0 || (type >= 0xcc && type <= 0xd3)) return 'integer';
  if (type === 0xcb || type === 0xca) return 'float';
  if ((type & 0xe0) === 0xa0 || (type >= 0xd9 && type <= 0xdb)) return 'text';
  if (type === 0xc0) return 'nil';
  return type === 0xc2 || type === 0xc3 ? 'boolean' : 'other';
}

function unexpected(what: string, type: number): Error {
  return new Error(`the answer is not what InfluxDB sends: ${what} should stand where 0x${type.toString(16)} does`);
}

/**
 * Reads the documents of a stream, one after the other.
 * @param read reads one document from the reader's start to its end; it must have no effects until it returns.
 */
export async function* documents<T>(
  stream: AsyncIterable<Uint8Array>,
  read: (reader: MessagePackReader) => T,
): AsyncGenerator<T> {
  const reader = new MessagePackReader();
  let held = Buffer.alloc(0);
  let arrived: Uint8Array[] = [];
  let arrivedBytes = 0;
  /** Bytes at which the next try makes sense. */
  let enough = 1;
  const attempt = function* (): Generator<T> {
    held = Buffer.concat([held, ...arrived]);
    arrived = [];
    arrivedBytes = 0;
    while (held.length > 0) {
      reader.reset(held);
      let document: T;
      try {
        document = read(reader);
      } catch (error) {
        if (error !== NEED_MORE) throw error;
        enough = held.length * 2;
        return;
      }
      held = held.subarray(reader.position);
      yield document;
    }
    enough = 1;
  };
  for await (const piece of stream) {
    arrived.push(piece);
    arrivedBytes += piece.length;
    if (held.length + arrivedBytes >= enough) yield* attempt();
  }
  yield* attempt();
  if (held.length > 0) throw new Error('the answer breaks off in the middle');
}
