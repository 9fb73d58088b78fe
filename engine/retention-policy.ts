/**
 * Retention policies: parts of a database whose rows are really apart, each kept as long as it says.
 *
 * Every policy's rows are in an engine database of their own, with its own index, files and partitions. The one that a
 * database begins with is the database itself; others are hidden behind it by a name that no client can use. Names,
 * durations and what is wrong with them are InfluxDB's, whose texts the errors have.
 */
import { VarveError } from '../errors/errors.ts';
import type { Database } from './database.ts';
import { MAX_PARTITION_SEC } from './options.ts';

/** The policy that a database begins with. */
export const FIRST_POLICY = 'autogen';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const SHORTEST_MS = HOUR_MS;

/** A policy as it is now. */
export interface RetentionPolicy {
  readonly name: string;
  /** How long rows are kept, ms; 0 is for ever. */
  readonly retentionMs: number;
  readonly shardDurationMs: number;
  readonly replication: number;
  readonly isDefault: boolean;
  /** Where its rows are. */
  readonly database: Database;
}

/** What a new policy is to be, or what is to be different; what is absent is left to the defaults, or as it was. */
export interface PolicyChange {
  /** ms; 0 is for ever. */
  readonly retentionMs?: number;
  /** ms; 0 is what suits the retention. */
  readonly shardDurationMs?: number;
  readonly replication?: number;
  readonly makeDefault?: boolean;
}

/** The name of the engine database behind a policy that is not its database's first. */
export function policyDatabaseName(owner: string, policy: string): string {
  return `${owner}\u0000policy:${policy}`;
}

/** Bytes of the longest name of a database. */
export const LONGEST_NAME_BYTES = 200;

/** What a name may be, as advice to whoever gave another. */
export const NAME_RULE = `a name of printable characters, without slashes and backslashes, of ${LONGEST_NAME_BYTES} bytes at most`;

/** Whether a text can be the name of a database or of a policy: what InfluxDB takes, if it is not too long. */
export function isValidName(name: string): boolean {
  if (Buffer.byteLength(name) > LONGEST_NAME_BYTES) return false;
  // Of spaces, only the plain one is printable.
  return (
    name !== '' && name !== '.' && name !== '..' && /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]+$/u.test(name) && !/[/\\]/.test(name)
  );
}

/** The time range of shards that InfluxDB chooses for how long rows are kept; all in ms. */
export function shardDurationFor(retentionMs: number): number {
  if (retentionMs === 0 || retentionMs >= 180 * DAY_MS) return 7 * DAY_MS;
  return retentionMs >= 2 * DAY_MS ? DAY_MS : HOUR_MS;
}

/** What InfluxDB makes of a shard duration that was asked for; 0 asks for nothing. */
export function settledShardDuration(askedMs: number, retentionMs: number): number {
  return askedMs === 0 ? shardDurationFor(retentionMs) : Math.max(askedMs, SHORTEST_MS);
}

/** Throws `bad_request` when a policy cannot be so. */
export function checkDurations(retentionMs: number, shardDurationMs: number): void {
  if (retentionMs !== 0 && retentionMs < SHORTEST_MS) {
    throw new VarveError('bad_request', 'retention policy duration must be at least 1h0m0s');
  }
  if (retentionMs !== 0 && retentionMs < shardDurationMs) {
    throw new VarveError('bad_request', 'retention policy duration must be greater than the shard duration');
  }
}

/**
 * The time range of a partition, s, for a policy's shards: theirs, as far as partitions can be so long; where it was not
 * asked for, at most the server's own.
 */
export function partitionDurationFor(shardDurationMs: number, wasAsked: boolean, defaultSec: number): number {
  const sec = Math.max(1, Math.floor(shardDurationMs / 1000));
  return Math.min(sec, wasAsked ? MAX_PARTITION_SEC : defaultSec);
}

export function databaseNotFound(name: string): VarveError {
  return new VarveError('not_found', `database not found: ${name}`);
}

export function policyNotFound(name: string): VarveError {
  return new VarveError('not_found', `retention policy not found: ${name}`);
}
