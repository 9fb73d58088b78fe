/**
 * Random trees print to texts that parse to the same trees; random texts never break the parser. VARVE_SEED chooses the
 * seed, VARVE_FUZZ_ROUNDS how many are tried.
 */
import { expect, test } from 'vitest';
import { VarveError } from '../../../errors/errors.ts';
import { seededRandom } from '../../promql/expression-generator.ts';
import { printStatement } from '../print-statement.ts';
import { StatementGenerator } from '../statement-generator.cases.ts';
import { parseStatements } from './parser.ts';
import { editStatement, GOOD_STATEMENTS } from './statements.cases.ts';

const SEED = Number(process.env.VARVE_SEED ?? Math.floor(Math.random() * 2 ** 31));
const ROUNDS = Number(process.env.VARVE_FUZZ_ROUNDS ?? 2000);

test('a printed statement parses to the statement', () => {
  console.log(`seed ${SEED}`);
  const generator = new StatementGenerator(seededRandom(SEED));
  for (let round = 0; round < ROUNDS; round++) {
    const statement = generator.statement();
    const text = printStatement(statement);
    expect(parseStatements(text), text).toEqual([statement]);
  }
});

test('edited statements parse, or are refused', () => {
  console.log(`seed ${SEED}`);
  const random = seededRandom(SEED);
  let refused = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const text = editStatement(random, GOOD_STATEMENTS);
    try {
      parseStatements(text).map(printStatement);
    } catch (error) {
      if (!(error instanceof VarveError)) throw new Error(`${JSON.stringify(text)}: ${(error as Error).stack}`);
      refused++;
    }
  }
  expect(refused).toBeGreaterThan(ROUNDS / 4);
});
