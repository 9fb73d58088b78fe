/**
 * What writers may add: how long a line and its parts may be, how many series a database may have, and how fast they may
 * come. The server has one set of limits; a database's own, where they are set, go before them.
 *
 * A limit is known to users by its setting, which every refusal names, and which is its label in metrics.
 */
import type { DatabaseLimits } from './catalog.ts';

/** What one line or one remote-write series may cost. Bytes are of UTF-8, names and values counted without escapes. */
export interface IngestLimits {
  /** One line of line protocol, without its newline. */
  maxLineBytes: number;
  /** Measurement and all tags of a series as one key, as written. InfluxDB's limit, too. */
  maxSeriesKeyBytes: number;
  /** A measurement, tag key, field key or label name. */
  maxNameBytes: number;
  /** A tag value or label value. */
  maxTagValueBytes: number;
  /** Tags of a series; labels of a remote-write series, its name included. */
  maxTags: number;
  /** Fields of one line. */
  maxFields: number;
  /** A string field's value. */
  maxStringBytes: number;
}

/** What all writers together may add; 0 is no limit. */
export interface GrowthLimits {
  /** Series that a database, all its retention policies together, may have at once. */
  maxSeries: number;
  /** New series per second in one database. */
  maxNewSeriesPerSec: number;
  /** Values that one tag may have at once among the series of a database. */
  maxValuesPerTag: number;
  /** Memory of the indexes of all databases together, bytes. */
  maxIndexBytes: number;
}

export interface WriteLimits extends IngestLimits, GrowthLimits {}

export type LimitName = keyof WriteLimits;

export const DEFAULT_WRITE_LIMITS: Readonly<WriteLimits> = {
  maxLineBytes: 1_048_576,
  maxSeriesKeyBytes: 65_535,
  maxNameBytes: 4_096,
  maxTagValueBytes: 16_384,
  maxTags: 256,
  maxFields: 4_096,
  maxStringBytes: 65_536,
  maxSeries: 1_000_000,
  maxNewSeriesPerSec: 0,
  maxValuesPerTag: 0,
  maxIndexBytes: 1024 << 20,
};

/** The setting of each limit. */
export const LIMIT_SETTINGS: Readonly<Record<LimitName, string>> = {
  maxLineBytes: 'max-line-size',
  maxSeriesKeyBytes: 'max-series-key-size',
  maxNameBytes: 'max-name-size',
  maxTagValueBytes: 'max-tag-value-size',
  maxTags: 'max-tags',
  maxFields: 'max-fields',
  maxStringBytes: 'max-string-size',
  maxSeries: 'max-series-per-database',
  maxNewSeriesPerSec: 'max-new-series-per-second',
  maxValuesPerTag: 'max-values-per-tag',
  maxIndexBytes: 'max-index-size',
};

/** Why something is not taken. */
export interface Refusal {
  readonly limit: LimitName;
  /** Names the limit, so that whoever reads it knows which setting to change. */
  readonly text: string;
}

/** Whether the same may be taken later: it came too fast, and was not too much. */
export function passes({ limit }: Pick<Refusal, 'limit'>): boolean {
  return limit === 'maxNewSeriesPerSec';
}

/** "tag value is too long: 20000 bytes (limit max-tag-value-size = 16384)". */
export function tooLong(what: string, bytes: number, limit: LimitName, limits: Readonly<IngestLimits>): Refusal {
  const value = (limits as WriteLimits)[limit];
  return { limit, text: `${what} is too long: ${bytes} bytes (limit ${LIMIT_SETTINGS[limit]} = ${value})` };
}

/** "too many tags: 300 (limit max-tags = 256)". */
export function tooMany(what: string, count: number, limit: LimitName, limits: Readonly<IngestLimits>): Refusal {
  const value = (limits as WriteLimits)[limit];
  return { limit, text: `too many ${what}: ${count} (limit ${LIMIT_SETTINGS[limit]} = ${value})` };
}

/** A series by its parts, unescaped. */
export interface SeriesParts {
  readonly measurement: Uint8Array;
  readonly tagKeys: readonly Uint8Array[];
  readonly tagValues: readonly Uint8Array[];
}

/** The first limit that a series with these parts is beyond; null when it is within all. */
export function partsRefusal(parts: SeriesParts, limits: Readonly<IngestLimits>): Refusal | null {
  const { measurement, tagKeys, tagValues } = parts;
  if (tagKeys.length > limits.maxTags) return tooMany('tags', tagKeys.length, 'maxTags', limits);
  if (measurement.length > limits.maxNameBytes) {
    return tooLong('measurement', measurement.length, 'maxNameBytes', limits);
  }
  for (let i = 0; i < tagKeys.length; i++) {
    if (tagKeys[i].length > limits.maxNameBytes) return tooLong('tag key', tagKeys[i].length, 'maxNameBytes', limits);
    if (tagValues[i].length > limits.maxTagValueBytes) {
      return tooLong('tag value', tagValues[i].length, 'maxTagValueBytes', limits);
    }
  }
  return null;
}

/** The limits of a database: its own where it has some, else the server's. */
export function limitsOf(server: Readonly<WriteLimits>, own: DatabaseLimits | undefined): Readonly<WriteLimits> {
  if (own === undefined) return server;
  return {
    ...server,
    maxSeries: own.maxSeries ?? server.maxSeries,
    maxNewSeriesPerSec: own.maxNewSeriesPerSec ?? server.maxNewSeriesPerSec,
    maxTags: own.maxTagsPerSeries ?? server.maxTags,
    maxTagValueBytes: own.maxTagValueBytes ?? server.maxTagValueBytes,
  };
}
