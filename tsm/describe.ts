/**
 * What a file is made of, as rows for people: `varve tsm dump` prints them.
 */
import { isSparse, kindName } from './column-codec.ts';
import { SECTION_NAMES } from './format.ts';
import type { TsmFile } from './reader.ts';
import { CONTINUES, IS_JOINED, IS_OPEN, IS_PACK, TIMES_MASK, TIMES_OWN, TIMES_REGULAR } from './row-groups.ts';

/** A column of a row group. */
export interface ColumnDescription {
  field: string;
  type: number;
  bytes: number;
  encoding: string;
  sparse: boolean;
  hasStatistics: boolean;
}

export interface RowGroupDescription {
  group: number;
  offset: number;
  bytes: number;
  /** Smallest ref in it. */
  firstRef: number;
  series: number;
  rows: number;
  minOffsetNs: number;
  maxOffsetNs: number;
  /** 'regular', 'own', or 'shared with N'. */
  times: string;
  timeBytes: number;
  /** 'pack', 'joined', 'open', 'continues'. */
  flags: string[];
  columns: ColumnDescription[];
}

export interface SectionDescription {
  name: string;
  bytes: number;
  inline: boolean;
}

/** Row groups in file order. Reads every group, so checksums are verified on the way. */
export function* describeRowGroups(file: TsmFile): Generator<RowGroupDescription> {
  const { reader } = file;
  const { groups } = reader;
  const { refs, groupOf } = file.table();
  const firstRef = new Int32Array(groups.count).fill(-1);
  for (let i = 0; i < refs.length; i++) if (firstRef[groupOf[i]] < 0) firstRef[groupOf[i]] = refs[i];
  for (let g = 0; g < groups.count; g++) {
    const flags = groups.flags[g];
    if (flags & CONTINUES) firstRef[g] = firstRef[g - 1];
    const statistics = reader.statistics(g);
    const times = flags & TIMES_MASK;
    yield {
      group: g,
      offset: groups.offset[g],
      bytes: groups.offset[g + 1] - groups.offset[g],
      firstRef: firstRef[g],
      series: groups.series[g],
      rows: groups.rows[g],
      minOffsetNs: groups.minOffsetNs[g],
      maxOffsetNs: groups.maxOffsetNs[g],
      times: times === TIMES_REGULAR ? 'regular' : times === TIMES_OWN ? 'own' : `shared with ${groups.timeOwner[g]}`,
      timeBytes: groups.timeBytes[g],
      flags: [
        ...(flags & IS_PACK ? ['pack'] : []),
        ...(flags & IS_JOINED ? ['joined'] : []),
        ...(flags & IS_OPEN ? ['open'] : []),
        ...(flags & CONTINUES ? ['continues'] : []),
      ],
      columns: reader.columnsOf(g, null).map((col) => {
        const c = reader.partCursor(g, col + 1);
        const { name, type } = reader.fieldOf(g, col);
        return {
          field: name,
          type,
          bytes: c.end - c.at,
          encoding: kindName(c.bytes[c.at], c.bytes[c.at + 1]),
          sparse: isSparse(c.bytes[c.at]),
          hasStatistics: statistics[col] !== null,
        };
      }),
    };
  }
}

export function describeSections(file: TsmFile): SectionDescription[] {
  return file.sectionPlaces().map((place, s) => ({
    name: SECTION_NAMES[s],
    bytes: place.length,
    inline: place.inline !== null,
  }));
}
