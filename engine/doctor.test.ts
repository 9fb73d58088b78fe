/** The doctor finds a flipped bit wherever it is, and what it puts aside is all that is missing afterwards. */
import { expect, it } from 'vitest';
import { Batch } from '../batch/batch.ts';
import { Random } from '../bytes/random.ts';
import { ManualClock } from '../clock/clock.ts';
import { MemoryFileSystem } from '../disk/memory-file-system.ts';
import { examine } from './doctor.ts';
import { type Engine, openEngine } from './engine.ts';
import { fillRandomly, readSeries } from './history-rows.ts';

const NOW_MS = 20 * 86_400_000;
const SERIES = ['0', '1', '2'];

function open(fs: MemoryFileSystem, reports: unknown[] = []): Promise<Engine> {
  return openEngine({
    dataDir: '/data',
    fs,
    clock: new ManualClock(NOW_MS),
    inline: true,
    flushIntervalMs: 0,
    maintenanceIntervalMs: 0,
    reserveBytes: 0,
    log: (level, message, fields) => {
      if (level === 'error') reports.push({ message, ...fields });
    },
  });
}

/** A stopped directory with files of several days, and rows that are only in the log. */
async function directory(): Promise<MemoryFileSystem> {
  const fs = new MemoryFileSystem(1);
  const random = new Random(5);
  const engine = await open(fs);
  const database = engine.createDatabase('default');
  engine.access.createToken({ description: 'telegraf', grants: new Map([['default', 'write']]) });
  const batch = new Batch();
  for (let n = 0; n < 12; n++) {
    fillRandomly(batch, random, database, SERIES, NOW_MS);
    await engine.durable(engine.commit(database, batch));
    if (n === 5) await engine.flush();
    if (n === 9) await engine.flush();
  }
  // Killed, so that the log has something to say.
  fs.kill();
  fs.remove('/data/LOCK');
  return fs;
}

function contents(engine: Engine): string[] {
  const database = engine.database('default');
  return SERIES.flatMap((series) =>
    [...readSeries(database, series)].map(([time, row]) => `${series} ${time} ${[...row].sort()}`),
  );
}

it('finds nothing wrong with a sound directory, and changes nothing', async () => {
  const fs = await directory();
  const before = fs.list('/data/db/1');
  const { findings, files, databases, logRecords } = examine(fs, '/data', { repair: true });
  expect(findings).toEqual([]);
  expect(databases).toBe(1);
  expect(files).toBe(before.filter((name) => name.endsWith('.tsm')).length);
  expect(files).toBeGreaterThan(1);
  expect(logRecords).toBeGreaterThan(0);
  expect(fs.list('/data/db/1')).toEqual(before);
});

it('finds a flipped bit in every kind of file, wherever it is', async () => {
  const random = new Random(9);
  const sound = await open(await directory());
  const all = contents(sound);
  await sound.close();
  const kinds = ['CATALOG', 'ACCESS', 'db/1/MANIFEST', 'db/1/index.log', 'db/1/schema', '.tsm', '.wal', 'CHECKPOINT'];
  for (const kind of kinds) {
    for (let n = 0; n < 12; n++) {
      const fs = await directory();
      const paths = [
        'CATALOG',
        'ACCESS',
        ...['db/1', 'wal'].flatMap((dir) => fs.list(`/data/${dir}`).map((f) => `${dir}/${f}`)),
      ];
      const path = random.pick(
        paths.filter((name) => name.endsWith(kind) && !name.includes('spare') && fs.size(`/data/${name}`) > 0),
      );
      const offset = random.below(fs.size(`/data/${path}`));
      fs.flipBit(`/data/${path}`, offset, random.below(8));
      const { findings } = examine(fs, '/data', { repair: false });
      if (kind === '.wal' && findings.length === 0) {
        // A spare segment, or a mark: nothing is lost.
        const engine = await open(fs);
        expect(contents(engine)).toEqual(all);
        await engine.close();
        continue;
      }
      const what = `bit ${offset} of ${path}: ${JSON.stringify(findings)}`;
      expect(findings.length, what).toBeGreaterThan(0);
      expect(findings.map((finding) => finding.path).join(), what).toContain(path.replace(/^wal\/.*/, 'wal'));
      expect(findings.every(({ remedy, repaired }) => remedy !== '' && !repaired)).toBe(true);
    }
  }
});

it('finds missing files', async () => {
  for (const name of ['CATALOG', 'db/1/MANIFEST', 'db/1/index.log', '.tsm']) {
    const fs = await directory();
    const path = name === '.tsm' ? `db/1/${fs.list('/data/db/1').find((file) => file.endsWith('.tsm'))}` : name;
    fs.remove(`/data/${path}`);
    const { findings } = examine(fs, '/data', { repair: false });
    expect(findings.map((finding) => finding.path)).toContain(path);
  }
});

it('repairs by putting data files aside; the rest is served, and nothing is reported twice', async () => {
  const sound = await open(await directory());
  const all = contents(sound);
  await sound.close();
  const fs = await directory();
  const files = fs.list('/data/db/1').filter((name) => name.endsWith('.tsm'));
  fs.flipBit(`/data/db/1/${files[0]}`, 40, 1);
  fs.remove(`/data/db/1/${files[1]}`);
  const { findings } = examine(fs, '/data', { repair: true });
  expect(findings.map(({ path, repaired }) => [path, repaired])).toEqual([
    [`db/1/${files[0]}`, true],
    [`db/1/${files[1]}`, true],
  ]);
  for (const { lost } of findings) expect(lost).toMatch(/^\d+ rows of \d+ series from .*Z to .*Z/);
  expect(fs.list('/data/db/1/quarantine')).toEqual([files[0]]);
  expect(examine(fs, '/data', { repair: false }).findings).toEqual([]);
  const reports: unknown[] = [];
  const engine = await open(fs, reports);
  expect(reports).toEqual([]);
  const left = contents(engine);
  expect(left.length).toBeGreaterThan(0);
  expect(left.length).toBeLessThan(all.length);
  // An older value may show where the lost file had a newer one of a field, but no row may be new.
  const times = new Set(all.map((row) => row.split(' ').slice(0, 2).join()));
  for (const row of left) expect(times).toContain(row.split(' ').slice(0, 2).join());
  await engine.close();
});

it('a start puts damaged and missing files aside, says so, and serves the rest', async () => {
  const fs = await directory();
  const files = fs.list('/data/db/1').filter((name) => name.endsWith('.tsm'));
  fs.flipBit(`/data/db/1/${files[0]}`, fs.size(`/data/db/1/${files[0]}`) - 20, 3);
  fs.remove(`/data/db/1/${files[1]}`);
  const reports: Record<string, unknown>[] = [];
  const engine = await open(fs, reports);
  expect(reports.map(({ file }) => file)).toEqual([files[0], files[1]]);
  for (const { lost } of reports) expect(lost).toMatch(/^\d+ rows of \d+ series from/);
  expect(engine.database('default')!.quarantinedFiles).toBe(2);
  expect(contents(engine).length).toBeGreaterThan(0);
  await engine.close();
});
