/** What the parts of one server share, so that none of it is global and several servers can run in one process. */
import type { IncomingMessage } from 'node:http';
import type { Engine } from '../engine/engine.ts';
import type { Refusals } from '../engine/refusals.ts';
import type { RuleManager } from '../rules/manager.ts';
import type { Authenticator } from './auth/authenticator.ts';
import type { BodyBudget } from './body-budget.ts';
import type { ServerConfig } from './config.ts';
import type { Cors } from './cors.ts';
import type { ServerMetrics } from './metrics.ts';
import type { QueryGate } from './query-gate.ts';
import type { WriteLoad } from './write-load.ts';

/** What the parts of one server share. */
export interface ServerState {
  readonly config: ServerConfig;
  readonly metrics: ServerMetrics;
  readonly budget: BodyBudget;
  readonly writes: WriteLoad;
  /** Requests refused as a whole; what of writes is refused, the engine counts. */
  readonly refusals: Refusals;
  readonly cors: Cors;
  readonly auth: Authenticator;
  /** The open engine; throws a retryable error while the data is being opened and while the server stops. */
  requireEngine(): Engine;
  readonly queries: QueryGate;
  /** The rules; null when the server runs none, or does not yet. */
  rules(): RuleManager | null;
  ready(): boolean;
  /** Why writes or reads are not served now; null when both are. */
  notReady(): string | null;
  /** The route that answers a request, as its label in metrics. */
  readonly routeOf: WeakMap<IncomingMessage, string>;
  /** The database that the path's `/db/NAME` named. */
  readonly databaseOf: WeakMap<IncomingMessage, string>;
}
