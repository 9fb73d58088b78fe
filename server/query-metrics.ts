/** Metrics of the gate that queries pass. */
import { Gauge, type Registry } from 'prom-client';
import type { QueryGate } from './query-gate.ts';

export function addQueryMetrics(registry: Registry, queries: QueryGate): void {
  const registers = [registry];
  new Gauge({
    name: 'varve_queries_running',
    help: 'PromQL queries that run now.',
    registers,
    collect() {
      this.set(queries.runningCount);
    },
  });
  new Gauge({
    name: 'varve_queries_waiting',
    help: 'PromQL queries that wait for their turn.',
    registers,
    collect() {
      this.set(queries.waitingCount);
    },
  });
}
