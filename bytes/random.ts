/** A small seeded generator (xorshift32 over a Weyl sequence) for tests and fault injection: the same seed, the same run. */
export class Random {
  private state: number;
  private weyl = 0;

  constructor(seed: number) {
    this.state = (Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) ^ 0x27d4eb2f) | 1;
    for (let i = 0; i < 4; i++) this.u32();
  }

  /** An unsigned 32-bit number. */
  u32(): number {
    let x = this.state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.state = x;
    this.weyl = (this.weyl + 0x6d2b79f5) | 0;
    return (x + Math.imul(this.weyl ^ (this.weyl >>> 15), 0x2c1b3c6d)) >>> 0;
  }

  /** A number in [0, 1). */
  unit(): number {
    return this.u32() / 4294967296;
  }

  /** An integer in 0 … below − 1. */
  below(below: number): number {
    return Math.floor(this.unit() * below);
  }

  /** True with this probability. */
  chance(probability: number): boolean {
    return this.unit() < probability;
  }

  /** One of the items. */
  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)];
  }
}
