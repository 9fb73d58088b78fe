/**
 * The server's own metrics as data: what /metrics shows is stored in the database `_internal` at an interval, so that the
 * server can be looked at with its own queries, from its first minute on and without anything else running.
 */
import type { Registry } from 'prom-client';
import type { Engine } from '../engine/engine.ts';
import { labelsFromPairs, METRIC_NAME } from '../query/promql/labels.ts';
import { engineStorage, type RuleSample } from '../rules/storage.ts';
import type { ServerConfig } from './config.ts';

/** The database that the metrics are kept in. */
export const INTERNAL_DATABASE = '_internal';

/** Labels as a Prometheus would add them when it scraped this server. */
const JOB: [string, string] = ['job', 'varve'];

export interface SelfMetrics {
  stop(): Promise<void>;
}

/** Begins at once; when storing fails, that is logged once until it works again. */
export function storeSelfMetrics(
  engine: Engine,
  registry: Registry,
  settings: { intervalMs: number; retentionMs: number },
  log: ServerConfig['log'],
): SelfMetrics {
  const storage = engineStorage(engine, INTERNAL_DATABASE);
  let failing = false;
  let running: Promise<void> | null = null;

  const store = async () => {
    try {
      engine.createDatabase(INTERNAL_DATABASE, { retentionMs: settings.retentionMs });
      await storage.append(Date.now(), await samplesOf(registry), []);
      failing = false;
    } catch (error) {
      if (!failing) log.warn(`cannot store the server's own metrics: ${(error as Error).message}`);
      failing = true;
    }
  };
  const tick = () => {
    running ??= store().finally(() => {
      running = null;
    });
  };
  const timer = setInterval(tick, settings.intervalMs);
  timer.unref();
  tick();
  return {
    async stop() {
      clearInterval(timer);
      await running;
    },
  };
}

async function samplesOf(registry: Registry): Promise<RuleSample[]> {
  const samples: RuleSample[] = [];
  for (const metric of await registry.getMetricsAsJSON()) {
    for (const value of metric.values) {
      const { metricName = metric.name, labels } = value as typeof value & { metricName?: string };
      const pairs = Object.entries(labels).map(([name, text]): [string, string] => [name, String(text)]);
      samples.push({ labels: labelsFromPairs([[METRIC_NAME, metricName], JOB, ...pairs]), value: value.value });
    }
  }
  return samples;
}
