/** The tree of a template, and its text again: errors show the node that failed as Go would print it. */
import { quote } from '../../query/promql/parser/token.ts';

export interface Pipeline {
  type: 'pipe';
  position: number;
  /** `$x := …` declares, `$x = …` assigns; at most two names, two only in range. */
  isAssign: boolean;
  variables: string[];
  commands: Command[];
}

export interface Command {
  type: 'command';
  position: number;
  args: Operand[];
}

export type Operand =
  | { type: 'function'; position: number; name: string }
  | { type: 'dot'; position: number }
  | { type: 'nil'; position: number }
  | { type: 'bool'; position: number; value: boolean }
  | { type: 'number'; position: number; text: string; value: bigint | number }
  | { type: 'string'; position: number; text: string; value: string }
  /** `$x.a.b`; `$` itself is the variable named `$`. */
  | { type: 'variable'; position: number; name: string; fields: string[] }
  | { type: 'field'; position: number; fields: string[] }
  | { type: 'chain'; position: number; operand: Operand; fields: string[] }
  | Pipeline;

export type Node =
  | { type: 'text'; position: number; text: string }
  | { type: 'action'; position: number; pipe: Pipeline }
  | { type: 'if' | 'with' | 'range'; position: number; pipe: Pipeline; list: Node[]; otherwise: Node[] | null }
  | { type: 'template'; position: number; name: string; pipe: Pipeline | null }
  | { type: 'break' | 'continue'; position: number };

/** An operand, command or pipeline as Go prints it. */
export function printNode(node: Operand | Command): string {
  switch (node.type) {
    case 'function':
      return node.name;
    case 'dot':
      return '.';
    case 'nil':
      return 'nil';
    case 'bool':
      return String(node.value);
    case 'number':
    case 'string':
      return node.text;
    case 'variable':
      return [node.name, ...node.fields].join('.');
    case 'field':
      return node.fields.map((field) => `.${field}`).join('');
    case 'chain': {
      const inner = printNode(node.operand);
      return `${node.operand.type === 'pipe' ? `(${inner})` : inner}${node.fields.map((field) => `.${field}`).join('')}`;
    }
    case 'command':
      return node.args.map((arg) => (arg.type === 'pipe' ? `(${printNode(arg)})` : printNode(arg))).join(' ');
    case 'pipe': {
      const commands = node.commands.map(printNode).join(' | ');
      if (node.variables.length === 0) return commands;
      return `${node.variables.join(', ')} ${node.isAssign ? '=' : ':='} ${commands}`;
    }
  }
}

export function printTemplateCall(name: string, pipe: Pipeline | null): string {
  return `{{template ${quote(name)}${pipe === null ? '' : ` ${printNode(pipe)}`}}}`;
}
