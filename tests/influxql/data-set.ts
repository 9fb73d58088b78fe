/**
 * The rows over which InfluxQL is compared with influxd: every type, gaps, rows without some of their fields, rows written
 * again, times before 1970 and far from now, names that need quotes. They are the same on every run.
 *
 * Floats of the larger measurements are multiples of 1/8, so that sums do not depend on the order in which they are taken.
 */

export interface WrittenPart {
  readonly database: string;
  /** '' is the database's own. */
  readonly retentionPolicy: string;
  readonly lines: readonly string[];
}

export const DATABASE = 'strata';
const OTHER_DATABASE = 'other';
/** A policy of DATABASE whose measurements partly have the names of those in the first one. */
const COARSE_POLICY = 'coarse';

/** Before the rows. */
export const SETUP: readonly string[] = [
  `CREATE DATABASE ${DATABASE}`,
  `CREATE DATABASE ${OTHER_DATABASE}`,
  `CREATE RETENTION POLICY ${COARSE_POLICY} ON ${DATABASE} DURATION INF REPLICATION 1`,
];

/** 2000-01-01T00:00:00Z, s. */
const START = 946684800;

/** In the order in which they are written; between parts a server may be restarted. */
export function dataSet(): WrittenPart[] {
  const part = (lines: string[], database = DATABASE, retentionPolicy = '') => ({ database, retentionPolicy, lines });
  return [
    part([...cpu(), ...types(), ...gaps(), ...waves(), ...dense(0, 3600, 1)]),
    part([...negativeTimes(), ...extremes(), ...strangeNames(), ...sparseTags(), ...sameNames(), ...clockChanges()]),
    part([...rewrites(), ...variants(), ...ties(), ...dense(1800, 2400, 2), ...dense(3000, 5400, 3)]),
    part(otherDatabase(), OTHER_DATABASE),
    part(coarse(), DATABASE, COARSE_POLICY),
  ];
}

function seconds(value: number): string {
  return `${value}000000000`;
}

/** Whole numbers 0 ≤ x < below, the same on every run. */
function sequence(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return (state >>> 8) % below;
  };
}

/** Six series, every 10 s for 20 min, with a hole of 3 min in the series of host c, integers, booleans and texts now and then. */
function cpu(): string[] {
  const lines: string[] = [];
  const next = sequence(1);
  for (const [host, region] of [
    ['a', 'west'],
    ['b', 'west'],
    ['c', 'east'],
  ]) {
    for (const core of ['0', '1']) {
      for (let at = 0; at < 1200; at += 10) {
        const usage = next(800) / 8;
        const requests = next(50);
        const extra = next(100);
        if (host === 'c' && at >= 300 && at < 480) continue;
        const fields = [`usage=${usage}`, `idle=${100 - usage}`];
        if (at % 20 === 0) fields.push(`requests=${requests}i`);
        if (at % 60 === 0) fields.push(`up=${extra < 80}`);
        if (at % 300 === 0) fields.push(`state="${['calm', 'busy', 'hot'][extra % 3]}"`);
        lines.push(`cpu,core=${core},host=${host},region=${region} ${fields.join(',')} ${seconds(START + at)}`);
      }
    }
  }
  return lines;
}

/** One series without tags; each row has some of the fields. */
function types(): string[] {
  return [
    `types f=1.5,i=1i,b=true,s="one" ${seconds(START)}`,
    `types f=2.25 ${seconds(START + 60)}`,
    `types i=2i ${seconds(START + 120)}`,
    `types b=false ${seconds(START + 180)}`,
    `types s="two" ${seconds(START + 240)}`,
    `types f=-3.75,i=-3i ${seconds(START + 300)}`,
    `types b=true,s="" ${seconds(START + 360)}`,
    `types f=0,i=0i,b=false,s="zero" ${seconds(START + 420)}`,
    `types f=1e21,i=9007199254740993i ${seconds(START + 480)}`,
    `types f=1e-7,i=-9007199254740993i,s="say \\"hi\\" \\\\ ü☃ <&> tab\tend" ${seconds(START + 540)}`,
    `types f=123456789.125,i=42i,b=true,s="two" ${seconds(START + 600)}`,
  ];
}

/** Uneven times, values that go up, down and stay, a counter that starts anew. */
function gaps(): string[] {
  const rows: [offset: number, value: number, counter: number][] = [
    [0, 1, 100],
    [1, 2, 110],
    [5, 2, 125],
    [17, -4, 125],
    [60, 8.5, 180],
    [61, 8.5, 20],
    [125, 0, 30],
    [300, 16, 75],
    [301, 15, 76],
    [302, 14, 90],
    [900, 32, 400],
    [3600, 0.5, 5],
  ];
  return rows.flatMap(([offset, value, counter]) => [
    `gaps,side=left level=${value},counter=${counter}i ${seconds(START + offset)}`,
    `gaps,side=right level=${-2 * value},counter=${2 * counter}i ${seconds(START + offset + 2)}`,
  ]);
}

/** A tide with a trend, every 6 min for a day, for forecasts and averages that look back. */
function waves(): string[] {
  const lines: string[] = [];
  for (let i = 0; i < 240; i++) {
    const level = Math.round((4 + Math.sin((i * Math.PI) / 60) * 3 + i / 100) * 8) / 8;
    lines.push(`waves,place=bay level=${level},steps=${(i * 7) % 13}i ${seconds(START + i * 360)}`);
  }
  return lines;
}

function negativeTimes(): string[] {
  return [
    'past,era=old value=1,n=1i -9223372036854775806',
    'past,era=old value=2,n=2i -2208988800000000000',
    'past,era=old value=3,n=3i -1000000001',
    'past,era=old value=4,n=4i -1000000000',
    'past,era=old value=5,n=5i -1',
    'past,era=new value=6,n=6i 0',
    'past,era=new value=7,n=7i 1',
    'past,era=new value=8,n=8i 999999999',
    'past,era=new value=9,n=9i 1000000000',
    'past,era=new value=10,n=10i 4102444800000000001',
    'past,era=new value=11,n=11i 9223372036854775806',
  ];
}

function extremes(): string[] {
  return [
    `extremes i=9223372036854775807i,f=1.7976931348623157e308 ${seconds(START)}`,
    `extremes i=-9223372036854775808i,f=-1.7976931348623157e308 ${seconds(START + 1)}`,
    `extremes i=9007199254740993i,f=4.9e-324 ${seconds(START + 2)}`,
    `extremes i=1i,f=-0 ${seconds(START + 3)}`,
    `extremes i=-1i,f=1e20 ${seconds(START + 4)}`,
    `extremes i=4611686018427387904i,f=0.000001 ${seconds(START + 5)}`,
    `extremes i=4611686018427387904i,f=100000000000000000000000 ${seconds(START + 6)}`,
  ];
}

/** What needs quotes: blanks, commas, equals signs, quotes, keywords, other scripts, dots. */
function strangeNames(): string[] {
  return [
    `we\\ ird\\,na\\=me,t\\ ag=va\\ lue,ta\\,g=v\\,1,ta\\=g=v\\=2 fi\\ eld=1,fi\\,eld=2i,fi\\=eld="x" ${seconds(START)}`,
    `we\\ ird\\,na\\=me,t\\ ag=other fi\\ eld=3 ${seconds(START + 1)}`,
    `select,from=where group=1,by=2i ${seconds(START)}`,
    `select,from=limit group=3,by=4i ${seconds(START + 1)}`,
    `quo"te,ta"g=it's v"al=1.5 ${seconds(START)}`,
    `größe,straße=köln höhe=1.25,☃=7i ${seconds(START)}`,
    `größe,straße=東京 höhe=2.5,☃=8i ${seconds(START + 1)}`,
    `dots.in.name,tag.one=a field.one=1,field.two=2 ${seconds(START)}`,
    `back\\slash,k=a\\b v=1 ${seconds(START)}`,
    `UPPER,Host=A Value=1 ${seconds(START)}`,
    `upper,host=a value=2 ${seconds(START)}`,
    `1st,2nd=3rd 4th=4 ${seconds(START)}`,
    `new,line=no text="one\ntwo" ${seconds(START)}`,
    `slash/name,path=/var/log value=1 ${seconds(START)}`,
  ];
}

/** Series of one measurement that do not all have the same tags. */
function sparseTags(): string[] {
  return [
    `sparse value=1 ${seconds(START)}`,
    `sparse,x=1 value=2 ${seconds(START + 1)}`,
    `sparse,y=1 value=3 ${seconds(START + 2)}`,
    `sparse,x=1,y=1 value=4 ${seconds(START + 3)}`,
    `sparse,x=2,y=1 value=5 ${seconds(START + 4)}`,
    `sparse,x=2,y=2,z=long\\ name value=6 ${seconds(START + 5)}`,
    `sparse,z=z value=7 ${seconds(START + 6)}`,
  ];
}

/** Fields of one name but different types in several measurements, and a tag and a field of one name. */
function sameNames(): string[] {
  return [
    `same_a,tag=x value=1.5,only_a=1 ${seconds(START)}`,
    `same_a,tag=y value=2.5,only_a=2 ${seconds(START + 10)}`,
    `same_b,tag=x value=3i,only_b="b" ${seconds(START)}`,
    `same_b,tag=z value=4i,only_b="bb" ${seconds(START + 20)}`,
    `same_c,tag=x value="text" ${seconds(START)}`,
    `same_d,tag=x value=true ${seconds(START + 5)}`,
    `same_e,value=tagged other=9 ${seconds(START)}`,
    `both,name=tag1 name="field1",v=1 ${seconds(START)}`,
    `both,name=tag2 name="field2",v=2 ${seconds(START + 1)}`,
  ];
}

/** Every 30 min around the hours that come twice (Los Angeles, 2015-11-01) and never (Berlin, 2016-03-27). */
function clockChanges(): string[] {
  const lines: string[] = [];
  const around = (place: string, from: number) => {
    for (let i = 0; i < 96; i++) lines.push(`clock,place=${place} value=${i}i ${seconds(from + i * 1800)}`);
  };
  around('angeles', 1446336000);
  around('berlin', 1458950400);
  return lines;
}

/** Rows again: the last value counts, fields that the new row does not have stay. */
function rewrites(): string[] {
  return [
    `rewritten,k=a v=1,w=10 ${seconds(START)}`,
    `rewritten,k=a v=2,w=20 ${seconds(START + 1)}`,
    `rewritten,k=a v=3 ${seconds(START)}`,
    `rewritten,k=a x=5i ${seconds(START)}`,
    `rewritten,k=a v=4 ${seconds(START + 1)}`,
    `rewritten,k=a v=5 ${seconds(START + 1)}`,
    `rewritten,k=b v=1 ${seconds(START)}`,
    `types f=2.5 ${seconds(START + 60)}`,
    `types s="deux",i=22i ${seconds(START + 240)}`,
  ];
}

/** Few values often: modes, distinct values, texts and booleans that repeat, one row alone. */
function variants(): string[] {
  const lines: string[] = [];
  const colours = ['red', 'green', 'blue', 'green', 'red', 'red', 'blue', 'green', '', 'violet'];
  colours.forEach((colour, i) => {
    lines.push(
      `variants,half=${i < 5 ? 'first' : 'second'} colour="${colour}",n=${i % 3}i,r=${(i * 5) % 4}.5,flag=${i % 3 === 0} ${seconds(START + i * 30)}`,
    );
  });
  lines.push(`alone,only=one value=42,count=42i,word="solo",yes=true ${seconds(START + 7)}`);
  return lines;
}

/** Series that share every time, the same values too. */
function ties(): string[] {
  const lines: string[] = [];
  for (let i = 0; i < 4; i++) {
    for (const k of ['a', 'b', 'c']) {
      lines.push(`ties,k=${k} v=${k === 'b' ? 7 : i},n=${i % 2}i ${seconds(START + i * 10)}`);
    }
  }
  return lines;
}

/**
 * Long series, of many blocks in several files, some of whose rows are written again later; no two rows have one time.
 * @param seed also says which rows are left out
 */
function dense(from: number, until: number, seed: number): string[] {
  const lines: string[] = [];
  const next = sequence(seed);
  for (let at = from; at < until; at++) {
    for (const [sensor, nanos] of [
      ['1', '000000000'],
      ['2', '500000000'],
    ]) {
      const temperature = (160 + next(400)) / 8;
      const level = next(9);
      if ((at + Number(sensor)) % (7 + seed) === 0) continue;
      const fields = [`temperature=${temperature}`, `total=${at * 3 - next(2)}i`];
      if (at % 10 === 0) fields.push(`on=${level > 4}`, `mode="m${level % 3}"`);
      if (seed === 2) fields.push(`extra=${level}i`);
      lines.push(`dense,sensor=${sensor} ${fields.join(',')} ${START + at}${nanos}`);
    }
  }
  return lines;
}

function otherDatabase(): string[] {
  return [
    `cpu,host=z usage=1 ${seconds(START)}`,
    `cpu,host=z usage=2 ${seconds(START + 10)}`,
    `elsewhere,t=v value=3i ${seconds(START)}`,
  ];
}

function coarse(): string[] {
  return [
    `cpu,host=a,region=west usage=50,idle=50 ${seconds(START)}`,
    `cpu,host=b,region=west usage=60,idle=40 ${seconds(START + 600)}`,
    `only_coarse,k=v value=1,n=2i ${seconds(START)}`,
    `only_coarse,k=w value=3,n=4i ${seconds(START + 60)}`,
  ];
}
