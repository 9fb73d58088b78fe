/** A Prometheus remote write 1.0 request, unpacked, from bytes to durable. */
import type { Engine } from '../engine/engine.ts';
import { giveBatch, takeBatch } from './batch-pool.ts';
import type { RemoteOutcome } from './remote-outcome.ts';
import { decodeRemoteWrite } from './remote-write.ts';

/**
 * Stores the good series of a request and waits until they are durable. Senders keep requests small (Prometheus sends
 * a few thousand samples), so there is one batch.
 * @throws VarveError bad_request when the message is damaged (nothing is stored), or when nothing can be stored now.
 */
export async function writeRemote(engine: Engine, databaseName: string, body: Uint8Array): Promise<RemoteOutcome> {
  const database = engine.createDatabase(databaseName);
  const batch = takeBatch();
  let lsn = 0;
  let outcome: RemoteOutcome;
  try {
    outcome = decodeRemoteWrite(body, database.index, batch);
    if (batch.rows > 0) lsn = engine.commit(database, batch);
  } finally {
    giveBatch(batch);
  }
  if (lsn > 0) await engine.durable(lsn);
  return outcome;
}
