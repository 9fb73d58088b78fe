/**
 * Columns of texts as places in a short list, as those of tags are: moving a row moves a number, and a text is looked at
 * once however many rows have it. Whoever wants the texts themselves gets them by `values`, made when first asked for.
 *
 * The tags of a series are columns with one list of codes between them. What is done to several columns of a frame keeps it
 * so (`CodesMemo`): they cost as much together as one of them, and writers of answers can take them together.
 */
import type { TextCodes, TextColumn } from '../result.ts';

type Texts = TextCodes['texts'];

export class CodedTexts implements TextColumn {
  readonly kind = 'string';
  readonly coded: TextCodes;
  private made: Texts | null = null;

  constructor(texts: Texts, codes: Int32Array) {
    this.coded = { texts, codes };
  }

  get values(): Texts {
    if (this.made === null) {
      const { texts, codes } = this.coded;
      const made: (string | null)[] = new Array(codes.length);
      for (let row = 0; row < codes.length; row++) made[row] = texts[codes[row]];
      this.made = made;
    }
    return this.made;
  }
}

/** Whether two lists of codes are the same memory, and so equal without a look. */
export function isSameMemory(a: Int32Array, b: Int32Array): boolean {
  return a === b || (a.buffer === b.buffer && a.byteOffset === b.byteOffset && a.length === b.length);
}

/** What one operation has made of the codes of one column, for the next one: most often that has the same. */
export interface CodesMemo {
  of: readonly TextCodes[];
  /** Where the texts of each begin, of columns laid end to end; else empty. */
  bases: readonly number[];
  made: Int32Array;
}

export function newCodesMemo(): CodesMemo {
  return { of: [], bases: [], made: new Int32Array(0) };
}

function isMade({ of }: CodesMemo, columns: readonly TextCodes[]): boolean {
  if (of.length !== columns.length) return false;
  for (let i = 0; i < of.length; i++) {
    if (of[i].texts.length !== columns[i].texts.length || !isSameMemory(of[i].codes, columns[i].codes)) return false;
  }
  return true;
}

/** The rows at some places; null when one of these is −1, which has no text. */
export function gatherCodes(column: TextCodes, places: Int32Array, memo: CodesMemo): CodedTexts | null {
  if (!isMade(memo, [column])) {
    const { codes } = column;
    const made = new Int32Array(places.length);
    for (let i = 0; i < places.length; i++) {
      if (places[i] < 0) return null;
      made[i] = codes[places[i]];
    }
    memo.of = [column];
    memo.bases = [];
    memo.made = made;
  }
  return new CodedTexts(column.texts, memo.made);
}

/** Columns laid end to end; `rows[i]` are taken of the i-th. */
export function concatCodes(columns: readonly TextCodes[], rows: readonly number[], memo: CodesMemo): CodedTexts {
  const { bases, lists } = joinLists(columns);
  if (!isMade(memo, columns) || bases.some((base, i) => base !== memo.bases[i])) {
    let total = 0;
    for (const count of rows) total += count;
    const made = new Int32Array(total);
    let at = 0;
    for (let i = 0; i < columns.length; i++) {
      const { codes } = columns[i];
      for (let row = 0; row < rows[i]; row++) made[at++] = bases[i] + codes[row];
    }
    memo.of = columns;
    memo.bases = bases;
    memo.made = made;
  }
  return new CodedTexts(lists.length === 1 ? lists[0] : lists.flat(), memo.made);
}

/**
 * Where each column's texts begin when their lists are laid end to end. Columns that come of one have one list between them,
 * which is laid once: what is split by tags and joined again, over and over, would grow with every round.
 */
function joinLists(columns: readonly TextCodes[]): { bases: number[]; lists: Texts[] } {
  const baseOf = new Map<Texts, number>();
  const bases: number[] = [];
  let next = 0;
  for (const { texts } of columns) {
    let base = baseOf.get(texts);
    if (base === undefined) {
      base = next;
      baseOf.set(texts, base);
      next += texts.length;
    }
    bases.push(base);
  }
  return { bases, lists: [...baseOf.keys()] };
}
