/**
 * Where flushes and merges run: on a worker thread, so that ingest and queries keep their pace, or on this thread for
 * tests over a file system that lives in memory.
 */
import { Worker } from 'node:worker_threads';
import type { FileSystem } from '../disk/file-system.ts';
import { type FlushJob, flushMemtable } from './flush.ts';
import type { FileEntry } from './manifest.ts';
import { type MergeJob, mergeJob } from './merge.ts';

const IDLE_MS = 5_000;

/** Runs jobs. Each resolves with the files it wrote, which are durable then but not yet in a manifest. */
export interface Background {
  flush(job: FlushJob): Promise<FileEntry[]>;
  /** Null when nothing was left after the merge. */
  merge(job: MergeJob): Promise<FileEntry | null>;
  /** Makes the merge under way fail soon; its inputs stay as they are. */
  abandonMerge(): void;
  close(): Promise<void>;
}

export type JobRequest =
  | { id: number; kind: 'flush'; job: FlushJob }
  | { id: number; kind: 'merge'; job: MergeJob }
  | { kind: 'abandon' };

export interface JobAnswer {
  id: number;
  result?: FileEntry[] | FileEntry | null;
  error?: { message: string; code?: string; name: string };
}

export function inlineBackground(fs: FileSystem): Background {
  return {
    flush: async (job) => flushMemtable(fs, job),
    merge: async (job) => mergeJob(fs, job),
    abandonMerge() {},
    close: async () => {},
  };
}

/** One worker thread, started at the first job. */
export function workerBackground(): Background {
  let worker: Worker | null = null;
  let nextId = 1;
  let idleTimer: NodeJS.Timeout | undefined;
  const waiting = new Map<number, { resolve(result: unknown): void; reject(error: Error): void }>();

  const fail = (error: Error) => {
    worker = null;
    for (const { reject } of waiting.values()) reject(error);
    waiting.clear();
  };

  /** Without work the thread ends after a while, and its memory goes back to the system. */
  const rest = (resting: Worker) => {
    resting.unref();
    idleTimer = setTimeout(() => {
      if (worker !== resting || waiting.size > 0) return;
      worker = null;
      void resting.terminate();
    }, IDLE_MS);
    idleTimer.unref();
  };

  const start = (): Worker => {
    const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
    const started = new Worker(new URL(`./worker.${extension}`, import.meta.url), {
      // Flushing many short series makes much short-lived garbage: a small young generation keeps it in the cache.
      resourceLimits: { maxOldGenerationSizeMb: 512, maxYoungGenerationSizeMb: 12 },
    });
    started.unref();
    started.on('message', (answer: JobAnswer) => {
      const waiter = waiting.get(answer.id);
      if (waiter === undefined) return;
      waiting.delete(answer.id);
      if (waiting.size === 0) rest(started);
      if (answer.error === undefined) waiter.resolve(answer.result);
      else waiter.reject(Object.assign(new Error(answer.error.message), answer.error));
    });
    started.on('error', (error) => {
      if (worker === started) fail(error as Error);
    });
    started.on('exit', (code) => {
      if (worker === started) fail(new Error(`the background thread ended with code ${code}`));
    });
    return started;
  };

  const run = <T>(kind: 'flush' | 'merge', job: FlushJob | MergeJob): Promise<T> => {
    clearTimeout(idleTimer);
    worker ??= start();
    const id = nextId++;
    const running = worker;
    return new Promise<T>((resolve, reject) => {
      waiting.set(id, { resolve: resolve as (result: unknown) => void, reject });
      running.ref();
      running.postMessage({ id, kind, job });
    });
  };

  return {
    flush: (job) => run<FileEntry[]>('flush', job),
    merge: (job) => run<FileEntry | null>('merge', job),
    abandonMerge: () => worker?.postMessage({ kind: 'abandon' } satisfies JobRequest),
    async close() {
      clearTimeout(idleTimer);
      const ending = worker;
      fail(new Error('the background thread was closed'));
      await ending?.terminate();
    },
  };
}
