/**
 * What one line or one remote-write series may cost. Each limit is named in the error it causes, so that whoever sees
 * the error knows which setting to change. Sizes are in bytes of UTF-8, names and values counted without escapes.
 */
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

export const DEFAULT_LIMITS: Readonly<IngestLimits> = {
  maxLineBytes: 1_048_576,
  maxSeriesKeyBytes: 65_535,
  maxNameBytes: 4_096,
  maxTagValueBytes: 16_384,
  maxTags: 256,
  maxFields: 4_096,
  maxStringBytes: 65_536,
};

/** "tag value is too long: 20000 bytes (limit maxTagValueBytes = 16384)". */
export function lengthReason(what: string, bytes: number, limit: keyof IngestLimits, limits: IngestLimits): string {
  return `${what} is too long: ${bytes} bytes (limit ${limit} = ${limits[limit]})`;
}

/** "too many tags: 300 (limit maxTags = 256)". */
export function countReason(what: string, count: number, limit: keyof IngestLimits, limits: IngestLimits): string {
  return `too many ${what}: ${count} (limit ${limit} = ${limits[limit]})`;
}
