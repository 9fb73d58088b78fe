/**
 * A shape's field names as the parser compares them: each name with its "=", escaped as a line spells it, in
 * little-endian words, the last one masked. If the bytes of a line equal a guess, the grammar reads that very name.
 */
import type { Shape } from '../index/shapes.ts';

export interface FieldGuess {
  readonly shape: Shape;
  readonly width: number;
  /** [width + 1] where each name's words start in `words`. */
  readonly wordStart: Int32Array;
  /** Words of all names; a name's last word has zeros beyond the "=". */
  readonly words: Int32Array;
  /** [width] mask for the name's last word. */
  readonly lastMask: Int32Array;
  /** [width] bytes of the name with "=". */
  readonly bytes: Int32Array;
  readonly types: Uint8Array;
}

const MASKS = [-1, 0xff, 0xffff, 0xffffff];

/** The guess for a shape; null when a name of it cannot be foreseen (a backslash before its end). */
export function newFieldGuess(shape: Shape): FieldGuess | null {
  const spelled: Uint8Array[] = [];
  for (let i = 0; i < shape.width; i++) {
    const name = shape.names[i];
    if (name.length === 0 || name[name.length - 1] === 92) return null;
    spelled.push(spell(name));
  }
  const wordStart = new Int32Array(shape.width + 1);
  for (let i = 0; i < shape.width; i++) wordStart[i + 1] = wordStart[i] + ((spelled[i].length + 3) >>> 2);
  const words = new Int32Array(wordStart[shape.width]);
  const all = new Uint8Array(words.buffer);
  spelled.forEach((name, i) => {
    all.set(name, wordStart[i] * 4);
  });
  return {
    shape,
    width: shape.width,
    wordStart,
    words,
    lastMask: Int32Array.from(spelled, (name) => MASKS[name.length & 3]),
    bytes: Int32Array.from(spelled, (name) => name.length),
    types: shape.types.slice(0, shape.width),
  };
}

function spell(name: Uint8Array): Uint8Array {
  const spelled: number[] = [];
  for (const c of name) {
    if (c === 44 || c === 61 || c === 32) spelled.push(92);
    spelled.push(c);
  }
  spelled.push(61);
  return Uint8Array.from(spelled);
}
