/**
 * Counts log-ins that failed, so that guessing costs time: a source may fail so many times at once, and then once per some
 * seconds. What is beyond that is refused without looking at the password.
 *
 * Sources are addresses, and names at addresses: one who guesses a user's password does not keep others at the same
 * address (a proxy) from logging in, unless there are very many failures. Who has logged in before is not asked.
 */

interface Allowance {
  readonly burst: number;
  readonly refillMs: number;
}

const PER_NAME: Allowance = { burst: 10, refillMs: 5_000 };
const PER_ADDRESS: Allowance = { burst: 100, refillMs: 1_000 };
const MOST_SOURCES = 10_000;

interface Bucket {
  failures: number;
  /** When `failures` was right, ms. */
  atMs: number;
}

export class FailedAttempts {
  private readonly buckets = new Map<string, Bucket>();
  private readonly nowMs: () => number;

  constructor(nowMs: () => number = () => performance.now()) {
    this.nowMs = nowMs;
  }

  /** Whether a source has failed too often to be listened to now. */
  isBlocked(address: string, name: string): boolean {
    return this.isFull(address, PER_ADDRESS) || this.isFull(`${address}\n${name}`, PER_NAME);
  }

  /**
   * Counts an attempt as a failure before it is looked at, so that many at once are no way around; what it returns is to
   * be called when it turns out to be right.
   */
  begin(address: string, name: string): () => void {
    const own = this.add(`${address}\n${name}`, PER_NAME);
    const all = this.add(address, PER_ADDRESS);
    return () => {
      own.failures = Math.max(0, own.failures - 1);
      all.failures = Math.max(0, all.failures - 1);
    };
  }

  private isFull(source: string, allowance: Allowance): boolean {
    const bucket = this.buckets.get(source);
    return bucket !== undefined && this.refilled(bucket, allowance).failures >= allowance.burst;
  }

  private add(source: string, allowance: Allowance): Bucket {
    const bucket = this.refilled(this.buckets.get(source) ?? { failures: 0, atMs: this.nowMs() }, allowance);
    bucket.failures++;
    // Moved to the end, so that the first entry is the one that was used longest ago.
    this.buckets.delete(source);
    if (this.buckets.size >= MOST_SOURCES) this.forgetOldest();
    this.buckets.set(source, bucket);
    return bucket;
  }

  /** Several at once, as finding the first entry of a Map gets slow when those before it were removed. */
  private forgetOldest(): void {
    let left = MOST_SOURCES / 10;
    for (const source of this.buckets.keys()) {
      this.buckets.delete(source);
      if (--left === 0) return;
    }
  }

  private refilled(bucket: Bucket, { refillMs }: Allowance): Bucket {
    const nowMs = this.nowMs();
    bucket.failures = Math.max(0, bucket.failures - (nowMs - bucket.atMs) / refillMs);
    bucket.atMs = nowMs;
    return bucket;
  }
}
