/** Notifications, to real servers on this machine. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { labelsFromPairs } from '../query/promql/labels.ts';
import { sleep } from '../tests/server-process.ts';
import type { Alert } from './alerting-rule.ts';
import { createNotifier, type Notification, type Notifier, type NotifierOptions } from './notifier.ts';
import { systemTimers } from './timers.ts';

interface Alertmanager {
  url: string;
  batches: Notification[][];
  headers: Record<string, unknown>[];
  /** Statuses of the next answers; 200 when there are none. 0 breaks the connection, −1 never answers. */
  answers: number[];
}

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

async function alertmanager(...answers: number[]): Promise<Alertmanager> {
  const state: Alertmanager = { url: '', batches: [], headers: [], answers };
  const server = createServer(async (request, response) => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const status = state.answers.shift() ?? 200;
    if (status === -1) return;
    if (status === 0) {
      request.socket.destroy();
      return;
    }
    if (status === 200 && request.url === '/am/api/v2/alerts' && request.method === 'POST') {
      state.batches.push(JSON.parse(Buffer.concat(parts).toString()) as Notification[]);
      state.headers.push(request.headers);
    }
    response.writeHead(status).end(status === 200 ? '' : 'not now');
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  state.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/am`;
  return state;
}

function notifier(options: Partial<NotifierOptions>): Notifier {
  return createNotifier({
    urls: [],
    externalLabels: [],
    externalUrl: 'http://varve.example',
    timers: systemTimers,
    log: () => {},
    backoffMs: 5,
    ...options,
  });
}

function alert(name: string, more: Partial<Alert> = {}): Alert {
  return {
    state: 'firing',
    labels: labelsFromPairs([['alertname', name]]),
    annotations: [['summary', 's']],
    value: 1,
    activeAtMs: 1_700_000_000_000,
    firedAtMs: 1_700_000_060_123,
    resolvedAtMs: null,
    keepFiringSinceMs: null,
    lastSentAtMs: null,
    validUntilMs: 1_700_000_300_000,
    ...more,
  };
}

async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 1000 && !condition(); i++) await sleep(5);
  expect(condition()).toBe(true);
}

test('alerts arrive as Alertmanager takes them', async () => {
  const server = await alertmanager();
  const { url } = server;
  const sender = notifier({
    urls: [url.replace('//', '//me:p%40ss@')],
    externalLabels: [
      ['region', 'eu'],
      ['alertname', 'no'],
    ],
  });
  sender.send([alert('A'), alert('B', { resolvedAtMs: 1_700_000_100_000 })], 'up == 0');
  await until(() => server.batches.length === 1);
  expect(server.batches[0]).toEqual([
    {
      labels: { alertname: 'A', region: 'eu' },
      annotations: { summary: 's' },
      startsAt: '2023-11-14T22:14:20.123Z',
      endsAt: '2023-11-14T22:18:20.000Z',
      generatorURL: 'http://varve.example/graph?g0.expr=up+%3D%3D+0&g0.tab=1',
    },
    expect.objectContaining({ labels: { alertname: 'B', region: 'eu' }, endsAt: '2023-11-14T22:15:00.000Z' }),
  ]);
  expect(server.headers[0]).toMatchObject({
    'content-type': 'application/json',
    authorization: `Basic ${Buffer.from('me:p@ss').toString('base64')}`,
  });
  await until(() => [...sender.counters.values()][0]!.sent === 2);
  expect([...sender.counters]).toEqual([[url, { sent: 2, dropped: 0, errors: 0 }]]);
  expect(sender.endpoints).toEqual([`${url}/api/v2/alerts`]);
});

test('what may pass is tried again, in order; what will not is dropped', async () => {
  const server = await alertmanager(500, 0, 429, 200, 400, 200);
  const sender = notifier({ urls: [server.url] });
  const [counters] = [...sender.counters.values()];
  sender.send([alert('A')], '1');
  await sleep(1);
  sender.send([alert('B')], '1');
  await until(() => counters!.sent + counters!.dropped === 2);
  sender.send([alert('C')], '1');
  await until(() => counters!.sent === 2);
  expect(server.batches.map((batch) => batch.map(({ labels }) => labels.alertname))).toEqual([['A'], ['C']]);
  expect(counters).toEqual({ sent: 2, dropped: 1, errors: 4 });
});

test('a server that does not answer is left after the timeout, and does not hold up another', async () => {
  const silent = await alertmanager(-1, -1, -1);
  const good = await alertmanager();
  const sender = notifier({ urls: [silent.url, good.url], timeoutMs: 60, tries: 2 });
  sender.send([alert('A')], '1');
  await until(() => good.batches.length === 1);
  await until(() => sender.counters.get(silent.url)!.dropped === 1);
  expect(sender.counters.get(silent.url)).toEqual({ sent: 0, dropped: 1, errors: 2 });
});

test('batches are cut, and a full queue drops the oldest', async () => {
  const server = await alertmanager();
  const sender = notifier({ urls: [server.url], batchSize: 3, queueCapacity: 7 });
  sender.send(
    Array.from({ length: 10 }, (_, i) => alert(`A${i}`)),
    '1',
  );
  await until(() => server.batches.length === 3);
  const names = server.batches.map((batch) => batch.map(({ labels }) => labels.alertname));
  expect(names).toEqual([['A3', 'A4', 'A5'], ['A6', 'A7', 'A8'], ['A9']]);
  expect(sender.counters.get(server.url)!.dropped).toBe(3);
});

test('stopping sends what waits, and does not wait for what is away', async () => {
  const server = await alertmanager();
  const sender = notifier({ urls: [server.url, 'http://127.0.0.1:1'], backoffMs: 60_000 });
  sender.send([alert('A')], '1');
  await sleep(50);
  await sender.stop();
  expect(server.batches).toHaveLength(1);
  expect(sender.queued()).toBe(0);
});

test.each([...Array(12).keys()])(
  'alerts that come as the queue has just been emptied are sent, %i promises later',
  async (promises) => {
    const { url } = await alertmanager(400);
    let told = false;
    const sender = notifier({
      urls: [url],
      log() {
        // What follows in the queue follows in promises; the next alert comes between two of them.
        if (told) return;
        told = true;
        void (async () => {
          for (let n = 0; n < promises; n++) await null;
          sender.send([alert('late')], 'up == 0');
        })();
      },
    });
    sender.send([alert('early')], 'up == 0');
    while (!told) await sleep(5);
    await sleep(20);
    await sender.stop();
    expect(sender.queued()).toBe(0);
    const [counters] = sender.counters.values();
    expect([counters.sent, counters.dropped]).toEqual([1, 1]);
  },
);
