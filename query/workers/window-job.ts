/**
 * The work that is spread over threads: one range function over all steps of many series.
 *
 * All memory that goes back and forth is shared. Each thread has a section of the series, chosen by their refs, so that
 * the next query finds the columns that its threads have kept. A thread takes the next few series off the counter of its
 * section, and then off the others', so that none waits for another; a flag stops them all. What comes out does not depend on who did it: a series'
 * column is computed as on the main thread, by the same kernel over the same samples.
 */
import type { ReadPlan, SeriesReader } from '../../engine/series-reader.ts';
import { Annotations } from '../promql/annotations.ts';
import { RANGE_FUNCTIONS } from '../promql/functions/range-functions.ts';
import type { RangeInput } from '../promql/functions/range-kernel.ts';
import { withoutStale } from '../promql/instant-selector.ts';
import { Windows } from '../promql/windows.ts';
import { SampleReader } from '../sample-reader.ts';
import { StoredWindows } from '../stored-windows.ts';

export interface WindowJob {
  readonly plan: ReadPlan;
  readonly func: string;
  readonly rangeMs: number;
  /** [step] inclusive ends of the windows, ascending. */
  readonly endsMs: Float64Array;
  readonly fields: readonly string[];
  /** [thread + 1] where the sections begin. */
  readonly sections: Int32Array;
  /** [series] in the order of sections and refs, and which of `fields` it is. */
  readonly refs: Int32Array;
  readonly fieldOf: Int32Array;
  /** [series × step], where the values go. */
  readonly values: Float64Array;
  readonly present: Uint8Array;
  /** [series] samples in all windows. */
  readonly samples: Float64Array;
  /** [1 to stop, then the next series of each section] */
  readonly control: Int32Array;
}

export const STOP = 0;
export const NEXT = 1;
/** Series that a thread takes at a time. */
const SHARE = 40;

/** Functions that need nothing but the samples. */
const OTHER_ARGUMENTS = new Set(['quantile_over_time', 'predict_linear', 'double_exponential_smoothing', 'deriv']);

export function canSpread(func: string | null): func is string {
  return func !== null && RANGE_FUNCTIONS[func] !== undefined && !OTHER_ARGUMENTS.has(func);
}

/** What a thread read of a job. */
export interface WorkDone {
  samples: number;
  /** Row groups decoded. */
  blocks: number;
}

/** The thread that a ref's series are first offered to: neighbours in a file stay together. */
export function sectionOf(ref: number, threads: number): number {
  return (ref >>> 3) % threads;
}

/** Takes series until none is left, beginning with the section of `thread`. */
export function runWindows(job: WindowJob, seriesReader: SeriesReader, thread: number): WorkDone {
  const { func, rangeMs, endsMs, refs, fields, fieldOf, sections, control } = job;
  const steps = endsMs.length;
  const reader = new SampleReader(seriesReader);
  const windows = new Windows(endsMs, endsMs, rangeMs, 0);
  const { kernel } = RANGE_FUNCTIONS[func]!;
  const annotations = new Annotations();
  const stored = new StoredWindows({ func, endsMs, rangeMs });
  const stopped = () => Atomics.load(control, STOP) === 1;
  const threads = sections.length - 1;
  for (let turn = 0; turn < threads && !stopped(); ) {
    const section = (thread + turn) % threads;
    const first = Atomics.add(control, NEXT + section, SHARE);
    const end = Math.min(sections[section + 1], first + SHARE);
    if (first >= end) {
      turn++;
      continue;
    }
    for (let s = first; s < end; s++) {
      if (stopped()) break;
      const series = { sources: [{ ref: refs[s], field: fields[fieldOf[s]] }] };
      const out = job.values.subarray(s * steps, (s + 1) * steps);
      const present = job.present.subarray(s * steps, (s + 1) * steps);
      const answered = stored.windows(reader, series, out, present);
      if (answered >= 0) {
        job.samples[s] = answered;
        continue;
      }
      const borrowed = reader.borrow(series);
      let { timesMs: times, values } = borrowed;
      if (borrowed.mayHoldStale) ({ times, values } = withoutStale(times, values, null));
      if (windows.move(times) === 0) continue;
      job.samples[s] = windows.sampleCount;
      const input: RangeInput = {
        times,
        values,
        startTimes: null,
        lo: windows.lo,
        hi: windows.hi,
        stepCount: steps,
        evalMs: endsMs,
        rangeEndMs: endsMs,
        rangeMs,
        scalars: [],
        anchored: false,
        smoothed: false,
        metricName: '',
        annotations,
        position: { start: 0 },
      };
      kernel(input, out, present);
    }
  }
  return { samples: reader.samplesRead, blocks: reader.blocksRead };
}
