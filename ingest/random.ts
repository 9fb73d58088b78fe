/**
 * What tests and benchmarks need to be repeatable: pseudo-random numbers whose seed is printed, and can be given as
 * `VARVE_SEED`; a clock that counts CPU time.
 */
export interface Random {
  /** An integer from 0 up to, not including, n ≤ 2^32. */
  below(n: number): number;
  /** A double in [0, 1) with all 53 bits random. */
  unit(): number;
  pick<T>(items: readonly T[]): T;
}

/** CPU time of this thread in ms: unlike wall time it does not count what else the machine does. */
export function cpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

/** A generator named after what it is for; seeded by the clock unless a seed is given. */
export function newRandom(what: string, seed?: number): Random {
  const given = process.env.VARVE_SEED;
  const start = seed ?? (given === undefined ? Date.now() % 4294967296 : Number(given));
  if (seed === undefined) console.log(`${what}: VARVE_SEED=${start}`);
  // mulberry32: 32 bits of state are plenty for tests.
  let state = start | 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return (t ^ (t >>> 14)) >>> 0;
  };
  return {
    below: (n) => Math.floor((next() / 4294967296) * n),
    unit: () => (next() * 2097152 + (next() >>> 11)) / 9007199254740992,
    pick: (items) => items[Math.floor((next() / 4294967296) * items.length)],
  };
}
