/**
 * Statements of administration beside a real influxd: databases, retention policies, users, grants and continuous
 * queries. The same statements, hand-chosen and random ones, are given to both; the answers must be equal.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Random } from '../bytes/random.ts';
import { MemoryFileSystem } from '../disk/memory-file-system.ts';
import { type Engine, openEngine } from '../engine/engine.ts';
import { executeAdmin } from '../query/influxql/admin/admin.ts';
import type { Statement } from '../query/influxql/ast.ts';
import { parseStatements } from '../query/influxql/parser/parser.ts';
import type { MixedColumn } from '../query/influxql/result.ts';
import { NO_SELECT_LIMITS } from '../query/influxql/select/context.ts';
import { NO_RUNNING_QUERIES, newStatementContext } from '../query/influxql/statement-context.ts';
import { type InfluxdProcess, startInfluxd } from './influxd-process.ts';
import { havePrograms } from './peers.ts';
import { temporaryDirectory } from './server-process.ts';

const SEED = Number(process.env.VARVE_SEED ?? Date.now() % 1_000_000);
const RANDOM_STATEMENTS = Number(process.env.VARVE_STATEMENTS ?? 600);

interface Series {
  name?: string;
  columns: string[];
  values?: unknown[][];
}

interface Answer {
  series?: Series[];
  error?: string;
}

/** As InfluxDB answers in JSON, on an engine in memory. */
async function askVarve(engine: Engine, text: string, database = ''): Promise<Answer> {
  const context = newStatementContext({
    engine,
    database,
    retentionPolicy: '',
    nowNs: 0n,
    signal: null,
    limits: NO_SELECT_LIMITS,
    workers: null,
    chunkRows: 10_000,
    queries: NO_RUNNING_QUERIES,
    assumedDatabase: null,
  });
  let statements: Statement[];
  try {
    statements = parseStatements(text);
  } catch (error) {
    return { error: `error parsing query: ${(error as Error).message}` };
  }
  try {
    const series: Series[] = [];
    for (const statement of statements) {
      for await (const { name, columns, values, rows } of executeAdmin(statement, context).series) {
        const table = Array.from({ length: rows }, (_, row) => values.map((v) => (v as MixedColumn).values[row]));
        series.push({
          ...(name === '' ? {} : { name }),
          columns: [...columns],
          ...(rows === 0 ? {} : { values: table }),
        });
      }
    }
    return series.length === 0 ? {} : { series };
  } catch (error) {
    return { error: (error as Error).message };
  }
}

async function askInfluxd(url: string, text: string, database = ''): Promise<Answer> {
  const body = new URLSearchParams({ q: text, db: database });
  const response = await fetch(`${url}/query`, { method: 'POST', body });
  const answer = (await response.json()) as { error?: string; results?: (Answer & { statement_id: number })[] };
  if (answer.error !== undefined) return { error: answer.error };
  const { statement_id: _, ...result } = answer.results![0];
  return result;
}

/** Grants come out of a Go map, in any order. */
function comparable(answer: Answer): Answer {
  for (const { columns, values } of answer.series ?? []) {
    if (columns.includes('privilege')) values?.sort((a, b) => (String(a[0]) < String(b[0]) ? -1 : 1));
  }
  return answer;
}

const AGGREGATE = 'SELECT mean(v) INTO x FROM m GROUP BY time(1m)';

const STATEMENTS: readonly string[] = [
  'SHOW DATABASES',
  'SHOW RETENTION POLICIES',
  'SHOW RETENTION POLICIES ON none',
  'CREATE DATABASE a',
  'CREATE DATABASE a',
  'SHOW RETENTION POLICIES ON a',
  // The WITH of a database that exists must agree with its default policy, whose name is autogen unless it is said.
  'CREATE DATABASE a WITH DURATION 2d',
  'CREATE DATABASE a WITH DURATION INF',
  'CREATE DATABASE a WITH DURATION 0s REPLICATION 1 SHARD DURATION 168h NAME autogen',
  'CREATE DATABASE a WITH SHARD DURATION 1d',
  'CREATE DATABASE a WITH NAME other',
  'CREATE DATABASE a WITH REPLICATION 2',
  'CREATE DATABASE b WITH DURATION 1h30m NAME "x/y"',
  'CREATE DATABASE b WITH DURATION 1h30m NAME xy',
  'CREATE DATABASE b WITH DURATION 1h30m NAME xy',
  'CREATE DATABASE b WITH NAME xy',
  'CREATE DATABASE b WITH DURATION 1h30m',
  'CREATE DATABASE b',
  'SHOW RETENTION POLICIES ON b',
  'CREATE DATABASE ""',
  'CREATE DATABASE "a/b"',
  'CREATE DATABASE "a\\\\b"',
  'CREATE DATABASE "."',
  'CREATE DATABASE ".."',
  'CREATE DATABASE "a\tb"',
  'CREATE DATABASE "ü x"',
  'CREATE DATABASE c WITH DURATION 30m',
  'CREATE DATABASE c WITH DURATION 1h SHARD DURATION 2h',
  'CREATE DATABASE c WITH SHARD DURATION 30m',
  'SHOW RETENTION POLICIES ON c',
  'CREATE DATABASE d WITH REPLICATION 3',
  'CREATE DATABASE e WITH DURATION INF SHARD DURATION INF',
  'CREATE DATABASE f WITH DURATION 1500ms',
  'CREATE DATABASE "x/" WITH DURATION 1m',
  'CREATE DATABASE x WITH DURATION 1m NAME "/"',
  'CREATE DATABASE a WITH DURATION 1m',
  'SHOW DATABASES',
  // Policies.
  'CREATE RETENTION POLICY r1 ON a DURATION 2d REPLICATION 1',
  'CREATE RETENTION POLICY r1 ON a DURATION 2d REPLICATION 1',
  'CREATE RETENTION POLICY r1 ON a DURATION 3d REPLICATION 1',
  'CREATE RETENTION POLICY r1 ON a DURATION 2d REPLICATION 2',
  'CREATE RETENTION POLICY r1 ON a DURATION 2d REPLICATION 1 SHARD DURATION 1h',
  'CREATE RETENTION POLICY r1 ON a DURATION 2d REPLICATION 1 DEFAULT',
  'CREATE RETENTION POLICY r1 ON none DURATION 2d REPLICATION 1',
  'CREATE RETENTION POLICY r1 ON none DURATION 1m REPLICATION 1',
  'CREATE RETENTION POLICY "" ON none DURATION 1m REPLICATION 1',
  'CREATE RETENTION POLICY r2 ON a DURATION 200d REPLICATION 1',
  'CREATE RETENTION POLICY r3 ON a DURATION 180d REPLICATION 1 SHARD DURATION 52w',
  'CREATE RETENTION POLICY r3 ON a DURATION 180d REPLICATION 1 SHARD DURATION 20d',
  'CREATE RETENTION POLICY r4 ON a DURATION 59m REPLICATION 1',
  'CREATE RETENTION POLICY r4 ON a DURATION 47h REPLICATION 1',
  'CREATE RETENTION POLICY r5 ON a DURATION 50h1ms REPLICATION 1 SHARD DURATION 90m7s',
  'CREATE RETENTION POLICY r6 ON a DURATION 2h1u REPLICATION 1 SHARD DURATION 1h5ns',
  'CREATE RETENTION POLICY r7 ON a DURATION 0s REPLICATION 1 SHARD DURATION 300d',
  'CREATE RETENTION POLICY "r/8" ON a DURATION 0s REPLICATION 1',
  'SHOW RETENTION POLICIES ON a',
  'ALTER RETENTION POLICY r1 ON a DURATION 1h',
  'ALTER RETENTION POLICY r1 ON a DURATION 1h SHARD DURATION 1h',
  'ALTER RETENTION POLICY r1 ON a SHARD DURATION 2h',
  'ALTER RETENTION POLICY r1 ON a SHARD DURATION 1m',
  'ALTER RETENTION POLICY r1 ON a SHARD DURATION 0s',
  'ALTER RETENTION POLICY r1 ON a DURATION 30m',
  'ALTER RETENTION POLICY r1 ON a DURATION INF',
  'ALTER RETENTION POLICY none ON a DURATION INF',
  'ALTER RETENTION POLICY none ON a DURATION 1m',
  'ALTER RETENTION POLICY none ON a DURATION 1h SHARD DURATION 2h',
  'ALTER RETENTION POLICY r1 ON none DURATION INF',
  'ALTER RETENTION POLICY "" ON a DURATION 30m',
  'DROP RETENTION POLICY "" ON a',
  'ALTER RETENTION POLICY r1 ON a REPLICATION 4',
  'ALTER RETENTION POLICY r2 ON a DEFAULT',
  'SHOW RETENTION POLICIES ON a',
  'DROP RETENTION POLICY r2 ON a',
  'SHOW RETENTION POLICIES ON a',
  'CREATE DATABASE a WITH DURATION 200d NAME r2',
  'CREATE RETENTION POLICY r2 ON a DURATION 3d REPLICATION 1',
  'DROP RETENTION POLICY autogen ON a',
  'DROP RETENTION POLICY none ON a',
  'DROP RETENTION POLICY none ON none',
  'SHOW RETENTION POLICIES ON a',
  'DROP RETENTION POLICY xy ON b',
  'CREATE DATABASE b',
  'SHOW RETENTION POLICIES ON b',
  'CREATE DATABASE b WITH DURATION 2h',
  'SHOW RETENTION POLICIES ON b',
  'DROP DATABASE e',
  'DROP DATABASE e',
  'SHOW DATABASES',
  // Users.
  'SHOW USERS',
  "CREATE USER bob WITH PASSWORD 'x'",
  "CREATE USER bob WITH PASSWORD 'x'",
  "CREATE USER bob WITH PASSWORD 'y'",
  "CREATE USER bob WITH PASSWORD 'x' WITH ALL PRIVILEGES",
  "CREATE USER ann WITH PASSWORD '' WITH ALL PRIVILEGES",
  'CREATE USER "" WITH PASSWORD \'a\'',
  'CREATE USER "a/b:c" WITH PASSWORD \'a\'',
  'SHOW USERS',
  'SHOW GRANTS FOR bob',
  'SHOW GRANTS FOR none',
  'GRANT READ ON a TO bob',
  'GRANT WRITE ON b TO bob',
  'GRANT ALL ON none TO bob',
  'GRANT ALL ON a TO none',
  'GRANT ALL ON none TO none',
  'SHOW GRANTS FOR bob',
  'GRANT WRITE ON a TO bob',
  'REVOKE READ ON a FROM bob',
  'SHOW GRANTS FOR bob',
  'REVOKE WRITE ON a FROM bob',
  'SHOW GRANTS FOR bob',
  'GRANT ALL PRIVILEGES ON a TO bob',
  'REVOKE READ ON a FROM bob',
  'REVOKE READ ON c FROM bob',
  'SHOW GRANTS FOR bob',
  'REVOKE ALL ON a FROM bob',
  'REVOKE ALL ON none FROM bob',
  'REVOKE ALL ON a FROM none',
  'GRANT ALL PRIVILEGES TO bob',
  'SHOW USERS',
  'GRANT ALL TO none',
  'REVOKE ALL PRIVILEGES FROM bob',
  'REVOKE ALL FROM none',
  "SET PASSWORD FOR bob = 'zz'",
  "CREATE USER bob WITH PASSWORD 'zz'",
  "SET PASSWORD FOR none = 'zz'",
  'GRANT READ ON d TO ann',
  'DROP DATABASE d',
  'SHOW GRANTS FOR ann',
  'DROP USER none',
  'DROP USER bob',
  'SHOW USERS',
  // Continuous queries.
  'SHOW CONTINUOUS QUERIES',
  `CREATE CONTINUOUS QUERY q1 ON a BEGIN ${AGGREGATE} END`,
  `CREATE CONTINUOUS QUERY q1 ON a BEGIN ${AGGREGATE} END`,
  'CREATE CONTINUOUS QUERY q1 ON a BEGIN SELECT mean(v) INTO X FROM m GROUP BY time(1m) END',
  'CREATE CONTINUOUS QUERY q1 ON a BEGIN SELECT mean(v) INTO y FROM m GROUP BY time(1m) END',
  'CREATE CONTINUOUS QUERY Q1 ON a BEGIN SELECT mean(v) INTO y FROM m GROUP BY time(1m) END',
  `create continuous query "q 2" on a resample every 30s for 5m begin select mean(v) as z into r7."x" from /m.*/ where host = 'b' group by time(1m), * end`,
  'CREATE CONTINUOUS QUERY q3 ON a BEGIN SELECT v INTO x FROM m END',
  'CREATE CONTINUOUS QUERY q4 ON a BEGIN SELECT mean(v) FROM m GROUP BY time(1m) END',
  'CREATE CONTINUOUS QUERY q4 ON a BEGIN SELECT mean(v) INTO x FROM m END',
  `CREATE CONTINUOUS QUERY q4 ON a RESAMPLE FOR 10s BEGIN ${AGGREGATE} END`,
  `CREATE CONTINUOUS QUERY q4 ON a RESAMPLE EVERY 2m FOR 90s BEGIN ${AGGREGATE} END`,
  `CREATE CONTINUOUS QUERY q4 ON none BEGIN ${AGGREGATE} END`,
  `CREATE CONTINUOUS QUERY "q/4" ON a BEGIN ${AGGREGATE} END`,
  'CREATE CONTINUOUS QUERY q5 ON a BEGIN SELECT mean(v) INTO none.x FROM m GROUP BY time(1m) END',
  'CREATE CONTINUOUS QUERY q5 ON a BEGIN SELECT mean(v) INTO none.p.x FROM other..m GROUP BY time(1m) END',
  'CREATE CONTINUOUS QUERY q5 ON a BEGIN SELECT mean(v) INTO x FROM none..m GROUP BY time(1m) END',
  'CREATE CONTINUOUS QUERY q5 ON a BEGIN SELECT mean(v) INTO x FROM a.none.m GROUP BY time(1m) END',
  'CREATE CONTINUOUS QUERY q5 ON a BEGIN SELECT mean(v) INTO x FROM (SELECT v FROM none..m) GROUP BY time(1m) END',
  'CREATE CONTINUOUS QUERY q5 ON a BEGIN SELECT mean(v) INTO a.r7.:MEASUREMENT FROM m, r3.n GROUP BY time(1m), host fill(0) END',
  'CREATE CONTINUOUS QUERY q6 ON a BEGIN SELECT mean(v) INTO x FROM m WHERE time > now() - 1h GROUP BY time(1m) END',
  'CREATE CONTINUOUS QUERY q7 ON a BEGIN SELECT max(s) INTO x FROM (SELECT sum(v) AS s FROM m GROUP BY host) GROUP BY time(1m, 15s) END',
  'CREATE CONTINUOUS QUERY q8 ON b RESAMPLE EVERY 1h BEGIN SELECT derivative(mean(v), 1s), top(v, 2) INTO x FROM m GROUP BY time(30m) END',
  "CREATE CONTINUOUS QUERY q9 ON b BEGIN SELECT mean(v) INTO x FROM m GROUP BY time(1d) tz('Europe/Berlin') END",
  'SHOW CONTINUOUS QUERIES',
  'DROP CONTINUOUS QUERY none ON a',
  'DROP CONTINUOUS QUERY none ON none',
  'DROP CONTINUOUS QUERY q1 ON a',
  'DROP RETENTION POLICY autogen ON b',
  `CREATE CONTINUOUS QUERY q2 ON b BEGIN ${AGGREGATE} END`,
  'DROP DATABASE a',
  'SHOW CONTINUOUS QUERIES',
];

/** Statements over few names and durations, so that they meet. */
function randomStatement(random: Random): string {
  const database = () => random.pick(['d0', 'd1', 'd2', 'gone']);
  const policy = () => random.pick(['autogen', 'p0', 'p1', 'p2']);
  const user = () => random.pick(['u0', 'u1', 'nobody']);
  const duration = () => random.pick(['0s', '1h', '90m', '2h', '1d', '47h', '2d', '30d', '180d', '400d', '59m', 'INF']);
  const privilege = () => random.pick(['READ', 'WRITE', 'ALL']);
  const maybe = (text: string, chance = 0.5) => (random.chance(chance) ? ` ${text}` : '');
  const replication = () => `REPLICATION ${1 + random.below(2)}`;
  const shard = () => `SHARD DURATION ${duration()}`;
  const query = () => random.pick(['q0', 'q1']);
  switch (random.below(17)) {
    case 0:
      return `CREATE DATABASE ${database()}`;
    case 1:
    case 2:
      return `CREATE DATABASE ${database()} WITH DURATION ${duration()}${maybe(replication(), 0.2)}${maybe(shard(), 0.3)}${maybe(`NAME ${policy()}`)}`;
    case 3:
      return `DROP DATABASE ${database()}`;
    case 4:
    case 5:
    case 6:
      return `CREATE RETENTION POLICY ${policy()} ON ${database()} DURATION ${duration()} ${replication()}${maybe(shard())}${maybe('DEFAULT', 0.3)}`;
    case 7:
    case 8:
    case 9:
      return `ALTER RETENTION POLICY ${policy()} ON ${database()} DURATION ${duration()}${maybe(replication(), 0.2)}${maybe(shard())}${maybe('DEFAULT', 0.3)}`;
    case 10:
      return `ALTER RETENTION POLICY ${policy()} ON ${database()} ${random.pick([shard(), 'DEFAULT', replication()])}`;
    case 11:
      return `DROP RETENTION POLICY ${policy()} ON ${database()}`;
    case 12:
      return `GRANT ${privilege()} ON ${database()} TO ${user()}`;
    case 13:
      return `REVOKE ${privilege()} ON ${database()} FROM ${user()}`;
    case 14:
      return random.pick([`GRANT ALL TO ${user()}`, `REVOKE ALL FROM ${user()}`, 'SHOW USERS']);
    case 15:
      return `CREATE CONTINUOUS QUERY ${query()} ON ${database()} BEGIN SELECT mean(v) INTO ${random.pick(['x', 'y', `${policy()}.x`])} FROM m GROUP BY time(1h) END`;
    default:
      return `DROP CONTINUOUS QUERY ${query()} ON ${database()}`;
  }
}

describe.skipIf(!havePrograms('influxd'))('administration beside influxd', () => {
  const { path: directory, remove } = temporaryDirectory('influx-admin');
  const fs = new MemoryFileSystem(1);
  let influxd: InfluxdProcess;
  let engine: Engine;
  const open = () =>
    openEngine({ dataDir: '/data', fs: fs.attach(), inline: true, flushIntervalMs: 0, maintenanceIntervalMs: 0 });

  beforeAll(async () => {
    influxd = await startInfluxd(directory);
    engine = await open();
  });

  afterAll(async () => {
    await influxd.stop();
    await engine.close();
    remove();
  });

  const both = async (text: string, database = '') => {
    const [want, got] = await Promise.all([askInfluxd(influxd.url, text, database), askVarve(engine, text, database)]);
    return { want: comparable(want), got: comparable(got) };
  };

  test('chosen statements', async () => {
    for (const text of STATEMENTS) {
      const { want, got } = await both(text);
      expect(got, text).toEqual(want);
    }
    const { want, got } = await both('SHOW RETENTION POLICIES', 'b');
    expect(got).toEqual(want);
  }, 60_000);

  test(`random statements, and a power loss now and then (seed ${SEED})`, async () => {
    const random = new Random(SEED);
    for (const user of ['u0', 'u1']) await both(`CREATE USER ${user} WITH PASSWORD 'x'`);
    const steps: string[] = [];
    for (let n = 0; n < RANDOM_STATEMENTS; n++) {
      if (random.chance(0.02)) {
        steps.push('(power loss)');
        fs.crash();
        fs.remove('/data/LOCK');
        engine = await open();
      }
      steps.push(randomStatement(random));
      const seen = [steps[steps.length - 1], 'SHOW DATABASES'];
      if (random.chance(0.3)) seen.push('SHOW CONTINUOUS QUERIES', 'SHOW GRANTS FOR u0', 'SHOW GRANTS FOR u1');
      for (const name of ['d0', 'd1', 'd2']) if (random.chance(0.3)) seen.push(`SHOW RETENTION POLICIES ON ${name}`);
      for (const text of seen) {
        const { want, got } = await both(text);
        expect(got, `seed ${SEED}: ${text}\nafter\n${steps.slice(-25).join('\n')}`).toEqual(want);
      }
    }
  }, 120_000);
});
