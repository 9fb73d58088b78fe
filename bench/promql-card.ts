/** What a query over a million series costs: `npm run bench -- promql-card`. Times, and the server's memory. */
import { keptBodies } from './body-file.ts';
import { CARD_DEFAULTS, CARD_START_SEC, CARD_STEP_SEC, cardBodies } from './card-workload.ts';
import { processUsage } from './process-usage.ts';
import { get } from './promql.ts';
import { startLoaded } from './promql-server.ts';
import { varve } from './server.ts';

const QUERIES = ['count(card)', 'sum by (region) (card)', 'count(card{dc="dc-3"})', 'topk(3, card)'];
const RUNS = 3;

export async function benchPromqlCard(keep: boolean): Promise<void> {
  const workload = CARD_DEFAULTS;
  console.log(`card workload: ${workload.series} series × ${workload.rounds} samples on disk; best of ${RUNS} runs`);
  const bodies = () => keptBodies('card', () => cardBodies(workload, 5000));
  const server = await startLoaded(varve, bodies, { name: 'card', keep, connections: 2 });
  const time = String(CARD_START_SEC + (workload.rounds - 1) * CARD_STEP_SEC);
  try {
    for (const query of QUERIES) {
      const before = processUsage(server.pid).cpuSec;
      let bestMs = Infinity;
      for (let run = 0; run < RUNS; run++) {
        const { status, body, ms } = await get(`${server.url}/api/v1/query?${new URLSearchParams({ query, time })}`);
        if (status !== 200) throw new Error(`${query}: ${status} ${body}`);
        bestMs = Math.min(bestMs, ms);
      }
      const { cpuSec, peakRssBytes } = processUsage(server.pid);
      console.log(
        `${query.padEnd(28)} ${(bestMs / 1000).toFixed(2).padStart(6)} s   CPU ${((cpuSec - before) / RUNS).toFixed(2)} s   ` +
          `peak RSS so far ${(peakRssBytes / 1e6).toFixed(0)} MB`,
      );
    }
  } finally {
    await server.stop('SIGKILL');
    server.remove();
  }
}
