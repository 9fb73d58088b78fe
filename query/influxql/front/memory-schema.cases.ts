/** A schema held in memory, for tests. */
import type { MeasurementSource } from '../ast.ts';
import { matcherOf } from '../schema/patterns.ts';
import { type FieldTypeName, type SchemaView, strongerType } from '../schema/schema-view.ts';

export interface MeasurementShape {
  readonly fields: Readonly<Record<string, FieldTypeName>>;
  readonly tags: readonly string[];
}

export function memorySchema(shapes: Readonly<Record<string, MeasurementShape>>): SchemaView {
  const measurements = ({ regex, name }: MeasurementSource) => {
    const matches = regex === null ? (each: string) => each === name : matcherOf(regex.pattern);
    return Object.keys(shapes).filter(matches).sort();
  };
  const view: SchemaView = {
    measurements,
    fieldsAndTags(source) {
      const fields = new Map<string, FieldTypeName>();
      const tagKeys = new Set<string>();
      for (const each of measurements(source)) {
        for (const [name, type] of Object.entries(shapes[each].fields)) {
          const before = fields.get(name);
          fields.set(name, before === undefined ? type : strongerType(before, type));
        }
        for (const tag of shapes[each].tags) tagKeys.add(tag);
      }
      return { fields, tagKeys };
    },
    typeOf(source, name) {
      const { fields, tagKeys } = view.fieldsAndTags(source);
      return fields.get(name) ?? (tagKeys.has(name) ? 'tag' : null);
    },
  };
  return view;
}
