/**
 * Which database a request means: the path prefix `/db/NAME` first, because a data source's URL holds it and cannot be
 * overridden by what a dashboard sends; then `db` (v1) or `bucket` (v2); then `default`.
 */
import { DEFAULT_DATABASE } from '../engine/engine.ts';
import { LONGEST_NAME_BYTES } from '../engine/retention-policy.ts';
import { VarveError } from '../errors/errors.ts';

/** The path without its database prefix, and the prefix's name or null. */
export function splitDatabasePath(path: string): { path: string; database: string | null } {
  if (!path.startsWith('/db/')) return { path, database: null };
  const end = path.indexOf('/', 4);
  const encoded = end < 0 ? path.slice(4) : path.slice(4, end);
  if (encoded === '') return { path, database: null };
  let database: string;
  try {
    database = decodeURIComponent(encoded);
  } catch {
    throw new VarveError('bad_request', `cannot choose database: '${encoded}' is not well-formed percent-encoding`);
  }
  return { path: end < 0 ? '/' : path.slice(end), database };
}

/**
 * The database a request names, as the engine takes it: `NAME`, or `NAME/POLICY` when it names a retention policy too, by
 * `rp` (v1) or as the second part of a bucket's name (v2).
 */
export function chooseDatabase(fromPath: string | null, parameters: URLSearchParams): string {
  let name = fromPath ?? parameters.get('db') ?? '';
  if (name === '') name = parameters.get('bucket') ?? '';
  if (name === '') name = DEFAULT_DATABASE;
  const policy = parameters.get('rp') ?? '';
  if (policy !== '' && !name.includes('/')) name = `${name}/${policy}`;
  // A bucket may name no policy behind its slash.
  return checkDatabaseName(name.endsWith('/') ? name.slice(0, -1) : name);
}

function checkDatabaseName(name: string): string {
  if (name === '' || name.startsWith('/')) {
    throw new VarveError('bad_request', 'cannot choose database: there is no name before the slash');
  }
  const bytes = Buffer.byteLength(name);
  if (bytes > LONGEST_NAME_BYTES) {
    throw new VarveError(
      'bad_request',
      `cannot choose database: its name is ${bytes} bytes long, ${LONGEST_NAME_BYTES} is the most`,
    );
  }
  for (let i = 0; i < name.length; i++) {
    if (name.charCodeAt(i) < 32 || name.charCodeAt(i) === 127) {
      throw new VarveError('bad_request', 'cannot choose database: its name has a control character');
    }
  }
  return name;
}
