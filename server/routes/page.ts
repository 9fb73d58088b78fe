/**
 * The first page and what belongs to it: files that `npm run build:ui` has made, held in memory.
 *
 * Only names that are there can be asked for, so no path leads anywhere else. The policy lets the page load nothing but
 * this server's own files, and run no script that is written into it.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { extname } from 'node:path';
import type { Route } from '../route.ts';

interface Asset {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly type: string;
}

const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** Beside the sources, and beside the compiled program. */
const DIRECTORY = new URL('../../ui/dist/', import.meta.url);

const NOT_BUILT = `<!doctype html><title>Varve</title><p>The page is not built: run <code>npm run build:ui</code>, then start the
server again. The HTTP API works without it.`;

let loaded: Map<string, Asset> | null = null;

/** By path, such as `/ui/index-5f1c.js`. */
function assets(): Map<string, Asset> {
  if (loaded !== null) return loaded;
  loaded = new Map();
  for (const folder of ['', 'ui/']) {
    for (const name of filesOf(folder)) {
      const type = TYPES[extname(name)];
      if (type === undefined) continue;
      loaded.set(`/${folder}${name}`, { type, bytes: new Uint8Array(readFileSync(new URL(folder + name, DIRECTORY))) });
    }
  }
  return loaded;
}

function filesOf(folder: string): string[] {
  try {
    return readdirSync(new URL(folder, DIRECTORY));
  } catch {
    return [];
  }
}

function answer(path: string): Response {
  const asset = assets().get(path);
  const security = {
    'content-security-policy': POLICY,
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'same-origin',
  };
  if (asset === undefined) {
    if (path === '/index.html') {
      return new Response(NOT_BUILT, { status: 200, headers: { ...security, 'content-type': TYPES['.html'] } });
    }
    return Response.json({ error: `cannot find ${path}: no such file of the page` }, { status: 404 });
  }
  // Names under /ui/ change with their content.
  const caching = path.startsWith('/ui/') ? 'public, max-age=31536000, immutable' : 'no-cache';
  return new Response(asset.bytes, {
    status: 200,
    headers: { ...security, 'content-type': asset.type, 'cache-control': caching },
  });
}

export const pageRoutes: readonly Route[] = [
  {
    methods: ['GET'],
    path: '/',
    access: 'public',
    purpose: 'a page to look at the data with',
    handle: () => answer('/index.html'),
  },
  { methods: ['GET'], path: '/icon.svg', access: 'public', purpose: 'its icon', handle: () => answer('/icon.svg') },
  {
    methods: ['GET'],
    path: '/ui/:file',
    access: 'public',
    purpose: 'its scripts and styles',
    handle: ({ pathParameter }) => answer(`/ui/${pathParameter('file')}`),
  },
];
