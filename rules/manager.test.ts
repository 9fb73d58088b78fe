/** The manager over time that is moved by hand: schedules, reloads, and what the API lists. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { ManualClock } from '../clock/clock.ts';
import { labelsFromPairs, METRIC_NAME } from '../query/promql/labels.ts';
import { temporaryDirectory } from '../tests/server-process.ts';
import { Group, plainGroupOptions } from './group.ts';
import { listAlerts, listRules, type RuleFilter } from './listing.ts';
import { RuleManager } from './manager.ts';
import { DEFAULT_RESTORE } from './restore.ts';
import { Schedule } from './schedule.ts';
import { MemoryStorage } from './storage.ts';
import { ManualTimers } from './timers.ts';

const { path: directory, remove } = temporaryDirectory('rule-manager');
afterAll(remove);

const MINUTE = 60_000;
const START = 1_700_000_000_000;

function scene(name: string, text: string) {
  const file = join(directory, `${name}.yml`);
  const write = (rules: string) => writeFileSync(file, rules);
  write(text);
  const clock = new ManualClock(START);
  const timers = new ManualTimers(clock);
  const storage = new MemoryStorage();
  const manager = new RuleManager({ storage, files: [file], clock, timers });
  const lastOf = (metric: string) => {
    const set = storage.series.select([{ name: METRIC_NAME, op: '=', value: metric }], {
      startMs: 0,
      endMs: 1e14,
      stepMs: 0,
      rangeMs: 0,
      func: null,
      grouping: null,
    });
    if (set instanceof Promise || set.count === 0) return [];
    return [...set.values(0)];
  };
  return { file, write, clock, timers, storage, manager, lastOf };
}

test('groups are evaluated at their times, each with its own phase', async () => {
  const { manager, timers, lastOf } = scene(
    'times',
    'groups:\n- {name: a, rules: [{record: x, expr: time()}]}\n- {name: b, interval: 10s, rules: [{record: y, expr: "1"}]}\n',
  );
  await manager.load();
  await timers.advance(5 * MINUTE);
  const times = lastOf('x');
  expect(times).toHaveLength(5);
  const [group] = manager.groups();
  expect(times.map((time) => time * 1000)).toEqual(times.map((_, i) => group!.slotBefore(START) + (i + 1) * MINUTE));
  expect(lastOf('y')).toHaveLength(30);
  await manager.stop();
  expect(timers.count).toBe(0);
});

test('evaluations do not overlap; times that pass meanwhile are counted as missed', async () => {
  const clock = new ManualClock(START);
  const timers = new ManualTimers(clock);
  const group = new Group(
    { name: 'g', file: 'f', intervalMs: 0, queryOffsetMs: null, limit: 0, rules: [] },
    { ...plainGroupOptions(new MemoryStorage(), DEFAULT_RESTORE), clock },
    true,
  );
  const evaluated: number[] = [];
  let running = 0;
  let slow = true;
  group.evaluate = async (timeMs) => {
    expect(++running).toBe(1);
    evaluated.push((timeMs - group.slotBefore(START)) / MINUTE);
    if (slow) clock.advance(3.5 * MINUTE);
    slow = false;
    await new Promise((resolve) => setImmediate(resolve));
    running--;
  };
  const schedule = new Schedule(group, clock, timers, () => {}, false);
  schedule.start();
  await timers.advance(7 * MINUTE);
  expect(evaluated.slice(0, 4)).toEqual([1, 4, 5, 6]);
  expect(group.counters.missed).toBe(2);
  await schedule.stop();
});

test('a reload keeps what is the same, takes over what has changed, and ends what is gone', async () => {
  const rules = (groups: string) => `groups:\n${groups}`;
  const same = '- {name: same, rules: [{record: x, expr: "1"}]}\n';
  const { write, manager, timers, storage, lastOf } = scene(
    'reload',
    rules(
      `${same}- {name: alerts, rules: [{alert: A, expr: up, for: 10m}, {record: gone, expr: "1"}]}\n- {name: removed, rules: [{record: y, expr: "1"}]}\n`,
    ),
  );
  storage.add(labelsFromPairs([[METRIC_NAME, 'up']]), START, 1);
  await manager.load();
  await timers.advance(3 * MINUTE);
  const before = manager.groups();
  const activeAt = listed(manager)[0].rules[0].alerts[0].activeAt;
  write(rules(`${same}- {name: alerts, rules: [{alert: A, expr: up, for: 20m}]}\n`));
  await manager.load();
  const after = manager.groups();
  expect(after.map(({ definition }) => definition.name)).toEqual(['alerts', 'same']);
  expect(after[1]).toBe(before[2]);
  expect(after[0]).not.toBe(before[0]);
  expect(listed(manager)[0].rules[0]).toMatchObject({ duration: 1200, alerts: [{ activeAt }] });
  await timers.advance(3 * MINUTE);
  expect(lastOf('y').map(Number.isNaN)).toEqual([false, false, false, true]);
  expect(lastOf('gone').at(-1)).toBeNaN();
  expect(lastOf('x').some(Number.isNaN)).toBe(false);
  await manager.stop();
});

test('a reload with a mistake changes nothing', async () => {
  const { file, write, manager } = scene('mistake', 'groups:\n- {name: a, rules: [{record: x, expr: "1"}]}\n');
  await manager.load();
  const before = manager.groups();
  write('groups:\n- {name: b, rules: [{record: x, expr: "1 +"}]}\n');
  await expect(manager.load()).rejects.toThrow(`${file}: 2:39: group "b", rule 1, "x": could not parse expression`);
  expect(manager.groups()).toEqual(before);
  await manager.stop();
});

// biome-ignore lint/suspicious/noExplicitAny: the answer is looked at as the JSON it is.
function listed(manager: RuleManager, filter: Partial<RuleFilter> = {}): any {
  const all: RuleFilter = {
    type: null,
    ruleNames: [],
    groupNames: [],
    files: [],
    matcherSets: [],
    excludeAlerts: false,
    groupLimit: 0,
    nextToken: '',
  };
  const answer = listRules(manager.groups(), { ...all, ...filter });
  return filter.groupLimit === undefined ? answer?.groups : answer;
}

test('rules and alerts as the API shows them', async () => {
  const { file, manager, timers, storage } = scene(
    'listing',
    `groups:
- name: one
  rules:
  - {record: "x:y", expr: "sum  by(job)(up)", labels: {team: a}}
  - {alert: Down, expr: "up==0", for: 5m, keep_firing_for: 1m, labels: {severity: page}, annotations: {s: "{{ $value }}"}}
- {name: two, interval: 90s, limit: 7, rules: [{alert: Now, expr: "vector(1.5)"}]}
`,
  );
  storage.add(
    labelsFromPairs([
      [METRIC_NAME, 'up'],
      ['job', 'a'],
    ]),
    START,
    0,
  );
  await manager.load();
  expect(listed(manager)[0]).toMatchObject({
    lastEvaluation: '0001-01-01T00:00:00Z',
    rules: [{ health: 'unknown' }, { health: 'unknown', state: 'inactive' }],
  });
  await timers.advance(2 * MINUTE);
  const time = expect.stringMatching(/^2023-11-14T22:1\d:\d\d(\.\d+)?Z$/);
  const evaluation = { evaluationTime: expect.any(Number), lastEvaluation: time };
  const down = {
    labels: { alertname: 'Down', job: 'a', severity: 'page' },
    annotations: { s: '0' },
    state: 'pending',
    activeAt: time,
    value: '0e+00',
  };
  const now = { labels: { alertname: 'Now' }, annotations: {}, state: 'firing', activeAt: time, value: '1.5e+00' };
  expect(listed(manager)).toEqual([
    {
      name: 'one',
      file,
      interval: 60,
      limit: 0,
      ...evaluation,
      rules: [
        {
          type: 'recording',
          name: 'x:y',
          query: 'sum by (job) (up)',
          labels: { team: 'a' },
          health: 'ok',
          ...evaluation,
        },
        {
          type: 'alerting',
          name: 'Down',
          query: 'up == 0',
          duration: 300,
          keepFiringFor: 60,
          state: 'pending',
          labels: { severity: 'page' },
          annotations: { s: '{{ $value }}' },
          alerts: [down],
          health: 'ok',
          ...evaluation,
        },
      ],
    },
    {
      name: 'two',
      file,
      interval: 90,
      limit: 7,
      ...evaluation,
      rules: [
        {
          type: 'alerting',
          name: 'Now',
          query: 'vector(1.5)',
          duration: 0,
          keepFiringFor: 0,
          state: 'firing',
          labels: {},
          annotations: {},
          alerts: [now],
          health: 'ok',
          ...evaluation,
        },
      ],
    },
  ]);
  expect(listAlerts(manager.groups())).toEqual({ alerts: [down, now] });

  const names = (filter: Partial<RuleFilter>) =>
    listed(manager, filter).flatMap((group: { rules: { name: string }[] }) => group.rules.map(({ name }) => name));
  expect(names({ type: 'record' })).toEqual(['x:y']);
  expect(names({ type: 'alert' })).toEqual(['Down', 'Now']);
  expect(names({ ruleNames: ['Now', 'x:y'] })).toEqual(['x:y', 'Now']);
  expect(names({ groupNames: ['two'] })).toEqual(['Now']);
  expect(names({ files: ['other'] })).toEqual([]);
  expect(
    names({ matcherSets: [[{ name: 'severity', op: '=~', value: 'p.*' }], [{ name: 'team', op: '=', value: 'a' }]] }),
  ).toEqual(['x:y', 'Down']);
  expect(listed(manager, { excludeAlerts: true })[0].rules[1].alerts).toBeNull();
  const first = listed(manager, { groupLimit: 1 });
  expect(first.groups.map(({ name }: { name: string }) => name)).toEqual(['one']);
  const second = listed(manager, { groupLimit: 1, nextToken: first.groupNextToken });
  expect(second).toMatchObject({ groups: [{ name: 'two' }] });
  expect(second).not.toHaveProperty('groupNextToken');
  expect(listed(manager, { groupLimit: 1, nextToken: 'nope' })).toBeNull();
  await manager.stop();
});
