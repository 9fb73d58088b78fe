/**
 * What becomes of a measurement's fields. InfluxDB lets a field have another type in each shard; here it has one. So the
 * strongest type that a field has, in InfluxDB's own order, keeps its name; whole numbers become floats where that is the
 * strongest; and values that cannot be turned into it go to a field of their own, `NAME_string` or `NAME_boolean`.
 */
import type { FieldNames, FieldTarget, FieldTargets, Table } from './influx-server.ts';

type FieldType = FieldTarget['as'];

const STRONGEST_FIRST: readonly FieldType[] = ['float', 'integer', 'unsigned', 'string', 'boolean'];

/** Fields of measurements out of SHOW FIELD KEYS. */
export function fieldTypes(tables: readonly Table[]): Map<string, Map<string, FieldType[]>> {
  const measurements = new Map<string, Map<string, FieldType[]>>();
  for (const { name, rows } of tables) {
    const fields = measurements.get(name) ?? new Map<string, FieldType[]>();
    measurements.set(name, fields);
    for (const [field, type] of rows as readonly [string, FieldType][]) {
      fields.set(field, [...(fields.get(field) ?? []), type]);
    }
  }
  return measurements;
}

export function fieldNames(fields: ReadonlyMap<string, readonly FieldType[]>): FieldNames {
  return new Map([...fields].map(([name, types]) => [name, targetsOf(name, types, fields)]));
}

function targetsOf(name: string, types: readonly FieldType[], fields: ReadonlyMap<string, unknown>): FieldTargets {
  const strongest = STRONGEST_FIRST.find((type) => types.includes(type)) ?? 'float';
  const own: FieldTarget = { name, as: strongest };
  const apart = (type: 'string' | 'boolean' | 'float'): FieldTarget => {
    let other = `${name}_${type}`;
    while (fields.has(other)) other += '_';
    return { name: other, as: type };
  };
  const isNumber = strongest === 'float' || strongest === 'integer' || strongest === 'unsigned';
  const number = isNumber ? own : apart('float');
  return {
    float: number,
    integer: number,
    text: strongest === 'string' ? own : apart('string'),
    boolean: strongest === 'boolean' ? own : apart('boolean'),
  };
}

/** Sentences on the fields that do not stay as they are. */
export function describeConflicts(measurement: string, fields: ReadonlyMap<string, readonly FieldType[]>): string[] {
  const names = fieldNames(fields);
  return [...fields]
    .filter(([, types]) => types.length > 1)
    .map(([field, types]) => {
      const targets = names.get(field)!;
      const fates = types.map((type) => {
        const kind = type === 'string' ? 'text' : type === 'unsigned' ? 'integer' : type;
        const { name, as } = targets[kind];
        return name === field && as === type ? `${type} stays` : `${type} becomes ${as} in ${name}`;
      });
      return `${measurement}: field ${field} has several types: ${fates.join(', ')}`;
    });
}
