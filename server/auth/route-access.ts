/**
 * What each route needs of who asks. Every route says it, and what a route does not say of a method is an administrator's.
 */
import type { Rights } from '../../access/rights.ts';
import { VarveError } from '../../errors/errors.ts';
import { INTERNAL_DATABASE } from '../self-metrics.ts';
import type { Caller } from './authenticator.ts';

/**
 *     public      nobody is asked who they are
 *     known       whoever is known; what the answer shows is only what they may see, which the route itself looks after
 *     read        reading the request's database
 *     write       writing to it
 *     admin       administering the server
 *     metrics     reading the server's own metrics; public where `public-metrics` says so
 *     first-admin as admin, and whoever may make the first one
 */
export type Access = 'public' | 'known' | 'read' | 'write' | 'admin' | 'metrics' | 'first-admin';

/** One for all methods, or one for each. */
export type RouteAccess = Access | Readonly<Partial<Record<string, Access>>>;

export function accessOf(access: RouteAccess, method: string): Access {
  if (typeof access === 'string') return access;
  return access[method === 'HEAD' ? 'GET' : method] ?? 'admin';
}

/** Throws `forbidden` unless the caller may use a route. @param database the request's. */
export function authorize(caller: Caller, access: Access, database: string): void {
  const { rights, mayMakeFirstAdmin } = caller;
  if (access === 'public' || isAllowed(caller, access, database)) return;
  if (mayMakeFirstAdmin) throw noAdmin();
  throw new VarveError('forbidden', refusal(rights, access, database));
}

/** InfluxDB's refusal of all but the making of the first administrator. */
export function noAdmin(): VarveError {
  const text = 'error authorizing query: create admin user first or disable authentication';
  return new VarveError('forbidden', text);
}

function isAllowed({ rights, mayMakeFirstAdmin }: Caller, access: Access, database: string): boolean {
  switch (access) {
    case 'known':
      return !mayMakeFirstAdmin;
    case 'read':
    case 'write':
    case 'admin':
      return rights.may(access, database);
    case 'metrics':
      return rights.may('read', INTERNAL_DATABASE);
    case 'first-admin':
      return mayMakeFirstAdmin || rights.may('admin', '');
    default:
      return false;
  }
}

function refusal({ name }: Rights, access: Access, place: string): string {
  const user = JSON.stringify(name);
  const [database] = place.split('/', 1);
  switch (access) {
    case 'read':
      return `${user} user is not authorized to read from database ${JSON.stringify(database)}`;
    case 'write':
      return `${user} user is not authorized to write to database ${JSON.stringify(database)}`;
    case 'metrics':
      return `${user} user is not authorized to read metrics: that needs to read from database ${JSON.stringify(INTERNAL_DATABASE)}`;
    default:
      return `${user} user is not authorized: this requires admin privilege`;
  }
}
