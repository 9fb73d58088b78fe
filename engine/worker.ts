/**
 * The background thread: takes flush and merge jobs and answers with the files they wrote.
 *
 * One job at a time, but a flush does not wait for a merge: memory fills up meanwhile, and writers would be slowed. A merge
 * looks for flushes between two series, does them, and goes on.
 */
import { type MessagePort, parentPort, receiveMessageOnPort } from 'node:worker_threads';
import { nodeFileSystem } from '../disk/node-file-system.ts';
import type { JobAnswer, JobRequest } from './background.ts';
import { flushMemtable } from './flush.ts';
import { mergeJob } from './merge.ts';
import { standBack } from './thread-priority.ts';

function serve(port: MessagePort): void {
  /** Merges that came during a merge. */
  const waiting: JobRequest[] = [];
  const doFlushes = () => {
    for (let next = receiveMessageOnPort(port); next !== undefined; next = receiveMessageOnPort(port)) {
      const request = next.message as JobRequest;
      if (request.kind === 'abandon') throw new Error('the server is stopping');
      if (request.kind === 'flush') answer(request);
      else waiting.push(request);
    }
  };
  const answer = (request: JobRequest) => {
    if (request.kind === 'abandon') return;
    const done: JobAnswer = { id: request.id };
    try {
      done.result =
        request.kind === 'flush'
          ? flushMemtable(nodeFileSystem, request.job)
          : mergeJob(nodeFileSystem, request.job, doFlushes);
    } catch (error) {
      const { message, name, code } = error as Error & { code?: string };
      done.error = { message, name, code };
    }
    port.postMessage(done);
  };
  port.on('message', (request: JobRequest) => {
    answer(request);
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) answer(next);
  });
}

if (parentPort !== null) {
  standBack();
  serve(parentPort);
}
