/**
 * How long a write of 5,000 lines takes while the server has nothing else to do, and while it answers heavy queries,
 * flushes and merges.
 */
import { postAll, quantile } from './client.ts';
import { CPU_START_SEC, cpuBodies } from './cpu-workload.ts';
import { keptCpuBodies } from './ingest.ts';
import { startServer, varve } from './server.ts';

export interface WriteLatency {
  idleP50Ms: number;
  idleP99Ms: number;
  busyP50Ms: number;
  busyP99Ms: number;
  /** Heavy queries that were answered meanwhile. */
  queries: number;
}

const HISTORY = { hosts: 400, seconds: 6 * 3600, seed: 42 };
const LINES = 5000;
const WRITES = 400;
/** A writer that sends every so often, as agents do; closed loops would hide what they wait for. */
const PAUSE_MS = 50;

export async function benchWriteLatency(): Promise<WriteLatency> {
  // Small memtables, so that there are flushes and merges in a short time.
  const command = {
    ...varve,
    args: (port: number, dir: string) => [...varve.args(port, dir), '--memtable-size', '8MiB'],
  };
  const server = await startServer(command);
  try {
    await postAll(`${server.url}/write`, keptCpuBodies(HISTORY, LINES), 2);
    await new Promise((resolve) => setTimeout(resolve, 3000));
    const idle = await writes(server.url, 1);
    const query = new URLSearchParams({
      query: 'avg(avg_over_time({__name__=~"cpu_.*"}[1h])) by (__name__,hostname)',
      start: String(CPU_START_SEC + 3600),
      end: String(CPU_START_SEC + HISTORY.seconds),
      step: '600',
    });
    let isRunning = true;
    let queries = 0;
    const heavy = (async () => {
      while (isRunning) {
        const response = await fetch(`${server.url}/api/v1/query_range?${query}`);
        await response.arrayBuffer();
        if (!response.ok) throw new Error(`the heavy query was answered ${response.status}`);
        queries++;
      }
    })();
    const busy = await writes(server.url, 2);
    isRunning = false;
    await heavy;
    return {
      idleP50Ms: quantile(idle, 0.5),
      idleP99Ms: quantile(idle, 0.99),
      busyP50Ms: quantile(busy, 0.5),
      busyP99Ms: quantile(busy, 0.99),
      queries,
    };
  } finally {
    await server.stop('SIGKILL');
    server.remove();
  }
}

/** Latencies of writes that are sent one by one, sorted, ms. `seed` makes rounds different. */
async function writes(url: string, seed: number): Promise<Float64Array> {
  const bodies = cpuBodies({ hosts: 500, seconds: WRITES * 100, seed }, LINES);
  const latencies: number[] = [];
  for (let i = 0; i < WRITES; i++) {
    const next = bodies.next();
    if (next.done) break;
    const { latenciesMs } = await postAll(`${url}/write?db=latency`, [next.value][Symbol.iterator](), 1);
    latencies.push(latenciesMs[0]);
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
  return Float64Array.from(latencies).sort();
}
