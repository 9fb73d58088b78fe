/** Tag keys of measurements from the lists of tag keys that their series have, of which there are few, not from series. */
import type { Database } from '../../../engine/database.ts';

const SEVERAL = -1;

/** Which schemas have live series; to be used within one turn. */
export class LiveSchemas {
  private readonly database: Database;
  /** [schema id] 1 when some live series has it. */
  private readonly live: Uint8Array;
  private readonly byMeasurement = new Map<number, number[]>();
  /** By tag key id: the measurement whose series have it; SEVERAL when there are more. */
  private readonly onlyIn = new Map<number, number>();

  constructor(database: Database) {
    this.database = database;
    const { schema, schemas, limit } = database.index.series;
    this.live = new Uint8Array(schemas.count);
    const { live } = this;
    for (let ref = 0; ref < limit; ref++) if (schema[ref] >= 0) live[schema[ref]] = 1;
    for (let id = 0; id < live.length; id++) {
      if (live[id] === 0) continue;
      const { measurement, keys } = schemas.get(id);
      for (const key of keys) {
        const before = this.onlyIn.get(key) ?? measurement;
        this.onlyIn.set(key, before === measurement ? measurement : SEVERAL);
      }
      const known = this.byMeasurement.get(measurement);
      if (known === undefined) this.byMeasurement.set(measurement, [id]);
      else known.push(id);
    }
  }

  /** Ids of the tag keys of a measurement's series, in the order of their bytes. */
  tagKeys(measurement: number): Int32Array {
    const { schemas, tagKeys } = this.database.index.series;
    const seen = new Set<number>();
    for (const id of this.byMeasurement.get(measurement) ?? []) for (const key of schemas.get(id).keys) seen.add(key);
    const ids = Int32Array.from(seen);
    tagKeys.sortIds(ids);
    return ids;
  }

  /** Whether no series of any other measurement has a tag key. */
  isOnlyIn(measurement: number, key: number): boolean {
    return this.onlyIn.get(key) === measurement;
  }
}
