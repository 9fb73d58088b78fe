/**
 * Series leave the index when the last of their rows has gone.
 *
 * 1. A checkpoint first: then every row is in a file or was written after it, so the log that would be replayed names
 *    no series but those with rows in memory.
 * 2. Live are the series of all files and memtables; the others leave, and the index says so on disk.
 * 3. Only then may their refs be given to new series.
 *
 * Steps 2 and 3 happen in one turn of the event loop, so no write comes between them. Series that were dropped have left
 * the index before; their refs go with the last file that holds them.
 */
import type { Database } from './database.ts';
import type { Engine } from './engine.ts';

export async function removeDeadSeries(engine: Engine, database: Database): Promise<void> {
  await engine.flush();
  const { index } = database;
  const live = new Uint8Array(index.refLimit);
  for (const { name } of database.manifest.files.values()) {
    for (const ref of database.files.look(name, (file) => file.refs)) live[ref] = 1;
  }
  for (const memtable of [...database.frozen, database.active]) {
    for (let ref = 0; ref < memtable.heads.length; ref++) if (memtable.heads[ref] !== 0) live[ref] = 1;
  }
  const dead: number[] = [];
  for (let ref = 0; ref < index.refLimit; ref++) if (live[ref] === 0 && index.isLive(ref)) dead.push(ref);
  if (dead.length === 0 && !index.hasReleasable(live)) return;
  const measurements = new Set<number>();
  for (const ref of dead) measurements.add(index.measurementOf(ref));
  index.remove(Int32Array.from(dead));
  index.renewMeasurements(measurements);
  database.pinIndex(engine.wal.checkpointLsn);
  index.releaseRemoved(live);
}
