/** The requests of a dashboard with a few panels: some small, some over all hosts. */
import { check } from 'k6';
import http from 'k6/http';
import { Trend } from 'k6/metrics';
import { HOSTS, URL } from './target.ts';

const queryTime = new Trend('query_duration', true);

const START_SEC = 1_700_000_000;

export function dashboard(): void {
  const host = `host_${Math.floor(Math.random() * HOSTS)}`;
  const end = START_SEC + 3600;
  const panels = [
    `cpu_usage_user{hostname="${host}"}`,
    `avg by (region) (avg_over_time(cpu_usage_user[5m]))`,
    `topk(5, max_over_time(cpu_usage_system[10m]))`,
    `quantile(0.95, cpu_usage_iowait)`,
  ];
  for (const query of panels) {
    const parameters = { query, start: String(START_SEC), end: String(end), step: '60' };
    const response = http.post(`${URL}/api/v1/query_range`, parameters, { tags: { name: 'query' } });
    queryTime.add(response.timings.duration);
    check(response, { 'a query is answered': (r) => r.status === 200 });
  }
  const q = encodeURIComponent(`SELECT mean("usage_user") FROM "cpu" WHERE "hostname" = '${host}' GROUP BY time(5m)`);
  const response = http.get(`${URL}/query?db=default&epoch=ms&q=${q}`, { tags: { name: 'influxql' } });
  check(response, { 'InfluxQL is answered': (r) => r.status === 200 });
}
