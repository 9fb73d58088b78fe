/**
 * The log while it runs: records in, durability out.
 *
 * 1. `append` gives a record its LSN and copies it, framed, into a buffer. Which segment it belongs to is settled there.
 * 2. The buffer is written once per turn of the event loop when somebody waits, or when it passes 1 MiB.
 * 3. One fdatasync is in flight at a time. It makes durable what was written before it began, and releases everyone who
 *    waits for that; what comes meanwhile collects and is taken by the next one.
 * 4. After a sync, when nothing else is to be written, a `MARK` record notes that the log is durable up to there. It is
 *    not synced itself: it serves replay, to tell damage from a torn tail.
 *
 * A full disk: records that were accepted stay in the buffer, waiters get a `read_only` error, and further records are
 * refused until an attempt to write succeeds. Anything else that goes wrong in a write or a sync is final, because the
 * kernel may have dropped the pages and would report success the next time: nothing is accepted or promised any more.
 */
import { type Clock, systemClock } from '../clock/clock.ts';
import type { FileSystem } from '../disk/file-system.ts';
import { assert, VarveError } from '../errors/errors.ts';
import { writeCheckpoint } from './checkpoint.ts';
import { type SyncMode, WAL_DEFAULTS, type WalOptions } from './options.ts';
import { MARK, MAX_PAYLOAD_BYTES, RECORD_HEADER_BYTES, TYPE_LIMIT, writeRecord } from './record.ts';
import { SEGMENT_HEADER_BYTES, segmentSeed } from './segment.ts';
import type { SegmentStore } from './segment-store.ts';
import { UnflushedTimes } from './unflushed-times.ts';

/** Buffered bytes from which they are written without anyone waiting. */
const WRITE_FROM_BYTES = 1024 * 1024;
/** A buffer larger than this is not kept after it was written. */
const KEEP_BUFFER_BYTES = 4 * 1024 * 1024;
/** A checkpoint that covers everything begins a new segment when the active one holds more than this. */
const DROP_ACTIVE_FROM_BYTES = 64 * 1024;
const NO_PAYLOAD = new Uint8Array(0);

/** Figures for the metrics. All are since the log was opened, or as of now. */
export interface WalStats {
  bytesWritten: number;
  syncs: number;
  /** Segment files, the spare ones aside. */
  sizeBytes: number;
  segments: number;
  /** Accepted and not yet written. */
  pendingBytes: number;
  lastLsn: number;
  durableLsn: number;
  checkpointLsn: number;
  state: 'open' | 'full' | 'failed' | 'closed';
  archivedSegments: number;
  archiveFailures: number;
}

/** Records of one segment that are not written yet. */
interface Chunk {
  segmentFirstLsn: number;
  bytes: Uint8Array;
  length: number;
  lastLsn: number;
}

interface Waiter {
  lsn: number;
  resolve: () => void;
  reject: (error: Error) => void;
}

export class Wal {
  private readonly fs: FileSystem;
  private readonly directory: string;
  private readonly store: SegmentStore;
  private readonly clock: Clock;
  private readonly mode: SyncMode;
  private readonly segmentSizeBytes: number;
  private readonly retryIntervalMs: number;
  private readonly onSync: (seconds: number) => void;
  private readonly onFatal: (error: Error) => void;
  private state: WalStats['state'] = 'open';
  private failure: Error | null = null;
  private nextLsn: number;
  /** The last record that is not a mark. */
  private lastDataLsn: number;
  private writtenLsn: number;
  private syncedLsn: number;
  private checkpointed: number;
  private chunks: Chunk[] = [];
  private pendingBytes = 0;
  private idleBuffer: Uint8Array = new Uint8Array(64 * 1024);
  /** The segment that the next record goes to, with its planned size. */
  private segmentFirstLsn: number;
  private seed: number;
  private segmentBytes: number;
  private writeWaiters: Waiter[] = [];
  private syncWaiters: Waiter[] = [];
  private scheduled = false;
  private syncing: Promise<void> | null = null;
  private syncTimer: NodeJS.Timeout | null = null;
  private retryTimer: NodeJS.Timeout | null = null;
  private bytesWritten = 0;
  private syncs = 0;
  private readonly unflushed = new UnflushedTimes();

  /** Use `openWal`. The store has an active segment, and everything before `nextLsn` is durable. */
  constructor(
    fs: FileSystem,
    directory: string,
    store: SegmentStore,
    options: WalOptions,
    position: { nextLsn: number; checkpointLsn: number },
  ) {
    this.fs = fs;
    this.directory = directory;
    this.store = store;
    this.clock = options.clock ?? systemClock;
    this.mode = options.mode ?? WAL_DEFAULTS.mode;
    this.segmentSizeBytes = options.segmentSizeBytes ?? WAL_DEFAULTS.segmentSizeBytes;
    this.retryIntervalMs = options.retryIntervalMs ?? WAL_DEFAULTS.retryIntervalMs;
    this.onSync = options.onSync ?? (() => {});
    this.onFatal = options.onFatal ?? (() => {});
    this.nextLsn = position.nextLsn;
    this.lastDataLsn = position.nextLsn - 1;
    this.writtenLsn = position.nextLsn - 1;
    this.syncedLsn = position.nextLsn - 1;
    this.checkpointed = position.checkpointLsn;
    this.segmentFirstLsn = store.activeFirstLsn;
    this.seed = segmentSeed(this.segmentFirstLsn);
    this.segmentBytes = store.activeBytes;
    if (this.lastDataLsn > this.checkpointed) this.unflushed.add(this.checkpointed + 1, this.clock.monotonicMs());
    if (this.mode === 'async') {
      this.syncTimer = setInterval(() => this.syncIfDirty(), options.asyncIntervalMs ?? WAL_DEFAULTS.asyncIntervalMs);
      this.syncTimer.unref();
    }
    this.archiveSoon();
  }

  /** LSN of the last record, 0 before the first. */
  get lastLsn(): number {
    return this.nextLsn - 1;
  }

  /** Everything up to this LSN survives a power loss. */
  get durableLsn(): number {
    return this.syncedLsn;
  }

  get checkpointLsn(): number {
    return this.checkpointed;
  }

  /** Whether `append` would accept a record now. */
  get writable(): boolean {
    return this.state === 'open';
  }

  /** Throws what `append` would throw, if it would. */
  checkWritable(): void {
    if (this.state !== 'open') throw this.refusal();
  }

  /**
   * Appends one record and returns its LSN; LSNs count up. The payload (64 MiB at most) is copied. It is in
   * memory only until `durable` of the LSN, or of a later one, resolves. Throws `read_only` while the disk is full,
   * `internal` after it has failed, `shutting_down` after `close`; the record is then not in the log.
   */
  append(type: number, database: number, payload: Uint8Array): number {
    if (this.state !== 'open') throw this.refusal();
    assert(payload.length <= MAX_PAYLOAD_BYTES, `a log record of ${payload.length} bytes`);
    assert(type > 0 && type < TYPE_LIMIT, `a log record of type ${type}`);
    const lsn = this.push(type, database, payload);
    this.lastDataLsn = lsn;
    this.unflushed.add(lsn, this.clock.monotonicMs());
    if (this.pendingBytes > WRITE_FROM_BYTES) this.write();
    return lsn;
  }

  /**
   * Resolves when everything up to the LSN is durable in the sense of the sync mode. Rejects with `read_only` when the
   * disk is full (the record stays, and may become durable later) and with `internal` when it has failed.
   */
  durable(lsn: number): Promise<void> {
    assert(lsn < this.nextLsn, `waiting for LSN ${lsn}, which is not assigned yet`);
    const written = this.mode === 'async' || this.mode === 'none';
    if (this.state === 'failed') return Promise.reject(this.refusal());
    if (this.mode !== 'always' && lsn <= (written ? this.writtenLsn : this.syncedLsn)) return Promise.resolve();
    if (this.state !== 'open') return Promise.reject(this.refusal());
    return this.wait(written ? this.writeWaiters : this.syncWaiters, lsn);
  }

  /** Resolves when everything so far survives a power loss, whatever the mode. */
  sync(): Promise<void> {
    if (this.state === 'failed') return Promise.reject(this.refusal());
    if (this.lastDataLsn <= this.syncedLsn) return Promise.resolve();
    if (this.state !== 'open') return Promise.reject(this.refusal());
    return this.wait(this.syncWaiters, this.lastDataLsn);
  }

  /** Tries to write again after the disk was full. True when the log accepts records. */
  retry(): boolean {
    if (this.state !== 'full') return this.state === 'open';
    this.state = 'open';
    if (!this.write()) return false;
    this.schedule();
    return true;
  }

  /**
   * Notes, durably, that everything up to the LSN is in other files, and removes the segments that are no longer needed.
   * Such records count as durable from then on.
   */
  checkpoint(lsn: number): void {
    assert(lsn < this.nextLsn, `a checkpoint at LSN ${lsn}, which is not assigned yet`);
    if (lsn <= this.checkpointed) return;
    this.saveCheckpoint(lsn);
    this.checkpointed = lsn;
    this.syncedLsn = Math.max(this.syncedLsn, lsn);
    this.unflushed.dropTo(lsn);
    this.release();
    const covered = lsn >= this.lastDataLsn && this.chunks.length === 0;
    if (this.state === 'open' && covered && this.store.activeBytes > DROP_ACTIVE_FROM_BYTES) this.beginSegment();
    this.truncateBefore(lsn + 1);
    this.archiveSoon();
  }

  /** Removes whole segments whose records are all below the LSN and behind the checkpoint. Never the active one. */
  truncateBefore(lsn: number): void {
    this.store.drop(Math.min(lsn - 1, this.checkpointed));
  }

  /** Gives the space of segments back that wait to be overwritten. */
  removeSpares(): void {
    this.store.removeSpares();
    // A file that waits for a sync is still open, which keeps its space.
    if (this.store.hasUnsyncedClosed) this.schedule();
  }

  /** Ms since the oldest record was appended that no checkpoint covers; 0 when there is none. */
  oldestUnflushedMs(): number {
    const oldest = this.unflushed.oldestMs();
    return oldest === null ? 0 : Math.max(0, this.clock.monotonicMs() - oldest);
  }

  stats(): WalStats {
    return {
      bytesWritten: this.bytesWritten,
      syncs: this.syncs,
      sizeBytes: this.store.sizeBytes,
      segments: this.store.segmentCount,
      pendingBytes: this.pendingBytes,
      lastLsn: this.lastLsn,
      durableLsn: this.syncedLsn,
      checkpointLsn: this.checkpointed,
      state: this.state,
      archivedSegments: this.store.archivedSegments,
      archiveFailures: this.store.archiveFailures,
    };
  }

  /** Resolves when the copies into the archive that are under way are done. */
  async archived(): Promise<void> {
    await this.store.archive();
    if (this.state !== 'failed') this.store.drop(this.checkpointed);
  }

  /** Writes and syncs everything and closes the files. Rejects when that cannot be done; the files are closed anyway. */
  async close(): Promise<void> {
    if (this.state === 'closed') return;
    if (this.syncTimer !== null) clearInterval(this.syncTimer);
    if (this.retryTimer !== null) clearTimeout(this.retryTimer);
    try {
      if (this.state === 'full') this.retry();
      // Each round may find that more has come in while it waited.
      while (this.state === 'open' && (this.syncing !== null || this.lastDataLsn > this.syncedLsn || this.isAwaited)) {
        if (this.write() && this.syncing === null) this.runSync(true);
        if (this.syncing !== null) await this.syncing;
      }
      if (this.state !== 'open') throw this.refusal();
      if (this.lastLsn === this.lastDataLsn) this.push(MARK, 0, NO_PAYLOAD);
      if (!this.write()) throw this.refusal();
      // As any other sync, so that one that was scheduled before does not begin beside it and close the same files.
      this.runSync(true);
      await this.syncing;
      if (this.state !== 'open') throw this.refusal();
      this.store.tidy();
    } finally {
      await this.store.archive();
      this.state = 'closed';
      this.rejectAll(this.refusal());
      this.store.closeFiles();
    }
  }

  /** In `always` mode those who wait need a sync each. */
  private get isAwaited(): boolean {
    return this.syncWaiters.length > 0;
  }

  /** On a full disk the spare segments make room for it, as a checkpoint is what frees the others. */
  private saveCheckpoint(lsn: number): void {
    try {
      writeCheckpoint(this.fs, this.directory, lsn);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
      this.store.removeSpares();
      writeCheckpoint(this.fs, this.directory, lsn);
    }
  }

  private wait(list: Waiter[], lsn: number): Promise<void> {
    return new Promise((resolve, reject) => {
      list.push({ lsn, resolve, reject });
      this.schedule();
    });
  }

  /** Frames a record into the buffer. */
  private push(type: number, database: number, payload: Uint8Array): number {
    const lsn = this.nextLsn++;
    const sizeBytes = RECORD_HEADER_BYTES + payload.length;
    if (this.segmentBytes + sizeBytes > this.segmentSizeBytes && this.segmentBytes > SEGMENT_HEADER_BYTES) {
      this.planSegment(lsn);
    }
    let chunk = this.chunks.at(-1);
    if (chunk === undefined || chunk.segmentFirstLsn !== this.segmentFirstLsn) {
      chunk = { segmentFirstLsn: this.segmentFirstLsn, bytes: this.takeBuffer(), length: 0, lastLsn: lsn };
      this.chunks.push(chunk);
    }
    if (chunk.length + sizeBytes > chunk.bytes.length) {
      const grown = new Uint8Array(Math.max(chunk.length + sizeBytes, chunk.bytes.length * 2));
      grown.set(chunk.bytes.subarray(0, chunk.length));
      chunk.bytes = grown;
    }
    const header = { lsn, type, database, syncedLsn: Math.min(this.syncedLsn, lsn) };
    chunk.length = writeRecord(chunk.bytes, chunk.length, this.seed, header, payload);
    chunk.lastLsn = lsn;
    this.segmentBytes += sizeBytes;
    this.pendingBytes += sizeBytes;
    return lsn;
  }

  private planSegment(firstLsn: number): void {
    this.segmentFirstLsn = firstLsn;
    this.seed = segmentSeed(firstLsn);
    this.segmentBytes = SEGMENT_HEADER_BYTES;
  }

  private takeBuffer(): Uint8Array {
    const buffer = this.idleBuffer;
    this.idleBuffer = NO_PAYLOAD;
    return buffer.length > 0 ? buffer : new Uint8Array(64 * 1024);
  }

  /** Begins a segment for the next record; the one before is covered by the checkpoint. */
  private beginSegment(): void {
    try {
      this.store.begin(this.nextLsn);
      this.planSegment(this.nextLsn);
    } catch (error) {
      this.failedWrite(error as NodeJS.ErrnoException);
    }
  }

  /** Writes the buffer to the segments. False when the disk did not take it; the state then says why. */
  private write(): boolean {
    try {
      for (let chunk = this.chunks.at(0); chunk !== undefined; chunk = this.chunks.at(0)) {
        if (chunk.segmentFirstLsn !== this.store.activeFirstLsn) this.store.begin(chunk.segmentFirstLsn);
        this.store.write(chunk.bytes.subarray(0, chunk.length));
        this.bytesWritten += chunk.length;
        this.pendingBytes -= chunk.length;
        this.writtenLsn = chunk.lastLsn;
        if (chunk.bytes.length <= KEEP_BUFFER_BYTES) this.idleBuffer = chunk.bytes;
        this.chunks.shift();
      }
      return true;
    } catch (error) {
      this.failedWrite(error as NodeJS.ErrnoException);
      return false;
    }
  }

  private failedWrite(error: NodeJS.ErrnoException): void {
    if (error.code !== 'ENOSPC' && error.code !== 'EDQUOT') {
      this.fail('write to', error);
      return;
    }
    const cause = error.code === 'ENOSPC' ? 'no space left on device' : 'the disk quota is used up';
    this.failure = new VarveError('read_only', `cannot write to the log: ${cause}`, { cause: error });
    this.state = 'full';
    this.rejectAll(this.failure);
    if (this.retryIntervalMs > 0 && this.retryTimer === null) {
      this.retryTimer = setTimeout(() => {
        this.retryTimer = null;
        this.retry();
      }, this.retryIntervalMs);
      this.retryTimer.unref();
    }
  }

  private fail(verb: string, error: Error): void {
    if (this.state === 'failed') return;
    this.failure = new VarveError('internal', `FATAL: cannot ${verb} the log: ${error.message}`, { cause: error });
    this.state = 'failed';
    this.rejectAll(this.failure);
    this.onFatal(this.failure);
  }

  private refusal(): Error {
    if (this.state === 'closed') return new VarveError('shutting_down', 'cannot write to the log: it is closed');
    return this.failure ?? new VarveError('internal', 'BUG: the log refuses without a reason');
  }

  private rejectAll(error: Error): void {
    const waiters = [...this.writeWaiters, ...this.syncWaiters];
    this.writeWaiters = [];
    this.syncWaiters = [];
    for (const waiter of waiters) waiter.reject(error);
  }

  /** Lets the requests of this turn of the event loop share one write and one sync. */
  private schedule(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    setImmediate(() => {
      this.scheduled = false;
      if (this.state !== 'open') return;
      if (!this.write()) return;
      this.release();
      if (this.syncing !== null) return;
      if (this.syncWaiters.length > 0) this.runSync(true);
      else if (this.store.hasUnsyncedClosed) this.runSync(false);
    });
  }

  private syncIfDirty(): void {
    if (this.state !== 'open' || this.lastDataLsn <= this.syncedLsn || this.syncing !== null) return;
    if (this.write()) this.runSync(true);
  }

  private runSync(withActive: boolean): void {
    const target = withActive ? this.writtenLsn : this.store.activeFirstLsn - 1;
    const started = this.clock.monotonicMs();
    this.syncing = this.store.sync(withActive).then(
      () => {
        this.syncing = null;
        if (this.state === 'failed' || this.state === 'closed') return;
        this.syncs++;
        this.onSync((this.clock.monotonicMs() - started) / 1000);
        this.syncedLsn = Math.max(this.syncedLsn, target);
        this.release(target);
        this.markIfIdle();
        this.archiveSoon();
        if (this.syncWaiters.length > 0 || this.writeWaiters.length > 0) this.schedule();
      },
      (error) => {
        this.syncing = null;
        this.fail('sync', error);
      },
    );
  }

  /** Releases those who wait for what is written or durable now; in `always` mode a sync is for one waiter only. */
  private release(syncTarget = -1): void {
    this.writeWaiters = releaseUpTo(this.writeWaiters, this.writtenLsn);
    if (this.mode !== 'always') {
      this.syncWaiters = releaseUpTo(this.syncWaiters, this.syncedLsn);
    } else if (this.syncWaiters.length > 0 && this.syncWaiters[0].lsn <= syncTarget) {
      this.syncWaiters.shift()?.resolve();
    }
  }

  private markIfIdle(): void {
    if (this.state !== 'open' || this.chunks.length > 0 || this.lastDataLsn > this.syncedLsn) return;
    if (this.lastLsn > this.lastDataLsn) return;
    this.push(MARK, 0, NO_PAYLOAD);
    this.write();
  }

  private archiveSoon(): void {
    // What goes wrong is tried again after the next sync or checkpoint; the log itself is not harmed.
    this.archived().catch(() => {});
  }
}

/** Resolves the waiters up to the LSN and returns the others. */
function releaseUpTo(waiters: Waiter[], lsn: number): Waiter[] {
  if (waiters.length === 0) return waiters;
  const rest: Waiter[] = [];
  for (const waiter of waiters) {
    if (waiter.lsn <= lsn) waiter.resolve();
    else rest.push(waiter);
  }
  return rest;
}
