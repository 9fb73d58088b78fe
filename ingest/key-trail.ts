/**
 * The order in which series come. Clients write the same series round after round in the same order, so the series
 * that followed this one last time is the best guess for the next line. A right guess replaces scanning and hashing
 * the key by comparing it, four bytes at a time, with what it was then; a wrong one costs a few comparisons.
 *
 * A key is kept as the client spells it, with the space that ends it, so equal bytes mean an equal parse. Keys are kept
 * up to `MAX_WORDS`; series beyond that go the usual way through the index. A trail that has filled up and no longer
 * fits what comes is dropped and learned anew. Where series come in no order, guessing rests most of the time.
 *
 * Refs are only as good as the index that gave them: `reset` must be called when it forgets series.
 */
const MAX_WORDS = 6 << 20;

/** Keys lie in slabs, so that growing copies nothing and leaves no holes behind. */
const SLAB_BITS = 18;
const SLAB_WORDS = 1 << SLAB_BITS;
const SLAB_MASK = SLAB_WORDS - 1;

/** After so many wrong guesses on end, so many lines are not guessed at, and then some are tried again. */
const PATIENCE = 64;
const REST = 1024;
const TRIAL = 16;

export class KeyTrail {
  /** [ref] the ref that came next; −1 unknown. */
  follower = new Int32Array(256).fill(-1);
  /** [ref] where its key starts, slab · SLAB_WORDS + word; −1 not kept. */
  keyStart = new Int32Array(256).fill(-1);
  /** [ref] bytes of its key with the space; at least 4 when kept. */
  keyBytes = new Int32Array(256);
  /** Keys as little-endian words; a last word of fewer than 4 bytes is replaced by the key's last 4 bytes. */
  private slabs: Int32Array[] = [];
  /** The series of the last `match`. */
  guess = -1;
  /** Wrong guesses that are still bearable; below one, none is made. */
  private patience = PATIENCE;
  private used = 0;
  private kept = 0;
  private missesSinceFull = 0;

  /** Forgets everything. */
  reset(): void {
    this.follower.fill(-1);
    this.keyStart.fill(-1);
    this.used = 0;
    this.kept = 0;
    this.missesSinceFull = 0;
  }

  /**
   * The end of the key at `start` if it is that of the series that came after `previous`, with the byte that ends it;
   * then `guess` is that series. −1 otherwise. Reads nothing at or after `end`.
   */
  match(previous: number, view: DataView, start: number, end: number): number {
    if (this.patience <= 0) {
      if (--this.patience < -REST) this.patience = TRIAL;
      return -1;
    }
    const ref = previous >= 0 && previous < this.follower.length ? this.follower[previous] : -1;
    this.guess = ref;
    if (ref >= 0) {
      let word = this.keyStart[ref];
      const keyEnd = start + this.keyBytes[ref];
      if (word >= 0 && keyEnd <= end) {
        const words = this.slabs[word >> SLAB_BITS];
        word &= SLAB_MASK;
        const last = keyEnd - 4;
        let p = start;
        while (p <= last && view.getInt32(p, true) === words[word]) {
          p += 4;
          word++;
        }
        if (p > last && (p === keyEnd || view.getInt32(last, true) === words[word])) {
          this.patience = PATIENCE;
          return keyEnd;
        }
      }
    }
    this.patience--;
    return -1;
  }

  /**
   * Notes that `ref`, spelled `view[start .. end]` and then a space, came after `previous` (−1: nothing known).
   */
  learn(previous: number, ref: number, view: DataView, start: number, end: number): void {
    if (ref >= this.follower.length || previous >= this.follower.length) this.grow(Math.max(ref, previous) + 1);
    if (previous >= 0) this.follower[previous] = ref;
    if (this.keyStart[ref] >= 0) return;
    const bytes = end + 1 - start;
    if (bytes < 4) return;
    const count = (bytes + 3) >>> 2;
    if ((this.used & SLAB_MASK) + count > SLAB_WORDS) this.used = (this.used | SLAB_MASK) + 1;
    if (this.used + count > this.slabs.length * SLAB_WORDS && !this.addSlab(count)) return;
    this.keyStart[ref] = this.used;
    this.keyBytes[ref] = bytes;
    const words = this.slabs[this.used >> SLAB_BITS];
    let to = this.used & SLAB_MASK;
    for (let p = start; p + 4 <= end + 1; p += 4) words[to++] = view.getInt32(p, true);
    if ((bytes & 3) !== 0) words[to] = view.getInt32(end - 3, true);
    this.used += count;
    this.kept++;
  }

  private addSlab(count: number): boolean {
    if (this.used + count > MAX_WORDS) {
      this.missesSinceFull++;
      if (this.missesSinceFull > 4 * this.kept) this.reset();
      return false;
    }
    this.slabs.push(new Int32Array(SLAB_WORDS));
    return true;
  }

  private grow(atLeast: number): void {
    const length = Math.max(atLeast, this.follower.length * 2);
    const follower = new Int32Array(length).fill(-1);
    follower.set(this.follower);
    this.follower = follower;
    const keyStart = new Int32Array(length).fill(-1);
    keyStart.set(this.keyStart);
    this.keyStart = keyStart;
    const keyBytes = new Int32Array(length);
    keyBytes.set(this.keyBytes);
    this.keyBytes = keyBytes;
  }
}
