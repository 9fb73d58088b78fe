/** How long the oldest record has been in the log without a checkpoint, to a second: one entry per second at most. */
const GRAIN_MS = 1000;

export class UnflushedTimes {
  private firstLsns: number[] = [];
  private timesMs: number[] = [];
  private lastLsn = 0;

  add(lsn: number, atMs: number): void {
    this.lastLsn = lsn;
    const last = this.timesMs.length - 1;
    if (last >= 0 && atMs - this.timesMs[last] < GRAIN_MS) return;
    this.firstLsns.push(lsn);
    this.timesMs.push(atMs);
  }

  dropTo(lsn: number): void {
    if (lsn >= this.lastLsn) {
      this.firstLsns = [];
      this.timesMs = [];
      return;
    }
    let drop = 0;
    while (drop + 1 < this.firstLsns.length && this.firstLsns[drop + 1] <= lsn + 1) drop++;
    this.firstLsns.splice(0, drop);
    this.timesMs.splice(0, drop);
  }

  oldestMs(): number | null {
    return this.timesMs.length === 0 ? null : this.timesMs[0];
  }
}
