/**
 * The series of one query with their samples, one after the other, over any number of turns of the event loop.
 *
 * Between turns files come and go, so reading begins anew in each; and series may be removed and their refs given to
 * others, so then the selection is made again and goes on behind the last series that was handed out.
 */
import type { Database } from '../../engine/database.ts';
import { type PrometheusSeries, selectUnsorted } from '../prometheus-series.ts';
import { openSamples, refuseTooMany } from '../prometheus-storage.ts';
import { compareLabels, type Labels } from '../promql/labels.ts';
import type { SampleReader, Samples } from '../sample-reader.ts';
import type { ReadQuery } from './read-request.ts';

export interface SeriesSamples {
  labels: Labels;
  /** Never empty. */
  samples: Samples;
}

/** Series without samples that are looked at in one go. */
const LOOKS_PER_TURN = 2_000;

export class SeriesWalk {
  private readonly database: Database | undefined;
  private readonly query: ReadQuery;
  private series: PrometheusSeries[] = [];
  private position = 0;
  /** The index's count of removals when `series` was selected; −1 before that. */
  private removals = -1;
  private reader: SampleReader | null = null;
  private readonly maxSeries: number;

  /**
   * A database that does not exist holds nothing.
   * @param maxSeries that may be selected; 0: no limit.
   */
  constructor(database: Database | undefined, query: ReadQuery, maxSeries = 0) {
    this.database = database;
    this.query = query;
    this.maxSeries = maxSeries;
  }

  /**
   * The next series with samples in the query's range, in the order of labels; null at the end; 'later' when it should
   * be asked again after a turn of the event loop, as many had none.
   * @throws VarveError unprocessable when too many series match.
   */
  next(): SeriesSamples | null | 'later' {
    this.reader ??= this.resume();
    if (this.reader === null) return null;
    for (let looks = 0; this.position < this.series.length; looks++) {
      if (looks === LOOKS_PER_TURN) return 'later';
      const series = this.series[this.position++];
      const samples = this.reader.read(series);
      if (samples.timesMs.length > 0) return { labels: series.labels, samples };
    }
    return null;
  }

  /** To be called when anything may happen before `next` is called again. */
  pause(): void {
    this.reader = null;
  }

  private resume(): SampleReader | null {
    const { database, query } = this;
    if (database === undefined || query.endMs < query.startMs) return null;
    const { removals } = database.index;
    if (this.removals !== removals) {
      const last = this.position === 0 ? null : this.series[this.position - 1].labels;
      const found = selectUnsorted(database, query.matchers);
      refuseTooMany(found.length, this.maxSeries);
      this.series = found.sort((a, b) => compareLabels(a.labels, b.labels));
      this.removals = removals;
      this.position = 0;
      if (last !== null) {
        while (this.position < this.series.length && compareLabels(this.series[this.position].labels, last) <= 0) {
          this.position++;
        }
        // What went before may all be gone; the mark of where this is must not go with it.
        this.series.splice(0, this.position, { labels: last, sources: [] });
        this.position = 1;
      }
    }
    return openSamples(database, query.startMs, query.endMs);
  }
}
