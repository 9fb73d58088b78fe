/**
 * Who may do what, on a real server: every route of the table is tried without credentials, with a token that is good for
 * another database, and by an administrator. Routes come from the table itself, so a new one is tried too, and one that
 * is for everybody, or looks after its answer itself, has to be named here.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ROUTES } from '../server/app.ts';
import { accessOf } from '../server/auth/route-access.ts';
import { RAW_ROUTES } from '../server/raw-routes.ts';
import { type ServerProcess, startServer, temporaryDirectory } from './server-process.ts';

/** What nobody has to say who they are for: nothing in it is anybody's data. */
const PUBLIC = [
  'GET /',
  'GET /-/healthy',
  'GET /-/ready',
  'GET /api/v1/status/walreplay',
  'GET /health',
  'GET /icon.svg',
  'GET /ping',
  'GET /ui/:file',
];

/** Routes that show each asker only what that one may see, or nothing of any database. */
const OWN_CARE = [
  'DELETE /api/v1/status/active_queries/:id',
  'GET /api/v1/alertmanagers',
  'GET /api/v1/alerts',
  'GET /api/v1/databases',
  'GET /api/v1/format_query',
  'GET /api/v1/parse_query',
  'GET /api/v1/rules',
  'GET /api/v1/scrape_pools',
  'GET /api/v1/status/active_queries',
  'GET /api/v1/status/buildinfo',
  'GET /api/v1/status/runtimeinfo',
  'GET /api/v1/targets',
  'GET /api/v1/targets/metadata',
  'GET /api/v1/whoami',
  'GET /api/v2/buckets',
  'GET /api/v2/buckets/:id',
  'GET /api/v2/orgs',
  'GET /query',
  'POST /api/v1/format_query',
  'POST /api/v1/parse_query',
  'POST /api/v2/query',
  'POST /query',
];

/** Everything of the other database has this in its name, so that an answer that tells of any of it is found. */
const HIDDEN = 'hidden';
const PASSWORD = 'correct horse';

interface Tried {
  readonly name: string;
  readonly method: string;
  readonly path: string;
}

const TRIED: readonly Tried[] = [
  ...RAW_ROUTES.map(({ path }) => ({ name: `POST ${path}`, method: 'POST', path })),
  ...ROUTES.flatMap(({ methods, path }) => methods.map((method) => ({ name: `${method} ${path}`, method, path }))),
];

const accessByName = new Map<string, string>([
  ...RAW_ROUTES.map(({ path, access }) => [`POST ${path}`, access] as const),
  ...ROUTES.flatMap(({ methods, path, access }) =>
    methods.map((method) => [`${method} ${path}`, accessOf(access, method)] as const),
  ),
]);

describe('access', () => {
  const { path: dataDir, remove } = temporaryDirectory('access');
  let server: ServerProcess;
  let token = '';
  let hiddenBucket = '';
  const admin = { authorization: `Basic ${btoa(`root:${PASSWORD}`)}` };

  const ask = (path: string, init: RequestInit = {}) => fetch(server.url + path, { redirect: 'manual', ...init });
  const query = async (q: string, headers: Record<string, string>, more = '') => {
    const answer = await ask(`/query?${more}`, { method: 'POST', headers, body: new URLSearchParams({ q }) });
    return { status: answer.status, text: await answer.text() };
  };

  beforeAll(async () => {
    const rules = join(dataDir, 'rules.yml');
    writeFileSync(
      rules,
      `groups: [{ name: ${HIDDEN}_group, interval: 1h, rules: [{ record: '${HIDDEN}:sum', expr: 'sum(${HIDDEN}_metric)' }, { alert: ${HIDDEN}_alert, expr: 'vector(1)' }] }]\n`,
    );
    server = await startServer({
      dataDir: join(dataDir, 'data'),
      args: ['--auth-enabled', 'true', '--enable-admin-api', '--rules', rules, '--rules-database', `${HIDDEN}_db`],
    });
  });

  afterAll(async () => {
    await server?.stop();
    remove();
  });

  test('with authentication and no administrator, only making the first one is allowed', async () => {
    const refusal = 'error authorizing query: create admin user first or disable authentication';
    for (const statement of ['SHOW DATABASES', 'CREATE DATABASE a', `CREATE USER u WITH PASSWORD 'x'`]) {
      expect(await query(statement, {}), statement).toEqual({
        status: 403,
        text: `${JSON.stringify({ error: refusal })}\n`,
      });
    }
    expect((await ask('/write?db=a', { method: 'POST', body: 'm v=1' })).status).toBe(403);
    expect((await ask('/api/v1/databases')).status).toBe(403);
    expect(
      (await ask('/api/v1/users', { method: 'POST', body: new URLSearchParams({ name: 'u', password: 'x' }) })).status,
    ).toBe(403);
    const made = await query(`CREATE USER root WITH PASSWORD '${PASSWORD}' WITH ALL PRIVILEGES`, {});
    expect(made).toEqual({ status: 200, text: '{"results":[{"statement_id":0}]}\n' });
    const second = await query(`CREATE USER other WITH PASSWORD 'x' WITH ALL PRIVILEGES`, {});
    expect(second).toEqual({ status: 401, text: '{"error":"unable to parse authentication credentials"}\n' });
  });

  test('there is a database for the token, and one that it must not know of', async () => {
    const statements = [
      'CREATE DATABASE mine',
      `CREATE DATABASE ${HIDDEN}_db`,
      `CREATE RETENTION POLICY ${HIDDEN}_policy ON ${HIDDEN}_db DURATION 1d REPLICATION 1`,
      `CREATE USER ${HIDDEN}_user WITH PASSWORD 'x'`,
      `CREATE CONTINUOUS QUERY ${HIDDEN}_cq ON ${HIDDEN}_db BEGIN SELECT mean(value) INTO ${HIDDEN}_to FROM ${HIDDEN}_metric GROUP BY time(1m) END`,
    ];
    statements.push(
      `CREATE CONTINUOUS QUERY seen_cq ON mine BEGIN SELECT mean(value) INTO seen_to FROM seen_metric GROUP BY time(1h) END`,
      `CREATE CONTINUOUS QUERY away_cq ON mine BEGIN SELECT mean(value) INTO ${HIDDEN}_db..away FROM seen_metric GROUP BY time(1h) END`,
    );
    for (const statement of statements) expect((await query(statement, admin)).text).not.toContain('error');
    for (const [db, line] of [
      ['mine', 'seen_metric,seen_tag=seen value=1'],
      [`${HIDDEN}_db`, `${HIDDEN}_metric,${HIDDEN}_tag=${HIDDEN}_value value=1`],
    ]) {
      expect((await ask(`/write?db=${db}`, { method: 'POST', headers: admin, body: line })).status).toBe(204);
    }
    const body = new URLSearchParams({ all: 'mine', description: 'for mine' });
    const made = await ask('/api/v1/tokens', { method: 'POST', headers: admin, body });
    token = ((await made.json()) as { data: { token: string } }).data.token;
    expect(token).toMatch(/^varve_/);
    const buckets = await ask(`/api/v2/buckets?name=${HIDDEN}_db`, { headers: admin });
    hiddenBucket = ((await buckets.json()) as { buckets: { id: string }[] }).buckets[0].id;
  });

  test('every route says what it needs; those for everybody and those that take care themselves are known', () => {
    expect(TRIED.length).toBeGreaterThan(50);
    const namesOf = (wanted: string) =>
      [...accessByName].filter(([, access]) => access === wanted).map(([name]) => name);
    expect(namesOf('public').sort()).toEqual(PUBLIC);
    expect(namesOf('known').sort()).toEqual(OWN_CARE);
  });

  /** All the ways to mean the hidden database at a route, and questions whose answers would tell of it. */
  function attempts({ path, method }: Tried): { url: string; init: RequestInit }[] {
    const filled = path
      .replace('/buckets/:id', `/buckets/${hiddenBucket}`)
      .replace(':database', `${HIDDEN}_db`)
      .replace('/users/:name', `/users/${HIDDEN}_user`)
      .replace('/label/:name', '/label/__name__')
      .replace(':name', `${HIDDEN}_db`)
      .replace(':id', '1')
      .replace(':file', 'index.js');
    const questions = new URLSearchParams({
      query: '{__name__=~".+"}',
      'match[]': '{__name__=~".+"}',
      start: '0',
      end: '4000000000',
      step: '1000000000',
      privilege: 'all',
      q: 'SHOW DATABASES; SHOW CONTINUOUS QUERIES; SHOW QUERIES',
    });
    const name = `${HIDDEN}_db`;
    const places = [
      `db=${name}`,
      `bucket=${name}`,
      `db=${name}&rp=${HIDDEN}_policy`,
      `db=${name}/autogen`,
      'db=mine',
      '',
    ];
    const urls = places.map((place) => `${filled}?${questions}&${place}`);
    urls.push(`/db/${name}${filled}?${questions}&db=mine`, `/db/${name}%2Fautogen${filled}?${questions}`);
    const init = method === 'GET' || method === 'DELETE' ? { method } : { method, body: 'intruder value=1' };
    return urls.map((url) => ({ url, init }));
  }

  test('without credentials, nothing but what is for everybody answers', async () => {
    for (const tried of TRIED) {
      const { url, init } = attempts(tried)[0];
      const answer = await ask(url, init);
      const text = await answer.text();
      if (PUBLIC.includes(tried.name)) expect(answer.status, tried.name).not.toBe(401);
      else {
        expect(answer.status, `${tried.name}: ${text}`).toBe(401);
        expect(answer.headers.get('www-authenticate'), tried.name).toContain('Basic');
      }
      expect(text, tried.name).not.toContain(HIDDEN);
    }
  });

  test('a token for one database sees nothing of another on any route, and changes nothing', async () => {
    const headers = { authorization: `Bearer ${token}` };
    for (const tried of TRIED) {
      for (const { url, init } of attempts(tried)) {
        const answer = await ask(url, { ...init, headers });
        const text = await answer.text();
        // Errors, and SHOW QUERIES of this very request, repeat the name that was asked for, and nothing else.
        const told = text.replaceAll(
          `${HIDDEN}_db`,
          url.includes(`${HIDDEN}_db`) && (answer.status >= 400 || tried.path === '/query') ? '' : '$&',
        );
        expect(told, `${tried.method} ${url} ${answer.status}`).not.toContain(HIDDEN);
        const access = accessByName.get(tried.name);
        if (access === 'admin' || access === 'first-admin' || access === 'metrics') {
          expect(answer.status, `${tried.method} ${url}: ${text}`).toBe(403);
        }
        const meansOther = url.includes(`db=${HIDDEN}`) || url.includes(`bucket=${HIDDEN}`) || url.startsWith('/db/');
        if ((access === 'read' || access === 'write') && meansOther) {
          expect(answer.status, `${tried.method} ${url}: ${text}`).toBe(403);
        }
      }
    }
    const left = await query(
      'SHOW MEASUREMENTS; SHOW RETENTION POLICIES; SHOW GRANTS FOR hidden_user',
      admin,
      `db=${HIDDEN}_db`,
    );
    expect(left.text).toContain(`${HIDDEN}_metric`);
    expect(left.text).toContain(`${HIDDEN}_policy`);
    expect(left.text).not.toContain('intruder');
    expect(left.text).not.toContain('ALL PRIVILEGES');
  });

  test('what does not exist is refused in the words of what does', async () => {
    const headers = { authorization: `Token ${token}` };
    for (const path of ['/api/v1/query?query=x', '/api/v1/labels?', '/api/v1/status/tsdb?']) {
      const [there, nowhere] = await Promise.all(
        [`${HIDDEN}_db`, 'never_made'].map(async (db) => (await ask(`${path}&db=${db}`, { headers })).text()),
      );
      expect(there.replaceAll(`${HIDDEN}_db`, 'X')).toBe(nowhere.replaceAll('never_made', 'X'));
    }
    const read = (db: string) => query(`SELECT * FROM ${db}..m`, headers, 'db=mine');
    const [there, nowhere] = await Promise.all([read(`${HIDDEN}_db`), read('never_made')]);
    expect(there.status).toBe(403);
    expect(there.text.replaceAll(`${HIDDEN}_db`, 'X')).toBe(nowhere.text.replaceAll('never_made', 'X'));
  });

  test('statements that reach into another database are refused, source by source', async () => {
    const headers = { authorization: `Bearer ${token}` };
    const other = `${HIDDEN}_db`;
    const statements = [
      `SELECT * FROM ${other}..${HIDDEN}_metric`,
      `SELECT * FROM seen_metric, ${other}..${HIDDEN}_metric`,
      `SELECT * FROM (SELECT * FROM ${other}..${HIDDEN}_metric)`,
      `SELECT * FROM (SELECT * FROM (SELECT * FROM "${other}"."autogen"./.*/))`,
      `SELECT * FROM "${other}/autogen"..${HIDDEN}_metric`,
      `SELECT * INTO ${other}..copy FROM seen_metric`,
      `SELECT * INTO ${other}.autogen.:MEASUREMENT FROM seen_metric`,
      `EXPLAIN SELECT * FROM ${other}..${HIDDEN}_metric`,
      `EXPLAIN ANALYZE SELECT * FROM ${other}..${HIDDEN}_metric`,
      `SHOW MEASUREMENTS ON ${other}`,
      `SHOW SERIES ON ${other}`,
      `SHOW SERIES FROM ${other}..${HIDDEN}_metric`,
      `SHOW TAG KEYS ON ${other}`,
      `SHOW TAG VALUES ON ${other} WITH KEY = ${HIDDEN}_tag`,
      `SHOW FIELD KEYS ON ${other}`,
      `SHOW RETENTION POLICIES ON ${other}`,
      `SHOW SERIES CARDINALITY ON ${other}`,
      `SHOW SERIES EXACT CARDINALITY ON ${other}`,
      `SHOW MEASUREMENT EXACT CARDINALITY ON ${other}`,
      `SHOW TAG VALUES EXACT CARDINALITY ON ${other} WITH KEY = ${HIDDEN}_tag`,
      `CREATE CONTINUOUS QUERY c ON mine BEGIN SELECT mean(value) INTO ${other}..x FROM seen_metric GROUP BY time(1m) END`,
      `CREATE CONTINUOUS QUERY c ON mine BEGIN SELECT mean(value) INTO x FROM ${other}..${HIDDEN}_metric GROUP BY time(1m) END`,
      `CREATE CONTINUOUS QUERY c ON ${other} BEGIN SELECT mean(value) INTO x FROM seen_metric GROUP BY time(1m) END`,
      `DROP CONTINUOUS QUERY ${HIDDEN}_cq ON ${other}`,
      `DROP RETENTION POLICY ${HIDDEN}_policy ON ${other}`,
      `DROP DATABASE ${other}`,
      'SHOW SHARDS',
      'SHOW STATS',
      'SHOW DIAGNOSTICS',
      'SHOW USERS',
      `SHOW GRANTS FOR ${HIDDEN}_user`,
    ];
    for (const statement of statements) {
      const { status, text } = await query(`SHOW DATABASES; ${statement}`, headers, 'db=mine');
      expect(status, `${statement}: ${text}`).toBe(403);
      expect(text, statement).toContain('not authorized to execute statement');
    }
    const own = await query(
      'SELECT value FROM seen_metric; SHOW DATABASES; SHOW CONTINUOUS QUERIES',
      headers,
      'db=mine&epoch=s',
    );
    expect(own.status).toBe(200);
    expect(own.text).toContain('"values":[["mine"]]');
    expect(own.text).toContain('seen_cq');
    expect(own.text, 'what an administrator has it write elsewhere').not.toContain('away_cq');
    expect(own.text).not.toContain(HIDDEN);
  });

  test('an administrator is refused nothing for lack of rights', async () => {
    for (const tried of TRIED) {
      // What would end the run's own database, users and snapshots is asked for where it does no harm.
      if (tried.method === 'DELETE' || tried.path.includes('admin/')) continue;
      const { url, init } = attempts(tried)[4];
      const answer = await ask(url, { ...init, headers: admin });
      await answer.arrayBuffer();
      expect([401, 403], `${tried.method} ${url}`).not.toContain(tried.path === '/api/v2/query' ? 0 : answer.status);
    }
  });

  test('credentials are taken in every spelling', async () => {
    const right: [string, Record<string, string>][] = [
      ['', { authorization: `Bearer ${token}` }],
      ['', { authorization: `Token ${token}` }],
      ['', { authorization: `Basic ${btoa(`any:${token}`)}` }],
      ['', { authorization: `Token root:${PASSWORD}` }],
      ['', admin],
      [`&u=root&p=${encodeURIComponent(PASSWORD)}`, {}],
      [`&u=any&p=${token}`, {}],
      // What stands in the URL goes before a header.
      [`&u=root&p=${encodeURIComponent(PASSWORD)}`, { authorization: 'Basic bm86bm8=' }],
    ];
    for (const [more, headers] of right) {
      const answer = await ask(`/api/v1/query?query=seen_metric&db=mine${more}`, { headers });
      const text = await answer.text();
      expect(answer.status, `${more} ${JSON.stringify(headers)}: ${text}`).toBe(200);
      expect((await ask(`/write?db=mine${more}`, { method: 'POST', headers, body: 'm value=1' })).status).toBe(204);
    }
    const wrong: [string, Record<string, string>][] = [
      ['', { authorization: 'Bearer nonsense' }],
      ['', { authorization: `Bearer ${token.slice(0, -1)}${token.endsWith('A') ? 'E' : 'A'}` }],
      ['', { authorization: `Basic ${btoa('root:wrong')}` }],
      ['', { authorization: `Basic ${btoa('nobody:x')}` }],
      ['', { authorization: 'Basic' }],
      ['', { authorization: 'Digest x' }],
      ['&u=root', {}],
      ['&u=root&p=wrong', admin],
    ];
    for (const [more, headers] of wrong) {
      expect((await ask(`/api/v1/query?query=seen_metric&db=mine${more}`, { headers })).status, more).toBe(401);
    }
  });

  test('who guesses too often is not listened to for a while, and others are', async () => {
    const guess = (_: unknown, i: number) =>
      ask('/api/v1/whoami', { headers: { authorization: `Basic ${btoa(`victim:guess ${i}`)}` } });
    // At once, so that none of them knows yet how the others end.
    const answers = await Promise.all(Array.from({ length: 30 }, guess));
    const of = (status: number) => answers.filter((answer) => answer.status === status);
    expect(of(401).length).toBeGreaterThan(0);
    expect(of(429).length).toBeGreaterThan(10);
    expect(of(401).length + of(429).length).toBe(30);
    expect(of(429)[0].headers.get('retry-after')).not.toBeNull();
    expect((await ask('/api/v1/whoami', { headers: admin })).status).toBe(200);
  });

  test('a client that opens many connections at once is let in on all of them', async () => {
    const body = new URLSearchParams({ name: 'agent', password: 'of agent' });
    expect((await ask('/api/v1/users', { method: 'POST', headers: admin, body })).status).toBe(200);
    const headers = { authorization: `Basic ${btoa('agent:of agent')}` };
    const answers = await Promise.all(Array.from({ length: 64 }, () => ask('/api/v1/whoami', { headers })));
    expect(answers.map(({ status }) => status)).toEqual(Array(64).fill(200));
  });

  test('rights end at once: tokens, grants, passwords, users', async () => {
    const manage = (path: string, method: string, parameters: Record<string, string> = {}) => {
      const body = method === 'DELETE' ? null : new URLSearchParams(parameters);
      return ask(`/api/v1/${path}`, { method, headers: admin, body });
    };
    const status = async (headers: Record<string, string>) =>
      (await ask('/api/v1/query?query=up&db=mine', { headers })).status;
    expect((await manage('users', 'POST', { name: 'eve', password: 'first' })).status).toBe(200);
    const eve = { authorization: `Basic ${btoa('eve:first')}` };
    expect(await status(eve)).toBe(403);
    expect((await manage('users/eve/grants/mine', 'PUT', { privilege: 'read' })).status).toBe(200);
    expect(await status(eve)).toBe(200);
    expect((await manage('users/eve/grants/mine', 'DELETE')).status).toBe(200);
    expect(await status(eve)).toBe(403);
    expect((await manage('users/eve', 'PUT', { password: 'second' })).status).toBe(200);
    expect(await status(eve)).toBe(401);
    expect((await manage('users/eve', 'DELETE')).status).toBe(204);
    const made = await manage('tokens', 'POST', { read: 'mine', expires: '1h' });
    const { id, token: text } = ((await made.json()) as { data: { id: string; token: string } }).data;
    const bearer = { authorization: `Bearer ${text}` };
    expect(await status(bearer)).toBe(200);
    expect((await ask('/write?db=mine', { method: 'POST', headers: bearer, body: 'm value=1' })).status).toBe(403);
    expect((await manage(`tokens/${id}`, 'DELETE')).status).toBe(204);
    expect(await status(bearer)).toBe(401);
    const inUrl = await ask('/api/v1/users?name=x&password=y', { method: 'POST', headers: admin });
    expect(inUrl.status).toBe(400);
  });

  test('no secret is in what the server logs or tells of itself', async () => {
    const secret = 'swordfish';
    await query(`CREATE USER w WITH /* = */ PASSWORD '${secret}'`, admin);
    await query(`SET PASSWORD FOR w = '${secret}'`, admin);
    await ask(`/api/v1/query?query=1&u=w&p=${secret}`);
    await ask('/api/v1/whoami', { headers: { authorization: `Basic ${btoa(`w:${secret}`)}` } });
    const told = await Promise.all(
      ['/metrics', '/api/v1/status/flags', '/api/v1/status/config', '/api/v1/users', '/api/v1/tokens'].map(
        async (path) => (await ask(path, { headers: admin })).text(),
      ),
    );
    const all = told.join('\n') + server.output();
    for (const word of [secret, PASSWORD, token, token.slice(token.indexOf('_', 6) + 1)])
      expect(all).not.toContain(word);
  });
});
