/** The benchmarks: their command runs and counts back what it sent, and the page says what the figures are. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { type Row, reportPage } from '../bench/report.ts';
import { ROOT } from './source-tree.ts';

const directory = mkdtempSync(join(tmpdir(), 'varve-bench-test-'));

afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** Runs `node bench/main.ts` with its own temporary directory, where it keeps bodies and data. */
function bench(...args: string[]): Promise<{ code: number; output: string }> {
  return new Promise((resolve) => {
    const env = { ...process.env, TMPDIR: directory };
    execFile(process.execPath, ['bench/main.ts', ...args], { cwd: ROOT, env }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), output: stdout + stderr });
    });
  });
}

test('ingest measures a real server', async () => {
  const { code, output } = await bench('ingest', '--hosts', '10', '--hours', '1', '--lines', '500');
  expect(code, output).toBe(0);
  expect(output).toContain('= 0.04 M samples; 2 connections × 500 lines');
  expect(output).toMatch(/^ {2}samples per server CPU-second +\d+\.\d\d M$/m);
  expect(output).toMatch(/^ {2}disk bytes\/sample after flush, all data files +0\.\d{3}$/m);
});

test('what the command line says wrong is refused by name', async () => {
  expect(await bench('nosuch')).toMatchObject({
    code: 2,
    output: expect.stringContaining("unknown benchmark 'nosuch'"),
  });
  expect(await bench('ingest', '--foo')).toMatchObject({
    code: 2,
    output: expect.stringContaining("Unknown option '--foo'"),
  });
  expect(await bench('ingest', '--hours', 'six')).toMatchObject({
    code: 2,
    output: expect.stringContaining("--hours: give a number above 0 (it says 'six')"),
  });
  expect((await bench('all', '--only', 'nosuch')).output).toContain('there are line, remote, single, latency');
  expect((await bench('all', '--only', 'line', '--document')).output).toContain('leave out --only');
});

test('the page has every server with its ratios, and a plot for each workload', () => {
  const row: Row = {
    server: 'varve',
    samplesPerSec: 4_500_000,
    requestsPerSec: 90,
    samplesPerCpuSec: 3_000_000,
    p50Ms: 17,
    p99Ms: 131.34,
    peakRssMb: 402,
    writtenPerSample: 1.5,
    diskPerSample: 0.39,
  };
  const peer = { ...row, server: 'influxdb', samplesPerSec: 1_500_000, samplesPerCpuSec: 600_000 };
  const { page, plots } = reportPage({
    machine: { cpu: 'a CPU', cores: 2, memoryGib: 23.6, date: '2026-01-02', versions: { Node: '24.0.0' } },
    rounds: 3,
    workloads: [{ name: 'line', title: 'Lines', samples: 8_640_000, rows: [row, peer] }],
    writeLatency: { idleP50Ms: 9, idleP99Ms: 45, busyP50Ms: 18, busyP99Ms: 91, queries: 30 },
  });
  expect(page).toContain('2026-01-02, a CPU, 2 cores, 24 GiB; Node 24.0.0');
  expect(page).toContain('\n8.64 M values.\n');
  expect(page).toContain('| varve | 4.50 |  | 3.00 |  | 17.0 ms | 131.3 ms | 402 MB | 1.50 B | 0.39 B |');
  expect(page).toContain('| influxdb | 1.50 | 3.0 × | 0.60 | 5.0 × |');
  expect(page).toContain('| beside heavy work (30 queries) | 18.0 ms | 91.0 ms |');
  expect([...plots.keys()]).toEqual(['bench-line.svg']);
  expect(page).toContain('(images/bench-line.svg)');
  expect(plots.get('bench-line.svg')?.match(/<rect /g)).toHaveLength(4);
});
