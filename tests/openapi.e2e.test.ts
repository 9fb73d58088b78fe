/**
 * docs/openapi.json: up to date, valid, and true: it has every route of the server with what its source reads, and what a
 * real server answers is what it says.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Validator } from '@seriousme/openapi-schema-validator';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openApiDocument, operations } from '../docs/openapi/document.ts';
import { ROUTES } from '../server/app.ts';
import { RAW_ROUTES } from '../server/raw-routes.ts';
import { type ServerProcess, startServer, temporaryDirectory } from './server-process.ts';
import { ROOT } from './source-tree.ts';

interface Spoken {
  readonly paths: Record<string, Record<string, { responses: Record<string, SpokenAnswer> }>>;
  readonly components: { schemas: object; responses: Record<string, SpokenAnswer> };
}

interface SpokenAnswer {
  readonly $ref?: string;
  readonly content?: Record<string, { schema: object }>;
}

const spoken = JSON.parse(JSON.stringify(openApiDocument())) as unknown as Spoken;

test('docs/openapi.json is what npm run docs writes', () => {
  expect(JSON.parse(readFileSync(join(ROOT, 'docs/openapi.json'), 'utf8'))).toEqual(spoken);
});

test('it is valid OpenAPI 3.1', async () => {
  const validator = new Validator();
  const result = await validator.validate(structuredClone(spoken) as unknown as Record<string, unknown>);
  expect(result.errors ?? []).toEqual([]);
  expect([result.valid, validator.version]).toEqual([true, '3.1']);
  const ids = operationIds();
  expect(new Set(ids).size).toBe(ids.length);
});

function operationIds(): string[] {
  return Object.values(spoken.paths).flatMap((path) =>
    Object.values(path).map((operation) => (operation as unknown as { operationId: string }).operationId),
  );
}

test('every route and method of the server is in it', () => {
  const routes = [...RAW_ROUTES.map(({ path }) => `post ${path}`), ...ROUTES.flatMap(ofRoute)];
  const described = Object.entries(spoken.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method} ${path.replace(/\{(\w+)\}/g, ':$1')}`),
  );
  expect(described.sort()).toEqual(routes.sort());
});

function ofRoute({ path, methods }: (typeof ROUTES)[number]): string[] {
  return methods.map((method) => `${method.toLowerCase()} ${path}`);
}

/** Names that a file of routes reads from requests, as its source spells them. */
const READS =
  /(?:parameters?\.(?:get|getAll|has)\(|(?:Parameter|ParameterMs)\((?:parameters|context\.parameters), )'([^']+)'/g;

test.each(readdirSync(join(ROOT, 'server/routes')))('every parameter that %s reads is described', async (file) => {
  const source = readFileSync(join(ROOT, 'server/routes', file), 'utf8');
  const reads = new Set([...source.matchAll(READS)].map((match) => match[1]));
  const module = (await import(join(ROOT, 'server/routes', file))) as Record<string, unknown>;
  const paths = Object.values(module)
    .filter((value): value is { path: string }[] => Array.isArray(value))
    .flatMap((routes) => routes.map(({ path }) => path));
  const own = file === 'remote-write.ts' ? ['/api/v1/write'] : paths;
  expect(own.length).toBeGreaterThan(0);
  const described = new Set(
    operations()
      .filter(({ path }) => own.includes(path))
      .flatMap(({ operation }) => operation.parameters ?? [])
      .map(({ name }) => name),
  );
  expect([...reads].filter((name) => !described.has(name))).toEqual([]);
});

describe('a real server', () => {
  const { path: dataDir, remove } = temporaryDirectory('openapi');
  let server: ServerProcess;
  const ajv = new Ajv2020({ strict: false, allowUnionTypes: true });
  ajv.addSchema({ $id: 'document', components: spoken.components });

  beforeAll(async () => {
    server = await startServer({ dataDir, args: ['--enable-admin-api', '--auth-enabled', 'false'] });
    const body = 'cpu,host=a load=1 1700000000\ncpu,host=a load=2 1700000015';
    const written = await fetch(`${server.url}/write?precision=s`, { method: 'POST', body });
    expect(written.status).toBe(204);
  });

  afterAll(async () => {
    await server?.stop();
    remove();
  });

  /** The answer's JSON is checked with its schema, references and all. */
  function check(path: string, method: string, status: number, type: string, body: string): void {
    const answers = spoken.paths[path.replace(/:(\w+)/g, '{$1}')][method].responses;
    let answer = answers[status];
    expect(answer, `${method} ${path} answers ${status}: ${body}`).toBeDefined();
    if (answer.$ref !== undefined) answer = spoken.components.responses[answer.$ref.split('/').at(-1) as string];
    if (body === '') return;
    const schema = answer.content?.[type]?.schema;
    expect(schema, `${method} ${path} answers ${type}`).toBeDefined();
    if (type !== 'application/json') return;
    const full = JSON.parse(JSON.stringify(schema).replaceAll('"#/components', '"document#/components'));
    const validate = ajv.compile(full);
    expect(validate(JSON.parse(body)), `${method} ${path}: ${JSON.stringify(validate.errors)} in ${body}`).toBe(true);
  }

  async function ask(path: string, method: string, parameters: Iterable<[string, string]>): Promise<number> {
    const url = new URL(server.url);
    const search = new URLSearchParams();
    let filled = path;
    for (const [name, value] of parameters) {
      if (path.includes(`:${name}`)) filled = filled.replace(`:${name}`, value);
      else search.append(name, value);
    }
    url.pathname = filled;
    url.search = search.toString();
    const answer = await fetch(url, { method: method.toUpperCase() });
    const type = (answer.headers.get('content-type') ?? '').split(';')[0];
    check(path, method, answer.status, type, await answer.text());
    return answer.status;
  }

  const asked = operations().filter(({ path }) => !['/', '/-/reload'].includes(path));

  test.each(asked)('$method $path answers what the document says', async ({ path, method, operation }) => {
    const needed = (operation.parameters ?? []).filter(({ required, example }) => required || example !== undefined);
    const status = await ask(
      path,
      method,
      needed.map(({ name, example = '' }) => [name, example]),
    );
    expect(status).toBeLessThan(500);
    // Without what it needs, it is refused as the document says, too.
    if (needed.some(({ required }) => required)) {
      expect(await ask(path, method, [])).toBe(400);
    }
  });
});
