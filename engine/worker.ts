/** The background thread: takes flush and merge jobs one at a time and answers with the files they wrote. */
import { parentPort } from 'node:worker_threads';
import { nodeFileSystem } from '../disk/node-file-system.ts';
import type { JobAnswer, JobRequest } from './background.ts';
import { flushMemtable } from './flush.ts';
import { mergeJob } from './merge.ts';

parentPort?.on('message', (request: JobRequest) => {
  const answer: JobAnswer = { id: request.id };
  try {
    answer.result =
      request.kind === 'flush' ? flushMemtable(nodeFileSystem, request.job) : mergeJob(nodeFileSystem, request.job);
  } catch (error) {
    const { message, name, code } = error as Error & { code?: string };
    answer.error = { message, name, code };
  }
  parentPort?.postMessage(answer);
});
