/**
 * Databases that belong to another: what comes beside samples (exemplars, metadata, start times) is kept as rows like
 * any other, in a companion of the database that the samples go to. So the log, the files, retention and recovery hold
 * it without knowing of it.
 *
 * A companion's name is its owner's, a NUL and its kind. No client can name it, since names with control characters are
 * refused at the door; listings leave it out by `isInternalDatabase`. Its owner is what holds the samples: a database, or
 * the hidden one of a retention policy.
 *
 *     exemplars   series of the owner; fields `value` (float) and `labels` (string: JSON of the exemplar's own labels)
 *     metadata    one series per metric, one row at time 0: fields `type`, `help` and `unit` (strings)
 *     starts      series of the owner; field `start` (integer: ms) at the time of each sample that came with one
 */
import type { Database } from './database.ts';
import type { Engine } from './engine.ts';

export type CompanionKind = 'exemplars' | 'metadata' | 'starts';

const SEPARATOR = '\u0000';

/** The name of a database's companion. */
export function companionName(owner: string, kind: CompanionKind): string {
  return `${owner}${SEPARATOR}${kind}`;
}

/** Whether a database is a companion, to be left out of listings. */
export function isInternalDatabase(name: string): boolean {
  return name.includes(SEPARATOR);
}

/** The database, as clients know it, that one belongs to. */
export function ownerOf(name: string): string {
  return name.split(SEPARATOR, 1)[0];
}

/**
 * The companion of a database, or undefined while nothing was stored in it.
 * @param owner as `Engine.database` takes it.
 */
export function companion(engine: Engine, owner: string, kind: CompanionKind): Database | undefined {
  const database = engine.database(owner);
  return database && engine.database(companionName(database.name, kind));
}

/** The companion of a database, made when it does not exist. Metadata is kept for ever; the rest as long as its owner. */
export function createCompanion(engine: Engine, owner: Database, kind: CompanionKind): Database {
  const { partitionDurationSec, retentionMs } = owner.settings;
  const settings = { partitionDurationSec, retentionMs: kind === 'metadata' ? 0 : retentionMs };
  return engine.createDatabase(companionName(owner.name, kind), settings);
}
