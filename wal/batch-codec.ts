/** Batches as log records: `encodeBatch` and `decodeBatch`. */
export { decodeBatch } from './batch-decoder.ts';
export { type Compression, createCompression, encodeBatch } from './batch-encoder.ts';
export type { RowShape } from './batch-format.ts';
