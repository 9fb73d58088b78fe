/**
 * Threads for large queries, as many as there are processors: started at the first one, ended when none came for a while.
 * Jobs of several queries take turns, in the order in which they came.
 */
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { type ErrorCode, VarveError } from '../../errors/errors.ts';
import { STOP, type WindowJob, type WorkDone } from './window-job.ts';

const IDLE_MS = 60_000;
const WATCH_MS = 100;
/** A thread that does not stop within this time is ended, whatever else it was to do: that is tried again. */
const STOP_WITHIN_MS = 500;

/** Code of the error that a job meets whose thread was ended. */
export const THREAD_ENDED = 'THREAD_ENDED';

export interface WorkerRequest {
  id: number;
  job: WindowJob;
  /** Which of the threads it goes to. */
  thread: number;
}

export interface WorkerAnswer {
  id: number;
  done: WorkDone;
  error?: { message: string; name: string; code?: string };
}

export interface QueryWorkers {
  /** Threads that a job is run on. */
  readonly count: number;
  /**
   * Runs a job on all threads. Resolves with what was read once every thread is done with it, also after `STOP` was
   * set. Rejects with what a thread threw; Node's ENOENT means that a file has gone and a new plan is needed.
   */
  run(job: WindowJob): Promise<WorkDone>;
  close(): Promise<void>;
}

interface Waiter {
  resolve(done: WorkDone): void;
  reject(error: Error): void;
}

interface Thread {
  worker: Worker;
  waiting: Map<number, Waiter>;
}

function errorOf({ message, name, code }: NonNullable<WorkerAnswer['error']>): Error {
  if (name === 'VarveError') return new VarveError(code as ErrorCode, message);
  return Object.assign(new Error(message), { name, code });
}

function startThread(onEnd: (thread: Thread) => void): Thread {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  const worker = new Worker(new URL(`./worker.${extension}`, import.meta.url), {
    resourceLimits: { maxOldGenerationSizeMb: 1024, maxYoungGenerationSizeMb: 16 },
  });
  const thread: Thread = { worker, waiting: new Map() };
  const end = (error: Error) => {
    for (const { reject } of thread.waiting.values()) reject(error);
    thread.waiting.clear();
    onEnd(thread);
  };
  worker.unref();
  worker.on('message', ({ id, done, error }: WorkerAnswer) => {
    const waiter = thread.waiting.get(id);
    thread.waiting.delete(id);
    if (thread.waiting.size === 0) worker.unref();
    if (error === undefined) waiter?.resolve(done);
    else waiter?.reject(errorOf(error));
  });
  worker.on('error', end);
  worker.on('exit', (code) =>
    end(Object.assign(new Error(`a query thread ended with code ${code}`), { code: THREAD_ENDED })),
  );
  return thread;
}

export function queryWorkers(count = availableParallelism()): QueryWorkers {
  let threads: Thread[] = [];
  let nextId = 1;
  let idleTimer: NodeJS.Timeout | undefined;

  const close = async (): Promise<void> => {
    clearTimeout(idleTimer);
    const ending = threads;
    threads = [];
    await Promise.all(ending.map(({ worker }) => worker.terminate()));
  };
  const rest = () => {
    clearTimeout(idleTimer);
    idleTimer = setTimeout(() => {
      if (threads.every(({ waiting }) => waiting.size === 0)) void close();
    }, IDLE_MS);
    idleTimer.unref();
  };
  const drop = (ended: Thread) => {
    threads = threads.filter((thread) => thread !== ended);
  };

  const stoppedMs = new Map<number, number>();
  const endLateThreads = (id: number, job: WindowJob) => {
    if (Atomics.load(job.control, STOP) === 0) return;
    const sinceMs = stoppedMs.get(id) ?? performance.now();
    stoppedMs.set(id, sinceMs);
    if (performance.now() - sinceMs < STOP_WITHIN_MS) return;
    for (const { worker, waiting } of threads) if (waiting.has(id)) void worker.terminate();
  };

  return {
    count,
    async run(job) {
      clearTimeout(idleTimer);
      while (threads.length < count) threads.push(startThread(drop));
      const id = nextId++;
      const parts = threads.map(
        ({ worker, waiting }, thread) =>
          new Promise<WorkDone>((resolve, reject) => {
            waiting.set(id, { resolve, reject });
            worker.ref();
            worker.postMessage({ id, job, thread } satisfies WorkerRequest);
          }),
      );
      const watch = setInterval(() => endLateThreads(id, job), WATCH_MS);
      const ends = await Promise.allSettled(
        parts.map(async (part) => {
          try {
            return await part;
          } catch (error) {
            // What one cannot do, the others need not finish.
            Atomics.store(job.control, STOP, 1);
            throw error;
          }
        }),
      );
      clearInterval(watch);
      stoppedMs.delete(id);
      rest();
      const sum: WorkDone = { samples: 0, blocks: 0 };
      for (const end of ends) {
        if (end.status === 'rejected') throw end.reason;
        sum.samples += end.value.samples;
        sum.blocks += end.value.blocks;
      }
      return sum;
    },
    close,
  };
}

let shared: QueryWorkers | null = null;

/** The threads of this process. */
export function sharedQueryWorkers(): QueryWorkers {
  shared ??= queryWorkers();
  return shared;
}
