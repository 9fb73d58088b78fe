/** Recording and alerting rules, and the alerts that are active. */
import { VarveError } from '../../errors/errors.ts';
import { listAlerts, listRules, type RuleFilter } from '../../rules/listing.ts';
import type { RuleManager } from '../../rules/manager.ts';
import { invalidParameter } from '../parameters.ts';
import { success } from '../prometheus-response.ts';
import type { Route, RouteContext } from '../route.ts';
import { narrowSelectors } from '../selectors.ts';

function rules(context: RouteContext): Response {
  const { parameters } = context;
  const filter = ruleFilter(parameters);
  const listed = listRules(groupsOf(context), filter);
  if (listed === null) {
    throw new VarveError('bad_request', `invalid group_next_token '${filter.nextToken}'. were rule groups changed?`);
  }
  return success(listed);
}

function alerts(context: RouteContext): Response {
  return success(listAlerts(groupsOf(context)));
}

/** The groups, for those who may read the database that rules work on; none for others. */
function groupsOf({ rules: manager, caller, config }: RouteContext): ReturnType<RuleManager['groups']> {
  return caller.rights.may('read', config.rulesDatabase) ? (manager?.groups() ?? []) : [];
}

/** Reads the rule files again. */
async function reload({ rules: manager }: RouteContext): Promise<Response> {
  try {
    await manager?.load();
  } catch (error) {
    return new Response(`failed to reload config: ${(error as Error).message}\n`, { status: 500 });
  }
  return new Response(null, { status: 200 });
}

function ruleFilter(parameters: URLSearchParams): RuleFilter {
  const type = (parameters.get('type') ?? '').toLowerCase();
  if (type !== '' && type !== 'alert' && type !== 'record') {
    throw invalidParameter('type', `not supported value "${type}"`);
  }
  const { groupLimit, nextToken } = page(parameters);
  return {
    type: type === '' ? null : type,
    ruleNames: parameters.getAll('rule_name[]'),
    groupNames: parameters.getAll('rule_group[]'),
    files: parameters.getAll('file[]'),
    matcherSets: narrowSelectors(parameters),
    excludeAlerts: booleanParameter(parameters, 'exclude_alerts'),
    groupLimit,
    nextToken,
  };
}

function page(parameters: URLSearchParams): { groupLimit: number; nextToken: string } {
  const limit = parameters.get('group_limit') ?? '';
  const nextToken = parameters.get('group_next_token') ?? '';
  if (limit === '') {
    if (nextToken === '') return { groupLimit: 0, nextToken };
    throw invalidParameter('group_next_token', 'group_limit needs to be present in order to paginate over the groups');
  }
  if (!/^[+-]?\d+$/.test(limit)) {
    const cause = `strconv.ParseInt: parsing ${JSON.stringify(limit)}: invalid syntax`;
    throw invalidParameter('group_limit', `group_limit needs to be a valid number: ${cause}`);
  }
  if (Number(limit) <= 0) throw invalidParameter('group_limit', 'group_limit needs to be greater than 0');
  return { groupLimit: Number(limit), nextToken };
}

const TRUE = new Set(['1', 't', 'T', 'TRUE', 'true', 'True']);
const FALSE = new Set(['', '0', 'f', 'F', 'FALSE', 'false', 'False']);

function booleanParameter(parameters: URLSearchParams, name: string): boolean {
  const text = parameters.get(name) ?? '';
  if (TRUE.has(text)) return true;
  if (FALSE.has(text)) return false;
  const cause = `strconv.ParseBool: parsing ${JSON.stringify(text)}: invalid syntax`;
  throw invalidParameter(name, `error converting ${name}: ${cause}`);
}

export const prometheusRulesRoutes: readonly Route[] = [
  { methods: ['GET'], path: '/api/v1/rules', access: 'known', purpose: 'recording and alerting rules', handle: rules },
  { methods: ['GET'], path: '/api/v1/alerts', access: 'known', purpose: 'active alerts', handle: alerts },
  { methods: ['POST'], path: '/-/reload', access: 'admin', purpose: 'read the rule files again', handle: reload },
];
