/**
 * The order in which series come. Clients write the same series round after round in the same order, so the series
 * that followed this one last time is the best guess for the next line. A right guess replaces scanning and hashing
 * the key by comparing it, four bytes at a time, with what it was then; a wrong one costs a few comparisons.
 *
 * A key is kept as the client spells it, with the space that ends it, so equal bytes mean an equal parse. Keys are kept
 * up to `MAX_WORDS`; series beyond that go the usual way through the index. A trail that has filled up and no longer
 * fits what comes is dropped and learned anew.
 *
 * Refs are only as good as the index that gave them: `reset` must be called when it forgets series.
 */
const MAX_WORDS = 6 << 20;

export class KeyTrail {
  /** [ref] the ref that came next; −1 unknown. */
  follower = new Int32Array(256).fill(-1);
  /** [ref] where its key starts in `words`; −1 not kept. */
  keyStart = new Int32Array(256).fill(-1);
  /** [ref] bytes of its key with the space; at least 4 when kept. */
  keyBytes = new Int32Array(256);
  /** Keys as little-endian words; a last word of fewer than 4 bytes is replaced by the key's last 4 bytes. */
  words = new Int32Array(4096);
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
   * Notes that `ref`, spelled `view[start .. end]` and then a space, came after `previous` (−1: nothing known).
   */
  learn(previous: number, ref: number, view: DataView, start: number, end: number): void {
    if (ref >= this.follower.length || previous >= this.follower.length) this.grow(Math.max(ref, previous) + 1);
    if (previous >= 0) this.follower[previous] = ref;
    if (this.keyStart[ref] >= 0) return;
    const bytes = end + 1 - start;
    if (bytes < 4) return;
    const count = (bytes + 3) >>> 2;
    if (this.used + count > this.words.length && !this.growWords(count)) return;
    let to = this.used;
    this.keyStart[ref] = to;
    this.keyBytes[ref] = bytes;
    for (let p = start; p + 4 <= end + 1; p += 4) this.words[to++] = view.getInt32(p, true);
    if ((bytes & 3) !== 0) this.words[to] = view.getInt32(end - 3, true);
    this.used += count;
    this.kept++;
  }

  private growWords(count: number): boolean {
    if (this.used + count > MAX_WORDS) {
      this.missesSinceFull++;
      if (this.missesSinceFull > 4 * this.kept) this.reset();
      return false;
    }
    const words = new Int32Array(Math.min(MAX_WORDS, Math.max(this.words.length * 2, this.used + count)));
    words.set(this.words);
    this.words = words;
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
