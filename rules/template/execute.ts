/**
 * Runs a parsed template over its data, as Go's text/template does with `missingkey=zero`.
 *
 * Everything here is synchronous. A template that queries the database is run again once the answer is there, see
 * alert-template.ts.
 */
import { quote } from '../../query/promql/parser/token.ts';
import { type Command, type Node, type Operand, type Pipeline, printNode, printTemplateCall } from './ast.ts';
import { FUNCTIONS, type ParameterType, type TemplateEnvironment } from './functions.ts';
import { type Template, TemplateError } from './parser.ts';
import { type GoValue, isTrue, printValue, sortedKeys, typeName } from './value.ts';

/** Templates that call themselves end here. */
const MAX_DEPTH = 1000;

/** Thrown by an environment to end the run; passed on untouched. */
export class TemplateSuspension extends Error {}

/** The text that a template makes of its data. Throws a TemplateError. */
export function executeTemplate(template: Template, data: GoValue, environment: TemplateEnvironment): string {
  const run = new Run(template, environment);
  run.variables.push({ name: '$', value: data });
  run.walk(template.nodes, data);
  return run.out.join('');
}

class Run {
  readonly out: string[] = [];
  variables: { name: string; value: GoValue }[] = [];
  private readonly template: Template;
  private readonly environment: TemplateEnvironment;
  private name: string;
  private depth = 0;
  /** What errors point at: the position and text of the node at work. */
  private position = 0;
  private shown = '';
  private signal: 'break' | 'continue' | null = null;

  constructor(template: Template, environment: TemplateEnvironment) {
    this.template = template;
    this.environment = environment;
    this.name = template.name;
  }

  private at(node: Operand | Command): void {
    this.position = node.position;
    this.shown = printNode(node);
  }

  private fail(message: string): never {
    const before = this.template.text.slice(0, this.position);
    const lineStart = before.lastIndexOf('\n') + 1;
    const line = before.split('\n').length;
    const column = Buffer.byteLength(before.slice(lineStart));
    const place = `template: ${this.template.name}:${line}:${column}`;
    throw new TemplateError(`${place}: executing ${quote(this.name)} at <${this.shown}>: ${message}`);
  }

  walk(nodes: readonly Node[], dot: GoValue): void {
    for (const node of nodes) {
      this.step(node, dot);
      if (this.signal !== null) return;
    }
  }

  private step(node: Node, dot: GoValue): void {
    switch (node.type) {
      case 'text':
        this.out.push(node.text);
        break;
      case 'action': {
        const value = this.pipeline(dot, node.pipe);
        if (node.pipe.variables.length === 0) this.out.push(printValue(value));
        break;
      }
      case 'if':
      case 'with': {
        const known = this.variables.length;
        const value = this.pipeline(dot, node.pipe);
        if (isTrue(value)) this.walk(node.list, node.type === 'with' ? value : dot);
        else if (node.otherwise !== null) this.walk(node.otherwise, dot);
        this.variables.length = known;
        break;
      }
      case 'range':
        this.range(node, dot);
        break;
      case 'template':
        this.call(node.name, node.pipe, node.position, dot);
        break;
      default:
        this.signal = node.type;
    }
  }

  private range(node: Extract<Node, { type: 'if' | 'with' | 'range' }>, dot: GoValue): void {
    const known = this.variables.length;
    const { pipe } = node;
    const value = this.pipeline(dot, pipe, true);
    const inner = this.variables.length;
    let count = 0;
    for (const [key, item] of this.itemsOf(value)) {
      count++;
      if (pipe.variables.length > 0) {
        const [first, second] = pipe.variables as [string, string?];
        this.bind(pipe, second ?? first, item);
        if (second !== undefined) this.bind(pipe, first, key);
      }
      this.walk(node.list, item);
      this.variables.length = inner;
      const signal = this.signal;
      this.signal = null;
      if (signal === 'break') break;
    }
    if (count === 0 && node.otherwise !== null) this.walk(node.otherwise, dot);
    this.variables.length = known;
  }

  private bind(pipe: Pipeline, name: string, value: GoValue): void {
    if (pipe.isAssign) this.assign(name, value);
    else this.variables.push({ name, value });
  }

  private *itemsOf(value: GoValue): Generator<[GoValue, GoValue]> {
    if (value === undefined || value === null) return;
    if (Array.isArray(value)) {
      for (let i = 0; i < value.length; i++) yield [BigInt(i), value[i]];
    } else if (typeof value === 'bigint') {
      for (let i = 0n; i < value; i++) yield [i, i];
    } else if (typeof value === 'object' && value.kind === 'map') {
      for (const key of sortedKeys(value)) yield [key, value.entries.get(key)];
    } else this.fail(`range can't iterate over ${printValue(value)}`);
  }

  private call(name: string, pipe: Pipeline | null, position: number, dot: GoValue): void {
    const nodes = this.template.defined.get(name);
    this.position = position;
    this.shown = printTemplateCall(name, pipe);
    if (nodes === undefined) this.fail(`template ${quote(name)} not defined`);
    if (this.depth === MAX_DEPTH) this.fail('exceeded maximum template depth (1000)');
    const value = pipe === null ? undefined : this.pipeline(dot, pipe);
    const { variables, name: outer } = this;
    this.variables = [{ name: '$', value }];
    this.name = name;
    this.depth++;
    this.walk(nodes, value);
    this.depth--;
    this.variables = variables;
    this.name = outer;
  }

  /** The value of a pipeline; its variables are set, except those of a range. */
  private pipeline(dot: GoValue, pipe: Pipeline, forRange = false): GoValue {
    this.at(pipe);
    let value: GoValue;
    pipe.commands.forEach((command, i) => {
      value = this.command(dot, command, i > 0, value);
    });
    if (!forRange) {
      for (const name of pipe.variables) this.bind(pipe, name, value);
    }
    return value;
  }

  private assign(name: string, value: GoValue): void {
    const variable = this.variables.findLast((known) => known.name === name);
    if (variable !== undefined) variable.value = value;
  }

  private command(dot: GoValue, command: Command, piped: boolean, last: GoValue): GoValue {
    const [first, ...rest] = command.args as [Operand, ...Operand[]];
    if (first.type === 'function') return this.callFunction(dot, first.name, command, rest, piped, last);
    if (rest.length > 0 || piped) {
      this.at(first);
      this.fail(`can't give argument to non-function ${printNode(first)}`);
    }
    if (first.type === 'nil') {
      this.at(first);
      this.fail('nil is not a command');
    }
    return this.operand(dot, first);
  }

  private operand(dot: GoValue, operand: Operand): GoValue {
    this.at(operand);
    switch (operand.type) {
      case 'dot':
        return dot;
      case 'nil':
        return null;
      case 'bool':
      case 'number':
      case 'string':
        return operand.value;
      case 'field':
        return this.fields(dot, operand.fields, operand);
      case 'variable': {
        const variable = this.variables.findLast((known) => known.name === operand.name);
        return this.fields(variable?.value, operand.fields, operand);
      }
      case 'chain':
        return this.fields(this.operand(dot, operand.operand), operand.fields, operand);
      case 'pipe':
        return this.pipeline(dot, operand);
      case 'function':
        return this.callFunction(dot, operand.name, operand, [], false, undefined);
    }
  }

  private fields(receiver: GoValue, names: readonly string[], node: Operand): GoValue {
    let value = receiver;
    for (const name of names) {
      this.at(node);
      value = this.field(value, name);
    }
    return value;
  }

  private field(receiver: GoValue, name: string): GoValue {
    if (receiver === undefined) return undefined;
    if (receiver === null) this.fail(`nil pointer evaluating interface {}.${name}`);
    if (typeof receiver === 'object' && !Array.isArray(receiver)) {
      if (receiver.kind === 'map') return receiver.entries.has(name) ? receiver.entries.get(name) : receiver.missing;
      if (receiver.kind === 'struct' && Object.hasOwn(receiver.fields, name)) return receiver.fields[name];
      if (receiver.kind === 'sample' && name === 'Labels') return receiver.labels;
      if (receiver.kind === 'sample' && name === 'Value') return receiver.value;
      if (receiver.kind === 'time' && name === 'Unix') return BigInt(Math.floor(receiver.ms / 1000));
    }
    return this.fail(`can't evaluate field ${name} in type ${typeName(receiver)}`);
  }

  private callFunction(
    dot: GoValue,
    name: string,
    node: Operand | Command,
    operands: readonly Operand[],
    piped: boolean,
    last: GoValue,
  ): GoValue {
    this.at(node);
    const { parameters, rest, call } = FUNCTIONS[name]!;
    const count = operands.length + (piped ? 1 : 0);
    if (rest !== null ? count < parameters.length : count !== parameters.length) {
      this.shown = name;
      const want = rest !== null ? `at least ${parameters.length}` : String(parameters.length);
      this.fail(`wrong number of args for ${name}: want ${want} got ${count}`);
    }
    if (name === 'and' || name === 'or') return this.shortCircuit(dot, name, operands, piped, last);
    const typeAt = (i: number): ParameterType => parameters[i] ?? rest!;
    const args = operands.map((operand, i) => this.argument(dot, operand, typeAt(i)));
    if (piped) args.push(this.checked(last, typeAt(operands.length)));
    try {
      return call(args, this.environment);
    } catch (error) {
      if (error instanceof TemplateError || error instanceof TemplateSuspension) throw error;
      this.at(node);
      return this.fail(`error calling ${name}: ${(error as Error).message}`);
    }
  }

  private shortCircuit(
    dot: GoValue,
    name: string,
    operands: readonly Operand[],
    piped: boolean,
    last: GoValue,
  ): GoValue {
    let value: GoValue;
    for (const operand of operands) {
      value = this.argument(dot, operand, 'any');
      if (isTrue(value) === (name === 'or')) return value;
    }
    return piped ? last : value;
  }

  private argument(dot: GoValue, operand: Operand, type: ParameterType): GoValue {
    this.at(operand);
    if (operand.type === 'nil' && type === 'string') this.fail('cannot assign nil to string');
    const isConstant = operand.type === 'number' || operand.type === 'bool' || operand.type === 'string';
    if (isConstant && type !== 'any' && !fits(operand.value, type)) {
      if (type === 'string') this.fail(`expected string; found ${printNode(operand)}`);
      this.fail(`can't handle ${printNode(operand)} for arg of type ${PARAMETER_TYPES[type]}`);
    }
    const value =
      operand.type === 'function'
        ? this.callFunction(dot, operand.name, operand, [], false, undefined)
        : this.operand(dot, operand);
    this.at(operand);
    return this.checked(value, type);
  }

  private checked(value: GoValue, type: ParameterType): GoValue {
    if (type === 'any' || fits(value, type)) return value;
    if (value === undefined || value === null) this.fail(`invalid value; expected ${PARAMETER_TYPES[type]}`);
    return this.fail(`wrong type for value; expected ${PARAMETER_TYPES[type]}; got ${typeName(value)}`);
  }
}

const PARAMETER_TYPES: Readonly<Record<ParameterType, string>> = {
  any: 'interface {}',
  string: 'string',
  vector: 'template.queryResult',
  sample: '*template.sample',
};

function fits(value: GoValue, type: ParameterType): boolean {
  switch (type) {
    case 'any':
      return true;
    case 'string':
      return typeof value === 'string';
    case 'vector':
      return Array.isArray(value);
    case 'sample':
      return typeof value === 'object' && value !== null && !Array.isArray(value) && value.kind === 'sample';
  }
}
