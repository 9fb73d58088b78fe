/** The programs and configurations of docs/ingest.md, as they stand there but for the port; its shell examples have a test. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { havePrograms } from './peers.ts';
import { havePythonModule, runPython } from './python.ts';
import { type ServerProcess, startServer, temporaryDirectory } from './server-process.ts';
import { ROOT } from './source-tree.ts';

const run = promisify(execFile);
const { path: directory, remove } = temporaryDirectory('ingest-page');
// Inside of the checkout, where Node finds the client.
const inside = mkdtempSync(join(ROOT, '.varve-ingest-page-'));
let server: ServerProcess;

/** The first block of a kind behind a heading. */
function block(heading: string, kind: string): string {
  const page = readFileSync(join(ROOT, 'docs/ingest.md'), 'utf8');
  const part = page.slice(page.indexOf(`\n## ${heading}\n`));
  const text = new RegExp(`^\`\`\`${kind}\\n([\\s\\S]*?)^\`\`\`$`, 'm').exec(part)?.[1];
  if (text === undefined) throw new Error(`docs/ingest.md has no ${kind} under ${heading}`);
  return text.replaceAll('127.0.0.1:8086', `127.0.0.1:${server.port}`);
}

async function forceOf(line: string): Promise<unknown> {
  const q = `SELECT force FROM press WHERE line = '${line}'`;
  const answer = await fetch(`${server.url}/query?${new URLSearchParams({ db: 'plant', q })}`);
  const { results } = (await answer.json()) as { results: { series?: { values: unknown[][] }[] }[] };
  return results[0].series?.[0].values[0][1];
}

beforeAll(async () => {
  server = await startServer({ dataDir: join(directory, 'data') });
});

afterAll(async () => {
  await server?.stop();
  remove();
  rmSync(inside, { recursive: true, force: true });
});

test("InfluxDB 2.x' client for Node writes", async () => {
  const path = join(inside, 'write.mjs');
  writeFileSync(path, block("InfluxDB's clients", 'js'));
  await run(process.execPath, [path]);
  expect(await forceOf('6')).toBe(702.5);
});

describe.skipIf(!havePythonModule('influxdb_client'))("InfluxDB 2.x' client for Python", () => {
  test('writes', async () => {
    await runPython('-c', block("InfluxDB's clients", 'python'));
    expect(await forceOf('7')).toBe(655.5);
  });
});

describe.skipIf(!havePrograms('promtool'))('Prometheus', () => {
  test('takes its configuration', async () => {
    const path = join(directory, 'prometheus.yml');
    writeFileSync(path, block('Prometheus', 'yaml'));
    expect((await run('promtool', ['check', 'config', path])).stdout).toContain('SUCCESS');
  });
});
