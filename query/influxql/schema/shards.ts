/**
 * SHOW SHARDS, SHOW SHARD GROUPS and DROP SHARD. A shard is a partition of a retention policy; both are one thing here, so
 * a shard group has the one shard, of the same number.
 */
import type { Database } from '../../../engine/database.ts';
import type { DropShardStatement } from '../ast.ts';
import type { StatementAnswer } from '../result.ts';
import type { StatementContext } from '../statement-context.ts';
import { answerOf, emptyAnswer, listAnswer, rowSeries } from './answers.ts';
import { type Partition, partitionsOf } from './partitions.ts';

const SHARD_COLUMNS = [
  'id',
  'database',
  'retention_policy',
  'shard_group',
  'start_time',
  'end_time',
  'expiry_time',
  'owners',
];

const GROUP_COLUMNS = ['id', 'database', 'retention_policy', 'start_time', 'end_time', 'expiry_time'];

/** Databases of the engine below this number have shards of different numbers. */
const DATABASE_SPAN = 2 ** 16;

/**
 * The number of a shard: the same as long as the partition exists, and after it was dropped and came again. Small for
 * what is near the epoch; it holds the partition's place among its kind, on both sides of the epoch, and its database.
 */
export function shardId(database: Database, { startSec, endSec }: Partition): number {
  const place = Math.round(startSec / (endSec - startSec));
  return (place < 0 ? -2 * place - 1 : 2 * place) * DATABASE_SPAN + (database.id % DATABASE_SPAN);
}

export function showShards(context: StatementContext): StatementAnswer {
  return listAnswer(
    [...context.engine.databases()].sort().map((name) => {
      const rows = shardsOf(name, context).map(({ id, policy, start, end, expiry }) => {
        return [id, name, policy, id, start, end, expiry, ''];
      });
      return rowSeries(name, SHARD_COLUMNS, rows);
    }),
  );
}

export function showShardGroups(context: StatementContext): StatementAnswer {
  const rows = [...context.engine.databases()].sort().flatMap((name) => {
    return shardsOf(name, context).map(({ id, policy, start, end, expiry }) => [id, name, policy, start, end, expiry]);
  });
  return listAnswer([rowSeries('shard groups', GROUP_COLUMNS, rows)]);
}

interface Shard {
  readonly id: number;
  readonly policy: string;
  readonly start: string;
  readonly end: string;
  readonly expiry: string;
}

function shardsOf(name: string, { engine }: StatementContext): Shard[] {
  return engine.retentionPolicies(name).flatMap(({ name: policy, database, retentionMs }) => {
    return partitionsOf(database).map((partition) => ({
      id: shardId(database, partition),
      policy,
      start: timeText(partition.startSec * 1000),
      end: timeText(partition.endSec * 1000),
      expiry: timeText(partition.endSec * 1000 + retentionMs),
    }));
  });
}

/** RFC 3339 without a fraction, as shards begin and end at whole seconds. */
function timeText(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');
}

/** A shard that does not exist is fine. */
export function dropShard({ id }: DropShardStatement, context: StatementContext): StatementAnswer {
  const { engine } = context;
  for (const database of engine.allDatabases()) {
    const partition = partitionsOf(database).find((each) => shardId(database, each) === id);
    if (partition === undefined) continue;
    return answerOf(
      (async function* () {
        await engine.dropPartition(database, partition.startSec);
        yield* [];
      })(),
    );
  }
  return emptyAnswer();
}
