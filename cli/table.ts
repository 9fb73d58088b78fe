/** Rows as a table for people, or as CSV. */

export interface Table {
  /** Above the table; '' is none. */
  title: string;
  columns: readonly string[];
  rows: readonly (readonly string[])[];
}

/** Columns as wide as their widest cell; numbers to the right. */
export function tableOf({ title, columns, rows }: Table): string {
  const widths = columns.map((name, c) => rows.reduce((most, row) => Math.max(most, row[c].length), name.length));
  const isNumber = columns.map(
    (_, c) => rows.length > 0 && rows.every((row) => /^$|^[-+]?[\d.]+(e[-+]?\d+)?$|^[-+]?(NaN|Inf)$/i.test(row[c])),
  );
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, c) => (isNumber[c] ? cell.padStart(widths[c]) : cell.padEnd(widths[c])))
      .join('  ')
      .trimEnd();
  const rule = widths.map((width) => '-'.repeat(width)).join('  ');
  return `${title === '' ? '' : `${title}\n`}${[line(columns), rule, ...rows.map(line)].join('\n')}\n`;
}

/** RFC 4180. */
export function csvOf({ columns, rows }: Table): string {
  return [columns, ...rows].map((cells) => `${cells.map(quoted).join(',')}\n`).join('');
}

function quoted(cell: string): string {
  return /[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
}
