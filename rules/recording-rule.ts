/** A recording rule: the result of its expression under another name. */
import { METRIC_NAME } from '../query/promql/labels.ts';
import { printExpression } from '../query/promql/parser/printer.ts';
import { instantVector, type Rule } from './rule.ts';
import type { RuleDefinition } from './rule-file.ts';
import type { RuleSample } from './storage.ts';

export interface RecordingRule extends Rule {
  readonly kind: 'recording';
}

export function recordingRule(definition: RuleDefinition): RecordingRule {
  const query = printExpression(definition.expr);
  return {
    kind: 'recording',
    definition,
    query,
    health: 'unknown',
    lastError: '',
    evaluationMs: 0,
    lastEvaluationMs: null,
    previousSeries: new Map(),
    async evaluate(timeMs, queryOffsetMs, limit, environment) {
      const vector = await instantVector(definition.expr, timeMs - queryOffsetMs, environment, query);
      const samples: RuleSample[] = vector.map(({ labels, value }) => {
        let named = labels.with(METRIC_NAME, definition.name);
        for (const [name, text] of definition.labels) named = named.with(name, text);
        return { labels: named, value };
      });
      if (new Set(samples.map(({ labels }) => labels.key)).size < samples.length) {
        throw new Error('vector contains metrics with the same labelset after applying rule labels');
      }
      if (limit > 0 && samples.length > limit) {
        throw new Error(`exceeded limit of ${limit} with ${samples.length} series`);
      }
      return samples;
    },
  };
}
