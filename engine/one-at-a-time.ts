/**
 * Work of which one piece runs at a time: who comes meanwhile waits, and begins in the very turn in which it finds
 * nothing under way. Between that look and the beginning nothing is awaited, so two that wait for the same end cannot
 * both begin.
 */
export class OneAtATime {
  private running: Promise<void> | null = null;

  get isRunning(): boolean {
    return this.running !== null;
  }

  /** Resolves when what is under way, if anything, has ended. Never rejects. */
  async idle(): Promise<void> {
    await this.running?.catch(() => {});
  }

  /** Does `work` when nothing else is under way any more: at once, when nothing is. Ends as `work` ends. */
  async run(work: () => Promise<void>): Promise<void> {
    while (this.running !== null) await this.idle();
    this.running = work().finally(() => {
      this.running = null;
    });
    await this.running;
  }

  /** Ends as what is under way ends; does `work` when nothing is. */
  async join(work: () => Promise<void>): Promise<void> {
    await (this.running ?? this.run(work));
  }
}
