/** Results as a page of Markdown with plots: docs/benchmarks.md. */
import type { WriteLatency } from './write-latency.ts';

export interface Machine {
  cpu: string;
  cores: number;
  memoryGib: number;
  date: string;
  versions: Record<string, string>;
}

/** One server in one workload. */
export interface Row {
  server: string;
  samplesPerSec: number;
  requestsPerSec: number;
  samplesPerCpuSec: number;
  p50Ms: number;
  p99Ms: number;
  peakRssMb: number;
  writtenPerSample: number;
  diskPerSample: number;
}

export interface Results {
  machine: Machine;
  rounds: number;
  workloads: { name: string; title: string; samples: number; rows: Row[] }[];
  writeLatency: WriteLatency | null;
}

/** The page, and its plots by file name. */
export function reportPage(results: Results): { page: string; plots: Map<string, string> } {
  const plots = new Map<string, string>();
  const { machine, rounds } = results;
  const versions = Object.entries(machine.versions).map(([name, version]) => `${name} ${version}`);
  const parts = [
    `# Benchmarks

<!-- Written by \`npm run bench -- all --document\`. -->

${machine.date}, ${machine.cpu}, ${machine.cores} cores, ${machine.memoryGib.toFixed(0)} GiB; ${versions.join(', ')} (Debian's
packages). All servers and the client share the machine. Every server starts on a fresh directory with its default
settings, except that data of any age is kept, limits on the number of series are out of the way, and Varve and InfluxDB do
not store metrics of themselves; rounds are interleaved, and figures are medians of ${rounds}. A rate counts only when every
value is found afterwards. Varve and InfluxDB sync their log before they acknowledge; Prometheus and VictoriaMetrics do not.

"Written" is what the kernel was given to write until the last answer, "on disk" are all files after a clean stop, logs
included. "Varve is" says how many times the other's rate that is.

The data is TSBS's cpu-only case: hosts with ten tags report ten values every ten seconds.

\`\`\`sh
npm run bench -- all --document
\`\`\`
`,
  ];
  for (const { name, title, samples, rows } of results.workloads) {
    const file = `bench-${name}.svg`;
    plots.set(file, plotOf(title, rows));
    parts.push(
      `## ${title}\n\n${(samples / 1e6).toFixed(2)} M values.\n\n![${title}](images/${file})\n\n${tableOf(rows)}`,
    );
  }
  const latency = results.writeLatency;
  if (latency !== null) {
    parts.push(`## Writes beside heavy work

One writer sends 5,000 lines every 50 ms, first alone, then beside a query over all values of six hours, flushes and
merges (memtables of 8 MiB, so that there are some).

| | p50 | p99 |
| --- | ---: | ---: |
| alone | ${latency.idleP50Ms.toFixed(1)} ms | ${latency.idleP99Ms.toFixed(1)} ms |
| beside heavy work (${latency.queries} queries) | ${latency.busyP50Ms.toFixed(1)} ms | ${latency.busyP99Ms.toFixed(1)} ms |
`);
  }
  parts.push(`## Queries, storage, start times

\`\`\`sh
npm run bench -- promql      # beside VictoriaMetrics
npm run bench -- influxql    # beside InfluxDB
npm run bench -- storage     # bytes on disk, memory, start times, beside VictoriaMetrics
npm run bench -- recovery    # ready after kill -9
\`\`\`

They print their tables with the ratio to the peer in the same run; see [bench](../bench/README.md).
`);
  return { page: parts.join('\n'), plots };
}

function tableOf(rows: readonly Row[]): string {
  const [own] = rows;
  const head =
    '| | M values/s | Varve is | M values per CPU-s | Varve is | p50 | p99 | peak RSS | written/value | on disk/value |\n' +
    '| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |';
  const lines = rows.map((row) => {
    const ratio = (pick: (one: Row) => number) => (row === own ? '' : `${(pick(own) / pick(row)).toFixed(1)} ×`);
    return `| ${row.server} | ${(row.samplesPerSec / 1e6).toFixed(2)} | ${ratio((one) => one.samplesPerSec)} | ${(row.samplesPerCpuSec / 1e6).toFixed(2)} | ${ratio((one) => one.samplesPerCpuSec)} | ${row.p50Ms.toFixed(1)} ms | ${row.p99Ms.toFixed(1)} ms | ${row.peakRssMb.toFixed(0)} MB | ${row.writtenPerSample.toFixed(2)} B | ${row.diskPerSample.toFixed(2)} B |`;
  });
  return `${head}\n${lines.join('\n')}\n`;
}

const WIDTH = 720;
const LEFT = 150;
const BAR = 20;
const GAP = 8;

/** Two groups of bars: wall rate, and rate per CPU-second. */
function plotOf(title: string, rows: readonly Row[]): string {
  const groups: [string, (row: Row) => number][] = [
    ['values per second', (row) => row.samplesPerSec],
    ['values per CPU-second', (row) => row.samplesPerCpuSec],
  ];
  let y = 34;
  const shapes: string[] = [];
  for (const [name, pick] of groups) {
    shapes.push(`<text x="12" y="${y}" class="head">${name}</text>`);
    y += 10;
    const most = Math.max(...rows.map(pick));
    for (const row of rows) {
      const width = ((WIDTH - LEFT - 90) * pick(row)) / most;
      const kind = row === rows[0] ? 'own' : 'peer';
      shapes.push(
        `<text x="${LEFT - 10}" y="${y + 15}" text-anchor="end">${row.server}</text>`,
        `<rect x="${LEFT}" y="${y}" width="${width.toFixed(1)}" height="${BAR}" rx="3" class="${kind}"/>`,
        `<text x="${(LEFT + width + 8).toFixed(1)}" y="${y + 15}">${(pick(row) / 1e6).toFixed(2)} M</text>`,
      );
      y += BAR + GAP;
    }
    y += 24;
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y - 12}" width="${WIDTH}" role="img" aria-label="${title}">
<style>
  text { font: 13px system-ui, sans-serif; fill: #333 } .head { font-weight: 600 }
  .own { fill: #17627a } .peer { fill: #b9c3c7 }
  @media (prefers-color-scheme: dark) { text { fill: #ddd } .own { fill: #63b8d0 } .peer { fill: #55636a } }
</style>
${shapes.join('\n')}
</svg>
`;
}
