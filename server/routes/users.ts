/**
 * Users over HTTP. Passwords are taken from bodies alone: URLs end up in histories and in the logs of proxies. The first
 * administrator can be made by anybody, as long as nobody is known.
 */
import type { Privilege } from '../../access/privilege.ts';
import type { Engine } from '../../engine/engine.ts';
import { databaseNotFound } from '../../engine/retention-policy.ts';
import { VarveError } from '../../errors/errors.ts';
import { invalidParameter } from '../parameters.ts';
import { success } from '../prometheus-response.ts';
import type { Route, RouteContext } from '../route.ts';

const PRIVILEGES: readonly Privilege[] = ['read', 'write', 'all'];

/** A user or token as answers show it. */
export function describedGrants(
  grants: readonly (readonly [string, Privilege])[],
): { database: string; privilege: Privilege }[] {
  return grants.map(([database, privilege]) => ({ database, privilege }));
}

/** `true` or `false`; null where it is absent. */
export function flagParameter(parameters: URLSearchParams, name: string): boolean | null {
  const text = parameters.get(name);
  if (text === null || text === '') return null;
  if (text === 'true' || text === 'false') return text === 'true';
  throw invalidParameter(name, 'give true or false');
}

function describe({ access }: Engine, name: string) {
  const user = access.users().find((each) => each.name === name);
  if (user === undefined) throw new VarveError('not_found', 'user not found');
  return { ...user, grants: describedGrants(access.grants(name)) };
}

function listUsers({ engine }: RouteContext): Response {
  const opened = engine();
  return success(opened.access.users().map(({ name }) => describe(opened, name)));
}

async function createUser(context: RouteContext): Promise<Response> {
  const { engine, parameters, caller } = context;
  const opened = engine();
  const name = parameters.get('name') ?? '';
  const admin = flagParameter(parameters, 'admin') ?? false;
  if (!admin && !caller.rights.may('admin', '')) {
    throw new VarveError('forbidden', 'create admin user first or disable authentication');
  }
  await opened.access.createUser(name, requiredPassword(context), admin, caller.mayMakeFirstAdmin);
  return success(describe(opened, name));
}

async function changeUser(context: RouteContext): Promise<Response> {
  const { engine, parameters, pathParameter } = context;
  const opened = engine();
  const name = pathParameter('name');
  const admin = flagParameter(parameters, 'admin');
  if (parameters.has('password')) await opened.access.setPassword(name, requiredPassword(context));
  if (admin !== null) opened.access.setAdmin(name, admin);
  return success(describe(opened, name));
}

function requiredPassword({ parameters, request }: RouteContext): string {
  if (new URL(request.url).searchParams.has('password')) {
    throw invalidParameter('password', 'give it in the body, as URLs are written to logs');
  }
  const password = parameters.get('password') ?? '';
  if (password === '') throw invalidParameter('password', 'give one');
  return password;
}

function dropUser({ engine, pathParameter }: RouteContext): Response {
  engine().access.dropUser(pathParameter('name'));
  return new Response(null, { status: 204 });
}

function changeGrant({ engine, parameters, pathParameter, request }: RouteContext): Response {
  const opened = engine();
  const [name, database] = [pathParameter('name'), pathParameter('database')];
  const isRevocation = request.method === 'DELETE';
  const privilege = privilegeOf(parameters.get('privilege') ?? (isRevocation ? 'all' : ''));
  // A user who does not exist is told of first.
  opened.access.grants(name);
  if (isRevocation) opened.access.revoke(name, database, privilege);
  else {
    if (!opened.hasDatabase(database)) throw databaseNotFound(database);
    opened.access.grant(name, database, privilege);
  }
  return success(describe(opened, name));
}

function privilegeOf(text: string): Privilege {
  const privilege = PRIVILEGES.find((each) => each === text);
  if (privilege === undefined) throw invalidParameter('privilege', `give one of ${PRIVILEGES.join(', ')}`);
  return privilege;
}

/** Who the server takes the asker for, and what that one may do. */
function whoAmI({ engine, caller }: RouteContext): Response {
  const { principal, rights } = caller;
  const grants = principal === null ? [] : engine().access.grantsOf(principal);
  return success({
    kind: principal?.kind ?? 'anonymous',
    name: principal?.name ?? '',
    admin: rights.may('admin', ''),
    grants: describedGrants(grants),
  });
}

export const userRoutes: readonly Route[] = [
  {
    methods: ['GET'],
    path: '/api/v1/whoami',
    access: 'known',
    purpose: 'who asks, and what that one may do',
    handle: whoAmI,
  },
  {
    methods: ['GET', 'POST'],
    path: '/api/v1/users',
    access: { GET: 'admin', POST: 'first-admin' },
    purpose: 'GET lists users; POST makes one (name, password, admin)',
    handle: (context) => (context.request.method === 'POST' ? createUser(context) : listUsers(context)),
  },
  {
    methods: ['GET', 'PUT', 'POST', 'DELETE'],
    path: '/api/v1/users/:name',
    access: 'admin',
    purpose: 'GET describes a user, PUT changes it (password, admin), DELETE drops it',
    handle: (context) => {
      const { method } = context.request;
      if (method === 'DELETE') return dropUser(context);
      if (method === 'PUT' || method === 'POST') return changeUser(context);
      return success(describe(context.engine(), context.pathParameter('name')));
    },
  },
  {
    methods: ['PUT', 'POST', 'DELETE'],
    path: '/api/v1/users/:name/grants/:database',
    access: 'admin',
    purpose: 'PUT grants a privilege on a database (read, write, all), DELETE revokes it',
    handle: changeGrant,
  },
];
