/**
 * `varve rules`: checks rule files, and runs their unit tests, with what promtool prints and exits with.
 *
 * Exit codes: 0 all good; 1 a file is wrong, or a test failed; 3 duplicate rules, with --lint-fatal.
 */
import { writeFileSync } from 'node:fs';
import { type Command, Option } from 'commander';
import { compareText } from '../query/promql/labels.ts';
import { expandRuleGlobs, type GroupDefinition, readRuleFile } from '../rules/rule-file.ts';
import { type FileReport, junitReport } from '../rules/unit-test/junit.ts';
import { readRuleTestFile } from '../rules/unit-test/test-file.ts';
import { runRuleTest } from '../rules/unit-test/test-run.ts';
import { EXIT_FAILURE, EXIT_OK } from './exit-codes.ts';

const EXIT_LINT = 3;

interface CheckOptions {
  lint: 'all' | 'duplicate-rules' | 'none';
  lintFatal: boolean;
}

interface TestOptions {
  run?: string[];
  diff: boolean;
  junit?: string;
}

const EXAMPLES = `
Examples:
  varve rules check 'rules/*.yml'
  varve rules test --diff tests/rules_test.yml

Exit codes: 0 all good; 1 a file is wrong, or a test failed; 3 duplicate rules, with --lint-fatal.`;

export function addRulesCommand(program: Command): void {
  const rules = program
    .command('rules')
    .description('check and test recording and alerting rules')
    .addHelpText('after', EXAMPLES);
  rules
    .command('check')
    .description('check whether rule files are valid')
    .argument('<file...>', 'rule files, or patterns of them')
    .addOption(
      new Option('--lint <check>', 'checks beside validity')
        .choices(['all', 'duplicate-rules', 'none'])
        .default('duplicate-rules'),
    )
    .option('--lint-fatal', 'exit with 3 when such a check fails', false)
    .addHelpText('after', EXAMPLES)
    .action((files: string[], options: CheckOptions) => {
      process.exitCode = checkFiles(files, options);
    });
  rules
    .command('test')
    .description("run unit tests of rules, in promtool's format")
    .argument('<file...>', 'test files, or patterns of them')
    .addOption(
      new Option('--run <regex>', 'only tests whose name matches; may be repeated').argParser(
        (text: string, before: string[] | undefined) => [...(before ?? []), text],
      ),
    )
    .option('--diff', 'show failures as a difference', false)
    .option('--junit <file>', 'also write a JUnit report')
    .addHelpText('after', EXAMPLES)
    .action(async (files: string[], options: TestOptions) => {
      process.exitCode = await testFiles(files, options);
    });
}

const out = (line: string): boolean => process.stdout.write(`${line}\n`);
const err = (line: string): boolean => process.stderr.write(`${line}\n`);

function checkFiles(patterns: readonly string[], options: CheckOptions): number {
  let failed = false;
  let linted = false;
  for (const path of filesOf(patterns)) {
    out(`Checking ${path}`);
    const { groups, errors } = readRuleFile(path);
    const lint = errors.length === 0 && options.lint !== 'none' ? duplicateRules(groups) : null;
    if (errors.length > 0) {
      failed = true;
      err('  FAILED:');
      for (const error of errors) err(error);
    } else if (lint !== null) {
      linted = true;
      err('  FAILED:');
      err(`lint error ${lint}`);
    } else {
      out(`  SUCCESS: ${groups.reduce((sum, { rules }) => sum + rules.length, 0)} rules found`);
    }
    out('');
  }
  if (failed) return EXIT_FAILURE;
  return linted && options.lintFatal ? EXIT_LINT : EXIT_OK;
}

/** A pattern without a match stands for itself, so that it is named as missing. */
function filesOf(patterns: readonly string[]): string[] {
  return patterns.flatMap((pattern) => {
    const found = expandRuleGlobs([pattern]);
    return found.length === 0 ? [pattern] : found;
  });
}

/** Rules with the same name and labels write the same series; null when there are none. */
function duplicateRules(groups: readonly GroupDefinition[]): string | null {
  const count = new Map<string, number>();
  for (const { name, labels } of groups.flatMap(({ rules }) => rules)) {
    const text = `Metric: ${name}\nLabel(s):\n${labels.map(([label, value]) => `\t${label}: ${value}\n`).join('')}`;
    count.set(text, (count.get(text) ?? 0) + 1);
  }
  const repeated = [...count].filter(([, times]) => times > 1).map(([text]) => text);
  if (repeated.length === 0) return null;
  repeated.sort(compareText);
  return `${repeated.length} duplicate rule(s) found.\n${repeated.join('')}Might cause inconsistency while recording expressions`;
}

async function testFiles(patterns: readonly string[], options: TestOptions): Promise<number> {
  const wanted = (options.run ?? []).map((text) => new RegExp(text));
  const reports: FileReport[] = [];
  let failed = false;
  for (const path of filesOf(patterns)) {
    out(`Unit Testing:  ${path}`);
    const report = await testFile(path, wanted, options);
    reports.push(report);
    const failures = [...report.errors, ...report.tests.flatMap((test) => test.failures)];
    if (failures.length === 0) out('  SUCCESS');
    else {
      failed = true;
      err('  FAILED:');
      for (const failure of failures) {
        err(failure);
        out('');
      }
    }
    out('');
  }
  if (options.junit !== undefined) writeFileSync(options.junit, junitReport(reports));
  return failed ? EXIT_FAILURE : EXIT_OK;
}

async function testFile(path: string, wanted: readonly RegExp[], options: TestOptions): Promise<FileReport> {
  const report: FileReport = { path, errors: [], tests: [] };
  try {
    const file = readRuleTestFile(path);
    for (const pattern of file.unmatched) err(`  WARNING: no file match pattern ${pattern}`);
    for (const test of file.tests) {
      if (wanted.length > 0 && !wanted.some((regex) => regex.test(test.name))) continue;
      report.tests.push({ name: test.name, failures: await runRuleTest(test, file, options) });
    }
  } catch (error) {
    report.errors.push((error as Error).message);
  }
  return report;
}
