/** What the engine counts, as plain numbers; the server turns them into metrics. Counters never fall. */
export interface EngineCounters {
  /** Field values committed. */
  samples: number;
  /** Rows committed. */
  rows: number;
  /** Bytes of request bodies handed in, for the write amplification. */
  bytesIngested: number;
  flushes: number;
  flushErrors: number;
  /** Bytes of files written by flushes and by merges. */
  flushBytes: number;
  mergeBytes: number;
  merges: number;
  mergeErrors: number;
  /** Partitions dropped by retention. */
  partitionsDropped: number;
  checkpoints: number;
  /** Runs of continuous queries that ended well, and those that did not. */
  continuousQueries: number;
  continuousQueryErrors: number;
}

export function newCounters(): EngineCounters {
  return {
    samples: 0,
    rows: 0,
    bytesIngested: 0,
    flushes: 0,
    flushErrors: 0,
    flushBytes: 0,
    mergeBytes: 0,
    merges: 0,
    mergeErrors: 0,
    partitionsDropped: 0,
    checkpoints: 0,
    continuousQueries: 0,
    continuousQueryErrors: 0,
  };
}
