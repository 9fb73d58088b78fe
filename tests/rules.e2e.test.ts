/** Rules in a running server: evaluated, listed as Prometheus lists them, sent to an Alertmanager, reloaded, restored. */
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { havePrograms } from './peers.ts';
import { instant } from './prometheus-client.ts';
import { freePort, runCommand, sleep, startServer, temporaryDirectory } from './server-process.ts';

const { path: directory, remove } = temporaryDirectory('rules');
afterAll(remove);

const rulesFile = join(directory, 'rules.yml');
const RULES = `groups:
- name: recording
  interval: 1s
  rules:
  - {record: "one:two", expr: "vector(1)  + 1", labels: {kind: x}}
  - {record: fails, expr: 'label_replace(vector(1), "a", "b", "c", "(")'}
- name: alerts
  interval: 1s
  rules:
  - alert: Now
    expr: vector(1.5) > 1
    labels: {severity: page}
    annotations: {summary: "at {{ $value }} in {{ $externalLabels.region }}"}
  - {alert: Later, expr: "one:two==2", for: 1h}
  - {alert: Never, expr: nothing}
`;
writeFileSync(rulesFile, RULES);

// biome-ignore lint/suspicious/noExplicitAny: answers are looked at as the JSON they are.
type Json = any;

async function get(url: string): Promise<Json> {
  return (await fetch(url)).json();
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  for (let i = 0; i < 300; i++) {
    if (await condition()) return;
    await sleep(100);
  }
  throw new Error('it did not come to that');
}

/** Whether every rule was evaluated, and the alert that builds on another group has seen it. */
const evaluated = (url: string) => async () => {
  const { data } = await get(`${url}/api/v1/rules`);
  const rules: Json[] = data.groups.flatMap((group: Json) => group.rules);
  return rules.every(({ health }) => health !== 'unknown') && rules.some(({ state }) => state === 'pending');
};

/** The answer with what changes from run to run taken out. */
function scrubbed(answer: Json): Json {
  return JSON.parse(
    JSON.stringify(answer, (key, value) => {
      if (key === 'file') return 'FILE';
      // Groups of which nothing is left are not listed since version 3.
      if (key === 'groups') return value.filter((group: Json) => group.rules.length > 0);
      if (key === 'evaluationTime') return typeof value;
      // Newer than the Prometheus that this is compared with.
      if (key === 'keepFiringFor') return undefined;
      if (key === 'lastEvaluation' || key === 'activeAt')
        return /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/.test(value);
      return value;
    }),
  );
}

test('evaluated, sent, listed and reloaded', async () => {
  const received: Json[] = [];
  const alertmanager = createServer(async (request, response) => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    received.push(...JSON.parse(Buffer.concat(parts).toString()));
    response.end();
  });
  await new Promise<void>((resolve) => alertmanager.listen(0, '127.0.0.1', resolve));
  const address = `http://127.0.0.1:${(alertmanager.address() as AddressInfo).port}`;
  const dataDir = join(directory, 'data');
  const args = ['--rules', join(directory, '*.yml'), '--alertmanager', address, '--external-label', 'region=eu'];
  const server = await startServer({ dataDir, args });
  await until(evaluated(server.url));
  await until(async () => received.length > 0);
  expect(received[0]).toMatchObject({
    labels: { alertname: 'Now', severity: 'page', region: 'eu' },
    annotations: { summary: 'at 1.5 in eu' },
    generatorURL: `${server.url}/graph?g0.expr=vector%281.5%29+%3E+1&g0.tab=1`,
  });
  const now = Date.now() / 1000;
  expect(await instant(server.url, 'one:two', now)).toMatchObject([
    { metric: { __name__: 'one:two', kind: 'x' }, value: [expect.any(Number), '2'] },
  ]);
  expect((await get(`${server.url}/api/v1/alertmanagers`)).data.activeAlertmanagers).toEqual([
    { url: `${address}/api/v2/alerts` },
  ]);
  const metrics = await (await fetch(`${server.url}/metrics`)).text();
  expect(metrics).toMatch(/varve_rule_evaluation_failures_total\{rule_group="[^"]*rules.yml;recording"\} [1-9]/);
  expect(metrics).toMatch(new RegExp(`varve_notifications_sent_total\\{alertmanager="${address}"\\} [1-9]`));

  // A mistake is told, and changes nothing.
  writeFileSync(rulesFile, `${RULES}  - {record: "x", expr: "1 +"}\n`);
  const refused = await fetch(`${server.url}/-/reload`, { method: 'POST' });
  expect([refused.status, await refused.text()]).toEqual([500, expect.stringContaining('could not parse expression')]);
  expect((await get(`${server.url}/api/v1/rules`)).data.groups).toHaveLength(2);
  writeFileSync(rulesFile, `${RULES}- {name: third, rules: [{record: x, expr: "1"}]}\n`);
  expect((await fetch(`${server.url}/-/reload`, { method: 'POST' })).status).toBe(200);
  expect((await get(`${server.url}/api/v1/rules`)).data.groups).toHaveLength(3);
  writeFileSync(rulesFile, RULES);
  server.child.kill('SIGHUP');
  await until(async () => (await get(`${server.url}/api/v1/rules`)).data.groups.length === 2);

  expect(await server.stop()).toBe(0);
  alertmanager.close();
}, 90_000);

test('what was pending before a kill is pending since then', async () => {
  const dataDir = join(directory, 'restored');
  const before = await startServer({ dataDir });
  const nowMs = Date.now();
  const sinceSec = Math.floor(nowMs / 1000) - 2400;
  const line = `ALERTS_FOR_STATE,alertname=Later,kind=x value=${sinceSec} ${nowMs}`;
  expect((await fetch(`${before.url}/write?precision=ms`, { method: 'POST', body: line })).status).toBe(204);
  await before.stop('SIGKILL');
  const server = await startServer({ dataDir, args: ['--rules', rulesFile] });
  await until(async () => {
    const { data } = await get(`${server.url}/api/v1/alerts`);
    const later = data.alerts.find((alert: Json) => alert.labels.alertname === 'Later');
    // The outage is not counted: it moves the time by the seconds that it took.
    return later !== undefined && Math.abs(Date.parse(later.activeAt) / 1000 - sinceSec) < 120;
  });
  await server.stop();
}, 60_000);

test('wrong rules stop the start before any data is touched', async () => {
  const wrong = join(directory, 'wrong.txt');
  writeFileSync(wrong, 'groups:\n- {name: a, rules: [{record: x}]}\n');
  const { code, output } = await runCommand([
    'serve',
    '--listen',
    '127.0.0.1:0',
    '--data',
    join(directory, 'none'),
    '--rules',
    wrong,
  ]);
  expect(code).toBe(2);
  expect(output).toContain("field 'expr' must be set in rule");
});

test.runIf(havePrograms('prometheus'))(
  'Prometheus lists the same',
  async () => {
    const port = await freePort();
    const config = join(directory, 'prometheus.conf');
    writeFileSync(config, `global: {external_labels: {region: eu}}\nrule_files: [${rulesFile}]\n`);
    const prometheus = spawn('prometheus', [
      `--config.file=${config}`,
      `--storage.tsdb.path=${join(directory, 'prometheus')}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ]);
    const theirs = `http://127.0.0.1:${port}`;
    const server = await startServer({
      dataDir: join(directory, 'peer'),
      args: ['--rules', rulesFile, '--external-label', 'region=eu'],
    });
    try {
      await until(async () =>
        fetch(`${theirs}/-/ready`).then(
          ({ ok }) => ok,
          () => false,
        ),
      );
      await until(evaluated(theirs));
      await until(evaluated(server.url));
      // The filters by name, group and file are newer than the Prometheus that this is compared with.
      const paths = [
        'rules',
        'rules?type=alert',
        'rules?type=record',
        'rules?type=ALERT',
        'rules?type=other',
        'alerts',
      ];
      for (const path of paths) {
        const [want, got] = await Promise.all([get(`${theirs}/api/v1/${path}`), get(`${server.url}/api/v1/${path}`)]);
        expect(scrubbed(got), path).toEqual(scrubbed(want));
      }
    } finally {
      prometheus.kill();
      await server.stop();
    }
  },
  90_000,
);
