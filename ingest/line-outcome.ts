/**
 * What became of a body of lines: how much was kept, and which lines were not and why. A bad line never stops the good
 * ones, so a body has one outcome however many slices it is parsed in.
 */

import type { RefusalCounts } from '../engine/refusals.ts';
import { passes } from '../engine/write-limits.ts';

/** How many bad lines are kept with their reasons; the others are only counted. */
const MAX_LINE_ERRORS = 10;

const MAX_EXCERPT_BYTES = 256;

/** One line that was not stored. */
export interface LineError {
  /** 1-based number of the line in the body. */
  line: number;
  /** 1-based byte in the line at which the fault was met. */
  column: number;
  /** In InfluxDB's words where it has some. */
  reason: string;
  /** The line, shortened to 256 bytes. */
  excerpt: string;
  /** False when the line could not be read at all; true when it was read but refused, such as by a type conflict. */
  readable: boolean;
}

export interface LineOutcome {
  /** Rows appended to the batch. */
  rows: number;
  /** Field values appended to the batch. */
  values: number;
  /** Lines not stored: `unreadable + refused`. */
  rejected: number;
  /** Of `rejected`, lines that are not line protocol. */
  unreadable: number;
  /** Of `rejected`, lines that clash with what is stored, or with a limit. */
  refused: number;
  /** Of `refused`, lines that are beyond a limit, by limit. */
  refusals: RefusalCounts;
  /** Rows not stored because they are older than what the database keeps. */
  expired: number;
  /** New series defined. */
  newSeries: number;
  /** The first bad lines, at most `MAX_LINE_ERRORS`. */
  errors: LineError[];
  /** Where parsing stopped: the start of the next line, or the end. */
  nextOffset: number;
  /** 1-based number of the line at `nextOffset`. */
  nextLine: number;
}

export function newLineOutcome(): LineOutcome {
  return {
    rows: 0,
    values: 0,
    rejected: 0,
    unreadable: 0,
    refused: 0,
    refusals: new Map(),
    expired: 0,
    newSeries: 0,
    errors: [],
    nextOffset: 0,
    nextLine: 1,
  };
}

const decoder = new TextDecoder();

/** Counts a bad line and keeps it if it is among the first. `start .. end` is the line without its newline. */
export function addLineError(
  outcome: LineOutcome,
  bytes: Uint8Array,
  start: number,
  end: number,
  line: number,
  at: number,
  reason: string,
  readable: boolean,
): void {
  outcome.rejected++;
  if (readable) outcome.refused++;
  else outcome.unreadable++;
  if (outcome.errors.length >= MAX_LINE_ERRORS) return;
  const shown = Math.min(end, start + MAX_EXCERPT_BYTES);
  const excerpt = decoder.decode(bytes.subarray(start, shown)) + (shown < end ? '…' : '');
  outcome.errors.push({ line, column: at - start + 1, reason, excerpt, readable });
}

/**
 * The error text of an outcome with rejected lines, as InfluxDB words it, with each line's number and column added:
 * "partial write: unable to parse 'm v=x': invalid boolean (line 2, column 5) dropped=1".
 */
export function errorText(outcome: LineOutcome): string {
  const parts = outcome.errors.map(({ line, column, reason, excerpt, readable }) =>
    readable
      ? `${reason} (line ${line}, column ${column})`
      : `unable to parse '${excerpt}': ${reason} (line ${line}, column ${column})`,
  );
  const more = outcome.rejected - outcome.errors.length;
  if (more > 0) parts.push(`and ${more} more`);
  if (outcome.expired > 0) parts.push('points beyond retention policy');
  const text = parts.join('\n');
  const partial = outcome.rows > 0 || outcome.refused > 0 || outcome.expired > 0;
  return partial ? `partial write: ${text} dropped=${outcome.rejected + outcome.expired}` : text;
}

/** Whether everything was stored. */
export function tookAll({ rejected, expired }: LineOutcome): boolean {
  return rejected === 0 && expired === 0;
}

/** The status of an answer that names rejected lines: 429 when some only came too fast, and so may be sent again. */
export function errorStatus({ refusals }: Pick<LineOutcome, 'refusals'>): 400 | 429 {
  return [...refusals.keys()].some((limit) => passes({ limit })) ? 429 : 400;
}

/**
 * The answer to a write of which lines were rejected: InfluxDB's `{"error": …}`, with `kept` (rows), `rejected` (lines)
 * and `lines` (the first bad ones) added for programs.
 */
export function errorBody(outcome: LineOutcome): { status: 400 | 429; body: string } {
  const lines = outcome.errors.map(({ line, column, reason, excerpt }) => ({ line, column, reason, excerpt }));
  const body = { error: errorText(outcome), kept: outcome.rows, rejected: outcome.rejected + outcome.expired, lines };
  return { status: errorStatus(outcome), body: `${JSON.stringify(body)}\n` };
}
