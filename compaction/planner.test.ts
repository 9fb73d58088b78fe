import { describe, expect, it } from 'vitest';
import { type MergeJob, type PlannerFile, type PlannerOptions, planMerges } from './planner.ts';

const DAY_SEC = 86400;
const DAY_MS = DAY_SEC * 1000;
const MINUTE_MS = 60_000;

let generation = 0;

function fileOf(day: number, createdMs: number, more: Partial<PlannerFile> = {}): PlannerFile {
  generation++;
  return {
    name: `f${generation}`,
    generation,
    partitionStartSec: day * DAY_SEC,
    partitionDurationSec: DAY_SEC,
    sizeBytes: 1000,
    level: 0,
    cold: false,
    createdMs,
    ...more,
  };
}

/** A store of files that does what the planner says and counts what that costs. */
class Simulation {
  files: PlannerFile[] = [];
  written = 0;
  rewritten = 0;
  coldMerges = 0;
  mostFiles = 0;
  private readonly options: Partial<PlannerOptions>;

  constructor(options: Partial<PlannerOptions> = {}) {
    this.options = options;
  }

  flush(day: number, nowMs: number, sizeBytes = 1000): void {
    this.files.push(fileOf(day, nowMs, { sizeBytes }));
    this.written += sizeBytes;
    this.settle(nowMs);
  }

  settle(nowMs: number): void {
    for (let steps = 0; ; steps++) {
      expect(steps).toBeLessThan(100);
      const job = planMerges(this.files, nowMs, this.options)[0];
      if (job === undefined) break;
      this.run(job, nowMs);
    }
    this.mostFiles = Math.max(this.mostFiles, this.files.length);
  }

  run(job: MergeJob, nowMs: number): void {
    const inputs = job.inputs.map((name) => this.files.find((file) => file.name === name)!);
    expect(new Set(inputs.map((file) => file.partitionStartSec)).size).toBe(1);
    // Inputs are neighbours: no generation of the partition lies between them without being one of them.
    const generations = inputs.map((file) => file.generation);
    expect(generations).toEqual([...generations].sort((a, b) => a - b));
    const between = this.files.filter(
      (file) =>
        file.partitionStartSec === job.partitionStartSec &&
        file.generation > generations[0] &&
        file.generation < generations[generations.length - 1],
    );
    for (const file of between) expect(job.inputs).toContain(file.name);
    const sizeBytes = inputs.reduce((sum, file) => sum + file.sizeBytes, 0);
    this.rewritten += sizeBytes;
    if (job.cold) this.coldMerges++;
    this.files = this.files.filter((file) => !job.inputs.includes(file.name));
    const merged = fileOf(inputs[0].partitionStartSec / DAY_SEC, nowMs, {
      sizeBytes,
      level: job.level,
      cold: job.cold,
    });
    this.files.push({ ...merged, generation: generations[generations.length - 1] });
  }
}

describe('the planner', () => {
  it('has nothing to do without files, or with one hot file in a hot partition', () => {
    expect(planMerges([], 0)).toEqual([]);
    expect(planMerges([fileOf(0, 0)], DAY_MS / 2)).toEqual([]);
  });

  it('merges four flushes of a hot partition into the next level', () => {
    const files = [0, 1, 2, 3].map((i) => fileOf(0, i));
    expect(planMerges(files.slice(0, 3), DAY_MS / 2)).toEqual([]);
    expect(planMerges([...files].reverse(), DAY_MS / 2)).toEqual([
      { inputs: files.map((file) => file.name), partitionStartSec: 0, level: 1, cold: false },
    ]);
  });

  it('never merges around a generation that lies between', () => {
    const apart = [fileOf(0, 0), fileOf(0, 1), fileOf(0, 2, { level: 1 }), fileOf(0, 3), fileOf(0, 4)];
    expect(planMerges(apart, DAY_MS / 2)).toEqual([]);
    // Four of level 1: the level-0 file in their midst goes with them, the one behind them does not.
    const files = [1, 1, 0, 1, 1, 0].map((level, i) => fileOf(0, i, { level }));
    const [job] = planMerges(files, DAY_MS / 2);
    expect(job.inputs).toEqual(files.slice(0, 5).map((file) => file.name));
    expect(job.level).toBe(2);
  });

  it('never merges across partitions', () => {
    const files = [fileOf(0, 0), fileOf(0, 1), fileOf(1, 2), fileOf(1, 3)];
    expect(planMerges(files, DAY_MS / 2)).toEqual([]);
  });

  it('leaves a partition alone during its grace and until it is quiet, then makes one cold file', () => {
    const files = [fileOf(0, DAY_MS - 1), fileOf(0, DAY_MS + 4 * MINUTE_MS)];
    expect(planMerges(files, DAY_MS + 5 * MINUTE_MS)).toEqual([]);
    expect(planMerges(files, DAY_MS + 8 * MINUTE_MS)).toEqual([]);
    const [job] = planMerges(files, DAY_MS + 10 * MINUTE_MS);
    expect(job.cold).toBe(true);
    expect(job.inputs).toHaveLength(2);
  });

  it('re-encodes a single hot file once its window has passed, and only once', () => {
    const hot = fileOf(0, 0);
    expect(planMerges([hot], 2 * DAY_MS)).toHaveLength(1);
    expect(planMerges([{ ...hot, cold: true }], 2 * DAY_MS)).toEqual([]);
  });

  it('puts everything together at once when forced', () => {
    const files = [fileOf(0, 5 * DAY_MS, { cold: true, sizeBytes: 1e9 }), fileOf(0, 5 * DAY_MS), fileOf(1, 5 * DAY_MS)];
    expect(planMerges(files, 5 * DAY_MS, { force: true })).toHaveLength(2);
    expect(planMerges(files, 5 * DAY_MS)).toEqual([]);
  });

  it('rewrites a row about three times over a week of flushes every ten minutes', () => {
    const simulation = new Simulation();
    for (let ms = 0; ms < 7 * DAY_MS; ms += 10 * MINUTE_MS) simulation.flush(Math.floor(ms / DAY_MS), ms);
    simulation.settle(7 * DAY_MS + 60 * MINUTE_MS);
    expect(simulation.files).toHaveLength(7);
    expect(simulation.files.every((file) => file.cold)).toBe(true);
    expect(simulation.coldMerges).toBe(7);
    expect(simulation.rewritten / simulation.written).toBeLessThan(3.01);
    // Reads of the hot day meet few files: at most 3 of level 0, 3 of level 1 and 9 of level 2, beside the week's.
    expect(simulation.mostFiles).toBeLessThan(7 + 16);
  });

  it('copes with a flush every minute', () => {
    const simulation = new Simulation();
    for (let ms = 0; ms < DAY_MS; ms += MINUTE_MS) simulation.flush(0, ms);
    simulation.settle(DAY_MS + 60 * MINUTE_MS);
    expect(simulation.files).toHaveLength(1);
    expect(simulation.rewritten / simulation.written).toBeLessThan(4.01);
    expect(simulation.mostFiles).toBeLessThan(30);
  });

  it('merges a trickle of late rows once per window, not once per flush', () => {
    const simulation = new Simulation();
    simulation.flush(0, DAY_MS / 2, 1_000_000);
    simulation.settle(DAY_MS + 60 * MINUTE_MS);
    expect(simulation.coldMerges).toBe(1);
    for (let ms = 2 * DAY_MS; ms < 6 * DAY_MS; ms += 60 * MINUTE_MS) simulation.flush(0, ms, 100);
    simulation.settle(8 * DAY_MS);
    expect(simulation.files).toHaveLength(1);
    // 96 flushes over four days.
    expect(simulation.coldMerges).toBeLessThanOrEqual(6);
  });

  it('does not let a large backfill wait for the window', () => {
    const simulation = new Simulation();
    simulation.flush(0, DAY_MS / 2, 1000);
    simulation.settle(DAY_MS + 60 * MINUTE_MS);
    simulation.flush(0, 3 * DAY_MS, 5000);
    simulation.settle(3 * DAY_MS + 10 * MINUTE_MS);
    expect(simulation.files).toHaveLength(1);
  });

  it('settles from any state', () => {
    let seed = 1;
    const random = (): number => {
      seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
      return seed / 4294967296;
    };
    for (let round = 0; round < 200; round++) {
      const simulation = new Simulation();
      const now = Math.floor(random() * 5) * DAY_MS;
      for (let i = 0; i < 40; i++) {
        simulation.files.push(
          fileOf(Math.floor(random() * 3), Math.floor(random() * now), {
            level: Math.floor(random() * 4),
            cold: random() < 0.2,
            sizeBytes: Math.floor(random() * 1e6),
          }),
        );
      }
      simulation.settle(now);
      simulation.settle(now + 10 * DAY_MS);
      const partitions = new Set(simulation.files.map((file) => file.partitionStartSec));
      expect(simulation.files).toHaveLength(partitions.size);
      expect(simulation.files.every((file) => file.cold)).toBe(true);
    }
  });
});
