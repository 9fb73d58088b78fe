/** Metrics of what is refused, and of the load that decides about it. */
import { Counter, Gauge, type Registry } from 'prom-client';
import type { Engine } from '../engine/engine.ts';
import type { ServerState } from './state.ts';

export function addLoadMetrics(
  registry: Registry,
  state: Pick<ServerState, 'refusals' | 'writes'>,
  engine: () => Engine | undefined,
): void {
  const registers = [registry];
  new Counter({
    name: 'varve_refusals_total',
    help: 'What was refused for a limit, by the setting that is the limit: lines and series, or requests as a whole.',
    labelNames: ['reason'],
    registers,
    collect() {
      this.reset();
      for (const [reason, count] of state.refusals.totals()) this.inc({ reason }, count);
      for (const [reason, count] of engine()?.refusals.totals() ?? []) this.inc({ reason }, count);
    },
  });
  new Gauge({
    name: 'varve_writes_active',
    help: 'Writes under way.',
    registers,
    collect() {
      this.set(state.writes.active);
    },
  });
  new Gauge({
    name: 'varve_index_bytes',
    help: 'Memory of the indexes of all databases.',
    registers,
    collect() {
      this.set(engine()?.admissions.indexBytes ?? 0);
    },
  });
}
