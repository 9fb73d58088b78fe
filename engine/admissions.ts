/** The doors to the indexes of all databases, each with the limits that hold there; see series-admission.ts. */
import type { Clock } from '../clock/clock.ts';
import type { DatabaseLimits } from './catalog.ts';
import type { Database } from './database.ts';
import { ownerOf } from './internal-database.ts';
import type { Registry } from './registry.ts';
import { type IndexMemory, RateState, SeriesAdmission } from './series-admission.ts';
import { limitsOf, type WriteLimits } from './write-limits.ts';

export class Admissions {
  private readonly registry: Registry;
  private readonly limits: Readonly<WriteLimits>;
  private readonly clock: Clock;
  private readonly memory: IndexMemory;
  private readonly doors = new WeakMap<Database, { own: DatabaseLimits | undefined; door: SeriesAdmission }>();
  /** By the name of the database that clients know. */
  private readonly rates = new Map<string, RateState>();

  constructor(registry: Registry, limits: Readonly<WriteLimits>, clock: Clock) {
    this.registry = registry;
    this.limits = limits;
    this.clock = clock;
    this.memory = { bytes: 0, namesUntilLook: 0, look: () => this.indexBytes };
  }

  /** The door to what holds rows: a database, one of its policies, or what is kept beside its samples. */
  of(database: Database): SeriesAdmission {
    const owner = ownerOf(database.name);
    const own = this.registry.has(owner) ? this.registry.owner(owner).settings.limits : undefined;
    const known = this.doors.get(database);
    if (known !== undefined && known.own === own) return known.door;
    let rate = this.rates.get(owner);
    if (rate === undefined) {
      rate = new RateState();
      this.rates.set(owner, rate);
    }
    const elsewhere = () => this.registry.seriesInOtherPolicies(owner, database);
    const limits = limitsOf(this.limits, own);
    const door = new SeriesAdmission(limits, database.index, elsewhere, this.memory, this.clock, rate);
    this.doors.set(database, { own, door });
    return door;
  }

  /** A database is gone. */
  forget(owner: string): void {
    this.rates.delete(owner);
  }

  /** Memory of all indexes, bytes. */
  get indexBytes(): number {
    let bytes = 0;
    for (const { index } of this.registry.all()) bytes += index.memoryBytes;
    return bytes;
  }
}
