import { expect, it } from 'vitest';
import { openInMemory } from '../engine/engine-in-memory.ts';
import { createCompanion } from '../engine/internal-database.ts';
import { writeLines } from '../ingest/write-lines.ts';
import { evaluateDatabase } from './database-evaluation.ts';
import type { EvaluationThreads } from './workers/evaluation-threads.ts';

it.each(['samples', 'start times'])(
  'asks a thread again when series of the %s were removed while it worked',
  async (whose) => {
    const engine = await openInMemory();
    await writeLines(engine, 'd', new TextEncoder().encode('m value=1 1000000000'));
    const database = engine.database('d')!;
    const starts = createCompanion(engine, database, 'starts');
    let runs = 0;
    const threads: EvaluationThreads = {
      async run() {
        if (++runs === 1) (whose === 'samples' ? database : starts).index.releaseRemoved();
        return runs;
      },
      close: async () => {},
    };
    const times = { startMs: 2000, endMs: 2000, stepMs: 0 };
    const query = { query: 'm', times, options: {}, storage: { starts }, threads, threadValues: 0, format: null };
    expect(await evaluateDatabase(database, query)).toEqual({ answer: 2 });
    await engine.close();
  },
);
