/**
 * Decides which files to merge: a pure function of the files' metadata and the time.
 *
 * 1. Files are merged inside their partition only, and only neighbours in generation order, so that "the later
 *    generation wins" stays true of what comes out.
 * 2. A partition is hot until its window has passed and a grace period with it. In it, runs of files of one level merge
 *    into one of the next: 4 of level 0, 4 of level 1, 16 of any higher one. So a row is rewritten about twice while hot.
 * 3. A cold partition without a cold file gets one, from all its files, as soon as no flush has touched it for a while.
 * 4. Late rows for a partition that has its cold file wait, merging among themselves as in 2, until the oldest of them
 *    has waited a whole window or they amount to a quarter of the cold file; then everything becomes one file again.
 *    So a trickle of late rows rewrites the cold file once per window, not once per flush.
 */

/** What the planner needs to know of a file; entries of a manifest have it all. */
export interface PlannerFile {
  name: string;
  /** Order of writing: rows of a higher one win. */
  generation: number;
  partitionStartSec: number;
  partitionDurationSec: number;
  sizeBytes: number;
  level: number;
  cold: boolean;
  /** ms since the epoch. */
  createdMs: number;
}

/** Files to merge into one. */
export interface MergeJob {
  /** Names, in ascending generation. */
  inputs: string[];
  partitionStartSec: number;
  level: number;
  /** Encode for size. */
  cold: boolean;
}

export interface PlannerOptions {
  /** How long after its window's end a partition counts as hot. */
  graceMs: number;
  /** How long no file may have been added before a cold partition is put together. */
  quietMs: number;
  /** How long late rows may wait; null: as long as the partition's window. */
  lateWaitMs: number | null;
  /** Share of the cold file's size at which late rows wait no longer. */
  lateShare: number;
  /** Put together every partition whose window has passed, now. */
  force: boolean;
}

const DEFAULT_PLANNER_OPTIONS: PlannerOptions = {
  graceMs: 600_000,
  quietMs: 300_000,
  lateWaitMs: null,
  lateShare: 0.25,
  force: false,
};

/** A run of this many files is merged whatever their levels. */
const CROWD = 64;

/** Files of one level that make one of the next. */
function fanIn(level: number): number {
  return level < 2 ? 4 : 16;
}

/**
 * The merges to do now, most useful first, at most one per partition. Doing one and planning again always ends.
 * @param files of one database, in any order
 */
export function planMerges(
  files: readonly PlannerFile[],
  nowMs: number,
  options: Partial<PlannerOptions> = {},
): MergeJob[] {
  const settings = { ...DEFAULT_PLANNER_OPTIONS, ...options };
  const partitions = new Map<string, PlannerFile[]>();
  for (const file of files) {
    const key = `${file.partitionStartSec}/${file.partitionDurationSec}`;
    const partition = partitions.get(key);
    if (partition === undefined) partitions.set(key, [file]);
    else partition.push(file);
  }
  const jobs: MergeJob[] = [];
  for (const partition of partitions.values()) {
    partition.sort((a, b) => a.generation - b.generation);
    const job = planPartition(partition, nowMs, settings);
    if (job !== null) jobs.push(job);
  }
  // Small merges keep reads fast and finish soon; then the newest cold partitions, which are read most.
  return jobs.sort((a, b) => Number(a.cold) - Number(b.cold) || b.partitionStartSec - a.partitionStartSec);
}

function planPartition(files: PlannerFile[], nowMs: number, settings: PlannerOptions): MergeJob | null {
  if (files.length === 1 && files[0].cold) return null;
  const { partitionStartSec, partitionDurationSec } = files[0];
  const windowMs = partitionDurationSec * 1000;
  const endMs = partitionStartSec * 1000 + windowMs;
  const isPast = nowMs >= endMs + (settings.force ? 0 : settings.graceMs);
  if (isPast && isDue(files, nowMs, windowMs, settings)) return jobOf(files, true);
  return planLevels(files);
}

/** Whether a cold partition should become one file now. */
function isDue(files: PlannerFile[], nowMs: number, windowMs: number, settings: PlannerOptions): boolean {
  if (settings.force) return true;
  const coldBytes = files.reduce((sum, file) => sum + (file.cold ? file.sizeBytes : 0), 0);
  const hot = files.filter((file) => !file.cold);
  if (hot.length === 0) return true;
  const newestMs = Math.max(...hot.map((file) => file.createdMs));
  const oldestMs = Math.min(...hot.map((file) => file.createdMs));
  const hotBytes = hot.reduce((sum, file) => sum + file.sizeBytes, 0);
  const waitMs = settings.lateWaitMs ?? windowMs;
  const waitedLong = nowMs - oldestMs >= waitMs;
  const isQuiet = nowMs - newestMs >= settings.quietMs;
  if (coldBytes === 0) return isQuiet || waitedLong;
  return waitedLong || (isQuiet && hotBytes >= coldBytes * settings.lateShare);
}

/**
 * The lowest level that has enough files in one run of neighbours; lower files between them are taken along, newer ones
 * behind them are not. Cold files take no part.
 */
function planLevels(files: PlannerFile[]): MergeJob | null {
  const highest = Math.max(...files.map((file) => file.level));
  for (let level = 0; level <= highest; level++) {
    let run: PlannerFile[] = [];
    for (const file of [...files, null]) {
      if (file !== null && !file.cold && file.level <= level) {
        if (file.level === level || run.length > 0) run.push(file);
        continue;
      }
      const job = planRun(run, level);
      if (job !== null) return job;
      run = [];
    }
  }
  return null;
}

function planRun(run: PlannerFile[], level: number): MergeJob | null {
  const ofLevel = run.filter((file) => file.level === level).length;
  if (ofLevel < fanIn(level) && run.length < CROWD) return null;
  let end = run.length;
  if (ofLevel >= fanIn(level)) while (run[end - 1].level < level) end--;
  return jobOf(run.slice(0, end), false);
}

function jobOf(files: PlannerFile[], cold: boolean): MergeJob {
  return {
    inputs: files.map((file) => file.name),
    partitionStartSec: files[0].partitionStartSec,
    level: Math.max(...files.map((file) => file.level)) + 1,
    cold,
  };
}
