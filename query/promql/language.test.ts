/**
 * The language by examples, written for this engine where Prometheus' own vectors leave room: each script runs with and,
 * unless it says otherwise, without delayed name removal.
 */
import { describe, expect, it } from 'vitest';

import { runTestFile } from './promqltest.ts';
import { memoryBackend } from './promqltest-memory.ts';

function check(name: string, script: string, modes: readonly boolean[] = [true, false]): void {
  for (const delayedNameRemoval of modes) {
    it(`${name}${delayedNameRemoval ? '' : ', names dropped at once'}`, async () => {
      const outcomes = await runTestFile(script, memoryBackend({ delayedNameRemoval }));
      expect(outcomes.length).toBeGreaterThan(0);
      expect(outcomes.filter((outcome) => outcome.status !== 'passed')).toEqual([]);
    });
  }
}

describe('selectors', () => {
  check(
    'look back to, but not including, five minutes; stale markers end a series',
    `
load 1m
  m{a="x"} 1 _ _ _ _ _ 2
  m{a="y"} 1 stale

eval instant at 299s m
  m{a="x"} 1

eval instant at 300s m

eval instant at 59s m{a="y"}
  m{a="y"} 1

eval instant at 60s m{a="y"}

eval instant at 6m m{a=~"x|z", a!="z", a!~"[yz]"}
  m{a="x"} 2
`,
  );
  check(
    'ranges leave out their left end',
    `
load 10s
  m 1 2 3 4 5 6

eval instant at 50s count_over_time(m[20s])
  {} 2

eval instant at 50s count_over_time(m[20001ms])
  {} 3

eval instant at 50s count_over_time(m[1ms])
  {} 1

eval instant at 49s count_over_time(m[1ms])

eval instant at 50s m[20s]
  expect range vector from 40s to 50s step 10s
  m 5 6
`,
  );
  check(
    'offset and @ in any order, also inside subqueries',
    `
load 10s
  m 0+1x100

eval instant at 500s m offset 100s @ 400
  m 30

eval instant at 500s m @ 400 offset -100s
  m 50

eval range from 100s to 300s step 100s m @ end()
  m 30 30 30

eval range from 100s to 300s step 100s m @ start() offset 50s
  m 5 5 5

eval instant at 500s sum_over_time((m @ 100)[30s:10s])
  {} 30

eval instant at 500s sum_over_time(m[30s:10s] @ 100)
  {} 27

eval range from 0 to 20s step 10s sum_over_time(m[30s:10s] @ 100)
  {} 27 27 27

eval range from 0 to 20s step 10s predict_linear(m[30s] @ 100, 0)
  {} 0 1 2
`,
  );
  check(
    'names that are no identifiers',
    `
load 1m
  {"http.requests", "content type"="text/plain"} 3

eval instant at 0 {"http.requests"}
  {"http.requests", "content type"="text/plain"} 3

eval instant at 0 sum by ("content type") ({"http.requests", "content type"=~"text/.+"})
  {"content type"="text/plain"} 3

eval instant at 0 label_replace({"http.requests"}, "a b", "$1", "content type", "(.+)/.+") * 1
  {"content type"="text/plain", "a b"="text"} 3
`,
  );
});

describe('operators', () => {
  const data = `
load 1m
  left{a="1", b="x"} 1
  left{a="2", b="x"} 2
  right{a="1"} 10
  right{a="3"} 30
`;
  check(
    'match by labels',
    `${data}
eval instant at 0 left + on (a) right
  {a="1"} 11

eval instant at 0 left - ignoring (b) group_left right
  {a="1", b="x"} -9

eval instant at 0 right / on (a) group_right left
  {a="1", b="x"} 10

eval instant at 0 left * on (a) group_left (nothing) right
  {a="1", b="x"} 10

eval instant at 0 left == on (a) group_left right

eval instant at 0 left < on (a) group_left right
  left{a="1", b="x"} 1

eval instant at 0 left >= bool on (a) right
  {a="1"} 0

eval instant at 0 left and on (a) right
  left{a="1", b="x"} 1

eval instant at 0 left unless on (a) right
  left{a="2", b="x"} 2

eval instant at 0 right or ignoring (b) left
  right{a="1"} 10
  right{a="3"} 30
  left{a="2", b="x"} 2
`,
  );
  check(
    'refuse ambiguous matches',
    `${data}
eval instant at 0 right + on () left
  expect fail msg: found duplicate series for the match group {} on the right hand-side of the operation: [{__name__="left", a="1", b="x"}, {__name__="left", a="2", b="x"}];many-to-many matching not allowed: matching labels must be unique on one side

eval instant at 0 left + on () group_right right
  expect fail msg: on the left hand-side of the operation

eval instant at 0 left + on (b) sum by (b) (left) * 2
  expect fail msg: multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)

eval instant at 0 left + on (b) group_left (a) sum by (b) (left) * 2
  expect fail msg: multiple matches for labels: grouping labels must ensure unique matches
`,
  );
  check(
    'fill what is missing',
    `${data}
eval instant at 0 left + on (a) fill (100) right
  {a="1"} 11
  {a="2"} 102
  {a="3"} 130

eval instant at 0 left > on (a) fill_right (1) right
  {a="2"} 2

eval instant at 0 left + on (a) group_left fill_left (0) right
  {a="1", b="x"} 11
  {a="3"} 30
`,
    [true],
  );
  check(
    'bind as in arithmetic',
    `
eval instant at 0 2 + 3 * 4 ^ 2 ^ 0.5
  23.30897990394805

eval instant at 0 -2 ^ 2
  -4

eval instant at 0 10 - 4 - 3
  3

eval instant at 0 7 % -4 + -7 % 4
  0

eval instant at 0 1 ^ NaN + (-1) ^ Inf
  2

eval instant at 0 1 < bool 2 == bool 1
  1
`,
  );
});

describe('aggregations', () => {
  check(
    'group, and ignore or spread NaN',
    `
load 1m
  m{g="a", i="1"} 1
  m{g="a", i="2"} 3
  m{g="b", i="1"} NaN
  m{g="b", i="2"} 5

eval instant at 0 sum by (g) (m)
  {g="a"} 4
  {g="b"} NaN

eval instant at 0 min by (g) (m)
  {g="a"} 1
  {g="b"} 5

eval instant at 0 max without (i) (m)
  {g="a"} 3
  {g="b"} 5

eval instant at 0 count(m) + group(m)
  {} 5

eval instant at 0 stddev(m{g="a"})
  {} 1

eval instant at 0 stdvar(m{g="b"})
  {} NaN

eval instant at 0 quantile by (g) (0.5, m)
  {g="a"} 2
  {g="b"} NaN

eval instant at 0 quantile(1, m{g="a"} / (m{g="a"} != bool 1 ) * 0 + 1 / 0)
  {} Inf

eval instant at 0 quantile(0.5, vector(-Inf))
  {} -Inf

eval instant at 0 topk by (g) (1, m)
  m{g="a", i="2"} 3
  m{g="b", i="2"} 5

eval instant at 0 bottomk(3, m)
  expect ordered
  m{g="a", i="1"} 1
  m{g="a", i="2"} 3
  m{g="b", i="2"} 5

eval instant at 0 count_values by (g) ("v", m)
  {g="a", v="1"} 1
  {g="a", v="3"} 1
  {g="b", v="5"} 1
  {g="b", v="NaN"} 1

eval instant at 0 count(limitk by (g) (1, m))
  {} 2

eval instant at 0 count(limit_ratio(0.3, m) or limit_ratio(-0.7, m))
  {} 4
`,
  );
  check(
    'check their parameters',
    `
eval instant at 0 topk(NaN, nothing)
  expect fail msg: Parameter value is NaN

eval instant at 0 limitk(1e30, nothing)
  expect fail msg: Scalar value 1e+30 overflows int64

eval instant at 0 topk(9223372036854774784, nothing)
  expect fail msg: Scalar value 9.223372036854775e+18 overflows int64

eval instant at 0 limit_ratio(NaN, nothing)
  expect fail msg: Ratio value is NaN

eval instant at 0 limit_ratio(-3, nothing)
  expect warn msg: PromQL warning: ratio value should be between -1 and 1, got -3, capping to -1 (1:13)

eval instant at 0 quantile(-0.5, nothing)
  expect warn msg: PromQL warning: quantile value should be between 0 and 1, got -0.5 (1:10)

# NaN at one step hides what is amiss at the others, unless that is infinite.
eval range from 0 to 2m step 1m quantile(-1 + 0 / (time() - 60), nothing)
  expect warn msg: PromQL warning: quantile value should be between 0 and 1, got NaN (1:10)

eval instant at 0 count_values("a\\xc5z", nothing)
  expect fail msg: invalid label name "a\\xc5z"
`,
  );
  check(
    'change k from step to step',
    `
load 1m
  k 0 1 2
  m{i="1"} 5 1 1
  m{i="2"} 6 6 2

eval range from 0 to 2m step 1m topk(scalar(k), m)
  m{i="1"} _ _ 1
  m{i="2"} _ 6 2
`,
  );
});

describe('functions', () => {
  check(
    'over ranges',
    `
load 10s
  c_total 0 5 10 2 7 12
  g 1 3 NaN 2 8 -1

eval instant at 50s increase(c_total[50s1ms])
  {} 22.0

eval instant at 50s irate(c_total[1m])
  {} 0.5

eval instant at 50s resets(c_total[1m]) + changes(g[1m])
  {} 6

eval instant at 50s max_over_time(g[1m]) - min_over_time(g[1m])
  {} 9

eval instant at 50s sum_over_time(g[20s]) / count_over_time(g[20s])
  {} 3.5

eval instant at 50s ts_of_max_over_time(g[1m])
  {} 40

eval instant at 50s first_over_time(g[35s])
  g NaN

eval instant at 50s mad_over_time(c_total[1m])
  {} 4

eval instant at 50s stddev_over_time(c_total[20s])
  {} 2.5

eval instant at 50s deriv(c_total[25s])
  {} 0.5

eval instant at 50s double_exponential_smoothing(c_total[25s], 1, 0.5)
  expect fail msg: invalid smoothing factor. Expected: 0 < sf < 1, got: 1.000000
`,
  );
  check(
    'of time',
    `
load 1m
  t 951782400

eval instant at 30s year(t) * 10000 + month(t) * 100 + day_of_month(t)
  {} 20000229

eval instant at 30s days_in_month(t) + day_of_year(t) + day_of_week(t)
  {} 91

eval instant at 30s time() + scalar(timestamp(t))
  30

eval instant at 90061s hour() * 100 + minute()
  {} 101

clear
load 1m
  m 1+1x20

# The offset decides what is fetched, and then the time behind @ alone what is found.
eval instant at 10m timestamp(m @ 300 offset -2m)
  {} 300

eval instant at 10m timestamp(m @ 300 offset 2m)
  {} 180

eval instant at 10m m @ 300 offset -2m
  m 8

eval instant at 0 year(vector(-1))
  {} 1969

# The end of Go's time, where everything lands that is no time.
eval instant at 0 year(vector(NaN)) * 10000 + month(vector(Inf)) * 100 + day_of_month(vector(-Inf))
  {} 2922770265961204

eval instant at 0 (hour(vector(1e300)) * 60 + minute(vector(NaN))) * 60 + day_of_week(vector(NaN))
  {} 55800

eval instant at 0 hour(vector(9e18)) * 60 + minute(vector(9e18))
  {} 960

# Of a selector it is the time of the sample itself, even where values are interpolated.
eval instant at 90s timestamp(m smoothed)
  {} 60

eval instant at 90s timestamp((m smoothed) + 0)
  {} 90

eval instant at 90s m smoothed
  m 2.5
`,
  );
  check(
    'of labels',
    `
load 1m
  m{a="one-two", b="x"} 1

eval instant at 0 label_replace(m, "c", "$2/\${1}$$", "a", "(.+)-(?P<second>.+)")
  m{a="one-two", b="x", c="two/one$"} 1

eval instant at 0 label_replace(m, "c", "$second", "a", "(.+)-(?P<second>.+)")
  m{a="one-two", b="x", c="two"} 1

eval instant at 0 label_replace(m, "c", "<$01$1é$0$>", "a", "one(.+)")
  m{a="one-two", b="x", c="<one-two$>"} 1

eval instant at 0 label_replace(m, "c", "y", "a", "one")
  m{a="one-two", b="x"} 1

eval instant at 0 label_join(m, "b", "+", "b", "none", "a")
  m{a="one-two", b="x++one-two"} 1

eval instant at 0 label_join(m, "b", "+")
  m{a="one-two"} 1

eval instant at 0 label_replace(m, "\\xff", "", "a", "")
  expect fail msg: invalid destination label name in label_replace()

eval instant at 0 label_replace(m, "a", "", "a", "(")
  expect fail msg: invalid regular expression in label_replace(): (

eval instant at 0 label_replace(m, "c", "$$$$1\${a}\${1$", "a", "(?P<a>one)-.*")
  m{a="one-two", b="x", c="$$1one\${1$"} 1
`,
  );
  check(
    'of absence',
    `
load 1m
  m{a="1"} 1 _ _ _ _ _ _ 1

eval range from 0 to 7m step 1m absent(m{a="1"})
  {a="1"} _ _ _ _ _ 1 1 _

eval range from 0 to 7m step 1m absent_over_time(m{a="1", b=~"x?"}[1m])
  {a="1"} _ 1 1 1 1 1 1 _

eval instant at 0 absent(n{a="1", a="2", b="3"})
  {b="3"} 1

eval instant at 0 absent(n{a="1"} + 1)
  {} 1
`,
  );
  check(
    'of classic histograms',
    `
load 1m
  h_bucket{le="1"} 2
  h_bucket{le="2"} 6
  h_bucket{le="+Inf"} 8
  broken_bucket{le="1"} 5
  broken_bucket{le="+Inf"} 4

eval instant at 0 histogram_quantile(0.5, h_bucket)
  {} 1.5

eval instant at 0 histogram_quantile(0.99, h_bucket)
  {} 2

eval instant at 0 histogram_fraction(1, 1.5, h_bucket)
  {} 0.25

eval instant at 0 histogram_quantiles(h_bucket, "quantile", 0.25, 0.5)
  {quantile="0.25"} 1
  {quantile="0.5"} 1.5

eval instant at 0 histogram_quantile(0.5, broken_bucket)
  expect info regex: needed to be fixed for monotonicity .*from buckets \\+Inf to \\+Inf, with a max diff of 1, over 1 samples from 1970-01-01T00:00:00Z to 1970-01-01T00:00:00Z \\(1:25\\)
  {} 0.5

eval instant at 0 histogram_count(h_bucket)

clear
load 1m
  empty_bucket{le="1"} 0
  empty_bucket{le="2"} -1
  empty_bucket{le="+Inf"} 0
  huge_bucket{le="1e999"} 1
  odd_bucket{le="1_0"} 1
  odd_bucket{le="0x_1.08p4"} 4
  odd_bucket{le="+Inf"} 4
  named_bucket{q="old", le="1"} 4
  named_bucket{q="old", le="+Inf"} 4

# Without observations, too, it tells of buckets that shrink.
eval instant at 0 histogram_quantile(0.5, empty_bucket)
  expect info regex: needed to be fixed for monotonicity
  {} NaN

eval instant at 0 histogram_quantile(0.5, huge_bucket)
  expect warn regex: PromQL warning: bucket label "le" is missing or has a malformed value of "1e999"( for metric name "huge_bucket")? [(]1:25[)]

eval instant at 0 histogram_quantile(1, odd_bucket)
  {} 16.5

eval instant at 0 histogram_quantiles(named_bucket, "q", 0.5, -0)
  {q="0.5"} 0.5
  {q="0.0"} 0

eval instant at 0 histogram_quantiles({__name__=~"empty_bucket|named_bucket"}, "q", 0.5)
  expect fail msg: vector cannot contain metrics with the same labelset
`,
  );
  check(
    'info',
    `
load 1m
  m{job="j", instance="i"} 1x10
  target_info{job="j", instance="i", version="1", zone="a"} 1 1 1 1 1 stale
  target_info{job="j", instance="i", version="2", zone="a"} _ _ _ _ _ 1 1 1

eval range from 4m to 5m step 1m info(m)
  m{job="j", instance="i", version="1", zone="a"} 1 _
  m{job="j", instance="i", version="2", zone="a"} _ 1

eval instant at 5m info(m, {version=~".+"})
  m{job="j", instance="i", version="2"} 1

eval instant at 5m info(m, {version="1"})

eval instant at 5m info(m @ 60)
  m{job="j", instance="i", version="1", zone="a"} 1

eval instant at 5m info(m offset 2m) or info(vector(1))
  m{job="j", instance="i", version="1", zone="a"} 1
  {} 1

eval instant at 5m info(m{job="j"} @ 60 or m{job="k"} @ 120)
  m{job="j", instance="i", version="2", zone="a"} 1

clear
load 1m
  m{job="j", instance="i"} 1 _ 1
  part{job="j"} 1
  other{job="j", instance="k"} 1
  other{job="k", instance="i"} 1
  target_info{job="j", instance="i", v="1"} 1 1
  target_info{job="j", v="2"} 1 1 1
  target_info{job="k", instance="k", v="3"} 1 1 1
  target_info{job="k", instance="k", v="4"} 1 1 1
  target_info{v="5"} 1 1 1

# Info series that belong to nothing may well contradict each other.
eval instant at 0 info({__name__=~"m|part"})
  m{job="j", instance="i", v="1"} 1
  part{job="j", v="2"} 1

# These have the identifying labels of base series, if not of one.
eval instant at 0 info(other)
  expect fail msg: found duplicate series for info metric: existing {__name__="target_info", instance="k", job="k", v="3"} @ 0, new {__name__="target_info", instance="k", job="k", v="4"} @ 0

eval instant at 0 info(vector(1))
  {} 1

clear
load 6m
  m{job="j"} 1 _ 1
  target_info{job="j", v="1"} 1 1
  target_info{job="j", v="2"} _ 1

# Nor do contradictions count where there is nothing to tell more about.
eval range from 0 to 12m step 6m info(m)
  m{job="j", v="1"} 1 _ _
  m{job="j"} _ _ 1
`,
    [true],
  );
  check(
    'that know the query',
    `
load 10s
  m 0+1x20

eval range from 100s to 200s step 50s end() - start() + step() + range()
  {} 250 250 250

eval range from 100s to 200s step 50s sum_over_time(m[step()])
  {} 40 65 90

eval instant at 0 max_of(1, 2) - min_of(1, -Inf)
  Inf

eval instant at 100s count_over_time(m[1m - 30s:2 * 5s] offset (10s * 1))
  {} 3

eval instant at 100s m[30s - 1m]
  expect fail msg: 2:10: duration must be greater than 0

eval instant at 100s m[(30s - 1m) ^ 0.5]
  expect fail msg: 3:18: duration is NaN or infinite

eval instant at 100s m offset (1m / step())
  expect fail msg: 10:21: division by zero
`,
  );
});

describe('names', () => {
  check(
    'go with operations, stay with samples',
    `
load 1m
  a_total{x="1"} 1 2
  b_total{x="1"} 3 4

eval instant at 1m {__name__=~"._total"} > 3
  b_total{x="1"} 4

eval instant at 1m last_over_time(a_total[2m])
  a_total{x="1"} 2

eval instant at 1m rate({__name__=~"._total"}[2m])
  expect fail msg: vector cannot contain metrics with the same labelset

eval instant at 1m -{__name__=~"._total"}
  expect fail msg: vector cannot contain metrics with the same labelset
`,
  );
  check(
    'may be given anew before they are dropped',
    `
load 1m
  a_total{x="1"} 1 61
  b_total{x="1"} 3 63

eval instant at 1m label_replace(increase({__name__=~"._total"}[1m1ms]), "__name__", "inc_$1", "__name__", "(.)_total")
  inc_a{x="1"} 60.001
  inc_b{x="1"} 60.001

eval instant at 1m sum by (x) (abs({__name__=~"._total"}))
  {x="1"} 124

eval instant at 1m max by (__name__) (abs({__name__=~"._total"}))
  expect fail msg: vector cannot contain metrics with the same labelset

# In a group one sample whose name is to be dropped is enough, but only the last step counts.
eval instant at 1m sum by (__name__) (a_total or label_replace(abs(a_total), "y", "1", "", ""))
  {} 122

eval range from 0 to 1m step 1m sum by (__name__) (a_total or label_replace(abs(a_total) < 2, "y", "1", "", ""))
  a_total 2 61

eval range from 0 to 1m step 1m sum by (__name__) (a_total < 2 or label_replace(abs(a_total), "y", "1", "", ""))
  {} 2 61

# Of several samples with the same name the first decides for all.
eval range from 0 to 1m step 1m abs(a_total offset 1m) or a_total
  a_total{x="1"} 1 1

eval range from 0 to 1m step 1m abs(a_total @ 0) or a_total
  {x="1"} 1 1

# A comparison takes the name of its left side as if it were to stay.
eval instant at 1m increase(a_total[1m1ms]) <= increase(b_total[1m1ms])
  a_total{x="1"} 60.001

eval instant at 1m abs(a_total) + on (x) group_left (__name__) b_total
  b_total{x="1"} 124

eval instant at 1m abs(a_total) < bool on (x) b_total
  {x="1"} 1
`,
    [true],
  );
  check(
    'are kept for an aggregation that groups by them, where Prometheus would fail',
    `
load 1m
  a_total{x="1"} 1 61
  b_total{x="1"} 3 63
  c_total{x="1"} 1
  d_total{x="1"} _x12 2

eval instant at 1m max by (__name__) (max_over_time({__name__=~"[ab]_total"}[5m]))
  a_total 61
  b_total 63

# Where there is never more than one at a step, they are one series.
eval range from 0 to 12m step 6m max_over_time({__name__=~"[cd]_total"}[1m])
  {x="1"} 1 _ 2

# Inside, names are dropped at once.
eval instant at 1m max by (__name__) (count_values by (__name__) ("value", abs(a_total)))
  {} 1

eval instant at 1m max by (__name__, n) (label_replace(abs(a_total), "n", "$1", "__name__", "(.+)"))
  {} 61

eval instant at 1m max by (__name__) (max_over_time(a_total[5m]))
  {} 61
`,
    [false],
  );
  check(
    'take type and unit along',
    `
load 1m
  m{__type__="gauge", __unit__="s", x="1"} 1

eval instant at 0 m == 1
  m{__type__="gauge", __unit__="s", x="1"} 1

eval instant at 0 m * 2
  {x="1"} 2

eval instant at 0 abs(m)
  {x="1"} 1
`,
  );
});

describe('annotations', () => {
  check(
    'tell what looks wrong, once and with its place',
    `
load 1m
  gauge{x="1"} 1 2
  gauge{x="2"} 1 2
  fine_total 1 2

eval instant at 1m rate(gauge[2m]) + rate(gauge[2m])
  expect info msg: PromQL info: metric might not be a counter, name does not end in _total/_sum/_count/_bucket: "gauge" (1:24)
  {x="1"} 0.0333333333
  {x="2"} 0.0333333333

eval instant at 1m increase(fine_total[2m])
  expect no_info
  {} 2

eval instant at 1m quantile_over_time(NaN, gauge{x="1"}[2m])
  expect warn msg: PromQL warning: quantile value should be between 0 and 1, got NaN (1:20)
  {x="1"} NaN

eval range from 0 to 1m step 1m sort_desc(nothing)
  expect warn msg: PromQL warning: sort is ineffective for range queries since results are always ordered by labels (1:1)

eval instant at 1m histogram_quantile(0.5, gauge{x="1"})
  expect warn regex: PromQL warning: bucket label "le" is missing or has a malformed value of ""( for metric name "gauge")? [(]1:25[)]

eval instant at 1m gauge </ 3
  expect info msg: PromQL info: incompatible sample types encountered for binary operator "</": float </ float (1:1)
`,
  );
});
