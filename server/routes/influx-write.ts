/**
 * Line protocol in, at the paths and with the parameters of InfluxDB 1.x, 2.x and 3. They differ in how a timestamp's unit
 * is named and in the shape of errors; bad lines never stop the good ones, unless a client of 3 asks for that.
 */
import { VarveError } from '../../errors/errors.ts';
import { LINE_ENCODINGS } from '../../ingest/body.ts';
import { errorBody, errorStatus, errorText, type LineOutcome, tookAll } from '../../ingest/line-outcome.ts';
import { type Precision, parsePrecision, parsePrecision3 } from '../../ingest/timestamp.ts';
import { type WriteLinesOptions, writeLines } from '../../ingest/write-lines.ts';
import { errorHeader, requestIdHeaders, versionHeaders } from '../influx/influx-headers.ts';
import { v2Failure } from '../influx/v2-failure.ts';
import type { RawRoute } from '../raw-routes.ts';
import type { ServerState } from '../state.ts';
import { WRITTEN, type WriteAnswer, type WriteRequest } from '../write-request.ts';

const LABELS = { protocol: 'line' };

const RETRY_SOON = { 'retry-after': '1' };

const CONSISTENCY_LEVELS = new Set(['any', 'one', 'quorum', 'all']);

/** /write */
async function writeV1(state: ServerState, write: WriteRequest): Promise<WriteAnswer> {
  const { parameters } = write;
  const precision = parsePrecision(parameters.get('precision'));
  const consistency = parameters.get('consistency') ?? '';
  // One node keeps every level's promise.
  if (consistency !== '' && !CONSISTENCY_LEVELS.has(consistency.toLowerCase())) {
    throw new VarveError('bad_request', 'invalid consistency level');
  }
  let outcome: LineOutcome;
  try {
    outcome = await store(state, write, { precision });
  } catch (error) {
    if (!(error instanceof VarveError && error.code === 'not_found')) throw error;
    const [database] = write.database.split('/');
    if (!state.requireEngine().hasDatabase(database)) {
      throw new VarveError('not_found', `database not found: ${JSON.stringify(database)}`, { cause: error });
    }
    // InfluxDB 1.x counts a retention policy that does not exist among its own faults.
    throw new VarveError('internal', error.message, { cause: error });
  }
  return answerOf(outcome, () => errorBody(outcome).body);
}

/** /api/v2/write */
async function writeV2(state: ServerState, write: WriteRequest): Promise<WriteAnswer> {
  const outcome = await store(state, write, { precision: v2Precision(write.parameters.get('precision')) });
  const { rows: kept, rejected } = outcome;
  return answerOf(outcome, () =>
    v2Failure({ status: errorStatus(outcome), message: errorText(outcome) }, { kept, rejected }),
  );
}

/** /api/v3/write_lp */
async function writeV3(state: ServerState, write: WriteRequest): Promise<WriteAnswer> {
  const { parameters } = write;
  const allOrNothing = parameters.get('accept_partial') === 'false';
  const outcome = await store(state, write, {
    precision: parsePrecision3(parameters.get('precision')),
    allOrNothing,
    noSync: parameters.get('no_sync') === 'true',
  });
  return answerOf(outcome, () => v3Failure(outcome, allOrNothing));
}

/** Bad lines as InfluxDB 3 tells of them: the first one when it stopped the others. */
function v3Failure({ errors }: LineOutcome, allOrNothing: boolean): string {
  const lines = errors.map(({ line, reason, excerpt }) => ({
    original_line: excerpt,
    line_number: line,
    error_message: reason,
  }));
  const body = allOrNothing
    ? { error: 'parsing failed for write_lp endpoint', data: lines[0] }
    : { error: 'partial write of line protocol occurred', data: lines };
  return `${JSON.stringify(body)}\n`;
}

async function store(state: ServerState, write: WriteRequest, options: WriteLinesOptions): Promise<LineOutcome> {
  const engine = state.requireEngine();
  const outcome = await writeLines(engine, write.database, write.body, options);
  engine.counters.bytesIngested += write.body.length;
  state.metrics.valuesIn.inc(LABELS, outcome.values);
  state.metrics.bytesIn.inc(LABELS, write.body.length);
  if (!tookAll(outcome)) state.metrics.rejectedLines.inc(LABELS, outcome.rejected + outcome.expired);
  return outcome;
}

function answerOf(outcome: LineOutcome, failure: () => string): WriteAnswer {
  if (tookAll(outcome)) return WRITTEN;
  const status = errorStatus(outcome);
  const headers = { 'x-influxdb-error': errorHeader(errorText(outcome)), ...(status === 429 ? RETRY_SOON : {}) };
  return { status, body: failure(), headers };
}

function v2Precision(text: string | null): Precision {
  try {
    return parsePrecision(text);
  } catch (error) {
    const message = `invalid precision "${text}" (use ns, us, ms or s)`;
    throw new VarveError('bad_request', message, { cause: error });
  }
}

const SHARED = {
  encodings: LINE_ENCODINGS,
  assumedEncoding: 'identity',
  headers: ({ config }: ServerState, headers: Readonly<Record<string, string | string[] | undefined>>) => ({
    'content-type': 'application/json',
    ...versionHeaders(config.version),
    ...requestIdHeaders((name) => String(headers[name] ?? '')),
  }),
} as const;

export const influxWriteRoutes: readonly RawRoute[] = [
  {
    ...SHARED,
    path: '/write',
    access: 'write',
    purpose: 'line protocol in, as InfluxDB 1.x takes it (db, rp, precision)',
    write: writeV1,
  },
  {
    ...SHARED,
    path: '/api/v2/write',
    access: 'write',
    purpose: 'line protocol in, as InfluxDB 2.x takes it (bucket, precision)',
    failureBody: v2Failure,
    write: writeV2,
  },
  {
    ...SHARED,
    path: '/api/v3/write_lp',
    access: 'write',
    purpose: 'line protocol in, as InfluxDB 3 takes it (db, precision, accept_partial, no_sync)',
    write: writeV3,
  },
];
