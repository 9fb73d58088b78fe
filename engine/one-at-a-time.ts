import { VarveError } from '../errors/errors.ts';

/**
 * Work of which one piece runs at a time: who comes meanwhile waits, and begins in the very turn in which it finds
 * nothing under way. Between that look and the beginning nothing is awaited, so two that wait for the same end cannot
 * both begin.
 */
export class OneAtATime {
  private running: Promise<void> | null = null;
  private ended = false;

  get isRunning(): boolean {
    return this.running !== null;
  }

  /** Resolves when what is under way, if anything, has ended. Never rejects. */
  async idle(): Promise<void> {
    await this.running?.catch(() => {});
  }

  /**
   * Does `work` when nothing else is under way any more: at once, when nothing is. Ends as `work` ends.
   * @throws VarveError 'shutting_down' after `end`.
   */
  async run(work: () => Promise<void>): Promise<void> {
    while (this.running !== null) await this.idle();
    if (this.ended) throw new VarveError('shutting_down', 'cannot take requests: the server is stopping');
    await this.begin(work);
  }

  /** Does `work` as the last piece. Who waits already, and who comes later, is refused. Ends as `work` ends. */
  async end(work: () => Promise<void>): Promise<void> {
    this.ended = true;
    while (this.running !== null) await this.idle();
    await this.begin(work);
  }

  /** Ends as what is under way ends; does `work` when nothing is. */
  async join(work: () => Promise<void>): Promise<void> {
    await (this.running ?? this.run(work));
  }

  private begin(work: () => Promise<void>): Promise<void> {
    this.running = work().finally(() => {
      this.running = null;
    });
    return this.running;
  }
}
