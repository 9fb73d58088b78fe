/**
 * The door to a database's index: asked before each new series and each new field, it says which of them come in.
 *
 * - A series that is refused is asked for before anything of it is defined, so no dictionary remembers its names.
 * - How fast series come is bounded by a bucket of one second's worth that fills all the time.
 * - How much memory all indexes hold is added up once in a while and not for each series, so it may be exceeded by what
 *   some hundreds of series need.
 */
import type { Clock } from '../clock/clock.ts';
import type { SeriesIndex } from '../index/series-index.ts';
import { LIMIT_SETTINGS, partsRefusal, type Refusal, type SeriesParts, type WriteLimits } from './write-limits.ts';

/** After so many new names the memory of the indexes is added up again. */
const NAMES_PER_LOOK = 512;

/** What the doors of all databases share. */
export interface IndexMemory {
  /** As of the last look. */
  bytes: number;
  namesUntilLook: number;
  /** Adds it up. */
  look(): number;
}

export class SeriesAdmission {
  readonly limits: Readonly<WriteLimits>;
  private readonly index: SeriesIndex;
  /** Series of the same database in other retention policies. */
  private readonly elsewhere: () => number;
  private readonly memory: IndexMemory;
  private readonly clock: Clock;
  private readonly rate: RateState;

  constructor(
    limits: Readonly<WriteLimits>,
    index: SeriesIndex,
    elsewhere: () => number,
    memory: IndexMemory,
    clock: Clock,
    rate: RateState,
  ) {
    this.limits = limits;
    this.index = index;
    this.elsewhere = elsewhere;
    this.memory = memory;
    this.clock = clock;
    this.rate = rate;
  }

  /** Whether `admit` has to know a series by its parts. */
  get needsParts(): boolean {
    return this.limits.maxValuesPerTag > 0;
  }

  /** Takes one new series in, or says why not. `parts` may be null unless `needsParts`. */
  admit(parts: SeriesParts | null): Refusal | null {
    const { maxSeries, maxNewSeriesPerSec, maxValuesPerTag } = this.limits;
    if (maxSeries > 0 && this.index.seriesCount + this.elsewhere() >= maxSeries) {
      // InfluxDB's words: there are clients that look for them.
      return { limit: 'maxSeries', text: `${LIMIT_SETTINGS.maxSeries} limit exceeded: (${maxSeries})` };
    }
    if (maxValuesPerTag > 0 && parts !== null) {
      const refusal = this.valuesRefusal(parts, maxValuesPerTag);
      if (refusal !== null) return refusal;
    }
    const full = this.admitNames(1);
    if (full !== null) return full;
    if (maxNewSeriesPerSec > 0 && !this.rate.take(this.clock.monotonicMs(), maxNewSeriesPerSec)) {
      return {
        limit: 'maxNewSeriesPerSec',
        text: `${LIMIT_SETTINGS.maxNewSeriesPerSec} limit exceeded: (${maxNewSeriesPerSec})`,
      };
    }
    return null;
  }

  /** Takes so many new names (series, fields) in, as far as memory goes. */
  admitNames(count: number): Refusal | null {
    const { memory } = this;
    const { maxIndexBytes } = this.limits;
    if (maxIndexBytes === 0) return null;
    memory.namesUntilLook -= count;
    if (memory.namesUntilLook < 0) {
      memory.bytes = memory.look();
      memory.namesUntilLook = NAMES_PER_LOOK;
    }
    if (memory.bytes < maxIndexBytes) return null;
    return {
      limit: 'maxIndexBytes',
      // How much there is of other databases is nothing that a writer to one should learn.
      text: `${LIMIT_SETTINGS.maxIndexBytes} limit exceeded: series, fields and their names of all databases need more than ${maxIndexBytes} bytes`,
    };
  }

  /** Whether there is memory for more combinations of fields; to be told of `created` ones. */
  hasRoom(created: number): boolean {
    return this.admitNames(created) === null;
  }

  /**
   * The ref of a series by its parts, defined if it is new and may come in; else why it may not.
   * @param checkParts whether its names have not been held to the limits yet.
   */
  resolve(parts: SeriesParts, checkParts = true): number | Refusal {
    const known = this.index.findSeries(parts.measurement, parts.tagKeys, parts.tagValues);
    if (known >= 0) return known;
    const refusal = (checkParts ? partsRefusal(parts, this.limits) : null) ?? this.admit(parts);
    return refusal ?? this.index.define(parts.measurement, parts.tagKeys, parts.tagValues);
  }

  private valuesRefusal({ measurement, tagKeys, tagValues }: SeriesParts, most: number): Refusal | null {
    const { series } = this.index;
    for (let i = 0; i < tagKeys.length; i++) {
      const key = series.tagKeys.find(tagKeys[i], 0, tagKeys[i].length);
      if (key < 0) continue;
      const values = series.tagValues[key];
      if (values.live < most) continue;
      const value = values.find(tagValues[i], 0, tagValues[i].length);
      if (value >= 0 && values.counts[value] > 0) continue;
      const [name, tag, text] = [measurement, tagKeys[i], tagValues[i]].map((bytes) =>
        JSON.stringify(Buffer.from(bytes).toString()),
      );
      return {
        limit: 'maxValuesPerTag',
        text: `${LIMIT_SETTINGS.maxValuesPerTag} limit exceeded (${values.live}/${most}): measurement=${name} tag=${tag} value=${text}`,
      };
    }
    return null;
  }
}

/** How many new series may come in now. */
export class RateState {
  private tokens = Number.POSITIVE_INFINITY;
  private filledMs = 0;

  /** Takes one; false when there is none. */
  take(nowMs: number, perSec: number): boolean {
    const filled = this.tokens + ((nowMs - this.filledMs) / 1000) * perSec;
    // The first time, too: the bucket begins full.
    this.tokens = Math.min(perSec, Number.isNaN(filled) ? perSec : filled);
    this.filledMs = nowMs;
    if (this.tokens < 1) return false;
    this.tokens--;
    return true;
  }
}
