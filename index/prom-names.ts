/**
 * The names under which PromQL sees fields: the measurement for a field called `value`, else `measurement_field`.
 * Strings are invisible. Several fields can have one name: field `b_c` of `a` and field `c` of `a_b`.
 */
import { STRING } from '../batch/field-type.ts';
import type { Catalog } from './definitions.ts';
import { isCurrent } from './series-table.ts';

/** A field that a PromQL name stands for. */
export interface PromTarget {
  /** Measurement id. */
  readonly measurement: number;
  /** Field id. */
  readonly field: number;
}

const VALUE = 'value';

export class PromNames {
  private readonly catalog: Catalog;
  private readonly names = new Map<string, PromTarget[]>();
  private known = 0;

  constructor(catalog: Catalog) {
    this.catalog = catalog;
  }

  /** Forgets all names: some measurement has another id now. */
  forget(): void {
    this.names.clear();
    this.known = 0;
  }

  /** name -> its fields, of all fields that ever were in measurements as they are now. Do not modify. */
  all(): ReadonlyMap<string, readonly PromTarget[]> {
    const { list } = this.catalog.fieldRegistry;
    const { measurements } = this.catalog.series;
    for (; this.known < list.length; this.known++) {
      const field = list[this.known];
      if (field.type === STRING || !isCurrent(measurements, field.measurement)) continue;
      const name = promName(measurements.string(field.measurement), field.name);
      const target: PromTarget = { measurement: field.measurement, field: field.id };
      const targets = this.names.get(name);
      if (targets === undefined) this.names.set(name, [target]);
      else targets.push(target);
    }
    return this.names;
  }
}

/** The PromQL name of a field. */
export function promName(measurement: string, field: string): string {
  return field === VALUE ? measurement : `${measurement}_${field}`;
}
