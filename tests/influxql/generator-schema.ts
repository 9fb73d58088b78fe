/** What random statements are made of: the measurements of the data set that they ask, with types, tags and times. */

export type ValueType = 'float' | 'integer' | 'boolean' | 'string';

export interface Measurement {
  readonly name: string;
  readonly fields: Readonly<Record<string, ValueType>>;
  readonly tags: Readonly<Record<string, readonly string[]>>;
  /** First and last time, s. */
  readonly from: number;
  readonly until: number;
  /** Grouped by these tags, no two rows of a series have one time. */
  readonly tieTags: readonly string[];
  /** Values of its texts, for conditions. */
  readonly texts: readonly string[];
}

/** 2000-01-01T00:00:00Z, s: the rows of most measurements begin here and lie in one shard of influxd's. */
export const START = 946684800;

export const MEASUREMENTS: readonly Measurement[] = [
  {
    name: 'cpu',
    fields: { usage: 'float', idle: 'float', requests: 'integer', up: 'boolean', state: 'string' },
    tags: { host: ['a', 'b', 'c'], core: ['0', '1'], region: ['east', 'west'] },
    from: START,
    until: START + 1200,
    tieTags: ['host', 'core'],
    texts: ['calm', 'busy', 'hot'],
  },
  {
    name: 'types',
    fields: { f: 'float', i: 'integer', b: 'boolean', s: 'string' },
    tags: {},
    from: START,
    until: START + 600,
    tieTags: [],
    texts: ['one', 'two', 'deux', '', 'zero'],
  },
  {
    name: 'gaps',
    fields: { level: 'float', counter: 'integer' },
    tags: { side: ['left', 'right'] },
    from: START,
    until: START + 3602,
    tieTags: ['side'],
    texts: [''],
  },
  {
    name: 'waves',
    fields: { level: 'float', steps: 'integer' },
    tags: { place: ['bay'] },
    from: START,
    until: START + 86040,
    tieTags: [],
    texts: [''],
  },
  {
    name: 'dense',
    fields: { temperature: 'float', total: 'integer', on: 'boolean', mode: 'string', extra: 'integer' },
    tags: { sensor: ['1', '2'] },
    from: START,
    until: START + 5400,
    tieTags: [],
    texts: ['m0', 'm1', 'm2'],
  },
  {
    name: 'sparse',
    fields: { value: 'float' },
    tags: { x: ['1', '2'], y: ['1', '2'], z: ['z', 'long name'] },
    from: START,
    until: START + 6,
    tieTags: [],
    texts: [''],
  },
  {
    name: 'variants',
    fields: { colour: 'string', n: 'integer', r: 'float', flag: 'boolean' },
    tags: { half: ['first', 'second'] },
    from: START,
    until: START + 270,
    tieTags: [],
    texts: ['red', 'green', 'blue', 'violet'],
  },
  {
    name: 'ties',
    fields: { v: 'float', n: 'integer' },
    tags: { k: ['a', 'b', 'c'] },
    from: START,
    until: START + 30,
    tieTags: ['k'],
    texts: [''],
  },
  {
    name: 'rewritten',
    fields: { v: 'float', w: 'float', x: 'integer' },
    tags: { k: ['a', 'b'] },
    from: START,
    until: START + 1,
    tieTags: ['k'],
    texts: [''],
  },
  {
    name: 'clock',
    fields: { value: 'integer' },
    tags: { place: ['angeles', 'berlin'] },
    from: 1446336000,
    until: 1446336000 + 95 * 1800,
    tieTags: [],
    texts: [''],
  },
  {
    name: 'past',
    fields: { value: 'float', n: 'integer' },
    tags: { era: ['old', 'new'] },
    from: -2,
    until: 2,
    tieTags: [],
    texts: [''],
  },
];
