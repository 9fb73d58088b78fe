/**
 * What somebody may do, as the parts that serve requests ask for it. Grants are on databases as clients know them: a
 * retention policy (`NAME/POLICY`) and what is kept along with samples (`NAME`, NUL, kind) are their database's.
 */
import type { AccessStore, Principal } from './access-store.ts';
import type { Need } from './privilege.ts';

export interface Rights {
  /** Who, as errors name them. */
  readonly name: string;
  /** Who, as one text that no other has. */
  readonly id: string;
  /** Whether they may do something now. @param database of no account for `admin`. */
  may(need: Need, database: string): boolean;
  /** The next user that they make must be the first that there is. */
  founds?: boolean;
}

/** Whoever asks where there is no authentication. */
export const EVERYTHING: Rights = { name: 'anonymous', id: '', may: () => true };

/** Whoever asks while there is no administrator yet. */
export const NOTHING: Rights = { name: 'anonymous', id: '', may: () => false };

/** Whoever makes the first administrator, and what else comes in the same request. */
export function founderRights(): Rights {
  return { ...EVERYTHING, founds: true };
}

export function rightsOf(access: AccessStore, principal: Principal): Rights {
  const { kind, name } = principal;
  return {
    name: kind === 'user' ? name : `token ${name}`,
    id: `${kind}:${name}`,
    may: (need, database) => access.may(principal, need, ownerName(database)),
  };
}

/** Whether somebody may know that a database exists. */
export function sees(rights: Rights, database: string): boolean {
  return rights.may('read', database) || rights.may('write', database);
}

function ownerName(database: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: NUL is what separates a companion from its owner.
  const end = database.search(/[/\u0000]/);
  return end < 0 ? database : database.slice(0, end);
}
