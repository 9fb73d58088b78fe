/**
 * Sends alerts to Alertmanagers, by their API version 2. Every Alertmanager has its own queue, so that one that is slow or
 * away does not hold up the others.
 *
 *     alerts ──▶ queue (10,000, drops the oldest) ──▶ batches of 256 ──▶ POST URL/api/v2/alerts
 *
 * A batch that fails for a reason that may pass (no connection, time-out, 429, 5xx) is tried again, later each time;
 * after the last try it is dropped. That loses little: alerts that go on firing are sent again every minute anyway.
 */
import type { Log } from '../engine/options.ts';
import { labelsFromPairs } from '../query/promql/labels.ts';
import type { Alert } from './alerting-rule.ts';
import type { TextPairs } from './rule-file.ts';
import { tableLink } from './template/functions.ts';
import type { Timers } from './timers.ts';

export interface NotifierOptions {
  /** Base addresses of Alertmanagers, such as http://127.0.0.1:9093. */
  urls: readonly string[];
  externalLabels: TextPairs;
  /** Where this server is reached from outside; links in notifications begin with it. */
  externalUrl: string;
  timers: Timers;
  log: Log;
  queueCapacity?: number;
  batchSize?: number;
  timeoutMs?: number;
  /** Wait before the second try; it doubles up to `longestBackoffMs`. */
  backoffMs?: number;
  longestBackoffMs?: number;
  /** Tries of one batch in all. */
  tries?: number;
}

const DEFAULTS = {
  queueCapacity: 10_000,
  batchSize: 256,
  timeoutMs: 10_000,
  backoffMs: 500,
  longestBackoffMs: 30_000,
  tries: 6,
};

/** An alert as Alertmanager takes it. */
export interface Notification {
  labels: Record<string, string>;
  annotations: Record<string, string>;
  startsAt: string;
  endsAt: string;
  generatorURL: string;
}

export interface NotifierCounters {
  sent: number;
  /** Alerts that were not delivered: the queue was full, or all tries failed. */
  dropped: number;
  /** Requests that failed. */
  errors: number;
}

export interface Notifier {
  /** The addresses that alerts are posted to. */
  readonly endpoints: readonly string[];
  /** By URL. */
  readonly counters: ReadonlyMap<string, NotifierCounters>;
  /** Alerts that wait, over all queues. */
  queued(): number;
  /** Queues alerts; `query` is the expression that made them. */
  send(alerts: readonly Alert[], query: string): void;
  /** Tries what waits once more, without further tries, and ends. */
  stop(): Promise<void>;
}

export function createNotifier(options: NotifierOptions): Notifier {
  const settings = { ...DEFAULTS, ...options };
  const queues = settings.urls.map((url) => new AlertmanagerQueue(url, settings));
  return {
    endpoints: settings.urls.map((url) => requestOf(url).address),
    counters: new Map(queues.map((queue) => [queue.url, queue.counters])),
    queued: () => queues.reduce((sum, queue) => sum + queue.length, 0),
    send(alerts, query) {
      if (alerts.length === 0 || queues.length === 0) return;
      const notifications = alerts.map((alert) => notification(alert, query, settings));
      for (const queue of queues) queue.push(notifications);
    },
    async stop() {
      await Promise.all(queues.map((queue) => queue.stop()));
    },
  };
}

function notification(
  alert: Alert,
  query: string,
  { externalLabels, externalUrl }: Pick<NotifierOptions, 'externalLabels' | 'externalUrl'>,
): Notification {
  const own = alert.labels.names.map((name, i) => [name, alert.labels.values[i]!] as const);
  // External labels tell servers apart; an alert's own label of the same name stays.
  const labels = labelsFromPairs([...externalLabels, ...own]);
  return {
    labels: Object.fromEntries(labels.names.map((name, i) => [name, labels.values[i]!])),
    annotations: Object.fromEntries(alert.annotations),
    startsAt: isoTime(alert.firedAtMs ?? alert.activeAtMs),
    endsAt: isoTime(alert.resolvedAtMs ?? alert.validUntilMs),
    generatorURL: externalUrl + tableLink(query),
  };
}

function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}

/** Where a queue posts to, and with which headers. */
interface Request {
  address: string;
  headers: Record<string, string>;
}

class AlertmanagerQueue {
  /** Without the credentials of the address, for logs and metrics. */
  readonly url: string;
  private readonly request: Request;
  readonly counters: NotifierCounters = { sent: 0, dropped: 0, errors: 0 };
  private waiting: Notification[] = [];
  private running: Promise<void> | null = null;
  private stopping = false;
  private endWait: () => void = () => {};
  private readonly settings: Required<NotifierOptions>;

  constructor(url: string, settings: Required<NotifierOptions>) {
    this.request = requestOf(url);
    this.url = this.request.address.replace(/\/api\/v2\/alerts$/, '');
    this.settings = settings;
  }

  get length(): number {
    return this.waiting.length;
  }

  push(notifications: readonly Notification[]): void {
    if (this.stopping) return;
    this.waiting.push(...notifications);
    const excess = this.waiting.length - this.settings.queueCapacity;
    if (excess > 0) {
      this.waiting.splice(0, excess);
      this.counters.dropped += excess;
      this.settings.log('warn', `dropped ${excess} alerts for ${this.url}: the queue is full`);
    }
    this.running ??= this.run();
  }

  async stop(): Promise<void> {
    this.stopping = true;
    this.endWait();
    await this.running;
  }

  private async run(): Promise<void> {
    // Alerts of one evaluation come one rule after the other; a turn later they go together.
    await Promise.resolve();
    try {
      while (this.waiting.length > 0) {
        const batch = this.waiting.splice(0, this.settings.batchSize);
        if (await this.deliver(batch)) this.counters.sent += batch.length;
        else this.counters.dropped += batch.length;
      }
    } finally {
      // With the last look at the queue: who comes a promise later must find that nobody looks any more.
      this.running = null;
    }
  }

  private async deliver(batch: readonly Notification[]): Promise<boolean> {
    const { tries, backoffMs, longestBackoffMs, log } = this.settings;
    for (let attempt = 1; ; attempt++) {
      const failure = await this.post(batch);
      if (failure === null) return true;
      this.counters.errors++;
      const again = failure.passing && attempt < tries && !this.stopping;
      log(
        'warn',
        `cannot send ${batch.length} alerts to ${this.url}: ${failure.cause}${again ? '; trying again' : ''}`,
      );
      if (!again) return false;
      await this.wait(Math.min(backoffMs * 2 ** (attempt - 1), longestBackoffMs));
    }
  }

  private wait(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.settings.timers.after(delayMs, resolve);
      this.endWait = () => {
        cancel();
        resolve();
      };
      if (this.stopping) this.endWait();
    });
  }

  /** Null when it was taken; else why not, and whether that may pass. */
  private async post(batch: readonly Notification[]): Promise<{ cause: string; passing: boolean } | null> {
    const { address, headers } = this.request;
    try {
      const response = await fetch(address, {
        method: 'POST',
        headers,
        body: JSON.stringify(batch),
        signal: AbortSignal.timeout(this.settings.timeoutMs),
      });
      const text = await response.text();
      if (response.ok) return null;
      const passing = response.status === 429 || response.status >= 500;
      return { cause: `bad response status ${response.status} ${text.trim().slice(0, 200)}`.trim(), passing };
    } catch (error) {
      const { message, cause } = error as Error;
      return { cause: cause instanceof Error ? `${message}: ${cause.message}` : message, passing: true };
    }
  }
}

/** The address to post to. A user and password in the URL go into a header, since fetch takes none in the address. */
function requestOf(url: string): Request {
  const address = new URL(`${url.replace(/\/+$/, '')}/api/v2/alerts`);
  const headers: Record<string, string> = { 'content-type': 'application/json', 'user-agent': 'Varve' };
  if (address.username !== '' || address.password !== '') {
    const credentials = `${decodeURIComponent(address.username)}:${decodeURIComponent(address.password)}`;
    headers.authorization = `Basic ${Buffer.from(credentials).toString('base64')}`;
    address.username = '';
    address.password = '';
  }
  return { address: address.href, headers };
}
