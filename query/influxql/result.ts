/**
 * What a statement answers: series of rows, in columns. Rows of one series may come in several chunks.
 */

/** Instants of rows: `sec` whole seconds since the epoch (may be negative), `nano` 0 … 999,999,999. */
export interface TimeColumn {
  readonly kind: 'time';
  readonly sec: Float64Array;
  readonly nano: Float64Array;
  /** IANA name of tz(), in whose local time the instants are shown; none or null is UTC. */
  readonly timezone?: string | null;
}

/** Numbers and booleans (0 or 1). `present[i]` is 0 where the row has a null; null: every row has a value. */
export interface NumberColumn {
  readonly kind: 'float' | 'integer' | 'unsigned' | 'boolean';
  readonly values: Float64Array;
  /** 64-bit integers instead of `values`, when some are beyond ±2^53 (unsigned ones as two's complement bits). */
  readonly wide: BigInt64Array | null;
  readonly present: Uint8Array | null;
}

export interface TextColumn {
  readonly kind: 'string';
  readonly values: readonly (string | null)[];
  /** The same, where the texts are few. */
  readonly coded?: TextCodes;
}

/** Texts of rows as places in a list: row i has `texts[codes[i]]`. */
export interface TextCodes {
  readonly texts: readonly (string | null)[];
  readonly codes: Int32Array;
}

/** Columns of SHOW statements, few and mixed. */
export interface MixedColumn {
  readonly kind: 'mixed';
  readonly values: readonly (string | number | bigint | boolean | null)[];
}

export type ResultColumn = TimeColumn | NumberColumn | TextColumn | MixedColumn;

export interface ResultSeries {
  /** '' where InfluxDB's answer has no name. */
  readonly name: string;
  /** Sorted by key; null when rows are not grouped by tags. */
  readonly tags: readonly (readonly [key: string, value: string])[] | null;
  readonly columns: readonly string[];
  /** Parallel to `columns`. */
  readonly values: readonly ResultColumn[];
  readonly rows: number;
  /** More rows of this series follow in the next chunk. */
  readonly partial: boolean;
}

export interface ResultMessage {
  readonly level: 'warning' | 'info';
  readonly text: string;
}

/** The answer of one statement; what is thrown while series are read is the statement's error. */
export interface StatementAnswer {
  readonly series: AsyncIterable<ResultSeries>;
  readonly messages: readonly ResultMessage[];
}
