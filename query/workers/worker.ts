/** A query thread: runs its part of each job and says how it ended. */
import { parentPort } from 'node:worker_threads';
import { readerOfPlan } from '../../engine/series-reader.ts';
import { standBack } from '../../engine/thread-priority.ts';
import { closeFilesLater, openFile } from './open-files.ts';
import type { WorkerAnswer, WorkerRequest } from './pool.ts';
import { runWindows } from './window-job.ts';

standBack();
parentPort?.on('message', ({ id, job, thread }: WorkerRequest) => {
  const answer: WorkerAnswer = { id, done: { samples: 0, blocks: 0 } };
  try {
    answer.done = runWindows(job, readerOfPlan(job.plan, openFile), thread);
  } catch (error) {
    const { message, name, code } = error as Error & { code?: string };
    answer.error = { message, name, code };
  }
  closeFilesLater();
  parentPort?.postMessage(answer);
});
