/**
 * Who sends a request, and whether they have to say so.
 *
 * Authentication is on by the setting, or, left to itself, once there is a user or a token. Once on, it stays on while the
 * process runs: dropping the last user must not open a server that listens to the world. Who was let in is asked about
 * again for every request, so a revoked token counts at once.
 *
 * While nobody is known at all, anybody may do one thing: make the first administrator, as in InfluxDB 1.x. Unlike there, that
 * does not come back when the last administrator is dropped or their token expires: whoever reaches the server could be the
 * next one.
 */
import { hash, randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { AccessStore, Principal } from '../../access/access-store.ts';
import { EVERYTHING, NOTHING, type Rights, rightsOf } from '../../access/rights.ts';
import { VarveError } from '../../errors/errors.ts';
import { readCredentials } from './credentials.ts';
import { FailedAttempts } from './failed-attempts.ts';

/** `auto` is on once there are users or tokens. */
export type AuthMode = 'auto' | 'true' | 'false';

/** Who sends a request. */
export interface Caller {
  readonly rights: Rights;
  /** Null for one who is nobody in particular. */
  readonly principal: Principal | null;
  /** Nobody is known yet, and this one may make the first administrator. */
  readonly mayMakeFirstAdmin: boolean;
}

const FAILED = 'authorization failed';

export const ANYBODY: Caller = { rights: EVERYTHING, principal: null, mayMakeFirstAdmin: false };
const FOUNDER: Caller = { rights: NOTHING, principal: null, mayMakeFirstAdmin: true };

export interface Authenticator {
  /** Whether requests have to say who sends them. */
  isOn(access: AccessStore): boolean;
  /**
   * Who sends a request.
   * @param query of the URL.
   * @throws VarveError unauthorized; too_many_requests after many failures; overloaded.
   */
  identify(access: AccessStore, request: IncomingMessage, query: string): Caller | Promise<Caller>;
}

export function createAuthenticator(mode: AuthMode): Authenticator {
  const attempts = new FailedAttempts();
  let wasOn = mode === 'true';
  const isOn = (access: AccessStore): boolean => {
    if (mode === 'auto' && !wasOn && access.isUsed) wasOn = true;
    return wasOn;
  };
  /** There is, or was while this process ran, a user or a token. */
  let wasUsed = false;
  /** While nobody is known, whoever comes is anybody. */
  const refuse = (access: AccessStore, why: string): Caller => {
    wasUsed ||= access.isUsed;
    if (!wasUsed) return FOUNDER;
    throw new VarveError('unauthorized', why);
  };
  const logIn = async (access: AccessStore, name: string, password: string, address: string): Promise<Caller> => {
    if (attempts.isBlocked(address, name)) {
      throw new VarveError('too_many_requests', 'authorization failed too often: wait before trying again');
    }
    const wasRight = attempts.begin(address, name);
    let principal: Principal | null;
    try {
      principal = await access.logIn(name, password);
    } catch (error) {
      wasRight();
      throw error;
    }
    if (principal === null) return refuse(access, FAILED);
    wasRight();
    return callerOf(access, principal);
  };
  /** Log-ins under way, by a keyed hash: a client that opens many connections at once is one attempt. */
  const underWay = new Map<string, Promise<Caller>>();
  const secret = randomBytes(32).toString('base64');
  const logInOnce = (access: AccessStore, name: string, password: string, address: string): Promise<Caller> => {
    const key = hash('sha256', `${secret}${address}\n${name}\n${password}`, 'base64');
    let running = underWay.get(key);
    if (running === undefined) {
      running = logIn(access, name, password, address).finally(() => underWay.delete(key));
      underWay.set(key, running);
    }
    return running;
  };
  return {
    isOn,
    identify(access, request, query) {
      if (!isOn(access)) return ANYBODY;
      wasUsed ||= access.isUsed;
      const credentials = readCredentials(request.headers.authorization, query);
      if (credentials === null || credentials === 'malformed') {
        return refuse(access, 'unable to parse authentication credentials');
      }
      const address = request.socket.remoteAddress ?? '';
      if (credentials.kind === 'token') {
        const principal = access.bearer(credentials.text);
        if (principal === null) return refuse(access, FAILED);
        return callerOf(access, principal);
      }
      const { name, password } = credentials;
      const known = access.remembered(name, password);
      return known === null ? logInOnce(access, name, password, address) : callerOf(access, known);
    },
  };
}

function callerOf(access: AccessStore, principal: Principal): Caller {
  return { rights: rightsOf(access, principal), principal, mayMakeFirstAdmin: false };
}
