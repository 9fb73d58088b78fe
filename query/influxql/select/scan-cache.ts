/** Columns that this thread's SELECTs keep decoded between them, bounded in bytes. */
import { ColumnCache } from '../../../tsm/column-cache.ts';

const COLUMN_CACHE_BYTES = 48 << 20;

export const columnCache = new ColumnCache(COLUMN_CACHE_BYTES);
