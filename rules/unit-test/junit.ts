/** A report of unit tests in JUnit's XML, which build servers read: one suite per file. */

export interface FileReport {
  path: string;
  /** What kept the file from being run. */
  errors: string[];
  tests: { name: string; failures: string[] }[];
}

export function junitReport(reports: readonly FileReport[]): string {
  const suites = reports.map(({ path, errors, tests }) => {
    const failed = tests.filter(({ failures }) => failures.length > 0).length;
    const counts = `tests="${tests.length}" errors="${errors.length}" failures="${failed}"`;
    const cases = tests.map(({ name, failures }, i) => {
      const shown = escapeXml(name === '' ? `test ${i + 1}` : name);
      if (failures.length === 0) return `    <testcase name="${shown}"></testcase>\n`;
      return `    <testcase name="${shown}">\n${failures.map(failureXml).join('')}    </testcase>\n`;
    });
    const broken = errors.map((error) => `    <system-err>${escapeXml(error)}</system-err>\n`);
    return `  <testsuite name="${escapeXml(path)}" ${counts}>\n${cases.join('')}${broken.join('')}  </testsuite>\n`;
  });
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>\n${suites.join('')}</testsuites>\n`;
}

function failureXml(text: string): string {
  return `      <failure>${escapeXml(text)}</failure>\n`;
}

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
};

function escapeXml(text: string): string {
  return text.replace(/[&<>"']/g, (char) => ESCAPES[char]!);
}
