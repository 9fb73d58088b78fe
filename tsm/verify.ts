/**
 * Checks a whole file: every checksum, every decoder, and that all its parts agree with one another.
 */
import type { FileSystem } from '../disk/file-system.ts';
import { VarveError } from '../errors/errors.ts';
import { createDecodeCache } from './decode-cache.ts';
import { FOOTER_BYTES, SECTION, SECTION_COUNT, SECTION_NAMES } from './format.ts';
import { openTsm, type TsmFile } from './reader.ts';
import { IS_PACK } from './row-groups.ts';

/** One thing that is wrong. */
export interface TsmProblem {
  what: string;
  /** The refs whose rows are lost with it; null when it is all of the file. */
  refs: number[] | null;
}

/** Reads everything and returns what is wrong with it; empty for a sound file. Throws only when the disk fails. */
export function verifyTsm(fs: FileSystem, path: string): TsmProblem[] {
  const problems: TsmProblem[] = [];
  let file: TsmFile;
  try {
    file = openTsm(fs, path);
  } catch (error) {
    return [{ what: messageOf(error), refs: null }];
  }
  try {
    attempt(problems, null, () => checkSections(file, problems));
    attempt(problems, null, () => checkKeys(file, problems));
    if (problems.length === 0) checkRows(file, problems);
  } finally {
    file.close();
  }
  return problems;
}

function messageOf(error: unknown): string {
  if (error instanceof VarveError && error.code === 'corrupt') return error.message;
  throw error;
}

function attempt(problems: TsmProblem[], refs: number[] | null, check: () => void): void {
  try {
    check();
  } catch (error) {
    problems.push({ what: messageOf(error), refs });
  }
}

/** Every byte belongs to something: groups, then the sections that are not in the tail, then the tail. */
function checkSections(file: TsmFile, problems: TsmProblem[]): void {
  const { groups } = file.reader;
  let at = groups.offset[groups.count];
  for (let s = 0; s < SECTION_COUNT; s++) {
    file.section(s);
    const { inline, offset, length } = file.sectionPlaces()[s];
    if (inline !== null) continue;
    if (offset !== at)
      problems.push({ what: `section ${SECTION_NAMES[s]} is at ${offset} instead of ${at}`, refs: null });
    at = offset + length;
  }
  if (at > file.meta.sizeBytes - FOOTER_BYTES) problems.push({ what: 'sections overlap the tail', refs: null });
  const { partitionDurationSec, minOffsetNs, maxOffsetNs } = file.meta;
  if (minOffsetNs < 0 || maxOffsetNs >= partitionDurationSec * 1e9) {
    problems.push({ what: `times from ${minOffsetNs} to ${maxOffsetNs} leave the partition`, refs: null });
  }
}

function checkKeys(file: TsmFile, problems: TsmProblem[]): void {
  let keys = 0;
  for (const key of file.keyBytes()) {
    keys++;
    if (key.length === 0) problems.push({ what: `key ${keys} is empty`, refs: null });
  }
  if (keys !== file.meta.seriesCount) {
    problems.push({ what: `section ${SECTION_NAMES[SECTION.SERIES]} has another number of series`, refs: null });
  }
}

function checkRows(file: TsmFile, problems: TsmProblem[]): void {
  const cache = createDecodeCache();
  const { refs, groupOf, memberOf } = file.table();
  const { reader } = file;
  const { groups } = reader;
  const failed = new Set<number>();
  for (let position = 0; position < refs.length; position++) {
    const inPack = (groups.flags[groupOf[position]] & IS_PACK) !== 0;
    let last = Number.NEGATIVE_INFINITY;
    for (const g of file.groupsAt(position)) {
      if (failed.has(g)) {
        problems[problems.length - 1].refs?.push(refs[position]);
        continue;
      }
      try {
        const columns = reader.columnsOf(g, null);
        const slice = reader.slice(g, memberOf[position], columns, -1, Number.POSITIVE_INFINITY, cache);
        const times = slice?.times ?? new Float64Array(0);
        if (times.length === 0)
          throw new VarveError('corrupt', `series ${refs[position]} has no rows in row group ${g}`);
        if (times[0] < groups.minOffsetNs[g] || times[times.length - 1] > groups.maxOffsetNs[g]) {
          throw new VarveError('corrupt', `series ${refs[position]} leaves the time bounds of row group ${g}`);
        }
        for (const time of times) {
          if (!(time > last))
            throw new VarveError('corrupt', `series ${refs[position]} goes back in time in row group ${g}`);
          last = time;
        }
        if (!inPack) checkStatistics(file, g, columns);
      } catch (error) {
        problems.push({ what: messageOf(error), refs: [refs[position]] });
        failed.add(g);
      }
    }
  }
}

function checkStatistics(file: TsmFile, g: number, columns: number[]): void {
  const cache = createDecodeCache(0);
  const all = file.reader.statistics(g);
  for (const col of columns) {
    const statistics = all[col];
    if (statistics === null) continue;
    const { values, rows } = file.reader.column(g, col, cache);
    let min = Number.POSITIVE_INFINITY;
    let max = Number.NEGATIVE_INFINITY;
    for (let i = 0; i < rows; i++) {
      min = Math.min(min, values[i]);
      max = Math.max(max, values[i]);
    }
    const { first, last } = statistics;
    if (min !== statistics.min || max !== statistics.max || first !== values[0] || last !== values[rows - 1]) {
      throw new VarveError('corrupt', `statistics of column ${col} of row group ${g} are not those of its values`);
    }
  }
}
