/** What one line or one remote-write series may cost; the engine's limits, by the names that parsers use. */
export {
  DEFAULT_WRITE_LIMITS as DEFAULT_LIMITS,
  type IngestLimits,
  type Refusal,
  tooLong,
  tooMany,
} from '../engine/write-limits.ts';
