/**
 * Threads for whole evaluations, each running one at a time: started when they are needed, ended when none came for a
 * while. Evaluations beyond their number wait in order. One that does not stop when it is told to loses its thread.
 */
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { type ErrorCode, VarveError } from '../../errors/errors.ts';
import type { EvaluationJob } from './evaluation-job.ts';
import { THREAD_ENDED } from './pool.ts';
import { type Ends, isOver } from './spread-windows.ts';
import { STOP } from './window-job.ts';

const IDLE_MS = 60_000;
const WATCH_MS = 20;
/** A thread that does not stop within this time is ended. */
const STOP_WITHIN_MS = 300;
const HEAP_MIB = 2048;
/** Results of many series live longer than a small young generation. */
const YOUNG_MIB = 96;

/** What a thread posts back. */
export interface EvaluationAnswer {
  answer?: unknown;
  error?: { message: string; name: string; code?: string };
}

/** What is posted to a thread: the evaluation, and what else its module needs to know to write the answer. */
export interface EvaluationRequest {
  job: EvaluationJob;
  format: unknown;
}

export interface EvaluationThreads {
  /**
   * Runs an evaluation and resolves with what the thread's module made of its result. Rejects with what it threw, with
   * THREAD_ENDED when it was stopped (`ends`), or with ENOENT when a file had gone, so that it must be planned anew.
   */
  run(request: EvaluationRequest, ends: Ends): Promise<unknown>;
  close(): Promise<void>;
}

interface Thread {
  worker: Worker;
  busy: boolean;
  settle: ((answer: EvaluationAnswer) => void) | null;
}

/** @param module what the threads run: it takes EvaluationRequests and posts an EvaluationAnswer for each. */
export function evaluationThreads(module: URL, count = availableParallelism()): EvaluationThreads {
  let threads: Thread[] = [];
  const waiting: (() => void)[] = [];
  let idleTimer: NodeJS.Timeout | undefined;

  const start = (): Thread => {
    const worker = new Worker(module, {
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MIB, maxYoungGenerationSizeMb: YOUNG_MIB },
    });
    const thread: Thread = { worker, busy: false, settle: null };
    const end = (error: NonNullable<EvaluationAnswer['error']>) => {
      threads = threads.filter((other) => other !== thread);
      thread.settle?.({ error });
    };
    worker.unref();
    worker.on('message', (answer: EvaluationAnswer) => thread.settle?.(answer));
    worker.on('error', ({ message, name, code }: NodeJS.ErrnoException) => end({ message, name, code }));
    worker.on('exit', (code) => end({ message: `it ended with code ${code}`, name: 'Error', code: THREAD_ENDED }));
    threads.push(thread);
    return thread;
  };
  const close = async (): Promise<void> => {
    clearTimeout(idleTimer);
    const ending = threads;
    threads = [];
    await Promise.all(ending.map(({ worker }) => worker.terminate()));
  };
  const rest = () => {
    clearTimeout(idleTimer);
    idleTimer = setTimeout(() => {
      if (threads.every(({ busy }) => !busy)) void close();
    }, IDLE_MS);
    idleTimer.unref();
  };
  /** Takes a thread that does nothing, once there is one; null when the time for it is over. */
  const takeThread = async (ends: Ends): Promise<Thread | null> => {
    for (;;) {
      const idle = threads.find(({ busy }) => !busy) ?? (threads.length < count ? start() : null);
      if (idle !== null) {
        idle.busy = true;
        return idle;
      }
      await new Promise<void>((resolve) => {
        const watch = setInterval(() => {
          if (!isOver(ends)) return;
          waiting.splice(waiting.indexOf(enter), 1);
          enter();
        }, WATCH_MS);
        const enter = () => {
          clearInterval(watch);
          resolve();
        };
        waiting.push(enter);
      });
      if (isOver(ends)) return null;
    }
  };

  return {
    async run(request, ends) {
      clearTimeout(idleTimer);
      const thread = await takeThread(ends);
      if (thread === null) {
        waiting.shift()?.();
        throw Object.assign(new Error('it was over before it began'), { code: THREAD_ENDED });
      }
      const { worker } = thread;
      let stoppedMs = 0;
      const watch = setInterval(() => {
        if (!isOver(ends)) return;
        Atomics.store(request.job.control, STOP, 1);
        stoppedMs ||= performance.now();
        if (performance.now() - stoppedMs < STOP_WITHIN_MS) return;
        // Its answer may come all the same; whoever is next must not be given a thread that is about to end.
        threads = threads.filter((other) => other !== thread);
        void worker.terminate();
      }, WATCH_MS);
      try {
        const { answer, error } = await new Promise<EvaluationAnswer>((resolve) => {
          thread.settle = resolve;
          worker.ref();
          worker.postMessage(request);
        });
        if (error === undefined) return answer;
        throw errorOf(error);
      } finally {
        clearInterval(watch);
        thread.settle = null;
        thread.busy = false;
        worker.unref();
        rest();
        waiting.shift()?.();
      }
    },
    close,
  };
}

function errorOf({ message, name, code }: NonNullable<EvaluationAnswer['error']>): Error {
  if (name === 'VarveError') return new VarveError(code as ErrorCode, message);
  if (code === 'ERR_WORKER_OUT_OF_MEMORY') {
    return new VarveError(
      'unprocessable',
      `query needs more than the ${HEAP_MIB} MiB of memory that its thread may use`,
    );
  }
  return Object.assign(new Error(message), { name, code });
}
