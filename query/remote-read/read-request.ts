/**
 * The question of remote read: a `prometheus.ReadRequest`.
 *
 *     ReadRequest   1: repeated Query   2: repeated ResponseType accepted_response_types
 *     Query         1: int64 start_timestamp_ms   2: int64 end_timestamp_ms   3: repeated LabelMatcher   4: ReadHints
 *     LabelMatcher  1: type (EQ, NEQ, RE, NRE)   2: name   3: value
 *     ReadHints     1: int64 step_ms   2: string func   3: int64 start_ms   4: int64 end_ms   …
 *
 * Source: Prometheus, prompb/remote.proto.
 */
import { VarveError } from '../../errors/errors.ts';
import { type LabelMatcher, type MatchOperator, regexProblem } from '../promql/matcher.ts';
import { LENGTH_DELIMITED, MessageReader, tagOf, VARINT } from './protobuf.ts';

/** How the answer may come, by their numbers in the protocol. */
const RESPONSE_TYPES = ['samples', 'streamed_xor_chunks'] as const;

export type ResponseType = (typeof RESPONSE_TYPES)[number];

export interface ReadQuery {
  /** Inclusive. */
  startMs: number;
  endMs: number;
  matchers: LabelMatcher[];
  /** The hint of the PromQL function around the selector, '' without one; `series` asks for labels alone. */
  func: string;
}

export interface ReadRequest {
  queries: ReadQuery[];
  /** In the client's order of preference, numbers of the protocol. */
  acceptedTypes: number[];
}

const OPERATORS: readonly MatchOperator[] = ['=', '!=', '=~', '!~'];

/** @throws VarveError bad_request when the bytes are not a request. */
export function decodeReadRequest(bytes: Uint8Array): ReadRequest {
  const request: ReadRequest = { queries: [], acceptedTypes: [] };
  const reader = new MessageReader(bytes);
  while (!reader.done) {
    const tag = reader.varint();
    if (tag === tagOf(1, LENGTH_DELIMITED)) request.queries.push(decodeQuery(reader.message()));
    else if (tag === tagOf(2, VARINT)) request.acceptedTypes.push(reader.varint());
    else if (tag === tagOf(2, LENGTH_DELIMITED)) {
      const packed = reader.message();
      while (!packed.done) request.acceptedTypes.push(packed.varint());
    } else reader.skip(tag);
  }
  return request;
}

/**
 * The first type the client accepts that this server has; samples when the client does not say, as clients from before
 * there was a choice do not.
 * @throws VarveError bad_request when there is none.
 */
export function chooseResponseType(acceptedTypes: readonly number[]): ResponseType {
  if (acceptedTypes.length === 0) return 'samples';
  for (const number of acceptedTypes) if (RESPONSE_TYPES[number] !== undefined) return RESPONSE_TYPES[number];
  throw new VarveError(
    'bad_request',
    `server does not support any of the requested response types: [${acceptedTypes.join(' ')}]; supported: SAMPLES, STREAMED_XOR_CHUNKS`,
  );
}

function decodeQuery(reader: MessageReader): ReadQuery {
  const query: ReadQuery = { startMs: 0, endMs: 0, matchers: [], func: '' };
  while (!reader.done) {
    const tag = reader.varint();
    if (tag === tagOf(1, VARINT)) query.startMs = reader.int64();
    else if (tag === tagOf(2, VARINT)) query.endMs = reader.int64();
    else if (tag === tagOf(3, LENGTH_DELIMITED)) query.matchers.push(decodeMatcher(reader.message()));
    else if (tag === tagOf(4, LENGTH_DELIMITED)) query.func = decodeHintedFunction(reader.message());
    else reader.skip(tag);
  }
  return query;
}

function decodeMatcher(reader: MessageReader): LabelMatcher {
  let type = 0;
  let name = '';
  let value = '';
  while (!reader.done) {
    const tag = reader.varint();
    if (tag === tagOf(1, VARINT)) type = reader.varint();
    else if (tag === tagOf(2, LENGTH_DELIMITED)) name = reader.text();
    else if (tag === tagOf(3, LENGTH_DELIMITED)) value = reader.text();
    else reader.skip(tag);
  }
  const op = OPERATORS[type];
  if (op === undefined) throw new VarveError('bad_request', `cannot read: matcher type ${type} is unknown`);
  if (op === '=~' || op === '!~') {
    const problem = regexProblem(value);
    if (problem !== null) throw new VarveError('bad_request', `cannot read: ${problem}`);
  }
  return { name, op, value };
}

function decodeHintedFunction(reader: MessageReader): string {
  let func = '';
  while (!reader.done) {
    const tag = reader.varint();
    if (tag === tagOf(2, LENGTH_DELIMITED)) func = reader.text();
    else reader.skip(tag);
  }
  return func;
}
