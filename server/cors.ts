/**
 * What a browser's page of another origin may do, as Prometheus allows it: origins that match `--cors-origin` may read
 * and query.
 */
import { RE2JS } from 're2js';

const HEADERS = {
  'access-control-allow-headers': 'Accept, Authorization, Content-Type, Origin',
  'access-control-allow-methods': 'GET, POST, OPTIONS',
  'access-control-expose-headers': 'Date',
} as const;

const ANY_ORIGIN = '.*';

/** Headers of an answer to a request from an origin; null is no origin. */
export type Cors = (origin: string | null) => Readonly<Record<string, string>>;

const NONE: Readonly<Record<string, string>> = {};
const OTHERS: Readonly<Record<string, string>> = { vary: 'Origin' };

/** @param pattern RE2, matched against the whole origin. Throws when it is not one. */
export function compileCors(pattern: string): Cors {
  if (pattern === ANY_ORIGIN) {
    const any = { ...HEADERS, 'access-control-allow-origin': '*' };
    return () => any;
  }
  const allowed = RE2JS.compile(pattern);
  return (origin) => {
    if (origin === null) return NONE;
    return allowed.matches(origin) ? { ...HEADERS, 'access-control-allow-origin': origin, ...OTHERS } : OTHERS;
  };
}
