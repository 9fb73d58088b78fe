/**
 * The rows of a level for one group: points of its calls side by side, or rows of fields, and the statement's expressions
 * over them.
 *
 * Points of several calls meet in one row when tag set and time are equal. A call without a point there, and a null point,
 * have fill()'s value: its number, or with `previous` what that call had in the row before.
 */
import type { Fill } from '../ast.ts';
import { columnWriter } from '../functions/column.ts';
import type { ValueColumn } from '../functions/kernel.ts';
import { constantColumn, gather, hasNulls, isNull } from './column.ts';
import { constantOf } from './fill.ts';
import { compareTagSets, type Frame, gatherFrame, type Rows, type TagSet } from './frame.ts';
import type { Group } from './groups.ts';
import type { Level } from './plan.ts';
import { pointsOf, rowsOf } from './points.ts';
import { type Heads, project } from './project.ts';
import type { Run } from './run.ts';
import { scanOf } from './window-scan.ts';

/** Rows in order, part by part. */
export async function* levelRows(level: Level, group: Group, run: Run): AsyncGenerator<Rows> {
  if (level.rows !== null) {
    const filler = new Filler(level.options.fill);
    for await (const frame of rowsOf(level.rows, group, run)) {
      const symbols = new Map<string, ValueColumn>();
      level.auxKeys.forEach((key, i) => {
        symbols.set(key, filler.fill(key, frame.aux[i], frame));
      });
      yield project(level, frame, symbols);
    }
    return;
  }
  if (level.calls.length === 0) return;
  const scan = scanOf(level, run);
  if (scan !== null && (await scan.read(group, run))) {
    yield* scan.rows(group, run);
    return;
  }
  const frames: Frame[] = [];
  for (const { source } of level.calls) {
    frames.push(limitCall(level, await pointsOf(source, group, run)));
  }
  const joined = joinFrames(frames, level.options.ascending);
  if (joined.rows === 0) return;
  const filler = new Filler(level.options.fill);
  const symbols = new Map<string, ValueColumn>();
  level.calls.forEach(({ key }, c) => {
    symbols.set(key, filler.fill(key, gather(frames[c].value!, joined.places[c]), joined));
    level.auxKeys.forEach((auxKey, i) => {
      if (!symbols.has(auxKey))
        symbols.set(auxKey, filler.fill(auxKey, gather(frames[c].aux[i], joined.places[c]), joined));
    });
  });
  yield project(level, joined, symbols);
}

function limitCall(level: Level, frame: Frame): Frame {
  const { limit, offset } = level.options;
  if (limit === 0 && offset === 0) return frame;
  const places: number[] = [];
  let seen = 0;
  for (let row = 0; row < frame.rows; row++) {
    if (row > 0 && frame.tagOf !== null && frame.tagOf[row] !== frame.tagOf[row - 1]) seen = 0;
    seen++;
    if (seen > offset && (limit === 0 || seen <= offset + limit)) places.push(row);
  }
  return places.length === frame.rows ? frame : gatherFrame(frame, Int32Array.from(places));
}

interface Joined extends Heads {
  /** [frame][row] which of its points, −1 for none. */
  readonly places: readonly Int32Array[];
}

/** Of all frames' next points the one that is first decides the next row, and all that are equal to it join it. */
function joinFrames(frames: readonly Frame[], ascending: boolean): Joined {
  if (frames.length === 1) {
    const [frame] = frames;
    return { ...frame, places: [Int32Array.from({ length: frame.rows }, (_, i) => i)] };
  }
  const tagSets: TagSet[] = [];
  for (const frame of frames) tagSets.push(...frame.tagSets);
  tagSets.sort(compareTagSets);
  const unique = tagSets.filter((set, i) => i === 0 || compareTagSets(set, tagSets[i - 1]) !== 0);
  const ranks = frames.map((frame) =>
    frame.tagSets.map((set) => unique.findIndex((other) => compareTagSets(set, other) === 0)),
  );
  const rankAt = (f: number, row: number): number => ranks[f][frames[f].tagOf === null ? 0 : frames[f].tagOf![row]];
  const next = new Int32Array(frames.length);
  const sec: number[] = [];
  const nano: number[] = [];
  const tagOf: number[] = [];
  const places: number[][] = frames.map(() => []);
  for (;;) {
    let first = -1;
    for (let f = 0; f < frames.length; f++) {
      if (next[f] === frames[f].rows) continue;
      if (first < 0) {
        first = f;
        continue;
      }
      const order =
        rankAt(f, next[f]) - rankAt(first, next[first]) ||
        frames[f].sec[next[f]] - frames[first].sec[next[first]] ||
        frames[f].nano[next[f]] - frames[first].nano[next[first]];
      if (ascending ? order < 0 : order > 0) first = f;
    }
    if (first < 0) break;
    const rank = rankAt(first, next[first]);
    const rowSec = frames[first].sec[next[first]];
    const rowNano = frames[first].nano[next[first]];
    for (let f = 0; f < frames.length; f++) {
      const row = next[f];
      const joins =
        row < frames[f].rows &&
        frames[f].sec[row] === rowSec &&
        frames[f].nano[row] === rowNano &&
        rankAt(f, row) === rank;
      places[f].push(joins ? row : -1);
      if (joins) next[f]++;
    }
    sec.push(rowSec);
    nano.push(rowNano);
    tagOf.push(rank);
  }
  return {
    rows: sec.length,
    sec: Float64Array.from(sec),
    nano: Float64Array.from(nano),
    tagOf: unique.length === 1 ? null : Int32Array.from(tagOf),
    tagSets: unique,
    places: places.map((list) => Int32Array.from(list)),
  };
}

/** Puts fill()'s values where there are none. Keeps, over the parts of one group, what came last. */
class Filler {
  private readonly how: Fill;
  /** By symbol: the column and row that `previous` repeats, and the tag set it is of. */
  private readonly last = new Map<string, { column: ValueColumn; row: number; tags: TagSet }>();

  constructor(how: Fill) {
    this.how = how;
  }

  fill(key: string, column: ValueColumn, heads: Heads): ValueColumn {
    if (this.how.kind === 'number') return withConstant(column, this.how.value, heads.rows);
    return this.how.kind === 'previous' ? this.withPrevious(key, column, heads) : column;
  }

  private withPrevious(key: string, column: ValueColumn, { rows, tagOf, tagSets }: Heads): ValueColumn {
    let before = this.last.get(key);
    const writer = columnWriter(column.kind, rows, true);
    for (let row = 0; row < rows; row++) {
      const tags = tagSets[tagOf === null ? 0 : tagOf[row]];
      if (before !== undefined && compareTagSets(before.tags, tags) !== 0) before = undefined;
      if (!isNull(column, row)) before = { column, row, tags };
      if (before !== undefined) writer.copy(row, before.column, before.row);
    }
    if (before !== undefined) this.last.set(key, before);
    return writer.finish(rows);
  }
}

function withConstant(column: ValueColumn, value: number | bigint, rows: number): ValueColumn {
  // Texts and booleans keep their nulls: the answer has the number there.
  if (column.kind === 'string' || column.kind === 'boolean' || !hasNulls(column, rows)) return column;
  const constant = constantColumn(column.kind, constantOf(value, column.kind), 1);
  const writer = columnWriter(column.kind, rows, true);
  for (let row = 0; row < rows; row++) {
    if (isNull(column, row)) writer.copy(row, constant, 0);
    else writer.copy(row, column, row);
  }
  return writer.finish(rows);
}
