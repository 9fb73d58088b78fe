/**
 * What a request gives to say who sends it, in every spelling that clients have:
 *
 *     ?u=USER&p=PASSWORD             InfluxDB 1.x; goes before a header, as there
 *     Authorization: Basic …         both, and Prometheus, Grafana, curl
 *     Authorization: Bearer TOKEN    Prometheus, Grafana, InfluxDB 3
 *     Authorization: Token TOKEN     InfluxDB 2.x
 *     Authorization: Token USER:PW   InfluxDB 2.x' clients against 1.x
 *
 * A token may also stand where a password is wanted, with any user name, for clients that can send nothing else.
 */
import { isTokenText } from '../../access/token.ts';

export type Credentials =
  | { readonly kind: 'password'; readonly name: string; readonly password: string }
  | { readonly kind: 'token'; readonly text: string };

/** What a request gives; null is nothing, 'malformed' something that nobody can be told by. */
export function readCredentials(header: string | undefined, query: string): Credentials | 'malformed' | null {
  const fromUrl = readQuery(query);
  if (fromUrl !== null) return fromUrl;
  return header === undefined || header === '' ? null : readHeader(header);
}

function readQuery(query: string): Credentials | null {
  // Most queries have none, which is seen sooner than it is parsed.
  if (!/(?:^|&)(?:u|%75)=/.test(query)) return null;
  const parameters = new URLSearchParams(query);
  const name = parameters.get('u') ?? '';
  const password = parameters.get('p') ?? '';
  return name === '' || password === '' ? null : passwordOrToken(name, password);
}

function readHeader(header: string): Credentials | 'malformed' {
  const space = header.indexOf(' ');
  const scheme = (space < 0 ? header : header.slice(0, space)).toLowerCase();
  const rest = space < 0 ? '' : header.slice(space + 1).trim();
  if (rest === '') return 'malformed';
  if (scheme === 'bearer') return { kind: 'token', text: rest };
  if (scheme === 'basic') return readPair(Buffer.from(rest, 'base64').toString('utf8'));
  if (scheme !== 'token') return 'malformed';
  return isTokenText(rest) || !rest.includes(':') ? { kind: 'token', text: rest } : readPair(rest);
}

function readPair(text: string): Credentials | 'malformed' {
  const colon = text.indexOf(':');
  return colon < 0 ? 'malformed' : passwordOrToken(text.slice(0, colon), text.slice(colon + 1));
}

function passwordOrToken(name: string, password: string): Credentials {
  return isTokenText(password) ? { kind: 'token', text: password } : { kind: 'password', name, password };
}
