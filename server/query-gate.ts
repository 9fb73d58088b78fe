/**
 * The gate that queries pass: only some run at once, the others wait in the order in which they came. What is here can be
 * listed and killed, and is canceled when its client leaves.
 */
import type { Rights } from '../access/rights.ts';
import { VarveError } from '../errors/errors.ts';

/** A query that waits or runs. */
export interface ActiveQuery {
  readonly id: string;
  readonly query: string;
  readonly database: string;
  readonly path: string;
  /** Who sent it: the `id` of their rights. */
  readonly owner: string;
  /** When it came, ms since the epoch. */
  readonly startMs: number;
  running: boolean;
  /** Somebody killed it, and it has not ended yet. */
  killed: boolean;
}

export interface QueryTicket {
  readonly id: string;
  /** Aborted when the client leaves or somebody kills the query. */
  readonly signal: AbortSignal;
  /** Time spent waiting, ms. */
  readonly waitedMs: number;
}

/** A query that is inside. */
export interface QueryPass {
  readonly ticket: QueryTicket;
  /** Makes room for the next one; further calls do nothing. */
  leave(): void;
}

export interface QueryOrigin {
  readonly query: string;
  readonly database: string;
  readonly path: string;
  /** Who sends it; absent is nobody in particular. */
  readonly owner?: string;
  /** The request's own signal. */
  readonly signal: AbortSignal;
  /** Longest time to wait, ms; 0 and below: none at all. Infinity: no limit. */
  readonly timeoutMs: number;
}

const LONGEST_SHOWN = 4096;

/** A query as lists and logs show it. */
export function shortened(query: string): string {
  return query.length <= LONGEST_SHOWN ? query : `${query.slice(0, LONGEST_SHOWN)}… (${query.length} characters)`;
}

interface Entry {
  readonly active: ActiveQuery;
  readonly controller: AbortController;
  /** Lets it in, while it waits. */
  enter: (() => void) | null;
}

export class QueryGate {
  private readonly concurrency: number;
  private readonly longestQueue: number;
  private readonly onRefused: (error: VarveError) => void;
  private readonly entries = new Map<string, Entry>();
  private readonly waiting: Entry[] = [];
  private inside = 0;
  private nextId = 1;

  /**
   * @param concurrency queries that may run at once; 0: as many as come.
   * @param longestQueue queries that may wait; 0: as many as come.
   * @param onRefused told of each query that may not.
   */
  constructor(concurrency: number, longestQueue = 0, onRefused: (error: VarveError) => void = () => {}) {
    this.onRefused = onRefused;
    this.longestQueue = longestQueue > 0 ? longestQueue : Infinity;
    this.concurrency = concurrency > 0 ? concurrency : Infinity;
  }

  get runningCount(): number {
    return this.inside;
  }

  get waitingCount(): number {
    return this.waiting.length;
  }

  /** All that wait or run, oldest first. */
  list(): ActiveQuery[] {
    return [...this.entries.values()].map(({ active }) => active);
  }

  /** Those that somebody may see: an administrator all, others their own. */
  listFor(rights: Rights): ActiveQuery[] {
    const isAdmin = rights.may('admin', '');
    return this.list().filter(({ owner }) => isAdmin || owner === rights.id);
  }

  /** Cancels a query; false when there is none of that id (any more). */
  kill(id: string): boolean {
    const entry = this.entries.get(id);
    if (entry === undefined) return false;
    entry.active.killed = true;
    entry.controller.abort();
    return true;
  }

  /** Runs a query when it is its turn. Throws `timeout` or `canceled` when that does not come in time. */
  async run<T>(origin: QueryOrigin, execute: (ticket: QueryTicket) => Promise<T>): Promise<T> {
    const pass = await this.pass(origin);
    try {
      return await execute(pass.ticket);
    } finally {
      pass.leave();
    }
  }

  /** Lets a query in when it is its turn, as `run` does. Who got in must leave. */
  async pass(origin: QueryOrigin): Promise<QueryPass> {
    const { database, path, owner = '' } = origin;
    const query = shortened(origin.query);
    const id = String(this.nextId++);
    const controller = new AbortController();
    const active = { id, query, database, path, owner, startMs: Date.now(), running: false, killed: false };
    const entry: Entry = { active, controller, enter: null };
    const onAbort = () => controller.abort();
    if (origin.signal.aborted) onAbort();
    origin.signal.addEventListener('abort', onAbort, { once: true });
    this.entries.set(id, entry);
    const forget = () => {
      this.entries.delete(id);
      origin.signal.removeEventListener('abort', onAbort);
    };
    const startedMs = performance.now();
    try {
      if (this.inside < this.concurrency) this.inside++;
      else await this.wait(entry, origin.timeoutMs);
    } catch (error) {
      forget();
      throw error;
    }
    active.running = true;
    let isInside = true;
    return {
      ticket: { id, signal: controller.signal, waitedMs: performance.now() - startedMs },
      leave: () => {
        if (!isInside) return;
        isInside = false;
        this.inside--;
        this.admit();
        forget();
      },
    };
  }

  /** Resolves when the query is inside. */
  private async wait(entry: Entry, timeoutMs: number): Promise<void> {
    if (this.waiting.length >= this.longestQueue) {
      const error = new VarveError(
        'overloaded',
        `cannot take query: ${this.waiting.length} wait already (limit query-queue = ${this.longestQueue}), try again`,
        { setting: 'query-queue' },
      );
      this.onRefused(error);
      throw error;
    }
    const { signal } = entry.controller;
    await new Promise<void>((resolve, reject) => {
      let timer: NodeJS.Timeout | undefined;
      const settle = (error: VarveError | null) => {
        clearTimeout(timer);
        signal.removeEventListener('abort', onAbort);
        entry.enter = null;
        if (error === null) resolve();
        else {
          this.waiting.splice(this.waiting.indexOf(entry), 1);
          reject(error);
        }
      };
      const onAbort = () => settle(new VarveError('canceled', 'query was canceled in query queue'));
      entry.enter = () => settle(null);
      this.waiting.push(entry);
      signal.addEventListener('abort', onAbort, { once: true });
      if (signal.aborted) onAbort();
      else if (timeoutMs !== Infinity) {
        const late = () => settle(new VarveError('timeout', 'query timed out in query queue'));
        timer = setTimeout(late, Math.max(0, timeoutMs));
      }
    });
  }

  private admit(): void {
    while (this.inside < this.concurrency && this.waiting.length > 0) {
      this.inside++;
      this.waiting.shift()?.enter?.();
    }
  }
}
