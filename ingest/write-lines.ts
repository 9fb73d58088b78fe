/**
 * A body of line protocol, from bytes to durable.
 *
 * The body is parsed in slices with a turn of the event loop between them, so that a large one does not hold up health
 * checks and other writers. Each slice is one batch, committed at once; durability is waited for once, at the end.
 */
import { type Clock, systemClock } from '../clock/clock.ts';
import type { Engine } from '../engine/engine.ts';
import type { Instant } from '../engine/time.ts';
import { giveBatch, takeBatch } from './batch-pool.ts';
import { endWithNewline } from './body.ts';
import { type LineOutcome, newLineOutcome } from './line-outcome.ts';
import { parseLines } from './line-parser.ts';
import type { Precision } from './timestamp.ts';

const SLICE_BYTES = 1 << 20;

export interface WriteLinesOptions {
  /** Unit of the timestamps; nanoseconds unless given. */
  precision?: Precision;
  /** Gives lines without a timestamp theirs: one time for the whole body. */
  clock?: Clock;
  /** Store nothing when any line is bad. */
  allOrNothing?: boolean;
  /** Return before what was stored is durable. */
  noSync?: boolean;
}

/**
 * Stores the good lines of a body and waits until they are durable. The body is only read.
 * @throws VarveError when nothing can be stored now (overloaded, read-only, stopping); slices before it are kept.
 */
export async function writeLines(
  engine: Engine,
  databaseName: string,
  body: Uint8Array,
  options: WriteLinesOptions = {},
): Promise<LineOutcome> {
  const outcome = newLineOutcome();
  if (body.length === 0) return outcome;
  const bytes = endWithNewline(body);
  const now = (options.clock ?? systemClock).now();
  const database = engine.createDatabase(databaseName);
  const door = engine.admissions.of(database);
  const oldest = oldestKept(now, engine.retentionMs(database));
  let lsn = 0;
  for (;;) {
    const batch = takeBatch();
    try {
      const lineOptions = {
        precision: options.precision,
        nowSec: now.sec,
        nowNano: now.nano,
        firstLine: outcome.nextLine,
        limits: door.limits,
        door,
        oldest,
        // Rows that may still be dropped must not outlive their turn: series that have no rows yet may leave the index.
        sliceBytes: options.allOrNothing ? Infinity : SLICE_BYTES,
      };
      parseLines(bytes, outcome.nextOffset, bytes.length, database.index, batch, lineOptions, outcome);
      if (options.allOrNothing && outcome.rejected > 0) {
        engine.refusals.noteAll(outcome.refusals, databaseName);
        return outcome;
      }
      if (batch.rows > 0) lsn = engine.commit(database, batch);
    } finally {
      giveBatch(batch);
    }
    if (outcome.nextOffset >= bytes.length) break;
    await new Promise((resolve) => setImmediate(resolve));
    await engine.admit();
  }
  engine.refusals.noteAll(outcome.refusals, databaseName);
  if (lsn > 0 && !options.noSync) await engine.durable(lsn);
  return outcome;
}

/** InfluxDB's rule: what retention would drop is not taken. */
function oldestKept(now: Readonly<Instant>, retentionMs: number): Instant | undefined {
  if (retentionMs <= 0) return undefined;
  const retentionSec = Math.floor(retentionMs / 1000);
  const nano = now.nano - (retentionMs - retentionSec * 1000) * 1e6;
  const borrowed = nano < 0 ? 1 : 0;
  return { sec: now.sec - retentionSec - borrowed, nano: nano + borrowed * 1e9 };
}
