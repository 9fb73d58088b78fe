/** Groups in real engines and in memory: what is stored, when series end, and what a restart brings back. */
import { afterAll, expect, test } from 'vitest';
import { ManualClock } from '../clock/clock.ts';
import { type Engine, openEngine } from '../engine/engine.ts';
import { parsePrecision } from '../ingest/timestamp.ts';
import { writeLines } from '../ingest/write-lines.ts';
import { labelsFromPairs, METRIC_NAME } from '../query/promql/labels.ts';
import type { LabelMatcher } from '../query/promql/matcher.ts';
import { isStaleAt, wordsOf } from '../query/promql/value.ts';
import { temporaryDirectory } from '../tests/server-process.ts';
import { type Alert, type AlertingRule, activeAlerts } from './alerting-rule.ts';
import { Group, type GroupOptions, plainGroupOptions } from './group.ts';
import { DEFAULT_RESTORE } from './restore.ts';
import { parseRules } from './rule-file.ts';
import { engineStorage, MemoryStorage, type RuleStorage } from './storage.ts';

const { path: directory, remove } = temporaryDirectory('rule-group');
afterAll(remove);

const MINUTE = 60_000;

function groupOf(text: string, storage: RuleStorage, options: Partial<GroupOptions> = {}, restored = true): Group {
  const { groups, errors } = parseRules(`groups:\n- name: g\n  rules:\n${text}`, 'f.yml');
  expect(errors).toEqual([]);
  return new Group(groups[0]!, { ...plainGroupOptions(storage, DEFAULT_RESTORE), ...options }, restored);
}

/** All samples of a metric: `labels` → [time, value], 'stale' for markers. */
async function samplesOf(storage: RuleStorage, metric: string): Promise<Record<string, [number, number | 'stale'][]>> {
  const matchers: LabelMatcher[] = [{ name: METRIC_NAME, op: '=', value: metric }];
  const range = { startMs: 0, endMs: 1e14, stepMs: 0, rangeMs: 0, func: null, grouping: null };
  const set = await storage.querier().select(matchers, range);
  const found: Record<string, [number, number | 'stale'][]> = {};
  for (let i = 0; i < set.count; i++) {
    const values = set.values(i);
    const words = wordsOf(values);
    const name = set.labels(i).with(METRIC_NAME, '').toString();
    found[name] = [...set.times(i)].map((time, k) => [time, isStaleAt(words, k) ? 'stale' : values[k]!]);
  }
  return found;
}

const up = (job: string) =>
  labelsFromPairs([
    [METRIC_NAME, 'up'],
    ['job', job],
  ]);

async function engineAt(name: string): Promise<Engine> {
  return openEngine({ dataDir: `${directory}/${name}`, maintenanceIntervalMs: 0 });
}

test('results are stored under the record name, and series that vanish end', async () => {
  const engine = await engineAt('recording');
  const storage = engineStorage(engine, 'default');
  const lines = 'up,job=a value=1 60000\nup,job=b value=3 60000\nup,job=a value=2 600000';
  await writeLines(engine, 'default', new TextEncoder().encode(lines), { precision: parsePrecision('ms') });
  const group = groupOf(
    '  - {record: "job:up", expr: "up * 2", labels: {kind: x}}\n  - {record: chained, expr: "sum(job:up)"}',
    storage,
  );
  await group.evaluate(MINUTE);
  await group.evaluate(10 * MINUTE);
  const want = {
    '{job="a", kind="x"}': [
      [MINUTE, 2],
      [10 * MINUTE, 4],
    ],
    '{job="b", kind="x"}': [
      [MINUTE, 6],
      [10 * MINUTE, 'stale'],
    ],
  };
  expect(await samplesOf(storage, 'job:up')).toEqual(want);
  // The second rule saw what the first had just stored.
  expect(await samplesOf(storage, 'chained')).toEqual({
    '{}': [
      [MINUTE, 8],
      [10 * MINUTE, 4],
    ],
  });
  expect(group.counters).toMatchObject({ evaluations: 4, failures: 0, iterations: 2, samples: 2 });
  await engine.close();
  // Durable, and so are the markers.
  const again = await engineAt('recording');
  expect(await samplesOf(engineStorage(again, 'default'), 'job:up')).toEqual(want);
  await again.close();
});

test('names that go late are there for what looks at them, in recording and alerting rules', async () => {
  const storage = new MemoryStorage();
  for (let minute = 0; minute <= 5; minute++) {
    const name = labelsFromPairs([
      [METRIC_NAME, 'm_total'],
      ['job', 'a'],
    ]);
    await storage.append(minute * MINUTE, [{ labels: name, value: minute * 60 }], []);
  }
  const named = 'label_replace(rate(m_total[5m]), "from", "$1", "__name__", "(.+)")';
  const rules = `  - {record: r, expr: '${named}'}\n  - {alert: A, expr: '${named} > 0'}`;
  for (const delayedNameRemoval of [false, true]) {
    const plain = plainGroupOptions(storage, DEFAULT_RESTORE);
    const environment = { ...plain.environment, queryOptions: { delayedNameRemoval } };
    const group = groupOf(rules, storage, { environment });
    const timeMs = (delayedNameRemoval ? 6 : 5) * MINUTE;
    await group.evaluate(timeMs);
    const from = delayedNameRemoval ? 'from="m_total", ' : '';
    const recorded = await samplesOf(storage, 'r');
    expect(recorded[`{${from}job="a"}`]?.[0]?.[0]).toBe(timeMs);
    const [alert] = activeAlerts(group.rules[1] as AlertingRule);
    expect(alert!.labels.toString()).toBe(`{alertname="A", ${from}job="a"}`);
  }
  expect(Object.keys(await samplesOf(storage, 'r')).sort()).toEqual(['{from="m_total", job="a"}', '{job="a"}']);
});

test('a series that another rule has taken over is not ended', async () => {
  const engine = await engineAt('taken');
  for (const storage of [new MemoryStorage(), engineStorage(engine, 'default')]) {
    const name = labelsFromPairs([[METRIC_NAME, 'r']]);
    const other = labelsFromPairs([[METRIC_NAME, 's']]);
    await storage.append(
      1000,
      [
        { labels: name, value: 1 },
        { labels: other, value: 1 },
      ],
      [],
    );
    await storage.append(2000, [{ labels: name, value: 2 }], []);
    await storage.append(2000, [], [name, other]);
    await storage.append(1500, [], [name]);
    expect(await samplesOf(storage, 'r')).toEqual({
      '{}': [
        [1000, 1],
        [2000, 2],
      ],
    });
    expect(await samplesOf(storage, 's')).toEqual({
      '{}': [
        [1000, 1],
        [2000, 'stale'],
      ],
    });
  }
  await engine.close();
});

test('a rule that fails keeps its series and does not stop the others', async () => {
  const storage = new MemoryStorage();
  storage.add(up('a'), 0, 1);
  const group = groupOf(
    '  - {record: x, expr: "label_replace(up, \\"job\\", \\"same\\", \\"\\", \\"\\")"}\n  - {record: y, expr: up}',
    storage,
  );
  await group.evaluate(0);
  storage.add(up('b'), 1000, 1);
  await group.evaluate(1000);
  expect(group.rules[0]!.health).toBe('err');
  expect(group.rules[0]!.lastError).toContain('same labelset');
  expect(group.rules[1]!.health).toBe('ok');
  expect(group.counters).toMatchObject({ evaluations: 4, failures: 1 });
  expect(await samplesOf(storage, 'x')).toEqual({ '{job="same"}': [[0, 1]] });
});

test('limits, and results that are the same after the labels of the rule', async () => {
  const storage = new MemoryStorage();
  for (const job of ['a', 'b', 'c']) storage.add(up(job), 0, 0);
  const { groups } = parseRules(
    'groups:\n- {name: g, limit: 2, rules: [{record: x, expr: up}, {alert: A, expr: up}, {record: y, expr: up, labels: {job: z}}, {alert: B, expr: up, labels: {job: z}}]}',
    'f.yml',
  );
  const group = new Group(groups[0]!, plainGroupOptions(storage, DEFAULT_RESTORE), true);
  await group.evaluate(0);
  expect(group.rules.map(({ lastError }) => lastError)).toEqual([
    'exceeded limit of 2 with 3 series',
    'exceeded limit of 2 with 3 alerts',
    'vector contains metrics with the same labelset after applying rule labels',
    'vector contains metrics with the same labelset after applying alert labels',
  ]);
  expect(await samplesOf(storage, 'ALERTS')).toEqual({});
});

test('a query offset looks into the past, and stores there', async () => {
  const storage = new MemoryStorage();
  storage.add(up('a'), 0, 1);
  storage.add(up('a'), MINUTE, 2);
  const { groups } = parseRules('groups:\n- {name: g, query_offset: 1m, rules: [{record: x, expr: up}]}', 'f.yml');
  await new Group(groups[0]!, plainGroupOptions(storage, DEFAULT_RESTORE), true).evaluate(MINUTE + 5000);
  expect(await samplesOf(storage, 'x')).toEqual({ '{job="a"}': [[5000, 1]] });
});

test('alerts are sent when they fire, again after the resend delay, and until 15 min after their end', async () => {
  const storage = new MemoryStorage();
  const sent: { minute: number; states: string[] }[] = [];
  let minute = 0;
  const notify = (alerts: readonly Alert[]) => {
    if (alerts.length > 0) sent.push({ minute, states: alerts.map(({ state }) => state) });
  };
  const group = groupOf('  - {alert: Down, expr: "up == 0", for: 2m}', storage, { notify });
  for (; minute <= 40; minute++) {
    storage.add(up('a'), minute * MINUTE, minute >= 1 && minute <= 8 ? 0 : 1);
    await group.evaluate(minute * MINUTE);
  }
  expect(sent[0]).toEqual({ minute: 3, states: ['firing'] });
  const firing = sent.filter(({ states }) => states[0] === 'firing').map((one) => one.minute);
  const resolved = sent.filter(({ states }) => states[0] === 'inactive').map((one) => one.minute);
  expect(firing).toEqual([3, 5, 7]);
  expect([resolved[0], resolved.at(-1)]).toEqual([9, 23]);
  const rule = group.rules[0] as AlertingRule;
  expect(rule.active.size).toBe(0);
  expect(await samplesOf(storage, 'ALERTS')).toMatchObject({
    '{alertname="Down", alertstate="firing", job="a"}': [[3 * MINUTE, 1], {}, {}, {}, {}, {}, [9 * MINUTE, 'stale']],
    '{alertname="Down", alertstate="pending", job="a"}': [
      [MINUTE, 1],
      [2 * MINUTE, 1],
      [3 * MINUTE, 'stale'],
    ],
  });
});

/** An alert with `for: 20m`, active from minute 0; the server is down from `downMin` on and back at `backMin`. */
async function restarted(name: string, downMin: number, backMin: number): Promise<Alert | undefined> {
  const text = '  - {alert: Long, expr: "up == 0", for: 20m}';
  const first = await engineAt(name);
  let storage = engineStorage(first, 'default');
  const group = groupOf(text, storage);
  for (let minute = 0; minute <= downMin; minute++) {
    await storage.append(minute * MINUTE, [{ labels: up('a'), value: 0 }], []);
    await group.evaluate(minute * MINUTE);
  }
  await first.close();
  const second = await engineAt(name);
  storage = engineStorage(second, 'default');
  const after = groupOf(text, storage, { clock: new ManualClock() }, false);
  for (let minute = backMin; minute <= backMin + 1; minute++) {
    await storage.append(minute * MINUTE, [{ labels: up('a'), value: 0 }], []);
    await after.evaluate(minute * MINUTE);
  }
  // Nothing was stored that could hide what is to be restored.
  const forState = (await samplesOf(storage, 'ALERTS_FOR_STATE'))['{alertname="Long", job="a"}']!;
  expect(forState.at(-1)![0]).toBe(downMin * MINUTE);
  await after.restore((backMin + 1) * MINUTE);
  await storage.append((backMin + 2) * MINUTE, [{ labels: up('a'), value: 0 }], []);
  await after.evaluate((backMin + 2) * MINUTE);
  const [alert] = activeAlerts(after.rules[0] as AlertingRule);
  await second.close();
  return alert;
}

test('after a restart a pending alert goes on, the outage not counted', async () => {
  // 5 of 20 minutes had passed; the outage of 10 minutes (seen at 16) moves the start by 11.
  expect(await restarted('pending', 5, 15)).toMatchObject({ state: 'pending', activeAtMs: 11 * MINUTE });
});

test('after a restart an alert that was about to fire gets the grace period', async () => {
  // 15 of 20 minutes had passed: it fires 10 minutes after 26.
  expect(await restarted('grace', 15, 25)).toMatchObject({ state: 'pending', activeAtMs: 16 * MINUTE });
});

test('after a restart a firing alert fires on', async () => {
  expect(await restarted('firing', 25, 35)).toMatchObject({ state: 'firing', activeAtMs: 0 });
});

test('an outage of more than an hour says nothing', async () => {
  expect(await restarted('long', 25, 90)).toMatchObject({ state: 'pending', activeAtMs: 90 * MINUTE });
});
