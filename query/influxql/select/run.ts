/**
 * One running SELECT: its readers, its turns on the main thread, its end by abort or limits.
 *
 * Work goes on for a few milliseconds at a time; between such turns other requests are served. Readers are opened anew in
 * each turn, because files may be merged away meanwhile. Whoever takes rows may take his time, too: a turn ends there.
 *
 * Series are found once and known by their refs after that. When refs were released, and so may be others', the query ends.
 */
import type { Database } from '../../../engine/database.ts';
import type { SeriesReader } from '../../../engine/series-reader.ts';
import { VarveError } from '../../../errors/errors.ts';
import type { SelectContext } from './context.ts';
import type { Rows } from './frame.ts';
import type { Group } from './groups.ts';
import type { Level } from './plan.ts';
import { boundOf } from './time.ts';
import type { WindowScan } from './window-scan.ts';

const TURN_MS = 8;

interface OpenReader {
  turn: number;
  reader: SeriesReader;
}

/** Evaluates a statement for a group. */
export type Evaluator = (level: Level, group: Group, run: Run) => AsyncGenerator<Rows>;

/** Both inclusive. */
interface Bounds {
  readonly minNs: bigint;
  readonly maxNs: bigint;
}

export class Run {
  readonly context: SelectContext;
  private readonly evaluator: Evaluator;
  private readonly bounds: Bounds;
  /** Points read from storage so far. */
  points = 0;
  private turn = 0;
  private turnEndMs = performance.now() + TURN_MS;
  private readonly readers = new Map<string, OpenReader>();
  /** Whose series are read, with their counts of releases when those were found. */
  private readonly releases = new Map<Database, number>();
  /** The reader that was asked for last: mostly the next one, too. */
  private latest: {
    turn: number;
    database: Database;
    minNs: bigint;
    maxNs: bigint;
    reader: SeriesReader;
  } | null = null;
  /** How levels are evaluated the short way; null where they cannot be. */
  readonly scans = new Map<Level, WindowScan | null>();
  /** Texts of tags, see SeriesIndex.tags: equal ones are one string. */
  readonly tagTexts = new WeakMap<Database, string[][]>();

  /** @param bounds rows outside of these are not seen, wherever in the statement they are asked for. */
  constructor(context: SelectContext, evaluator: Evaluator, bounds: Bounds) {
    this.context = context;
    this.evaluator = evaluator;
    this.bounds = bounds;
  }

  /** To be told of the groups in the turn in which they were found. */
  found(groups: readonly Group[]): readonly Group[] {
    for (const { leaves } of groups) {
      for (const { database } of leaves.values()) {
        if (!this.releases.has(database)) this.releases.set(database, database.index.releases);
      }
    }
    return groups;
  }

  /** The rows of a statement, or of a subquery, for a group. */
  rowsOf(level: Level, group: Group): AsyncGenerator<Rows> {
    return this.evaluator(level, group, this);
  }

  /** Opens what may hold rows between two bounds, both inclusive. Use it before the next `pause` or `resumed`. */
  reader(database: Database, wantedMinNs: bigint, wantedMaxNs: bigint): SeriesReader {
    const minNs = wantedMinNs > this.bounds.minNs ? wantedMinNs : this.bounds.minNs;
    const maxNs = wantedMaxNs < this.bounds.maxNs ? wantedMaxNs : this.bounds.maxNs;
    const { latest } = this;
    if (
      latest !== null &&
      latest.turn === this.turn &&
      latest.database === database &&
      latest.minNs === minNs &&
      latest.maxNs === maxNs
    ) {
      return latest.reader;
    }
    const key = `${database.id} ${minNs} ${maxNs}`;
    const known = this.readers.get(key);
    const reader =
      known !== undefined && known.turn === this.turn ? known.reader : database.reader(boundOf(minNs), boundOf(maxNs));
    this.readers.set(key, { turn: this.turn, reader });
    this.latest = { turn: this.turn, database, minNs, maxNs, reader };
    return reader;
  }

  /** Whether it is time to `pause`. */
  get due(): boolean {
    return performance.now() >= this.turnEndMs;
  }

  /** Lets others have their turn. Throws when the query was ended meanwhile. */
  async pause(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    this.resumed();
  }

  /** To be called when others may have had their turn. Throws when the query was ended meanwhile, or cannot go on. */
  resumed(): void {
    this.check();
    for (const [{ index }, releases] of this.releases) {
      if (index.releases === releases) continue;
      throw new VarveError('overloaded', 'cannot read series: some were removed while the query ran, try again');
    }
    this.turn++;
    this.turnEndMs = performance.now() + TURN_MS;
  }

  /** Throws InfluxDB's error when the query was killed or its client has left. */
  check(): void {
    if (this.context.signal?.aborted === true) throw new VarveError('canceled', 'query interrupted');
  }

  /** Counts points read. Throws beyond max-select-point. */
  count(points: number): void {
    this.points += points;
    const { maxSelectPoints } = this.context.limits;
    if (maxSelectPoints > 0 && this.points > maxSelectPoints) {
      throw new VarveError('unprocessable', `max-select-point limit exceeed: (${this.points}/${maxSelectPoints})`);
    }
  }
}
