/**
 * Users and tokens as the commands see them: those of a running server over HTTP, or, when no server has it open, those in a
 * data directory.
 */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { AccessStore } from '../access/access-store.ts';
import type { Privilege } from '../access/privilege.ts';
import { parseDurationMs } from '../clock/duration.ts';
import { lockDirectory } from '../disk/lock-file.ts';
import { nodeFileSystem } from '../disk/node-file-system.ts';
import { VarveError } from '../errors/errors.ts';
import { type Client, ClientError, type ClientOptions, connect } from './client.ts';
import { directoryFailure, existingDirectory } from './data-directory.ts';

export interface Grant {
  readonly database: string;
  readonly privilege: Privilege;
}

export interface UserRow {
  readonly name: string;
  readonly admin: boolean;
  readonly grants: readonly Grant[];
}

export interface TokenRow {
  readonly id: string;
  readonly description: string;
  readonly admin: boolean;
  readonly grants: readonly Grant[];
  /** null is never. */
  readonly expiresMs: number | null;
}

export interface NewToken {
  readonly description: string;
  readonly admin: boolean;
  readonly grants: readonly Grant[];
  /** A duration as text; '' is for ever. */
  readonly expires: string;
}

export interface Accounts {
  users(): Promise<UserRow[]>;
  createUser(name: string, password: string, admin: boolean): Promise<void>;
  setPassword(name: string, password: string): Promise<void>;
  setAdmin(name: string, admin: boolean): Promise<void>;
  dropUser(name: string): Promise<void>;
  grant(name: string, database: string, privilege: Privilege): Promise<void>;
  revoke(name: string, database: string, privilege: Privilege): Promise<void>;
  tokens(): Promise<TokenRow[]>;
  /** The new token's text, which cannot be had again. */
  createToken(token: NewToken): Promise<string>;
  revokeToken(id: string): Promise<void>;
}

export interface AccountOptions extends ClientOptions {
  /** A directory to work on without a server. */
  data?: string;
}

/** Does something with the accounts that the options mean. Without `makesFirst` a data directory has to be there. */
export async function withAccounts<T>(
  options: AccountOptions,
  work: (accounts: Accounts) => Promise<T>,
  makesFirst = false,
): Promise<T> {
  if (options.data === undefined) return work(accountsOfServer(connect(options)));
  const directory = resolve(options.data);
  try {
    // The first administrator may come before the first start.
    if (makesFirst && !existsSync(directory)) nodeFileSystem.makeDirectory(directory);
    existingDirectory(directory);
    const lock = lockDirectory(nodeFileSystem, directory);
    try {
      return await work(accountsOfDirectory(new AccessStore(nodeFileSystem, directory)));
    } finally {
      lock.release();
    }
  } catch (error) {
    if (error instanceof ClientError) throw error;
    const isLocked = error instanceof VarveError && error.code === 'locked';
    const hint = isLocked ? '; leave out --data to ask the server that has it' : '';
    throw new ClientError(`${directoryFailure(directory, error)}${hint}`, 0);
  }
}

function accountsOfServer(client: Client): Accounts {
  const path = (...parts: string[]) => `/api/v1/${parts.map(encodeURIComponent).join('/')}`;
  const send = async (method: string, url: string, parameters?: URLSearchParams | Record<string, string>) => {
    await client.request(url, { method, body: parameters === undefined ? null : new URLSearchParams(parameters) });
  };
  return {
    users: () => client.json(path('users')),
    createUser: (name, password, admin) => send('POST', path('users'), { name, password, admin: String(admin) }),
    setPassword: (name, password) => send('PUT', path('users', name), { password }),
    setAdmin: (name, admin) => send('PUT', path('users', name), { admin: String(admin) }),
    dropUser: (name) => send('DELETE', path('users', name)),
    grant: (name, database, privilege) => send('PUT', path('users', name, 'grants', database), { privilege }),
    revoke: (name, database, privilege) =>
      send('DELETE', `${path('users', name, 'grants', database)}?privilege=${privilege}`),
    tokens: () => client.json(path('tokens')),
    async createToken({ description, admin, grants, expires }) {
      const body = new URLSearchParams({ description, admin: String(admin), expires });
      for (const { database, privilege } of grants) body.append(privilege, database);
      return (await client.json<{ token: string }>(path('tokens'), { method: 'POST', body })).token;
    },
    revokeToken: (id) => send('DELETE', path('tokens', id)),
  };
}

function accountsOfDirectory(access: AccessStore): Accounts {
  const shown = (grants: readonly (readonly [string, Privilege])[]): Grant[] =>
    grants.map(([database, privilege]) => ({ database, privilege }));
  return {
    users: async () => access.users().map((user) => ({ ...user, grants: shown(access.grants(user.name)) })),
    createUser: (name, password, admin) => access.createUser(name, password, admin),
    setPassword: (name, password) => access.setPassword(name, password),
    setAdmin: async (name, admin) => access.setAdmin(name, admin),
    dropUser: async (name) => access.dropUser(name),
    grant: async (name, database, privilege) => access.grant(name, database, privilege),
    revoke: async (name, database, privilege) => access.revoke(name, database, privilege),
    tokens: async () => access.tokens().map((token) => ({ ...token, grants: shown(token.grants) })),
    async createToken({ description, admin, grants, expires }) {
      const lifeMs = expires === '' ? null : parseDurationMs(expires);
      if (expires !== '' && !(lifeMs !== null && lifeMs > 0)) {
        throw new ClientError(`cannot make token: '${expires}' is no duration such as 90d`, 0);
      }
      return access.createToken({
        description,
        admin,
        grants: new Map(grants.map(({ database, privilege }) => [database, privilege])),
        ...(lifeMs === null ? {} : { expiresMs: Date.now() + lifeMs }),
      }).text;
    },
    revokeToken: async (id) => access.revokeToken(id),
  };
}
