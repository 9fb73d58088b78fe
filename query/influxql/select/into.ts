/**
 * INTO: rows of a SELECT written as points. Nulls are left out, and points of nothing but nulls; tags by which rows are
 * grouped stay tags, integers stay integers.
 */
import { type Batch, BOX_STRING, BOX_WIDE, Batch as RowBatch } from '../../../batch/batch.ts';
import { FIELD_TYPE_NAMES, type FieldType } from '../../../batch/field-type.ts';
import type { Database } from '../../../engine/database.ts';
import { countRefusal, type RefusalCounts } from '../../../engine/refusals.ts';
import type { SeriesAdmission } from '../../../engine/series-admission.ts';
import { VarveError } from '../../../errors/errors.ts';
import type { IntoTarget } from '../ast.ts';
import type { ValueColumn } from '../functions/kernel.ts';
import { withoutNaN } from './answer-column.ts';
import { isNull } from './column.ts';
import type { SelectContext } from './context.ts';
import type { Rows } from './frame.ts';
import type { Group } from './groups.ts';
import type { Level } from './plan.ts';

const encoder = new TextEncoder();
const BATCH_ROWS = 10_000;

export class IntoWriter {
  /** Points written so far. */
  written = 0;
  private readonly context: SelectContext;
  private readonly target: IntoTarget;
  private readonly database: Database;
  private readonly batch: Batch = new RowBatch();
  private lsn = 0;
  /** Points that were left out, for the type of a field or a limit, and the first complaint. */
  private dropped = 0;
  private complaint: string | null = null;
  private readonly door: SeriesAdmission;
  private readonly refusals: RefusalCounts = new Map();

  constructor(context: SelectContext, target: IntoTarget) {
    this.context = context;
    this.target = target;
    const { database, retentionPolicy } = target.measurement;
    this.database = context.resolveForWriting(database, retentionPolicy);
    this.door = context.engine.admissions.of(this.database);
  }

  async write(level: Level, group: Group, rows: Rows): Promise<void> {
    const measurement = encoder.encode(this.target.backReference ? group.name : this.target.measurement.name);
    const fields = level.fields
      .map(({ name, isTag }, i) => ({
        name: encoder.encode(name),
        isTag,
        column: withoutNaN(rows.columns[i], rows.rows),
      }))
      .filter(({ name }) => name.length > 0);
    const tagFields = fields.filter(({ isTag }) => isTag);
    const valueFields = fields.filter(({ isTag }) => !isTag);
    const refs = new Map<string, number>();
    for (let row = 0; row < rows.rows; row++) {
      const present = valueFields.filter(({ column }) => !isNull(column, row));
      if (present.length === 0) continue;
      const tags = this.tagsOf(level, rows, row, tagFields);
      const key = JSON.stringify(tags);
      let ref = refs.get(key);
      if (ref === undefined || this.batch.rows === 0) {
        const found = this.door.resolve({
          measurement,
          tagKeys: tags.map(([name]) => encoder.encode(name)),
          tagValues: tags.map(([, value]) => encoder.encode(value)),
        });
        if (typeof found !== 'number') {
          countRefusal(this.refusals, found);
          this.refuse(found.text);
          continue;
        }
        ref = found;
        refs.set(key, ref);
      }
      if (this.append(ref, rows.sec[row], rows.nano[row], row, present)) this.written++;
      if (this.batch.rows >= BATCH_ROWS) {
        await this.commit();
        refs.clear();
      }
    }
    // Series that have no rows yet may leave the index, so none may wait for a row beyond this turn.
    await this.commit();
  }

  /** Waits until all of it is durable. Throws InfluxDB's error when points were left out. */
  async finish(): Promise<void> {
    const { engine } = this.context;
    if (this.lsn > 0) await engine.durable(this.lsn);
    engine.refusals.noteAll(this.refusals, this.database.name);
    if (this.complaint === null) return;
    const code = this.refusals.size > 0 ? 'limit_exceeded' : 'field_type_conflict';
    throw new VarveError(code, `partial write: ${this.complaint} dropped=${this.dropped}`);
  }

  private refuse(why: string): void {
    this.dropped++;
    this.complaint ??= why;
  }

  private tagsOf(
    level: Level,
    rows: Rows,
    row: number,
    tagFields: readonly { name: Uint8Array; column: ValueColumn }[],
  ): [string, string][] {
    const { values } = rows.tagSets[rows.tagOf === null ? 0 : rows.tagOf[row]];
    const tags = level.options.groupBy.map((key, i): [string, string] => [key, values[i]]);
    for (const { name, column } of tagFields) {
      if (column.kind === 'string') tags.push([Buffer.from(name).toString(), column.values[row] ?? '']);
    }
    return tags;
  }

  private append(
    ref: number,
    sec: number,
    nano: number,
    from: number,
    fields: readonly { name: Uint8Array; column: ValueColumn }[],
  ): boolean {
    const { batch } = this;
    try {
      this.appendRow(ref, sec, nano, from, fields);
      return true;
    } catch (error) {
      if (!(error instanceof VarveError && error.code === 'field_type_conflict')) throw error;
      batch.valueCount = batch.valueStart[batch.rows];
      this.refuse(`field type conflict: ${error.message}`);
      return false;
    }
  }

  private appendRow(
    ref: number,
    sec: number,
    nano: number,
    from: number,
    fields: readonly { name: Uint8Array; column: ValueColumn }[],
  ): void {
    const { batch } = this;
    const { index } = this.database;
    let shape = index.rootShape(index.measurementOf(ref));
    batch.reserve(fields.length);
    const row = batch.rows;
    batch.series[row] = ref;
    batch.sec[row] = sec;
    batch.nano[row] = nano;
    batch.valueStart[row] = batch.valueCount;
    const widthBefore = batch.valueCount;
    for (const { name, column } of fields) {
      const type = FIELD_TYPE_NAMES.indexOf(column.kind) as FieldType;
      const next = index.transition(shape, name, 0, name.length, type);
      // Of fields of one name the last counts.
      const slot = next === shape ? widthBefore + placeOf(shape.names, name) : batch.valueCount++;
      shape = next;
      this.put(slot, column, from);
    }
    index.noteShape(ref, shape.id);
    batch.shape[row] = shape.id;
    batch.rows = row + 1;
  }

  private put(slot: number, column: ValueColumn, row: number): void {
    const { batch } = this;
    if (column.kind === 'string') {
      const bytes = encoder.encode(column.values[row]!);
      batch.setBox(slot, BOX_STRING, batch.addString(bytes, 0, bytes.length));
      return;
    }
    const wide = column.wide?.[row];
    const narrow =
      wide === undefined || Number.isSafeInteger(Number(column.kind === 'unsigned' ? BigInt.asUintN(64, wide) : wide));
    if (!narrow) batch.setBox(slot, BOX_WIDE, batch.addWide(wide!));
    else batch.values[slot] = wide === undefined ? column.values[row] : Number(wide);
  }

  private async commit(): Promise<void> {
    const { batch, context } = this;
    if (batch.rows === 0) return;
    this.lsn = context.engine.commit(this.database, batch);
    batch.reset();
    await context.engine.admit();
  }
}

function placeOf(names: readonly Uint8Array[], name: Uint8Array): number {
  return names.findIndex((other) => Buffer.compare(other, name) === 0);
}
