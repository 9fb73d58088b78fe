/** The runner of the test language: that it notices what is wrong, and what it leaves out. */
import { describe, expect, it } from 'vitest';

import { runTestFile } from './promqltest.ts';
import { memoryBackend } from './promqltest-memory.ts';

async function outcomeOf(text: string): Promise<string> {
  const [outcome] = await runTestFile(text, memoryBackend());
  return `${outcome!.status} ${outcome!.reason}`.trim();
}

const LOAD = 'load 1m\n  m{a="1"} 1+1x3 _ stale 7\n  m{a="2"} 0x6\n\n';

function check(name: string, text: string, outcome: string | RegExp): void {
  it(name, async () => {
    const got = await outcomeOf(LOAD + text);
    if (typeof outcome === 'string') expect(got).toBe(outcome);
    else expect(got).toMatch(outcome);
  });
}

describe('test runner', () => {
  check('right values', 'eval instant at 1m m\n  m{a="1"} 2\n  m{a="2"} 0\n', 'passed');
  check(
    'a wrong value',
    'eval instant at 1m m\n  m{a="1"} 3\n  m{a="2"} 0\n',
    /^failed .*expected 3@60000, got 2@60000/,
  );
  check(
    'a missing series',
    'eval instant at 1m m\n  m{a="1"} 2\n  m{a="2"} 0\n  m{a="3"} 0\n',
    /^failed expected .*a="3"/,
  );
  check('a surplus series', 'eval instant at 1m m\n  m{a="1"} 2\n', /^failed unexpected .*a="2"/);
  check('gaps and stale markers', 'eval range from 0 to 6m step 1m m{a="1"}\n  m{a="1"} 1 2 3 4 4 _ 7\n', 'passed');
  check(
    'the wrong order',
    'eval instant at 1m sort(m)\n  expect ordered\n  m{a="1"} 2\n  m{a="2"} 0\n',
    /^failed expected the order/,
  );
  check('the right order', 'eval instant at 1m sort(m)\n  expect ordered\n  m{a="2"} 0\n  m{a="1"} 2\n', 'passed');
  check('a failure that is expected', 'eval instant at 1m m + on () m\n  expect fail\n', 'passed');
  check(
    'a failure with another text',
    'eval instant at 1m m + on () m\n  expect fail msg: nope\n',
    /^failed expected to fail with "nope"/,
  );
  check('a failure that does not come', 'eval_fail instant at 1m m\n', 'failed expected to fail, but it succeeded');
  check('a warning', 'eval instant at 1m quantile(2, m)\n  expect warn regex: got 2 \\(1:10\\)\n  {} Inf\n', 'passed');
  check(
    'an unexpected info',
    'eval instant at 1m rate(m{a="1"}[3m])\n  expect no_info\n  {a="1"} 0.0166666667\n',
    /^failed expected no info/,
  );
  check('a scalar', 'eval instant at 1m 1 + 1\n  2\n', 'passed');
  check('a string', 'eval instant at 1m "x"\n  expect string `x`\n', 'passed');
  check(
    'raw points',
    'eval instant at 2m m{a="1"}[2m]\n  expect range vector from 1m to 2m step 1m\n    m{a="1"} 2 3\n',
    'passed',
  );

  it('leaves out native histograms and says so', async () => {
    const load = 'load 1m\n  h {{schema:0 sum:1 count:1}}x3\n  f 1\n\nload_with_nhcb 1m\n  c_bucket{le="+Inf"} 1\n\n';
    const query = (text: string) => outcomeOf(`${load}eval instant at 0 ${text}\n  {} 1\n`);
    expect(await query('histogram_count(h)')).toBe('left out selects native histograms');
    expect(await query('{__name__="c"}')).toBe('left out selects native histograms');
    expect(await query('f * 1')).toBe('passed');
    expect(await query('sum(c_bucket)')).toBe('passed');
    expect(await outcomeOf(`${load}eval instant at 0 f\n  f {{count:1}}\n`)).toBe(
      'left out native histograms are expected',
    );
  });
});
