/**
 * Tokens: secrets that a machine keeps, as text `varve_ID_SECRET`. The id finds the entry, the secret proves that the
 * bearer was given the token. The secret is 256 random bits, so its plain SHA-256 is stored: there is nothing to guess
 * that a slow hash would protect.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

export interface NewToken {
  readonly id: string;
  /** To be shown once: it is not stored. */
  readonly text: string;
  readonly hash: string;
}

const hashOf = (secret: string): Buffer => createHash('sha256').update(secret).digest();

export function newToken(): NewToken {
  const id = randomBytes(6).toString('hex');
  const secret = randomBytes(32).toString('base64url');
  return { id, text: `varve_${id}_${secret}`, hash: hashOf(secret).toString('base64url') };
}

/** The id and secret of a token's text, or null when it is none. */
export function splitToken(text: string): { id: string; secret: string } | null {
  const match = /^varve_([0-9a-f]{12})_([\w-]{43})$/.exec(text);
  return match === null ? null : { id: match[1], secret: match[2] };
}

/** Whether a secret is the one whose hash is stored, in a time that does not tell how much of it is right. */
export function isSecret(secret: string, hash: string): boolean {
  const want = Buffer.from(hash, 'base64url');
  const found = hashOf(secret);
  return want.length === found.length && timingSafeEqual(want, found);
}

/** Whether a text has the form of a token. */
export function isTokenText(text: string): boolean {
  return splitToken(text) !== null;
}
