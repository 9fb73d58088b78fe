/**
 * Where the series of a database are, as /api/v1/status/tsdb tells it. Series by metric are counted as PromQL sees them
 * (one per field); by label, as the index holds them (one for all fields that share a row). For data from Prometheus
 * the two are the same.
 */
import type { Database } from '../engine/database.ts';
import { METRIC_NAME } from './promql/labels.ts';

export interface CountedName {
  name: string;
  value: number;
}

export interface StorageStatistics {
  headStats: {
    numSeries: number;
    numLabelPairs: number;
    /** Data files. */
    chunkCount: number;
    /** ms; 0 when there is no data. */
    minTime: number;
    maxTime: number;
  };
  seriesCountByMetricName: CountedName[];
  labelValueCountByLabelName: CountedName[];
  memoryInBytesByLabelName: CountedName[];
  seriesCountByLabelValuePair: CountedName[];
}

const encoder = new TextEncoder();

const EMPTY: StorageStatistics = {
  headStats: { numSeries: 0, numLabelPairs: 0, chunkCount: 0, minTime: 0, maxTime: 0 },
  seriesCountByMetricName: [],
  labelValueCountByLabelName: [],
  memoryInBytesByLabelName: [],
  seriesCountByLabelValuePair: [],
};

/** Statistics with at most `limit` entries per list, the largest first. */
export function storageStatistics(database: Database | undefined, limit: number): StorageStatistics {
  if (database === undefined) return EMPTY;
  const { index } = database;
  const seriesByField = index.seriesByField();
  const metrics: CountedName[] = [];
  let numSeries = 0;
  let nameBytes = 0;
  for (const [name, targets] of index.promNames()) {
    let value = 0;
    for (const { field } of targets) value += seriesByField[field];
    if (value === 0) continue;
    metrics.push({ name, value });
    numSeries += value;
    nameBytes += value * encoder.encode(name).length;
  }
  const cardinality = index.cardinality(limit);
  const counted = (list: readonly { name: string; count: number }[]): CountedName[] =>
    list.map(({ name, count }) => ({ name, value: count }));
  const pairs = metrics.map(({ name, value }) => ({ name: `${METRIC_NAME}=${name}`, value }));
  return {
    headStats: {
      numSeries,
      numLabelPairs: cardinality.tagValues + metrics.length,
      chunkCount: database.manifest.files.size,
      ...timeRange(database),
    },
    seriesCountByMetricName: largest(metrics, limit),
    labelValueCountByLabelName: largest(
      [...counted(cardinality.valuesByTagKey), { name: METRIC_NAME, value: metrics.length }],
      limit,
    ),
    memoryInBytesByLabelName: largest([...labelBytes(database), { name: METRIC_NAME, value: nameBytes }], limit),
    seriesCountByLabelValuePair: largest([...counted(cardinality.seriesByPair), ...pairs], limit),
  };
}

function largest(list: CountedName[], limit: number): CountedName[] {
  return list
    .filter(({ value }) => value > 0)
    .sort((a, b) => b.value - a.value || (a.name < b.name ? -1 : 1))
    .slice(0, limit);
}

/** Bytes of a label's values, each as often as series have it. */
function labelBytes({ index }: Database): CountedName[] {
  const { tagKeys, tagValues } = index.series;
  return tagValues.map((dictionary, key) => {
    let value = 0;
    for (let id = 0; id < dictionary.limit; id++) {
      if (dictionary.counts[id] > 0) value += dictionary.counts[id] * dictionary.lengthOf(id);
    }
    return { name: tagKeys.string(key), value };
  });
}

function timeRange(database: Database): { minTime: number; maxTime: number } {
  let minTime = Infinity;
  let maxTime = -Infinity;
  const add = (startSec: number, minOffsetNs: number, maxOffsetNs: number) => {
    minTime = Math.min(minTime, startSec * 1000 + Math.floor(minOffsetNs / 1e6));
    maxTime = Math.max(maxTime, startSec * 1000 + Math.floor(maxOffsetNs / 1e6));
  };
  for (const file of database.manifest.files.values()) add(file.partitionStartSec, file.minOffsetNs, file.maxOffsetNs);
  for (const memtable of [...database.frozen, database.active]) {
    for (const [partition, { minOffsetNs, maxOffsetNs }] of memtable.partitions) {
      add(partition * database.partitionDurationSec, minOffsetNs, maxOffsetNs);
    }
  }
  return minTime === Infinity ? { minTime: 0, maxTime: 0 } : { minTime, maxTime };
}
