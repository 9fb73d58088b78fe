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
  made: Int32Array;
}

export function newCodesMemo(): CodesMemo {
  return { of: [], made: new Int32Array(0) };
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
    memo.made = made;
  }
  return new CodedTexts(column.texts, memo.made);
}

/** Columns laid end to end; `rows[i]` are taken of the i-th. */
export function concatCodes(columns: readonly TextCodes[], rows: readonly number[], memo: CodesMemo): CodedTexts {
  if (!isMade(memo, columns)) {
    let total = 0;
    for (const count of rows) total += count;
    const made = new Int32Array(total);
    let at = 0;
    let base = 0;
    for (let i = 0; i < columns.length; i++) {
      const { codes, texts } = columns[i];
      for (let row = 0; row < rows[i]; row++) made[at++] = base + codes[row];
      base += texts.length;
    }
    memo.of = columns;
    memo.made = made;
  }
  return new CodedTexts(
    columns.flatMap(({ texts }) => texts),
    memo.made,
  );
}
