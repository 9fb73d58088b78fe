/**
 * One call of the line parser: what it reads, where it writes, and what it remembers of an index from call to call.
 */
import type { Batch } from '../batch/batch.ts';
import type { SeriesIndex } from '../index/series-index.ts';
import type { Shape } from '../index/shapes.ts';
import { type FieldGuess, newFieldGuess } from './field-guess.ts';
import { KeyTrail } from './key-trail.ts';
import type { IngestLimits } from './limits.ts';
import type { LineOutcome } from './line-outcome.ts';
import type { SeriesDoor } from './series-definition.ts';
import type { Precision } from './timestamp.ts';

/** Fields of all guesses beyond which they are made anew: some 32 MiB. */
const GUESSED_FIELDS_LIMIT = 1 << 20;

/** What parsing remembers of an index between bodies. */
export interface LineMemory {
  readonly trail: KeyTrail;
  /** By shape id; undefined: not made yet, null: the shape cannot be guessed. */
  readonly guesses: (FieldGuess | null | undefined)[];
  /** Fields of all guesses. */
  guessedFields: number;
  /** The series of the last line, −1 for none. */
  lastRef: number;
  /** `index.removals` when the trail was last known to be good. */
  removals: number;
}

/** One call of `parseLines`. */
export interface LineRun {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly end: number;
  readonly index: SeriesIndex;
  readonly batch: Batch;
  readonly memory: LineMemory;
  readonly precision: Precision;
  readonly limits: Readonly<IngestLimits>;
  readonly door: SeriesDoor | undefined;
  readonly nowSec: number;
  readonly nowNano: number;
  /** What is older must not define anything; it is dropped. -Infinity: nothing is too old. */
  readonly oldestSec: number;
  readonly oldestNano: number;
  readonly outcome: LineOutcome;
  line: number;
  /** The previous timestamp's text and value. */
  timeStart: number;
  timeBytes: number;
  timeSec: number;
  timeNano: number;
}

const memories = new WeakMap<SeriesIndex, LineMemory>();

/** What is remembered of an index; emptied if series have been removed since. */
export function memoryOf(index: SeriesIndex): LineMemory {
  let memory = memories.get(index);
  if (memory === undefined) {
    memory = { trail: new KeyTrail(), guesses: [], guessedFields: 0, lastRef: -1, removals: index.removals };
    memories.set(index, memory);
  }
  if (memory.removals !== index.removals) {
    memory.removals = index.removals;
    memory.trail.reset();
    memory.lastRef = -1;
  }
  return memory;
}

/** Makes and keeps the guess for a shape; null when it cannot be guessed. */
export function learnGuess(memory: LineMemory, shape: Shape): FieldGuess | null {
  const guess = newFieldGuess(shape);
  memory.guessedFields += shape.width;
  if (memory.guessedFields > GUESSED_FIELDS_LIMIT) {
    memory.guesses.length = 0;
    memory.guessedFields = shape.width;
  }
  memory.guesses[shape.id] = guess;
  return guess;
}
