/** A route: its path and methods, who may use it, and what answers it. app.ts has the table of all. */
import type { Engine } from '../engine/engine.ts';
import type { RuleManager } from '../rules/manager.ts';
import type { Caller } from './auth/authenticator.ts';
import type { RouteAccess } from './auth/route-access.ts';
import type { ServerConfig } from './config.ts';
import type { ServerMetrics } from './metrics.ts';
import type { QueryGate } from './query-gate.ts';

/** A method that a route can have. */
export type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';

/** What a route may use to answer one request. */
export interface RouteContext {
  readonly config: ServerConfig;
  readonly metrics: ServerMetrics;
  /** The engine; throws a retryable error while the data is still being opened. */
  engine(): Engine;
  /** The gate that queries pass. */
  readonly queries: QueryGate;
  /** The rules; null when the server runs none, or does not yet. */
  readonly rules: RuleManager | null;
  /** Whether writes and reads are served now. */
  ready(): boolean;
  /** Why writes or reads are not served now; null when both are. */
  notReady(): string | null;
  /** Who asks. */
  readonly caller: Caller;
  /** The database that path and parameters choose. */
  readonly database: string;
  readonly parameters: URLSearchParams;
  readonly request: Request;
  /** A parameter of the path, such as `name` in `/api/v1/label/:name/values`. */
  pathParameter(name: string): string;
}

/** One entry of the table of everything the server answers outside of the writes. GET implies HEAD. */
export interface Route {
  readonly methods: readonly Method[];
  readonly path: string;
  /** One line for the listing that an unknown path is answered with. */
  readonly purpose: string;
  /** What it needs of who asks. */
  readonly access: RouteAccess;
  /** The database that `access` is about, where it is not the request's. */
  accessDatabase?(context: RouteContext): string;
  handle(context: RouteContext): Response | Promise<Response>;
}
