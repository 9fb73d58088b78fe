/** One selector's windows, computed on threads. */
import type { ReadPlan } from '../../engine/series-reader.ts';
import { type SourceColumns, sharedInts } from '../found-series.ts';
import type { CancelSignal } from '../promql/limits.ts';
import type { SelectRange } from '../promql/querier.ts';
import { ComputedWindows } from './computed-windows.ts';
import { type QueryWorkers, THREAD_ENDED } from './pool.ts';
import { NEXT, STOP, sectionOf, type WindowJob, type WorkDone } from './window-job.ts';

/** Values of all series and steps together: beyond, the evaluation computes series by series, within its own limits. */
const MAX_VALUES = 32_000_000;
const MAX_ATTEMPTS = 5;
const WATCH_MS = 20;

/** When to stop early. */
export interface Ends {
  readonly signal?: CancelSignal | null;
  readonly deadlineMs?: number;
}

export class SpreadWindows {
  private readonly job: Omit<WindowJob, 'plan'>;
  /** [series] its place in the job, which is in the order of refs. */
  private readonly placeOf: Int32Array;

  private constructor(job: Omit<WindowJob, 'plan'>, placeOf: Int32Array) {
    this.job = job;
    this.placeOf = placeOf;
  }

  /** Null when it cannot be done this way: names coincide, or the result would be too large. */
  static plan(columns: SourceColumns, range: SelectRange, func: string, threads: number): SpreadWindows | null {
    const { refs: refOf, firstSource } = columns;
    const count = refOf.length;
    const firstEndMs = range.startMs - 1 + range.rangeMs;
    const steps = range.stepMs === 0 ? 1 : Math.floor((range.endMs - firstEndMs) / range.stepMs) + 1;
    if (firstSource !== null || count * steps > MAX_VALUES) return null;
    const fields: string[] = [];
    const idOf = new Map<string, number>();
    const fieldIds = columns.fields.map(({ field }) => {
      let id = idOf.get(field);
      if (id === undefined) {
        id = fields.push(field) - 1;
        idOf.set(field, id);
      }
      return id;
    });
    const fieldOfSeries = columns.fieldOf.map((name) => fieldIds[name]);
    // In sections, and there all fields of a ref follow one another, as they do in files.
    const keys = new Float64Array(count);
    const sections = new Int32Array(threads + 1);
    for (let i = 0; i < count; i++) {
      const ref = refOf[i];
      const section = sectionOf(ref, threads);
      sections[section + 1]++;
      keys[i] = (section * 2 ** 31 + ref) * fields.length + fieldOfSeries[i];
    }
    for (let t = 0; t < threads; t++) sections[t + 1] += sections[t];
    const order = new Uint32Array(count);
    for (let i = 0; i < count; i++) order[i] = i;
    order.sort((a, b) => keys[a] - keys[b]);
    const placeOf = sharedInts(count);
    const refs = sharedInts(count);
    const fieldOf = sharedInts(count);
    for (let place = 0; place < count; place++) {
      const i = order[place];
      placeOf[i] = place;
      refs[place] = refOf[i];
      fieldOf[place] = fieldOfSeries[i];
    }
    const endsMs = new Float64Array(new SharedArrayBuffer(steps * 8));
    for (let i = 0; i < steps; i++) endsMs[i] = firstEndMs + i * range.stepMs;
    const job = {
      func,
      rangeMs: range.rangeMs,
      endsMs,
      fields,
      sections,
      refs,
      fieldOf,
      values: new Float64Array(new SharedArrayBuffer(count * steps * 8)),
      present: new Uint8Array(new SharedArrayBuffer(count * steps)),
      samples: new Float64Array(new SharedArrayBuffer(count * 8)),
      control: sharedInts(NEXT + threads),
    };
    return new SpreadWindows(job, placeOf);
  }

  /** Has the threads do it. Stopped early, what is not done looks as if it had no samples. */
  async run(workers: QueryWorkers, makePlan: () => ReadPlan, ends: Ends): Promise<WorkDone> {
    const { control } = this.job;
    const watch = setInterval(() => {
      if (isOver(ends)) Atomics.store(control, STOP, 1);
    }, WATCH_MS);
    try {
      for (let attempt = 1; ; attempt++) {
        control.fill(0);
        control.set(this.job.sections.subarray(0, -1), NEXT);
        try {
          return await workers.run({ ...this.job, plan: makePlan() });
        } catch (error) {
          if (isOver(ends)) return { samples: 0, blocks: 0 };
          // A merge has replaced a file before a thread opened it, or a thread was ended because of another query.
          const { code } = error as NodeJS.ErrnoException;
          if ((code !== 'ENOENT' && code !== THREAD_ENDED) || attempt === MAX_ATTEMPTS) throw error;
          this.job.present.fill(0);
          this.job.samples.fill(0);
        }
      }
    } finally {
      clearInterval(watch);
    }
  }

  /** What the threads have computed, once they are done. */
  get computed(): ComputedWindows {
    const { func, rangeMs, endsMs, values, present, samples } = this.job;
    return new ComputedWindows({ func, rangeMs, endsMs, values, present, samples, placeOf: this.placeOf });
  }
}

export function isOver({ signal, deadlineMs }: Ends): boolean {
  return signal?.aborted === true || (deadlineMs !== undefined && performance.now() > deadlineMs);
}
