/**
 * Writes remote-write requests for tests and benchmarks: fields as objects, in the order in which Prometheus writes
 * them, to protobuf bytes.
 */
export interface EncodedSample {
  /** A number, or its 64 bits. */
  value: number | bigint;
  ms: number | bigint;
  startMs?: number;
}

export interface EncodedExemplar {
  labels: [string, string][];
  value: number;
  ms: number;
}

export interface EncodedSeries {
  labels: [string, string][];
  samples: EncodedSample[];
  exemplars?: EncodedExemplar[];
  /** Native histograms of this many, with no content. */
  histograms?: number;
  metadata?: { type: number; help: string; unit: string };
}

const encoder = new TextEncoder();

/** A field: number, wire type and content. */
function field(number: number, type: number, content: Uint8Array): Uint8Array {
  const head = varintOf(BigInt(number * 8 + type));
  return type === 2 ? concat([head, varintOf(BigInt(content.length)), content]) : concat([head, content]);
}

export function varintOf(value: bigint): Uint8Array {
  let rest = BigInt.asUintN(64, value);
  const bytes: number[] = [];
  while (rest >= 128n) {
    bytes.push(Number(rest & 127n) | 128);
    rest >>= 7n;
  }
  bytes.push(Number(rest));
  return Uint8Array.from(bytes);
}

export function concat(parts: Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

export function message(number: number, ...content: Uint8Array[]): Uint8Array {
  return field(number, 2, concat(content));
}

export function textField(number: number, text: string): Uint8Array {
  return field(number, 2, encoder.encode(text));
}

export function integerField(number: number, value: number | bigint): Uint8Array {
  return field(number, 0, varintOf(BigInt(value)));
}

export function doubleField(number: number, value: number | bigint): Uint8Array {
  const bytes = new Uint8Array(8);
  const view = new DataView(bytes.buffer);
  if (typeof value === 'bigint') view.setBigUint64(0, value, true);
  else view.setFloat64(0, value, true);
  return field(number, 1, bytes);
}

export function labelField(name: string, value: string): Uint8Array {
  return message(1, textField(1, name), textField(2, value));
}

export function sampleField({ value, ms, startMs }: EncodedSample): Uint8Array {
  // proto3 leaves zeros out; minus zero is no zero.
  const parts: Uint8Array[] = [];
  if (typeof value === 'bigint' || !Object.is(value, 0)) parts.push(doubleField(1, value));
  if (ms !== 0) parts.push(integerField(2, ms));
  if (startMs !== undefined) parts.push(integerField(3, startMs));
  return message(2, ...parts);
}

/** A `prometheus.WriteRequest`. */
export function encodeRequest(series: EncodedSeries[], metadata: Uint8Array[] = []): Uint8Array {
  const parts = series.map(({ labels, samples, exemplars = [], histograms = 0 }) =>
    message(
      1,
      ...labels.map(([name, value]) => labelField(name, value)),
      ...samples.map(sampleField),
      ...exemplars.map((exemplar) =>
        message(
          3,
          ...exemplar.labels.map(([name, value]) => labelField(name, value)),
          doubleField(2, exemplar.value),
          integerField(3, exemplar.ms),
        ),
      ),
      ...Array.from({ length: histograms }, () => message(4, integerField(15, 1))),
    ),
  );
  return concat([...parts, ...metadata]);
}

/** An `io.prometheus.write.v2.Request`. */
export function encodeRequest2(series: EncodedSeries[]): Uint8Array {
  const symbols = new Map<string, number>([['', 0]]);
  const reference = (text: string): number => {
    let known = symbols.get(text);
    if (known === undefined) {
      known = symbols.size;
      symbols.set(text, known);
    }
    return known;
  };
  const references = (labels: [string, string][]): Uint8Array =>
    message(1, ...labels.flatMap((pair) => pair.map((text) => varintOf(BigInt(reference(text))))));
  const parts = series.map(({ labels, samples, exemplars = [], histograms = 0, metadata }) =>
    message(
      5,
      references(labels),
      ...samples.map(sampleField),
      ...Array.from({ length: histograms }, () => message(3, integerField(15, 1))),
      ...exemplars.map((exemplar) =>
        message(4, references(exemplar.labels), doubleField(2, exemplar.value), integerField(3, exemplar.ms)),
      ),
      ...(metadata === undefined
        ? []
        : [
            message(
              5,
              integerField(1, metadata.type),
              integerField(3, reference(metadata.help)),
              integerField(4, reference(metadata.unit)),
            ),
          ]),
    ),
  );
  return concat([...[...symbols.keys()].map((text) => textField(4, text)), ...parts]);
}
