/** The five field types of line protocol. Numbers are on disk and in the log, so they never change. */
export const FLOAT = 0;
export const INTEGER = 1;
export const UNSIGNED = 2;
export const BOOLEAN = 3;
export const STRING = 4;

/** One of `FLOAT`, `INTEGER`, `UNSIGNED`, `BOOLEAN`, `STRING`. */
export type FieldType = 0 | 1 | 2 | 3 | 4;

/** InfluxDB's names of the types, as its errors and SHOW FIELD KEYS print them. */
export const FIELD_TYPE_NAMES = ['float', 'integer', 'unsigned', 'boolean', 'string'] as const;
