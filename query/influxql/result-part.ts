/**
 * What the executor hands to the writers of answers: parts of statements' results, in order. A chunked answer writes each
 * part as a document of its own; any other merges the parts of one statement.
 */
import type { ResultMessage, ResultSeries } from './result.ts';

/** Rows `start` … `end` of a series. */
export interface SeriesPart {
  readonly series: ResultSeries;
  readonly start: number;
  readonly end: number;
  /** More rows of this series follow, or were left out. */
  readonly partial: boolean;
}

export interface ResultPart {
  /** Number of the statement in its request, from 0. */
  readonly statement: number;
  readonly series: readonly SeriesPart[];
  readonly messages: readonly ResultMessage[];
  /** More parts of this statement follow. */
  readonly partial: boolean;
  /** '' is none. */
  readonly error: string;
}

/** Whether rows belong to one series of an answer: only names and tags tell. */
export function sameSeries(a: ResultSeries, b: ResultSeries): boolean {
  if (a.name !== b.name) return false;
  if (a.tags === b.tags) return true;
  const [first, second] = [a.tags ?? [], b.tags ?? []];
  return (
    first.length === second.length && first.every(([key, value], i) => key === second[i][0] && value === second[i][1])
  );
}
