/** A query thread: runs its part of each job and says how it ended. Files stay open for a while between jobs. */
import { parentPort } from 'node:worker_threads';
import { nodeFileSystem } from '../../disk/node-file-system.ts';
import { readerOfPlan } from '../../engine/series-reader.ts';
import { openTsm, type TsmFile } from '../../tsm/reader.ts';
import type { WorkerAnswer, WorkerRequest } from './pool.ts';
import { runWindows } from './window-job.ts';

/** A file that a merge has replaced keeps its space until nobody has it open. */
const CLOSE_AFTER_MS = 2_000;

const files = new Map<string, TsmFile>();
let closeTimer: NodeJS.Timeout | undefined;

/** Names of data files are never used again, so an open one is the right one. */
function open(path: string): TsmFile {
  let file = files.get(path);
  if (file === undefined) {
    file = openTsm(nodeFileSystem, path);
    files.set(path, file);
  }
  return file;
}

function closeAll(): void {
  for (const file of files.values()) file.close();
  files.clear();
}

parentPort?.on('message', ({ id, job, thread }: WorkerRequest) => {
  clearTimeout(closeTimer);
  const answer: WorkerAnswer = { id, done: { samples: 0, blocks: 0 } };
  try {
    answer.done = runWindows(job, readerOfPlan(job.plan, open), thread);
  } catch (error) {
    const { message, name, code } = error as Error & { code?: string };
    answer.error = { message, name, code };
  }
  closeTimer = setTimeout(closeAll, CLOSE_AFTER_MS);
  closeTimer.unref();
  parentPort?.postMessage(answer);
});
