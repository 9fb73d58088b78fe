/** Posts bodies over a bounded number of keep-alive connections; the next body is made while the last ones travel. */
import { Agent, request } from 'node:http';

/** Sends one POST and resolves with the status; the answer is read to its end. */
function post(agent: Agent, url: URL, body: Buffer, headers: Record<string, string>): Promise<number> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      url,
      { agent, method: 'POST', headers: { 'content-length': body.length, ...headers } },
      (answer) => {
        answer.resume();
        answer.on('end', () => resolve(answer.statusCode ?? 0));
        answer.on('error', reject);
      },
    );
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

export interface PostOutcome {
  requests: number;
  wallSec: number;
  /** Latencies in ms, sorted. */
  latenciesMs: Float64Array;
}

/** Sends all bodies from `connections` connections. Throws on the first answer that is not 2xx. */
export async function postAll(
  target: string,
  bodies: Iterator<{ body: Buffer }>,
  connections: number,
  headers: Record<string, string> = {},
): Promise<PostOutcome> {
  const url = new URL(target);
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const latencies: number[] = [];
  const started = performance.now();
  const worker = async () => {
    for (let next = bodies.next(); !next.done; next = bodies.next()) {
      const sent = performance.now();
      const status = await post(agent, url, next.value.body, headers);
      latencies.push(performance.now() - sent);
      if (status < 200 || status > 299) throw new Error(`${target} answered ${status}`);
    }
  };
  try {
    await Promise.all(Array.from({ length: connections }, worker));
  } finally {
    agent.destroy();
  }
  const wallSec = (performance.now() - started) / 1000;
  return { requests: latencies.length, wallSec, latenciesMs: Float64Array.from(latencies).sort() };
}

/** The p-quantile (0 … 1) of sorted values. */
export function quantile(sorted: Float64Array, p: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(p * sorted.length))];
}
