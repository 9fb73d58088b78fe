/**
 * Passwords at rest: scrypt with a salt of its own for each, in one line of text that says how it was made, so that the
 * cost can rise later without locking anybody out.
 *
 *     scrypt$15$8$1$SALT$KEY      log2 of N, r, p; salt and key in base64url
 *
 * One computation takes 32 MiB and some 80 ms of a thread; few run at once, so that a flood of log-ins takes neither all
 * memory nor all threads. What was right once is remembered under a keyed hash in memory, because clients with basic
 * authentication send their password with every request.
 *
 * Source: RFC 7914 (scrypt).
 */
import { hash, randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { VarveError } from '../errors/errors.ts';

const LOG2_N = 15;
const BLOCK_SIZE = 8;
const PARALLELISM = 1;
const KEY_BYTES = 32;
const SALT_BYTES = 16;
/** Beyond this a stored cost is damage or mischief, not a choice. */
const MOST_LOG2_N = 20;
const AT_ONCE = 2;
/** More than this many in the line, and a log-in is refused for now. */
const MOST_WAITING = 64;

let running = 0;
const waiting: (() => void)[] = [];

async function derive(password: string, salt: Buffer, log2N: number, r: number, p: number): Promise<Buffer> {
  if (waiting.length >= MOST_WAITING) {
    throw new VarveError('overloaded', 'cannot check password: too many are being checked, try again');
  }
  while (running >= AT_ONCE) await new Promise<void>((resolve) => waiting.push(resolve));
  running++;
  try {
    const N = 2 ** log2N;
    return await new Promise((resolve, reject) => {
      scrypt(password, salt, KEY_BYTES, { N, r, p, maxmem: 256 * N * r }, (error, key) =>
        error === null ? resolve(key) : reject(error),
      );
    });
  } finally {
    running--;
    waiting.shift()?.();
  }
}

/** The text to store for a password. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(SALT_BYTES);
  const key = await derive(password, salt, LOG2_N, BLOCK_SIZE, PARALLELISM);
  return `scrypt$${LOG2_N}$${BLOCK_SIZE}$${PARALLELISM}$${salt.toString('base64url')}$${key.toString('base64url')}`;
}

/** Whether a password is the one that a stored text was made of. Takes its time either way. */
export async function isPassword(password: string, stored: string): Promise<boolean> {
  const match = /^scrypt\$(\d{1,2})\$(\d{1,3})\$(\d{1,3})\$([\w-]+)\$([\w-]+)$/.exec(stored);
  if (match === null || Number(match[1]) > MOST_LOG2_N) return false;
  const want = Buffer.from(match[5], 'base64url');
  const key = await derive(
    password,
    Buffer.from(match[4], 'base64url'),
    Number(match[1]),
    Number(match[2]),
    Number(match[3]),
  );
  return want.length === key.length && timingSafeEqual(want, key);
}

const MOST_REMEMBERED = 1024;
const REMEMBERED_MS = 600_000;

/**
 * Pairs of password and stored text that were found to belong together; neither can be read from what is kept, and each is
 * forgotten after ten minutes.
 */
export class RememberedPasswords {
  private readonly secret = randomBytes(32).toString('base64');
  /** Digest of a pair, and until when it is remembered. */
  private readonly known = new Map<string, number>();
  private readonly nowMs: () => number;

  constructor(nowMs: () => number) {
    this.nowMs = nowMs;
  }

  /** Whether a pair was right a short while ago. False says nothing. */
  knows(password: string, stored: string): boolean {
    return this.remembers(this.digest(password, stored));
  }

  /** As `isPassword`, at once for what was right before. */
  async check(password: string, stored: string): Promise<boolean> {
    const digest = this.digest(password, stored);
    if (this.remembers(digest)) return true;
    if (!(await isPassword(password, stored))) return false;
    if (this.known.size >= MOST_REMEMBERED) this.known.delete(this.known.keys().next().value as string);
    this.known.set(digest, this.nowMs() + REMEMBERED_MS);
    return true;
  }

  private digest(password: string, stored: string): string {
    // A secret of fixed length in front keys the hash; one call costs a tenth of what an HMAC object does.
    return hash('sha256', `${this.secret}${stored}\n${password}`, 'base64');
  }

  private remembers(digest: string): boolean {
    const untilMs = this.known.get(digest);
    if (untilMs === undefined) return false;
    if (untilMs > this.nowMs()) return true;
    this.known.delete(digest);
    return false;
  }
}
