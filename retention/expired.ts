/**
 * Which partitions are past their time to live. A partition goes as a whole, once the newest instant it can hold is
 * older than the retention: so nothing younger than the retention is ever dropped, and nothing is rewritten to die.
 */

/** A partition's place in time. */
export interface PartitionSpan {
  partitionStartSec: number;
  partitionDurationSec: number;
}

/**
 * @param retentionMs 0 keeps everything.
 * @param nowMs wall time, ms since the epoch.
 */
export function isExpired(span: PartitionSpan, retentionMs: number, nowMs: number): boolean {
  if (retentionMs === 0) return false;
  return (span.partitionStartSec + span.partitionDurationSec) * 1000 <= nowMs - retentionMs;
}
