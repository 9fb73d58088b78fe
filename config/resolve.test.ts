import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { resolveSettings } from './resolve.ts';
import { SETTING_NAMES, SETTINGS } from './settings.ts';

const directory = mkdtempSync(join(tmpdir(), 'varve-settings-'));
afterAll(() => rmSync(directory, { recursive: true }));

function fileOf(text: string): string {
  const path = join(directory, 'varve.yml');
  writeFileSync(path, text);
  return path;
}

test('every default is a value of its kind', () => {
  const { values, problems, origins } = resolveSettings({}, {}, null);
  expect(problems).toEqual([]);
  expect(values.listen).toEqual({ host: '127.0.0.1', port: 8086 });
  expect(values.retention).toBe(0);
  expect(values['memtable-size']).toBe(20 * 2 ** 20);
  expect(values['wal-archive']).toBeUndefined();
  for (const name of SETTING_NAMES) {
    expect(origins[name]).toBe('default');
    expect(values[name] === undefined, name).toBe(SETTINGS[name].fallback === null);
  }
});

test('a flag wins over the environment, that over the file, that over the default', () => {
  const path = fileOf('retention: 1d\nmerge-rate: 1MiB\nlog-level: warn\n');
  const environment = { VARVE_RETENTION: '2d', VARVE_MERGE_RATE: '2MiB', VARVE_UNKNOWN: 'x', VARVE_SIZE_CAP: '' };
  const { values, origins, texts } = resolveSettings({ retention: '3d' }, environment, path);
  expect(values.retention).toBe(3 * 86_400_000);
  expect(values['merge-rate']).toBe(2 * 2 ** 20);
  expect(values['log-level']).toBe('warn');
  expect(values['size-cap']).toBe(0);
  expect([origins.retention, origins['merge-rate'], origins['log-level'], origins.data]).toEqual([
    'flag',
    'environment',
    'file',
    'default',
  ]);
  expect(texts['merge-rate']).toBe('2MiB');
});

test('lists, switches and numbers of a file and of the environment', () => {
  const path = fileOf('rules:\n  - a.yml\n  - b/*.yml\nenable-admin-api: true\nquery-concurrency: 7\n');
  const { values, problems } = resolveSettings({}, { VARVE_EXTERNAL_LABEL: 'region=eu,zone=1' }, path);
  expect(problems).toEqual([]);
  expect(values.rules).toEqual(['a.yml', 'b/*.yml']);
  expect(values['enable-admin-api']).toBe(true);
  expect(values['query-concurrency']).toBe(7);
  expect(values['external-label']).toEqual([
    ['region', 'eu'],
    ['zone', '1'],
  ]);
});

test('all that is wrong is told at once, with its place', () => {
  const path = fileOf('# settings\nretension: 30d\nmerge-rate: fast\nlisten:\n\nfrobnicate: 1\n');
  const { problems } = resolveSettings({ 'wal-sync': 'perhaps' }, { VARVE_QUERY_TIMEOUT: 'soon' }, path);
  expect(problems).toEqual([
    `${path}:2: there is no setting 'retension'; is it 'retention'?`,
    `${path}:4: listen: give a value`,
    `${path}:6: there is no setting 'frobnicate'`,
    `${path}:3: merge-rate: give a size, such as 64MiB, 1GiB or a number of bytes (it says 'fast')`,
    `--wal-sync: give one of group, always, async, none (it says 'perhaps')`,
    `VARVE_QUERY_TIMEOUT: give a duration with units, such as 30d, 12h or 1h30m (it says 'soon')`,
  ]);
});

test('maps and lists where one value belongs are told as such', () => {
  const path = fileOf('max-tags: [1]\ndata: {a: b}\nrules: {a: b}\nmerge-rate: []\n');
  expect(resolveSettings({}, {}, path).problems.map((problem) => problem.slice(path.length))).toEqual([
    `:2: data: give one value (it says '{"a":"b"}')`,
    `:4: merge-rate: give one value (it says '[]')`,
    `:1: max-tags: give one value (it says '1')`,
    `:3: rules: give a value, or a list of values (it says '{"a":"b"}')`,
  ]);
});

test('what would make the server refuse everything is no value', () => {
  for (const name of ['max-body-size', 'max-inflight-size', 'max-line-size', 'memtable-size', 'max-tags'] as const) {
    for (const wrong of ['0', 'none']) expect(resolveSettings({ [name]: wrong }, {}, null).problems).toHaveLength(1);
  }
});

test('a file that is no YAML, no map, empty or not there', () => {
  expect(resolveSettings({}, {}, fileOf('a: [')).problems[0]).toMatch(/varve\.yml:\d+: /);
  expect(resolveSettings({}, {}, fileOf('- a')).problems).toEqual([
    `${join(directory, 'varve.yml')}:1: give settings as NAME: VALUE`,
  ]);
  expect(resolveSettings({}, {}, fileOf('')).problems).toEqual([]);
  expect(resolveSettings({}, {}, '/nowhere/varve.yml').problems[0]).toMatch('cannot read /nowhere/varve.yml');
});

test('names that every object has are no settings, and aliases do not grow without end', () => {
  const { problems } = resolveSettings({}, {}, fileOf('__proto__: {listen: 1}\nconstructor: 1\n'));
  expect(problems.map((line) => line.split(': ').at(-1))).toEqual([
    "there is no setting '__proto__'",
    "there is no setting 'constructor'",
  ]);
  const levels = [...'abcdefghi'].map((name, i, all) => `${name}: &${name} [${`*${all[i - 1]}, `.repeat(9)}]`);
  const bomb = fileOf(`a: &a [lol, lol]\n${levels.slice(1).join('\n')}\n`);
  expect(resolveSettings({}, {}, bomb).problems.join('\n')).toContain('Excessive alias count');
});

test('passwords of URLs are not shown', () => {
  const odd = resolveSettings({ alertmanager: ['http://me:p@ss@127.0.0.1:9093', 'http://127.0.0.1:1'] }, {}, null);
  expect(odd.texts.alertmanager).toBe('http://127.0.0.1:9093, http://127.0.0.1:1');
  const { texts, values } = resolveSettings({ alertmanager: ['http://me:secret@127.0.0.1:9093'] }, {}, null);
  expect(values.alertmanager).toEqual(['http://me:secret@127.0.0.1:9093']);
  expect(texts.alertmanager).toBe('http://127.0.0.1:9093');
});
