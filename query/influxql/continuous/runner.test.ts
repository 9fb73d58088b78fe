/** Continuous queries on an engine, by a clock that is moved: what they write, over which windows, and after restarts. */
import { expect, it } from 'vitest';
import { ManualClock } from '../../../clock/clock.ts';
import { MemoryFileSystem } from '../../../disk/memory-file-system.ts';
import { type Engine, openEngine } from '../../../engine/engine.ts';
import { writeLines } from '../../../ingest/write-lines.ts';
import { executeStatements } from '../execute.ts';
import { parseStatements } from '../parser/parser.ts';
import { NO_SELECT_LIMITS } from '../select/context.ts';
import { NO_RUNNING_QUERIES, newStatementContext } from '../statement-context.ts';
import { ContinuousQueries } from './runner.ts';

const HOUR_SEC = 3600;
const START_SEC = 400_000 * HOUR_SEC;

class Scene {
  readonly fs = new MemoryFileSystem(1);
  readonly clock = new ManualClock(START_SEC * 1000);
  readonly logged: string[] = [];
  engine!: Engine;
  queries!: ContinuousQueries;

  async open(): Promise<void> {
    this.engine = await openEngine({
      dataDir: '/data',
      fs: this.fs.attach(),
      clock: this.clock,
      inline: true,
      flushIntervalMs: 0,
      maintenanceIntervalMs: 0,
      reserveBytes: 0,
      log: (level, message) => {
        if (level === 'error') this.logged.push(message);
      },
    });
    this.queries = new ContinuousQueries({ engine: this.engine, clock: this.clock, workers: null, intervalMs: 1000 });
  }

  async close(): Promise<void> {
    await this.queries.stop();
    await this.engine.close();
  }

  async run(text: string): Promise<unknown[]> {
    const { engine } = this;
    const context = newStatementContext({
      engine,
      database: 'd',
      retentionPolicy: '',
      nowNs: BigInt(this.clock.nowMs()) * 1_000_000n,
      signal: null,
      limits: NO_SELECT_LIMITS,
      workers: null,
      chunkRows: 1000,
      queries: NO_RUNNING_QUERIES,
      assumedDatabase: null,
    });
    const describe = (error: unknown) => (error as Error).message;
    const rows: unknown[] = [];
    const options = { chunkRows: Infinity, readOnly: false, describe };
    for await (const { series, error } of executeStatements(parseStatements(text), context, options)) {
      if (error !== '') throw new Error(error);
      for (const { series: found, start, end } of series) {
        for (let row = start; row < end; row++) {
          rows.push(
            found.values.map((column) => {
              if (column.kind === 'time') return (column.sec[row] - START_SEC) / HOUR_SEC;
              return column.values[row];
            }),
          );
        }
      }
    }
    return rows;
  }

  write(lines: string, database = 'd'): Promise<unknown> {
    return writeLines(this.engine, database, new TextEncoder().encode(lines));
  }

  /** Lets time pass in steps, looking for due queries after each. */
  async pass(hours: number, stepMinutes = 15): Promise<void> {
    for (let minutes = 0; minutes < hours * 60; minutes += stepMinutes) {
      this.clock.advance(stepMinutes * 60_000);
      await this.queries.tick();
    }
  }
}

/** A value at each of these hours after the start. */
function lines(...points: [hour: number, value: number][]): string {
  return points.map(([hour, value]) => `m,host=a v=${value} ${(START_SEC + hour * HOUR_SEC) * 1e9}`).join('\n');
}

async function scene(...statements: string[]): Promise<Scene> {
  const made = new Scene();
  await made.open();
  await made.run('CREATE DATABASE d');
  for (const statement of statements) await made.run(statement);
  return made;
}

it('writes what each window selects, once it has ended, with the tags that are grouped by', async () => {
  const s = await scene(
    'CREATE CONTINUOUS QUERY q ON d BEGIN SELECT mean(v) INTO hourly FROM m GROUP BY time(1h), * END',
  );
  await s.write(lines([0.2, 1], [0.6, 3], [1.5, 10]));
  await s.pass(0.75);
  expect(await s.run('SELECT * FROM hourly')).toEqual([]);
  await s.pass(0.5);
  expect(await s.run('SELECT * FROM hourly')).toEqual([[0, 'a', 2]]);
  await s.pass(1);
  expect(await s.run('SELECT * FROM hourly')).toEqual([
    [0, 'a', 2],
    [1, 'a', 10],
  ]);
  expect(s.engine.counters).toMatchObject({ continuousQueries: 2, continuousQueryErrors: 0 });
  await s.close();
});

it('RESAMPLE takes late rows into account, and shows the window that goes on', async () => {
  const s = await scene(
    'CREATE CONTINUOUS QUERY q ON d RESAMPLE EVERY 30m FOR 2h BEGIN SELECT sum(v) INTO hourly FROM m GROUP BY time(1h) END',
  );
  await s.write(lines([0.2, 1]));
  await s.pass(0.5);
  expect(await s.run('SELECT * FROM hourly'), 'half of the window').toEqual([[0, 1]]);
  await s.pass(1);
  await s.write(lines([0.9, 5], [1.2, 7]));
  await s.pass(0.5);
  expect(await s.run('SELECT * FROM hourly')).toEqual([
    [0, 6],
    [1, 7],
  ]);
  await s.pass(2);
  await s.write(lines([0.95, 100]));
  await s.pass(1);
  expect(await s.run('SELECT * FROM hourly'), 'too late').toEqual([
    [0, 6],
    [1, 7],
  ]);
  await s.close();
});

it('windows that end while the server is down are covered after it', async () => {
  const s = await scene('CREATE CONTINUOUS QUERY q ON d BEGIN SELECT sum(v) INTO hourly FROM m GROUP BY time(1h) END');
  await s.write(lines([0.5, 1], [1.5, 2], [2.5, 3], [3.5, 4]));
  await s.pass(1.25);
  await s.close();
  s.clock.advance(2 * HOUR_SEC * 1000);
  await s.open();
  await s.queries.tick();
  expect(await s.run('SELECT * FROM hourly')).toEqual([
    [0, 1],
    [1, 2],
    [2, 3],
  ]);
  await s.pass(1);
  expect(await s.run('SELECT last(sum) FROM hourly')).toEqual([[3, 4]]);
  await s.close();
});

it('goes on without what it noted, when that is damaged', async () => {
  const s = await scene('CREATE CONTINUOUS QUERY q ON d BEGIN SELECT sum(v) INTO hourly FROM m GROUP BY time(1h) END');
  await s.pass(1);
  await s.close();
  s.fs.flipBit('/data/CONTINUOUS', 60, 0);
  await s.open();
  expect(s.logged).toEqual([expect.stringContaining('cannot read /data/CONTINUOUS')]);
  await s.write(lines([1.5, 2]));
  await s.pass(1);
  expect(await s.run('SELECT * FROM hourly')).toEqual([[1, 2]]);
  await s.close();
});

it('another retention policy is written to, and conditions hold in every window', async () => {
  const s = await scene(
    'CREATE RETENTION POLICY long ON d DURATION INF REPLICATION 1',
    `CREATE CONTINUOUS QUERY q ON d BEGIN SELECT count(v) AS n INTO d.long.:MEASUREMENT FROM /m|k/
       WHERE (host = 'a' OR host = 'b') AND time > 0 GROUP BY time(1h) END`,
  );
  const at = (hour: number) => (START_SEC + hour * HOUR_SEC) * 1e9;
  await s.write(`m,host=a v=1 ${at(0.1)}\nm,host=b v=1 ${at(0.2)}\nm,host=c v=1 ${at(0.3)}\nk,host=a v=1 ${at(0.4)}`);
  await s.pass(1);
  expect(await s.run('SELECT * FROM long.m')).toEqual([[0, 2]]);
  expect(await s.run('SELECT * FROM long.k')).toEqual([[0, 1]]);
  expect(await s.run('SELECT n FROM m')).toEqual([]);
  await s.close();
});

it('one that fails is told of once, and does not keep others from running', async () => {
  const s = await scene(
    'CREATE RETENTION POLICY gone ON d DURATION INF REPLICATION 1',
    'CREATE CONTINUOUS QUERY bad ON d BEGIN SELECT sum(v) INTO d.gone.x FROM m GROUP BY time(1h) END',
    'CREATE CONTINUOUS QUERY good ON d BEGIN SELECT sum(v) INTO y FROM m GROUP BY time(1h) END',
    'DROP RETENTION POLICY gone ON d',
  );
  await s.write(lines([0.5, 1], [1.5, 1]));
  await s.pass(3);
  expect(await s.run('SELECT count(sum) FROM y')).toHaveLength(1);
  expect(s.engine.counters.continuousQueries).toBe(3);
  expect(s.engine.counters.continuousQueryErrors).toBeGreaterThan(0);
  expect(s.logged).toEqual([expect.stringMatching(/^cannot run continuous query bad: .*gone/)]);
  await s.run('DROP CONTINUOUS QUERY bad ON d');
  const { continuousQueryErrors } = s.engine.counters;
  await s.pass(2);
  expect(s.engine.counters.continuousQueryErrors).toBe(continuousQueryErrors);
  await s.close();
});
