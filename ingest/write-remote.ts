/** A Prometheus remote write request of either version, from bytes to durable. */
import type { Engine } from '../engine/engine.ts';
import { giveBatch, takeBatch } from './batch-pool.ts';
import { unpackBody } from './remote-kernel.ts';
import type { RemoteOutcome } from './remote-outcome.ts';
import type { RemoteOptions } from './remote-series.ts';
import { decodeRemoteWrite } from './remote-write.ts';
import { decodeRemoteWrite2 } from './remote-write-2.ts';
import { storeExemplars } from './store-exemplars.ts';
import { storeMetadata } from './store-metadata.ts';
import { storeStarts } from './store-starts.ts';

/** 1: `prometheus.WriteRequest`; 2: `io.prometheus.write.v2.Request`. */
export type RemoteVersion = 1 | 2;

/**
 * Stores the good series of a request with their exemplars, metadata and start times, and waits until they are durable.
 * Senders keep requests small (Prometheus sends a few thousand samples), so there is one batch.
 * @param block the message, packed by snappy.
 * @param limitBytes the most that it may unpack to.
 * @throws VarveError bad_request when the message is damaged, body_too_large (nothing is stored), or when nothing can be
 * stored now.
 */
export async function writeRemote(
  engine: Engine,
  databaseName: string,
  block: Uint8Array,
  limitBytes: number,
  version: RemoteVersion = 1,
  options: RemoteOptions = {},
): Promise<RemoteOutcome> {
  const body = unpackBody(block, limitBytes);
  const database = engine.createDatabase(databaseName);
  const batch = takeBatch();
  const decode = version === 1 ? decodeRemoteWrite : decodeRemoteWrite2;
  const lsns: number[] = [];
  let outcome: RemoteOutcome;
  try {
    const door = engine.admissions.of(database);
    outcome = decode(body, database.index, batch, { limits: door.limits, door, ...options });
    if (batch.rows > 0) lsns.push(engine.commit(database, batch));
    lsns.push(storeStarts(engine, database, batch, outcome.starts));
  } finally {
    giveBatch(batch);
  }
  // Version 1 has no way to say that some of a request was not kept but by failing all of it, so it is told less.
  lsns.push(storeExemplars(engine, database, outcome, version === 2));
  lsns.push(storeMetadata(engine, database, outcome.metadata));
  engine.refusals.noteAll(outcome.refusals, databaseName);
  const lsn = Math.max(...lsns);
  if (lsn > 0) await engine.durable(lsn);
  return outcome;
}
