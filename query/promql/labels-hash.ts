/**
 * Prometheus' hash of a label set, by which limit_ratio picks series: xxHash64 (seed 0) over its packed form, in which
 * each name and value is preceded by its length in bytes (one byte, or 255 and three bytes little-endian).
 */
import type { Labels } from './labels.ts';

const encoder = new TextEncoder();

const MASK = 0xffffffffffffffffn;
const PRIME_1 = 0x9e3779b185ebca87n;
const PRIME_2 = 0xc2b2ae3d27d4eb4fn;
const PRIME_3 = 0x165667b19e3779f9n;
const PRIME_4 = 0x85ebca77c2b2ae63n;
const PRIME_5 = 0x27d4eb2f165667c5n;

/** Where a label set falls in 0 … 1. */
export function hashFraction(labels: Labels): number {
  return Number(xxHash64(packed(labels))) / 2 ** 64;
}

function packed(labels: Labels): Uint8Array {
  const parts: number[] = [];
  const add = (text: string) => {
    const bytes = encoder.encode(text);
    if (bytes.length < 255) parts.push(bytes.length);
    else parts.push(255, bytes.length & 255, (bytes.length >> 8) & 255, (bytes.length >> 16) & 255);
    for (const byte of bytes) parts.push(byte);
  };
  for (let i = 0; i < labels.size; i++) {
    add(labels.names[i]!);
    add(labels.values[i]!);
  }
  return Uint8Array.from(parts);
}

function rotate(value: bigint, bits: bigint): bigint {
  return ((value << bits) | (value >> (64n - bits))) & MASK;
}

function round(accumulator: bigint, input: bigint): bigint {
  return (rotate((accumulator + input * PRIME_2) & MASK, 31n) * PRIME_1) & MASK;
}

function mergeRound(hash: bigint, value: bigint): bigint {
  return ((hash ^ round(0n, value)) * PRIME_1 + PRIME_4) & MASK;
}

/** xxHash64 with seed 0. */
export function xxHash64(bytes: Uint8Array): bigint {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = bytes.length;
  let at = 0;
  let hash: bigint;
  if (length >= 32) {
    let v1 = (PRIME_1 + PRIME_2) & MASK;
    let v2 = PRIME_2;
    let v3 = 0n;
    let v4 = -PRIME_1 & MASK;
    for (; at + 32 <= length; at += 32) {
      v1 = round(v1, view.getBigUint64(at, true));
      v2 = round(v2, view.getBigUint64(at + 8, true));
      v3 = round(v3, view.getBigUint64(at + 16, true));
      v4 = round(v4, view.getBigUint64(at + 24, true));
    }
    hash = (rotate(v1, 1n) + rotate(v2, 7n) + rotate(v3, 12n) + rotate(v4, 18n)) & MASK;
    for (const value of [v1, v2, v3, v4]) hash = mergeRound(hash, value);
  } else {
    hash = PRIME_5;
  }
  hash = (hash + BigInt(length)) & MASK;
  for (; at + 8 <= length; at += 8) {
    hash = (rotate(hash ^ round(0n, view.getBigUint64(at, true)), 27n) * PRIME_1 + PRIME_4) & MASK;
  }
  if (at + 4 <= length) {
    hash = (rotate(hash ^ ((BigInt(view.getUint32(at, true)) * PRIME_1) & MASK), 23n) * PRIME_2 + PRIME_3) & MASK;
    at += 4;
  }
  for (; at < length; at++) {
    hash = (rotate(hash ^ ((BigInt(bytes[at]!) * PRIME_5) & MASK), 11n) * PRIME_1) & MASK;
  }
  hash = ((hash ^ (hash >> 33n)) * PRIME_2) & MASK;
  hash = ((hash ^ (hash >> 29n)) * PRIME_3) & MASK;
  return hash ^ (hash >> 32n);
}
