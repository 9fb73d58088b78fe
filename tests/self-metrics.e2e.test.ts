/** The server keeps its own metrics in `_internal`, from its first moments on. */
import { afterAll, expect, test } from 'vitest';
import { instant } from './prometheus-client.ts';
import { sleep, startServer, temporaryDirectory } from './server-process.ts';

const { path: dataDir, remove } = temporaryDirectory('self-metrics');
afterAll(remove);

test('counters can be queried like any data, and go with their retention of a week', async () => {
  const args = ['--internal-interval', '200ms'];
  const server = await startServer({ dataDir, args });
  const written = await fetch(`${server.url}/write`, { method: 'POST', body: 'room temperature=21.5\n' });
  expect(written.status).toBe(204);
  const now = () => Date.now() / 1000;
  const query = 'varve_ingest_values_total{protocol="line",job="varve"}';
  let found = await instant(server.url, query, now(), '_internal');
  while (found.length === 0) {
    await sleep(50);
    found = await instant(server.url, query, now(), '_internal');
  }
  expect(found[0].value?.[1]).toBe('1');
  const buckets = await instant(server.url, 'varve_http_request_duration_seconds_bucket', now(), '_internal');
  expect(buckets.length).toBeGreaterThan(10);
  expect(await instant(server.url, '{__name__=~"varve_.*"}', now())).toEqual([]);
  const { data } = (await (await fetch(`${server.url}/api/v1/databases`)).json()) as {
    data: { name: string; retentionMs: number }[];
  };
  expect(data.find(({ name }) => name === '_internal')).toMatchObject({ retentionMs: 7 * 86_400_000 });
  expect(await server.stop()).toBe(0);
});
