/**
 * What must be in a database that many write, delete and read at once: a naive model, and what a reader may have seen.
 *
 * A commit happens within one turn of the event loop, so the model is told in that very turn and knows the order. What is
 * not known: whether rows that are being deleted are there until the deletion ends, and whether those written meanwhile
 * are there after it. Such cells are not sure. A reader that takes its time may see any state from its beginning to its end.
 */

interface Cell {
  value: number;
  /** When it was written, in steps of the model. */
  step: number;
  /** False: it may be there or not. */
  isSure: boolean;
}

/** Rows that are on their way out. */
export interface Deletion {
  readonly covers: (series: string, sec: number) => boolean;
  readonly step: number;
}

interface Change {
  readonly column: string;
  readonly sec: number;
  /** Null: it may be gone. */
  readonly value: number | null;
}

/** A reader's beginning. */
export interface Watch {
  readonly before: ReadonlyMap<string, ReadonlyMap<number, Readonly<Cell>>>;
  readonly firstChange: number;
}

/** Seconds and values of a column. */
export type Found = Map<number, number>;

export function columnOf(series: string, field: string): string {
  return `${series}|${field}`;
}

export class AtOnceModel {
  private readonly columns = new Map<string, Map<number, Cell>>();
  private readonly changes: Change[] = [];
  private readonly deletions = new Set<Deletion>();
  private step = 0;

  /** To be told in the turn of the commit. */
  write(series: string, field: string, sec: number, value: number): void {
    const column = columnOf(series, field);
    let cells = this.columns.get(column);
    if (cells === undefined) {
      cells = new Map();
      this.columns.set(column, cells);
    }
    const isSure = ![...this.deletions].some((deletion) => deletion.covers(series, sec));
    cells.set(sec, { value, step: ++this.step, isSure });
    this.changes.push({ column, sec, value });
    if (!isSure) this.changes.push({ column, sec, value: null });
  }

  /** A deletion begins; to be told in the turn of the call. */
  beginDeletion(covers: Deletion['covers']): Deletion {
    const deletion = { covers, step: ++this.step };
    this.deletions.add(deletion);
    this.forEachCovered(deletion, (column, sec, cell) => {
      cell.isSure = false;
      this.changes.push({ column, sec, value: null });
    });
    return deletion;
  }

  /** It is done: nothing that was there when it began is there any more. */
  endDeletion(deletion: Deletion): void {
    this.deletions.delete(deletion);
    this.forEachCovered(deletion, (column, sec, cell, cells) => {
      if (cell.step > deletion.step) return;
      cells.delete(sec);
      this.changes.push({ column, sec, value: null });
    });
  }

  private forEachCovered(
    { covers }: Deletion,
    visit: (column: string, sec: number, cell: Cell, cells: Map<number, Cell>) => void,
  ): void {
    for (const [column, cells] of this.columns) {
      const series = column.slice(0, column.indexOf('|'));
      for (const [sec, cell] of cells) if (covers(series, sec)) visit(column, sec, cell, cells);
    }
  }

  columnNames(): string[] {
    return [...this.columns.keys()];
  }

  /** A reader begins with some columns; null for all that there will be. */
  watch(columns: readonly string[] | null): Watch {
    const before = new Map<string, Map<number, Cell>>();
    for (const column of columns ?? this.columns.keys()) {
      const cells = [...(this.columns.get(column) ?? [])].map(([sec, cell]) => [sec, { ...cell }] as const);
      before.set(column, new Map(cells));
    }
    return { before, firstChange: this.changes.length };
  }

  /** What a reader that ends now may have seen of a column: by second the values, with null where it may be nothing. */
  private allowed({ before, firstChange }: Watch, column: string): Map<number, Set<number | null>> {
    const allowed = new Map<number, Set<number | null>>();
    for (const [sec, { value, isSure }] of before.get(column) ?? []) {
      allowed.set(sec, new Set(isSure ? [value] : [value, null]));
    }
    for (let i = firstChange; i < this.changes.length; i++) {
      const change = this.changes[i];
      if (change.column !== column) continue;
      const values = allowed.get(change.sec) ?? new Set<number | null>([null]);
      values.add(change.value);
      allowed.set(change.sec, values);
    }
    return allowed;
  }

  /** Throws when a reader saw what was not there, or missed what was. */
  check(what: string, watch: Watch, column: string, found: Found): void {
    const allowed = this.allowed(watch, column);
    for (const [sec, values] of allowed) {
      const value = found.get(sec) ?? null;
      if (values.has(value)) continue;
      const wanted = [...values].map((each) => each ?? 'nothing').join(' or ');
      throw new Error(`${what}: ${column} at ${sec} is ${value ?? 'missing'}, not ${wanted}; ${found.size} found`);
    }
    for (const [sec, value] of found) {
      if (!allowed.has(sec)) throw new Error(`${what}: ${column} at ${sec} is ${value}, where nothing may be`);
    }
  }

  /** The fewest and the most rows that a reader that ends now may have seen of a column, and their sum if it is sure. */
  bounds(watch: Watch, column: string): { least: number; most: number; sum: number | null } {
    let least = 0;
    let most = 0;
    let sum: number | null = 0;
    for (const values of this.allowed(watch, column).values()) {
      if (!values.has(null)) least++;
      if (values.size > 1 || !values.has(null)) most++;
      const [value] = values;
      if (values.size > 1) sum = null;
      else if (sum !== null) sum += value ?? 0;
    }
    return { least, most, sum };
  }
}
