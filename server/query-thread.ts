/** A thread that evaluates whole queries and writes their results; see query/workers/evaluation-threads.ts. */
import { parentPort } from 'node:worker_threads';
import { standBack } from '../engine/thread-priority.ts';
import { type ReadCounts, runEvaluation } from '../query/workers/evaluation-job.ts';
import {
  type EvaluationAnswer,
  type EvaluationRequest,
  type EvaluationThreads,
  evaluationThreads,
} from '../query/workers/evaluation-threads.ts';
import { closeFilesLater, openFile } from '../query/workers/open-files.ts';
import { type ResultFormat, type WrittenResult, writeResult } from './query-result.ts';

/** What comes of a query on a thread. */
export interface ThreadResult extends WrittenResult {
  readonly counts: ReadCounts;
}

let shared: EvaluationThreads | null = null;

/** The threads of this process. */
export function sharedEvaluationThreads(): EvaluationThreads {
  shared ??= evaluationThreads(new URL(import.meta.url));
  return shared;
}

if (parentPort !== null) standBack();
parentPort?.on('message', async ({ job, format }: EvaluationRequest) => {
  const counts: ReadCounts = { samplesRead: 0, blocksRead: 0, readMs: 0 };
  try {
    const written = await writeResult(runEvaluation(job, openFile, counts), format as ResultFormat);
    const answer: ThreadResult = { ...written, counts };
    parentPort?.postMessage({ answer } satisfies EvaluationAnswer, [written.data.buffer]);
  } catch (error) {
    const { message, name, code } = error as Error & { code?: string };
    parentPort?.postMessage({ error: { message, name, code } } satisfies EvaluationAnswer);
  }
  closeFilesLater();
});
