/** What may be done on a database, and how grants and revocations change that. */

/** A grant on one database. `none` is left where all was revoked: InfluxDB shows it. */
export type Privilege = 'none' | 'read' | 'write' | 'all';

/** What a request needs. `admin` is of the whole server. */
export type Need = 'read' | 'write' | 'admin';

const BITS = { none: 0, read: 1, write: 2, all: 3 } as const;
const NAMES: readonly Privilege[] = ['none', 'read', 'write', 'all'];

/** Whether a grant on a database covers what is needed on it. */
export function covers(granted: Privilege, need: 'read' | 'write'): boolean {
  return (BITS[granted] & BITS[need]) !== 0;
}

/** What is left of a grant when a part of it is revoked. */
export function without(granted: Privilege, revoked: Privilege): Privilege {
  return NAMES[BITS[granted] & ~BITS[revoked]];
}
