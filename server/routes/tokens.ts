/** Tokens over HTTP: a token's text is in the answer that makes it, and never again. */
import type { TokenInfo } from '../../access/access-store.ts';
import type { Privilege } from '../../access/privilege.ts';
import { parseDurationMs } from '../../clock/duration.ts';
import { isValidName } from '../../engine/retention-policy.ts';
import { invalidParameter } from '../parameters.ts';
import { success } from '../prometheus-response.ts';
import type { Route, RouteContext } from '../route.ts';
import { describedGrants, flagParameter } from './users.ts';

function describe({ id, description, admin, grants, createdMs, expiresMs }: TokenInfo) {
  return { id, description, admin, grants: describedGrants(grants), createdMs, expiresMs };
}

function listTokens({ engine }: RouteContext): Response {
  return success(engine().access.tokens().map(describe));
}

function createToken({ engine, parameters }: RouteContext): Response {
  const { access } = engine();
  const admin = flagParameter(parameters, 'admin') ?? false;
  const grants = grantsOf(parameters);
  if (!admin && grants.size === 0)
    throw invalidParameter('read', 'give databases to read, write or all of, or admin=true');
  const lifeMs = lifeOf(parameters.get('expires') ?? '');
  const { id, text } = access.createToken({
    description: parameters.get('description') ?? '',
    admin,
    grants,
    ...(lifeMs === 0 ? {} : { expiresMs: Date.now() + lifeMs }),
  });
  const made = access.tokens().find((token) => token.id === id) as TokenInfo;
  return success({ ...describe(made), token: text });
}

/** `read=a&write=a&all=b`: a right is on a name, and holds when a database of it is made later. */
function grantsOf(parameters: URLSearchParams): Map<string, Privilege> {
  const grants = new Map<string, Privilege>();
  for (const privilege of ['read', 'write', 'all'] as const) {
    for (const database of parameters.getAll(privilege)) {
      if (!isValidName(database)) throw invalidParameter(privilege, 'give the name of a database');
      grants.set(database, grants.has(database) ? 'all' : privilege);
    }
  }
  return grants;
}

/** ms; 0 is for ever. */
function lifeOf(text: string): number {
  if (text === '' || text === 'never') return 0;
  const ms = parseDurationMs(text);
  if (ms === null || ms <= 0) throw invalidParameter('expires', 'give a duration such as 90d, or never');
  return ms;
}

function revokeToken({ engine, pathParameter }: RouteContext): Response {
  engine().access.revokeToken(pathParameter('id'));
  return new Response(null, { status: 204 });
}

export const tokenRoutes: readonly Route[] = [
  {
    methods: ['GET', 'POST'],
    path: '/api/v1/tokens',
    access: 'admin',
    purpose: 'GET lists tokens; POST makes one (description, read, write, all, admin, expires)',
    handle: (context) => (context.request.method === 'POST' ? createToken(context) : listTokens(context)),
  },
  {
    methods: ['DELETE'],
    path: '/api/v1/tokens/:id',
    access: 'admin',
    purpose: 'ends a token',
    handle: revokeToken,
  },
];
