/** Authentication beside a real influxd with `auth-enabled`: who may do what, and in which words the rest is refused. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type InfluxdProcess, startInfluxd } from './influxd-process.ts';
import { havePrograms } from './peers.ts';
import { type ServerProcess, startServer, temporaryDirectory } from './server-process.ts';

interface Request {
  readonly path: string;
  readonly form?: Record<string, string>;
  readonly body?: string;
  readonly authorization?: string;
}

const basic = (user: string, password: string) => `Basic ${btoa(`${user}:${password}`)}`;
const statement = (q: string, authorization?: string, db = ''): Request => ({
  path: `/query${db === '' ? '' : `?db=${db}`}`,
  form: { q },
  ...(authorization === undefined ? {} : { authorization }),
});

/** Before there is an administrator, in this order. */
const FIRST: readonly Request[] = [
  statement('SHOW DATABASES'),
  statement('SELECT * FROM m', undefined, 'x'),
  statement('CREATE DATABASE a'),
  statement(`CREATE USER ann WITH PASSWORD 'x'`),
  statement('CREATE DATABASE a', basic('no', 'one')),
  { path: '/ping' },
  statement(`CREATE USER ann WITH PASSWORD 'x' WITH ALL PRIVILEGES; SHOW DATABASES`),
  statement(`CREATE USER eve WITH PASSWORD 'x' WITH ALL PRIVILEGES`),
  statement('SHOW DATABASES'),
  statement('SELEC'),
  statement(''),
  statement('SHOW DATABASES', basic('ann', 'wrong')),
  statement('SHOW DATABASES', basic('nobody', 'x')),
  statement('SHOW DATABASES', 'Basic !!'),
  statement('SHOW DATABASES', 'Something x'),
  { path: '/query?u=ann&p=x&q=SHOW%20USERS' },
  { path: '/query?u=ann&p=wrong&q=SHOW%20USERS' },
  { path: '/query?u=ann&q=SHOW%20USERS' },
  { path: '/query?u=&p=&q=SHOW%20USERS' },
  { path: '/query?u=ann&p=wrong&q=SHOW%20USERS', authorization: basic('ann', 'x') },
  { path: '/query', authorization: basic('ann', 'x') },
  { path: '/query', form: { q: 'SHOW DATABASES', u: 'ann', p: 'x' } },
];

const STATEMENTS = [
  'SELECT * FROM b..m',
  'SELECT * FROM m, b..m',
  'SELECT * FROM (SELECT * FROM b..m)',
  'SELECT * INTO mm FROM m',
  'SELECT * INTO b..mm FROM m',
  'SHOW MEASUREMENTS',
  'SHOW MEASUREMENTS ON b',
  'SHOW TAG VALUES ON b WITH KEY = x',
  'SHOW FIELD KEYS',
  'SHOW RETENTION POLICIES ON b',
  'SHOW USERS',
  'SHOW GRANTS FOR reader',
  'SHOW STATS',
  'SHOW DIAGNOSTICS',
  'SHOW SHARDS',
  'SHOW SHARD GROUPS',
  'SHOW SUBSCRIPTIONS',
  'SHOW DATABASES',
  'CREATE DATABASE zz',
  'DROP DATABASE a',
  'DROP MEASUREMENT m',
  `SET PASSWORD FOR reader = 'x'`,
  'KILL QUERY 1',
  'EXPLAIN SELECT * FROM b..m',
  'CREATE RETENTION POLICY r ON a DURATION 1d REPLICATION 1',
  'ALTER RETENTION POLICY autogen ON a DURATION 1d',
  'DROP RETENTION POLICY r ON b',
  'CREATE CONTINUOUS QUERY c ON a BEGIN SELECT mean(v) INTO b..q FROM m GROUP BY time(1m) END',
  'DROP CONTINUOUS QUERY c ON b',
  'SHOW SERIES CARDINALITY',
  'GRANT READ ON a TO nobody',
  'REVOKE READ ON a FROM nobody',
  'DROP SHARD 1',
  'DROP USER ann',
  'SHOW SHARDS; SHOW DATABASES',
  'SHOW DATABASES; SELECT * FROM b..m',
  'SHOW DATABASES; SELEC',
  `CREATE SUBSCRIPTION s ON a.autogen DESTINATIONS ALL 'udp://h:1'`,
  'DELETE FROM nothing',
  'DROP SERIES FROM nothing',
];

describe.skipIf(!havePrograms('influxd'))('authentication beside influxd', () => {
  const directory = temporaryDirectory('influx-access');
  let influxd: InfluxdProcess;
  let varve: ServerProcess;

  beforeAll(async () => {
    [influxd, varve] = await Promise.all([
      startInfluxd(directory.path, { environment: { INFLUXDB_HTTP_AUTH_ENABLED: 'true' } }),
      startServer({ dataDir: `${directory.path}/varve`, args: ['--auth-enabled', 'true'] }),
    ]);
  });

  afterAll(async () => {
    await Promise.all([influxd?.stop(), varve?.stop()]);
    directory.remove();
  });

  async function send(url: string, { path, form, body, authorization }: Request) {
    const answer = await fetch(url + path, {
      method: form === undefined && body === undefined ? 'GET' : 'POST',
      ...(form === undefined ? {} : { body: new URLSearchParams(form) }),
      ...(body === undefined ? {} : { body }),
      headers: authorization === undefined ? {} : { authorization },
    });
    return {
      status: answer.status,
      text: await answer.text(),
      error: answer.headers.get('x-influxdb-error'),
      asks: answer.headers.get('www-authenticate')?.split(' ')[0] ?? null,
    };
  }

  async function check(request: Request): Promise<void> {
    const [theirs, ours] = [await send(influxd.url, request), await send(varve.url, request)];
    expect(ours, JSON.stringify(request)).toEqual(theirs);
  }

  test('from no administrator to the first one, and how requests say who they are from', async () => {
    for (const request of FIRST) await check(request);
  });

  test('statements and writes of users with one right, several, or none', async () => {
    const ann = basic('ann', 'x');
    const users = { reader: 'READ', writer: 'WRITE', both: 'ALL', none: '' };
    for (const made of ['CREATE DATABASE a', 'CREATE DATABASE b']) await check(statement(made, ann));
    for (const [user, privilege] of Object.entries(users)) {
      await check(statement(`CREATE USER ${user} WITH PASSWORD 'x'`, ann));
      if (privilege !== '') await check(statement(`GRANT ${privilege} ON a TO ${user}`, ann));
    }
    for (const db of ['a', 'b']) await check({ path: `/write?db=${db}`, body: 'm v=1 1', authorization: ann });
    // A continuous query by one who may only read is refused here, and taken there.
    for (const user of Object.keys(users)) {
      const authorization = basic(user, 'x');
      for (const each of STATEMENTS) await check(statement(each, authorization, 'a'));
      for (const db of ['a', 'b']) await check({ path: `/write?db=${db}`, body: 'm v=1 1', authorization });
    }
    await check({ path: '/write?db=a', body: 'm v=1 1' });
    await check({ path: '/write?db=a', body: 'm v=1 1', authorization: basic('reader', 'wrong') });
  });
});
