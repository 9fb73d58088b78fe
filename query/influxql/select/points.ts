/**
 * The points of a plan's sources for one group: read from storage or from subqueries, merged, reduced, filled.
 *
 * Storage is read partition by partition, as InfluxDB reads shard by shard: of each partition the series of a tag set are
 * merged, and then the partitions, which makes the last digits of sums what they are there.
 */
import { FIELD_TYPE_NAMES } from '../../../batch/field-type.ts';
import type { CallNode } from '../ast.ts';
import { callOptions } from '../functions/arguments.ts';
import type { FieldKind } from '../functions/kernel.ts';
import { checkInputKind, FUNCTIONS, type FunctionEntry, type WindowEntry } from '../functions/table.ts';
import { emptyColumn } from './column.ts';
import { atWindowStarts, fillFrame } from './fill.ts';
import { concatFrames, emptyFrame, type Frame, gatherFrame, regroupFrame, sliceFrame, type TagSet } from './frame.ts';
import { type Group, inKeyOrder, type LeafSeries, tagSetsOf } from './groups.ts';
import { Limiter, limitedInStorage } from './limit.ts';
import { mergeByTime, mergeByWindow } from './merge.ts';
import type { Leaf, Options, PointSource, ReduceSource, RowSource, SubquerySource } from './plan.ts';
import { SeriesPoints } from './read-series.ts';
import { reduceFrame, streamFrame } from './reduce.ts';
import type { Run } from './run.ts';
import { subqueryFrame } from './subquery.ts';

/** All points of a source. */
export async function pointsOf(source: PointSource, group: Group, run: Run): Promise<Frame> {
  switch (source.kind) {
    case 'rows':
      return gathered(source, group, run);
    case 'reduce':
      return reducedPoints(source, group, run);
    case 'interval': {
      const frame = atWindowStarts(await pointsOf(source.input, group, run), source.options);
      const { maxSelectBuckets } = run.context.limits;
      return source.fills ? inTurns(fillFrame(frame, source.options, source.isCount, maxSelectBuckets), run) : frame;
    }
    default: {
      const { input: from, options } = source;
      const input = regroupFrame(await pointsOf(from, group, run), from.options.groupBy, options.groupBy);
      return applyCall(source.call, input, source.options, hasInput(source.input, group), run);
    }
  }
}

function entryOf(call: CallNode): FunctionEntry {
  return FUNCTIONS.get(call.name)!;
}

function optionsOfCall(call: CallNode, { ascending, windowing }: Options) {
  return callOptions(call, { ascending, intervalNs: Number(windowing.interval.durationNs) });
}

/** Whether there is a field of a type that can be read; else there are no points, and their type does not matter. */
function hasInput(source: PointSource, group: Group): boolean {
  if (source.kind === 'call' || source.kind === 'interval') return hasInput(source.input, group);
  const { driver, sources } = source;
  return sources.some((each) => each.kind === 'subquery' || hasField(group.leaves.get(each), driver));
}

function hasField(series: LeafSeries | undefined, driver: RowSource['driver']): boolean {
  if (series === undefined || driver === null || series.refs.length === 0) return false;
  const { index } = series.database;
  const field = index.fieldId(index.measurementOf(series.refs[0]), driver.name);
  if (field < 0) return false;
  const kind = FIELD_TYPE_NAMES[index.fields[field].type];
  return kind === driver.kind || (isNumeric(kind) && isNumeric(driver.kind));
}

function isNumeric(kind: FieldKind | 'tag' | null): boolean {
  return kind === 'float' || kind === 'integer' || kind === 'unsigned';
}

/** The call whose points another one gets; null for those of a field. */
function inputCallOf({ name, arguments: [argument, ...rest] }: CallNode): string | null {
  if (argument.kind === 'call') return argument.name;
  if (rest.length < 2 || (name !== 'top' && name !== 'bottom')) return null;
  return name === 'top' ? 'max' : 'min';
}

async function applyCall(call: CallNode, input: Frame, options: Options, isTyped: boolean, run: Run): Promise<Frame> {
  const entry = entryOf(call);
  if (input.value !== null && isTyped) checkInputKind(entry, input.value.kind, inputCallOf(call));
  const given = optionsOfCall(call, options);
  if (entry.kind !== 'stream') return reduceFrame(input, entry, given, options);
  return inTurns(streamFrame(input, entry, given, options), run);
}

/** Does work in steps, with others' turns in between. */
async function inTurns<T>(steps: Generator<void, T>, run: Run): Promise<T> {
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
    if (run.due) await run.pause();
  }
}

/** A frame without rows, in the types of what a source reads. */
function nothing(driver: RowSource['driver'], options: Options): Frame {
  const kind = driver === null || driver.kind === 'tag' ? null : driver.kind;
  return {
    ...emptyFrame([{ values: options.groupBy.map(() => '') }], null),
    value: kind === null ? null : emptyColumn(kind),
    aux: options.aux.map((reference) => emptyColumn(columnKind(reference.kind))),
  };
}

function columnKind(kind: FieldKind | 'tag' | null): FieldKind {
  return kind === 'tag' || kind === null ? 'string' : kind;
}

async function gathered(source: RowSource, group: Group, run: Run): Promise<Frame> {
  const frames: Frame[] = [];
  for await (const frame of rowsOf(source, group, run)) frames.push(frame);
  return frames.length === 0 ? nothing(source.driver, source.options) : concatFrames(frames);
}

/** Rows in the order of time, frame after frame. */
export async function* rowsOf(source: RowSource, group: Group, run: Run): AsyncGenerator<Frame> {
  const { options, sources, driver } = source;
  const limiter = new Limiter(options.limit, options.offset);
  const oneTagSet = options.groupBy.length === options.dimensions.length;
  if (sources.length === 1 && sources[0].kind === 'leaf') {
    for await (const frame of leafRows(sources[0], source, group, run)) {
      const kept = limiter.apply(frame);
      if (kept.rows > 0) yield kept;
      if (oneTagSet && limiter.full) return;
    }
    return;
  }
  const frames: Frame[] = [];
  for (const each of sources) {
    if (each.kind === 'subquery') {
      frames.push(await subqueryFrame(each, options, group, run));
      continue;
    }
    const parts: Frame[] = [];
    for await (const frame of leafRows(each, source, group, run)) parts.push(frame);
    if (parts.length > 0) frames.push(concatFrames(parts));
  }
  if (frames.length === 0) return;
  const merged =
    driver === null
      ? mergeByTime(frames, options.ascending)
      : mergeByWindow(ofOneKind(frames), options.windowing, options.ascending);
  const kept = limiter.apply(merged);
  if (kept.rows > 0) yield kept;
}

/** Frames that can be merged: those of other types than the strongest are left out. */
function ofOneKind(frames: readonly Frame[]): Frame[] {
  const strength: FieldKind[] = ['float', 'integer', 'unsigned', 'string', 'boolean'];
  const best = strength.find((kind) => frames.some(({ value }) => value?.kind === kind));
  return frames.filter(({ value }) => value === null || value.kind === best);
}

/** The series of a leaf in a group, in the order in which InfluxDB merges them, and the tags of each at a level. */
interface LeafReading {
  readonly series: LeafSeries;
  readonly tags: readonly TagSet[];
  readonly points: SeriesPoints;
}

function readingOf(
  leaf: Leaf,
  driver: RowSource['driver'],
  options: Options,
  group: Group,
  run: Run,
): LeafReading | null {
  const all = group.leaves.get(leaf);
  if (all === undefined) return null;
  const series = inKeyOrder(all, options.ascending);
  return { series, tags: tagSetsOf(series, group, options), points: new SeriesPoints(run, series, driver, options) };
}

async function* leafRows(leaf: Leaf, source: RowSource, group: Group, run: Run): AsyncGenerator<Frame> {
  const { options, driver } = source;
  const { windowing, ascending, limit, offset } = options;
  const reading = readingOf(leaf, driver, options, group, run);
  if (reading === null) return;
  const { series, tags, points } = reading;
  const { database } = series;
  const open = () => run.reader(database, windowing.minNs, windowing.maxNs);
  if (limit === 1 && offset === 0 && !ascending && series.refs.length === 1) {
    const newest = points.readNewest(0, open(), tags[0]);
    if (newest !== undefined) {
      if (newest !== null) yield newest;
      return;
    }
  }
  const limits = limit > 0 || offset > 0;
  const perSeries = limits && options.groupBy.length !== options.dimensions.length;
  for (const startSec of inOrder(open().partitionStartsSec, ascending)) {
    const frames: Frame[] = [];
    for (let i = 0; i < series.refs.length; i++) {
      if (run.due) await run.pause();
      const reader = open();
      const place = reader.partitionStartsSec.indexOf(startSec);
      const frame = place < 0 ? null : points.read(i, reader, place, startSec, tags[i]);
      if (frame !== null) frames.push(perSeries ? limitedInStorage(frame, limit, offset) : frame);
    }
    if (frames.length === 0) continue;
    const merged = mergeByTime(frames, ascending);
    if (perSeries) yield new Limiter(limit, offset).apply(merged);
    else yield limits ? limitedInStorage(merged, limit, offset) : merged;
  }
}

function inOrder(startsSec: readonly number[], ascending: boolean): number[] {
  return ascending ? [...startsSec] : [...startsSec].reverse();
}

/** How often InfluxDB merges what has been merged: by shard, by all shards, by all sources. */
const MERGES_OF_ONE = 3;

async function reducedPoints(source: ReduceSource, group: Group, run: Run): Promise<Frame> {
  const { call, driver, options, sources } = source;
  const entry = entryOf(call) as WindowEntry;
  if (driver.kind !== 'tag' && driver.kind !== null && hasInput(source, group)) {
    checkInputKind(entry, driver.kind, null);
  }
  const reducer = new Reducer(call, options);
  const frames: Frame[] = [];
  for (const each of sources) {
    const frame =
      each.kind === 'leaf' ? await reducer.leaf(each, source, group, run) : await reducer.subquery(each, group, run);
    if (frame !== null) frames.push(frame);
  }
  if (frames.length === 0) return reducer.reduce(nothing(driver, options));
  return reducer.merge(frames);
}

/** What storage lets through where one point is wanted. */
const STORED_EDGE = 2;

class Reducer {
  private readonly options: Options;
  private readonly call: CallNode;
  private readonly entry: WindowEntry;
  private readonly merging: WindowEntry;

  constructor(call: CallNode, options: Options) {
    this.call = call;
    this.options = options;
    this.entry = entryOf(call) as WindowEntry;
    this.merging = FUNCTIONS.get(this.entry.mergedBy!) as WindowEntry;
  }

  reduce(frame: Frame): Frame {
    return reduceFrame(frame, this.entry, optionsOfCall(this.call, this.options), this.options);
  }

  /** Merges what was reduced before. */
  merge(frames: readonly Frame[]): Frame {
    const { windowing, ascending } = this.options;
    const merged = mergeByWindow(ofOneKind(frames), windowing, ascending);
    return reduceFrame(merged, this.merging, optionsOfCall(this.call, this.options), this.options);
  }

  async subquery(source: SubquerySource, group: Group, run: Run): Promise<Frame> {
    return this.reduce(await subqueryFrame(source, this.options, group, run));
  }

  async leaf(leaf: Leaf, { driver, options }: ReduceSource, group: Group, run: Run): Promise<Frame | null> {
    const reading = readingOf(leaf, driver, options, group, run);
    if (reading === null) return null;
    const { series, tags, points } = reading;
    const { windowing, ascending } = options;
    const { database } = series;
    const open = () => run.reader(database, windowing.minNs, windowing.maxNs);
    const { name } = this.call;
    const edge = windowing.interval.durationNs === 0n && (name === 'first' || name === 'last');
    const partitions: Frame[] = [];
    for (const startSec of inOrder(open().partitionStartsSec, ascending)) {
      const frames: Frame[] = [];
      for (let i = 0; i < series.refs.length; i++) {
        if (run.due) await run.pause();
        const reader = open();
        const place = reader.partitionStartsSec.indexOf(startSec);
        const frame = place < 0 ? null : points.read(i, reader, place, startSec, tags[i]);
        if (frame !== null) frames.push(edge ? this.edge(frame) : this.reduce(frame));
      }
      if (frames.length > 0) partitions.push(this.merge(edge ? [this.edgeOf(frames)] : frames));
    }
    if (partitions.length === 0) return null;
    let merged = this.merge(partitions);
    if (this.call.name === 'mean') for (let i = 2; i < MERGES_OF_ONE; i++) merged = this.merge([merged]);
    return merged;
  }

  /** The first points of one series, or for last() the last ones, as many as InfluxDB's storage lets through. */
  private edge(frame: Frame): Frame {
    const rows = Math.min(frame.rows, STORED_EDGE);
    const forward = this.call.name === 'first';
    if (forward === this.options.ascending) return sliceFrame(frame, 0, rows);
    return gatherFrame(
      frame,
      Int32Array.from({ length: rows }, (_, i) => frame.rows - 1 - i),
    );
  }

  /** The points that InfluxDB looks for the first or last one among: those that its merge has first. */
  private edgeOf(frames: readonly Frame[]): Frame {
    const { groupBy, dimensions, ascending } = this.options;
    const forward = this.call.name === 'first';
    // The storage takes series in the order in which it looks for the point, not in the query's.
    const merged = mergeByTime(forward === ascending ? frames : [...frames].reverse(), forward);
    if (groupBy.length !== dimensions.length) return this.reduce(new Limiter(1, 0).apply(merged));
    return this.reduce(sliceFrame(merged, 0, Math.min(STORED_EDGE, merged.rows)));
  }
}
