/**
 * Who may do what: users with passwords and tokens, each with privileges on databases, kept in the file `ACCESS` of the
 * data directory.
 *
 * 1. Every change is durable when the call that made it returns or resolves.
 * 2. Neither passwords nor tokens can be read from the file, and it can be read by its owner alone.
 * 3. A name that is unknown takes as long to refuse as a wrong password.
 * 4. Error texts are InfluxDB's where it has such.
 */
import type { FileSystem } from '../disk/file-system.ts';
import { JsonFile } from '../disk/json-file.ts';
import { VarveError } from '../errors/errors.ts';
import { hashPassword, RememberedPasswords } from './password.ts';
import { covers, type Need, type Privilege, without } from './privilege.ts';
import { isSecret, newToken, splitToken } from './token.ts';

const VERSION = 1;
const OWNER_ONLY = 0o600;

type Grants = readonly (readonly [database: string, privilege: Privilege])[];

interface UserEntry {
  readonly name: string;
  readonly admin: boolean;
  readonly password: string;
  readonly grants: Grants;
}

interface TokenEntry {
  readonly id: string;
  readonly description: string;
  readonly admin: boolean;
  readonly hash: string;
  readonly grants: Grants;
  readonly createdMs: number;
  /** null is never. */
  readonly expiresMs: number | null;
}

interface AccessContent {
  readonly users: readonly UserEntry[];
  readonly tokens: readonly TokenEntry[];
}

export interface UserInfo {
  readonly name: string;
  readonly admin: boolean;
}

/** A token without its secret. */
export type TokenInfo = Omit<TokenEntry, 'hash'>;

/** What a token is to be good for. */
export interface TokenRequest {
  readonly description: string;
  readonly admin?: boolean;
  readonly grants?: ReadonlyMap<string, Privilege>;
  /** ms since the epoch; absent is never. */
  readonly expiresMs?: number;
}

/** Somebody whose password or token was right. Asking it later takes account of what was changed since. */
export interface Principal {
  readonly kind: 'user' | 'token';
  /** The user's name or the token's id. */
  readonly name: string;
}

export class AccessStore {
  private readonly file: JsonFile<AccessContent>;
  private readonly nowMs: () => number;
  private readonly passwords: RememberedPasswords;
  /** What the password of an unknown user is compared with. */
  private decoy: Promise<string> | null = null;

  /** Reads `directory/ACCESS`. Throws VarveError 'corrupt' when it is damaged. */
  constructor(fs: FileSystem, directory: string, nowMs: () => number = Date.now) {
    const initial = { users: [], tokens: [] };
    this.file = new JsonFile(fs, `${directory}/ACCESS`, {
      version: VERSION,
      oldestVersion: VERSION,
      initial,
      mode: OWNER_ONLY,
    });
    this.nowMs = nowMs;
    this.passwords = new RememberedPasswords(nowMs);
  }

  /** Users in the order of their creation. */
  users(): UserInfo[] {
    return this.file.content.users.map(({ name, admin }) => ({ name, admin }));
  }

  /** Whether there are users or tokens, expired ones too. */
  get isUsed(): boolean {
    const { users, tokens } = this.file.content;
    return users.length > 0 || tokens.length > 0;
  }

  /**
   * Adds a user. One with the same password and rights already is fine.
   * @param mustBeFirst refuses it with `forbidden` when there are users or tokens by the time it would be added.
   */
  async createUser(name: string, password: string, admin: boolean, mustBeFirst = false): Promise<void> {
    if (name === '') throw new VarveError('bad_request', 'username required');
    let hash: string | null = null;
    // Others may change the same user while a password is looked at.
    for (;;) {
      if (mustBeFirst && this.isUsed) {
        throw new VarveError('forbidden', 'cannot make the first administrator: there are users or tokens by now');
      }
      const existing = this.find(name);
      if (existing === undefined) {
        if (hash !== null) break;
        hash = await hashPassword(password);
        continue;
      }
      const isSame = existing.admin === admin && (await this.passwords.check(password, existing.password));
      if (this.find(name) !== existing) continue;
      if (isSame) return;
      throw new VarveError('bad_request', 'user already exists');
    }
    const entry: UserEntry = { name, admin, password: hash, grants: [] };
    this.changeUsers((users) => [...users, entry]);
  }

  dropUser(name: string): void {
    this.user(name);
    this.changeUsers((users) => users.filter((user) => user.name !== name));
  }

  async setPassword(name: string, password: string): Promise<void> {
    this.user(name);
    const hash = await hashPassword(password);
    this.changeUser(name, (user) => ({ ...user, password: hash }));
  }

  setAdmin(name: string, admin: boolean): void {
    this.changeUser(name, (user) => ({ ...user, admin }));
  }

  /** Grants a privilege on a database, in place of the one there was. */
  grant(name: string, database: string, privilege: Privilege): void {
    this.changeUser(name, (user) => ({ ...user, grants: granted(user.grants, database, privilege) }));
  }

  /** Takes a privilege on a database away; what is left stays, be it nothing. */
  revoke(name: string, database: string, privilege: Privilege): void {
    this.changeUser(name, (user) => {
      const left = without(privilegeOn(user.grants, database), privilege);
      return { ...user, grants: granted(user.grants, database, left) };
    });
  }

  /** A user's grants, sorted by database. Throws `not_found`. */
  grants(name: string): [database: string, privilege: Privilege][] {
    return sorted(this.user(name).grants);
  }

  /** Forgets all grants on a database, which is to be dropped. */
  forgetDatabase(database: string): void {
    const { users, tokens } = this.file.content;
    const stays = ([name]: Grants[number]) => name !== database;
    if ([...users, ...tokens].every(({ grants }) => grants.every(stays))) return;
    this.file.replace({
      users: users.map((user) => ({ ...user, grants: user.grants.filter(stays) })),
      tokens: tokens.map((token) => ({ ...token, grants: token.grants.filter(stays) })),
    });
  }

  /** Makes a token. Its text is returned this once and cannot be found out later. */
  createToken({ description, admin = false, grants = new Map(), expiresMs }: TokenRequest): {
    id: string;
    text: string;
  } {
    const { id, text, hash } = newToken();
    const entry: TokenEntry = {
      id,
      description,
      admin,
      hash,
      grants: [...grants],
      createdMs: this.nowMs(),
      expiresMs: expiresMs ?? null,
    };
    const { users, tokens } = this.file.content;
    this.file.replace({ users, tokens: [...tokens, entry] });
    return { id, text };
  }

  /** Tokens in the order of their creation, expired ones too. */
  tokens(): TokenInfo[] {
    return this.file.content.tokens.map(({ hash: _, ...info }) => info);
  }

  /** Ends a token. Throws `not_found`. */
  revokeToken(id: string): void {
    const { users, tokens } = this.file.content;
    if (!tokens.some((token) => token.id === id)) {
      throw new VarveError('not_found', `cannot revoke token ${id}: it does not exist`);
    }
    this.file.replace({ users, tokens: tokens.filter((token) => token.id !== id) });
  }

  /** The user of a name and password, or null when they do not belong together. */
  async logIn(name: string, password: string): Promise<Principal | null> {
    const user = this.find(name);
    this.decoy ??= hashPassword('nobody has this name');
    const isRight = await this.passwords.check(password, user?.password ?? (await this.decoy));
    // It takes its time, and another may have the name by then, or another password.
    return isRight && user !== undefined && this.find(name)?.password === user.password ? { kind: 'user', name } : null;
  }

  /** As `logIn` for who has logged in a short while ago, without computing anything; null says nothing. */
  remembered(name: string, password: string): Principal | null {
    const user = this.find(name);
    return user !== undefined && this.passwords.knows(password, user.password) ? { kind: 'user', name } : null;
  }

  /** The token of a text, or null when it is none, revoked or expired. */
  bearer(text: string): Principal | null {
    const parts = splitToken(text);
    if (parts === null) return null;
    const entry = this.file.content.tokens.find(({ id }) => id === parts.id);
    if (entry === undefined || !isSecret(parts.secret, entry.hash) || this.isExpired(entry)) return null;
    return { kind: 'token', name: entry.id };
  }

  /**
   * Whether somebody may do something now.
   * @param database what it is done to; of no account for `admin`.
   */
  may(principal: Principal, need: Need, database: string): boolean {
    const holder = principal.kind === 'user' ? this.find(principal.name) : this.validToken(principal.name);
    if (holder === undefined) return false;
    if (holder.admin) return true;
    return need !== 'admin' && covers(privilegeOn(holder.grants, database), need);
  }

  /** Whether somebody is an administrator now. */
  isAdmin(principal: Principal): boolean {
    return this.may(principal, 'admin', '');
  }

  /** The grants of somebody now, sorted by database; none for one who is gone. */
  grantsOf({ kind, name }: Principal): [database: string, privilege: Privilege][] {
    const holder = kind === 'user' ? this.find(name) : this.validToken(name);
    return sorted(holder?.grants ?? []);
  }

  private isExpired({ expiresMs }: TokenEntry): boolean {
    return expiresMs !== null && expiresMs <= this.nowMs();
  }

  private validToken(id: string): TokenEntry | undefined {
    return this.file.content.tokens.find((token) => token.id === id && !this.isExpired(token));
  }

  private find(name: string): UserEntry | undefined {
    return this.file.content.users.find((user) => user.name === name);
  }

  private user(name: string): UserEntry {
    const user = this.find(name);
    if (user === undefined) throw new VarveError('not_found', 'user not found');
    return user;
  }

  private changeUser(name: string, change: (user: UserEntry) => UserEntry): void {
    this.user(name);
    this.changeUsers((users) => users.map((user) => (user.name === name ? change(user) : user)));
  }

  private changeUsers(change: (users: readonly UserEntry[]) => UserEntry[]): void {
    const { users, tokens } = this.file.content;
    this.file.replace({ users: change(users), tokens });
  }
}

function sorted(grants: Grants): [database: string, privilege: Privilege][] {
  return grants
    .map(([database, privilege]): [string, Privilege] => [database, privilege])
    .sort(([a], [b]) => (a < b ? -1 : 1));
}

function privilegeOn(grants: Grants, database: string): Privilege {
  return grants.find(([name]) => name === database)?.[1] ?? 'none';
}

function granted(grants: Grants, database: string, privilege: Privilege): Grants {
  return [...grants.filter(([name]) => name !== database), [database, privilege]];
}
