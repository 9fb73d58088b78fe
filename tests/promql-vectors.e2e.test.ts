/**
 * Prometheus' own PromQL test vectors against a real server, over HTTP. They lie outside of the repository. Every case
 * that is free of native histograms has to pass; each that is left out is listed with its reason.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runTestFile } from '../query/promql/promqltest.ts';
import { haveFile } from './peers.ts';
import { httpBackend } from './promqltest-http.ts';
import { type ServerProcess, startServer, temporaryDirectory } from './server-process.ts';
import { ROOT } from './source-tree.ts';

const FOLDER = join(ROOT, '../shared/promqltest');
const FILES = existsSync(FOLDER)
  ? readdirSync(FOLDER)
      .filter((name) => name.endsWith('.test'))
      .sort()
  : [];

describe.skipIf(!haveFile(FOLDER))('test vectors over HTTP', () => {
  const { path: dataDir, remove } = temporaryDirectory('vectors');
  let server: ServerProcess;
  let passed = 0;

  beforeAll(async () => {
    server = await startServer({ dataDir, args: ['--promql-delayed-name-removal', '--wal-sync', 'none'] });
  });

  afterAll(async () => {
    console.log(`test vectors over HTTP: ${passed} cases passed`);
    await server.stop();
    remove();
  });

  test.each(FILES)('%s', async (file) => {
    const outcomes = await runTestFile(
      readFileSync(join(FOLDER, file), 'utf8'),
      httpBackend(server.url, file.replace('.test', '')),
    );
    const leftOut = outcomes.filter(({ status }) => status === 'left out');
    for (const { line, reason, query } of leftOut) console.log(`${file}:${line}: left out, ${reason}: ${query}`);
    passed += outcomes.filter(({ status }) => status === 'passed').length;
    expect(leftOut.map(({ reason }) => reason).filter((reason) => !reason.includes('native histograms'))).toEqual([]);
    expect(
      outcomes
        .filter(({ status }) => status === 'failed')
        .map(({ line, query, reason }) => `${file}:${line}: ${query}\n    ${reason}`),
    ).toEqual([]);
    expect(outcomes.length).toBeGreaterThan(0);
  });
});
