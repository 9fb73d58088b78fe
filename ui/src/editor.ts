/**
 * The PromQL editor: colours, errors in place, completion from the server's own names.
 *
 * It lives in a shadow root, because CodeMirror's styles are then adopted sheets, which a strict content security policy
 * allows.
 */
import {
  acceptCompletion,
  autocompletion,
  type CompletionContext,
  type CompletionResult,
  type CompletionSource,
  closeBrackets,
  closeBracketsKeymap,
  closeCompletion,
  completionKeymap,
  completionStatus,
  selectedCompletion,
} from '@codemirror/autocomplete';
import { defaultKeymap, history, historyKeymap } from '@codemirror/commands';
import { bracketMatching, HighlightStyle, syntaxHighlighting } from '@codemirror/language';
import { type Diagnostic, linter, lintKeymap } from '@codemirror/lint';
import { EditorState, StateEffect, StateField } from '@codemirror/state';
import { EditorView, keymap, placeholder } from '@codemirror/view';
import { tags } from '@lezer/highlight';
import { PromQLExtension } from '@prometheus-io/codemirror-promql';
import { SERVER_URL } from './server.ts';
import { authorizedFetch } from './session.ts';

export interface Editor {
  readonly element: HTMLElement;
  text(): string;
  setText(text: string): void;
  /** Marks the place that an error of the server names, until the text changes; null marks nothing. */
  showError(message: string | null): void;
  focus(): void;
}

const colours = HighlightStyle.define([
  { tag: tags.keyword, color: 'var(--code-keyword)' },
  { tag: tags.operator, color: 'var(--code-operator)' },
  { tag: tags.modifier, color: 'var(--code-keyword)' },
  { tag: tags.string, color: 'var(--code-string)' },
  { tag: tags.number, color: 'var(--code-number)' },
  { tag: tags.labelName, color: 'var(--code-label)' },
  { tag: tags.function(tags.variableName), color: 'var(--code-function)' },
  { tag: tags.comment, color: 'var(--quiet)', fontStyle: 'italic' },
  { tag: tags.invalid, color: 'var(--bad)' },
]);

const theme = EditorView.theme({
  '&': {
    backgroundColor: 'var(--field)',
    color: 'var(--text)',
    border: '1px solid var(--line)',
    borderRadius: '6px',
    fontSize: '15px',
  },
  '&.cm-focused': { outline: '2px solid var(--accent)', outlineOffset: '0' },
  '.cm-content': { fontFamily: 'var(--mono)', padding: '9px 4px', caretColor: 'var(--text)' },
  '.cm-cursor': { borderLeftColor: 'var(--text)' },
  '&.cm-focused .cm-selectionBackground, .cm-selectionBackground': { backgroundColor: 'var(--selected)' },
  '.cm-placeholder': { color: 'var(--quiet)' },
  '.cm-tooltip': { backgroundColor: 'var(--panel)', border: '1px solid var(--line)', color: 'var(--text)' },
  '.cm-tooltip-autocomplete > ul > li[aria-selected]': { backgroundColor: 'var(--accent)', color: 'var(--on-accent)' },
  '.cm-tooltip.cm-completionInfo': { maxWidth: '420px' },
  '.cm-completionDetail': { color: 'var(--quiet)' },
  '.cm-tooltip-autocomplete > ul > li[aria-selected] .cm-completionDetail': { color: 'inherit' },
});

/** What is selected, which the browser may know before the editor does. */
function selected(view: EditorView): { from: number; to: number } {
  // Not every browser has a selection of its own in a shadow root.
  const root = view.root as Document;
  const selection = root.getSelection === undefined ? document.getSelection() : root.getSelection();
  const { anchorNode = null, focusNode = null } = selection ?? {};
  const isInside = view.contentDOM.contains(anchorNode) && view.contentDOM.contains(focusNode);
  if (!selection || anchorNode === null || focusNode === null || !isInside) return view.state.selection.main;
  const ends = [view.posAtDOM(anchorNode, selection.anchorOffset), view.posAtDOM(focusNode, selection.focusOffset)];
  return { from: Math.min(...ends), to: Math.max(...ends) };
}

/**
 * Text that is typed over a selection is put there by the editor: a browser would keep the colour of what it replaces as a
 * style in the element, which the policy forbids.
 */
const typeOver = EditorView.domEventHandlers({
  beforeinput(event, view) {
    const text = event.data;
    const { from, to } = selected(view);
    if (event.inputType !== 'insertText' || text === null || from === to || view.composing) return false;
    const insert = () =>
      view.state.update({
        changes: { from, to, insert: text },
        selection: { anchor: from + text.length },
        userEvent: 'input.type',
        scrollIntoView: true,
      });
    const isHandled = view.state.facet(EditorView.inputHandler).some((handle) => handle(view, from, to, text, insert));
    if (!isHandled) view.dispatch(insert());
    event.preventDefault();
    return true;
  },
});

/** Behind a closed bracket an expression may be whole: what could follow is offered when it is asked for. */
async function complete(context: CompletionContext): Promise<CompletionResult | null> {
  if (!context.explicit && context.matchBefore(/[)\]}]/) !== null) return null;
  const [source] = context.state.languageDataAt<CompletionSource>('autocomplete', context.pos);
  const result = (await source?.(context)) ?? null;
  return result === null || result.from > context.pos ? null : result;
}

/** Takes the chosen completion, unless it is what stands there already: then Enter is meant for the expression. */
function takeCompletion(view: EditorView): boolean {
  if (completionStatus(view.state) !== 'active') return false;
  const label = selectedCompletion(view.state)?.label ?? '';
  const { head } = view.state.selection.main;
  if (view.state.sliceDoc(Math.max(0, head - label.length), head) !== label) return acceptCompletion(view);
  closeCompletion(view);
  return false;
}

const setError = StateEffect.define<Diagnostic | null>();

/** What the server said of this very text. */
const serverError = StateField.define<Diagnostic | null>({
  create: () => null,
  update(held, { effects, docChanged }) {
    const set = effects.find((effect) => effect.is(setError));
    return set === undefined ? (docChanged ? null : held) : (set.value as Diagnostic | null);
  },
});

/** The server sees what Prometheus' linter lets pass, as an end that comes too early. */
const serverLinter = linter(
  ({ state }) => {
    const error = state.field(serverError);
    return error === null ? [] : [error];
  },
  { needsRefresh: ({ startState, state }) => startState.field(serverError) !== state.field(serverError) },
);

/** The character that `LINE:COLUMN: parse error: …` is about; the last one for an error at the end. */
function diagnosticOf(message: string, { doc }: EditorState): Diagnostic | null {
  const match = /(\d+):(\d+): (parse error: .*)/.exec(message);
  if (match === null || doc.length === 0) return null;
  const line = doc.line(Math.min(doc.lines, Math.max(1, Number(match[1]))));
  const to = Math.max(1, Math.min(doc.length, line.from + Number(match[2])));
  return { from: to - 1, to, severity: 'error', message: match[3] };
}

/**
 * @param database the database that names are completed from, asked at each completion.
 * @param onSubmit called on Enter, with Ctrl also while a completion is open; Shift+Enter begins a new line.
 */
export function createEditor(text: string, database: () => string, onSubmit: () => void): Editor {
  const element = document.createElement('div');
  element.className = 'editor';
  const root = element.attachShadow({ mode: 'open' });
  const promql = new PromQLExtension().activateLinter(true).setComplete({
    remote: {
      url: SERVER_URL.replace(/\/$/, ''),
      httpMethod: 'GET',
      fetchFn: (input, init) => {
        const url = new URL(String(input), document.baseURI);
        url.searchParams.set('db', database());
        return authorizedFetch(url, init);
      },
    },
  });
  const submit = {
    key: 'Enter',
    run: (view: EditorView) => {
      closeCompletion(view);
      onSubmit();
      return true;
    },
  };
  const view = new EditorView({
    root,
    parent: root,
    state: EditorState.create({
      doc: text,
      extensions: [
        history(),
        bracketMatching(),
        closeBrackets(),
        autocompletion({ override: [complete], defaultKeymap: false }),
        typeOver,
        promql.asExtension(),
        serverError,
        serverLinter,
        syntaxHighlighting(colours),
        theme,
        EditorView.lineWrapping,
        EditorView.contentAttributes.of({ 'aria-label': 'PromQL expression' }),
        placeholder('A PromQL expression: rate(requests_total[5m])'),
        // An open completion takes Enter first.
        keymap.of([{ key: 'Enter', run: takeCompletion }, ...completionKeymap.filter(({ key }) => key !== 'Enter')]),
        keymap.of([
          submit,
          { ...submit, key: 'Mod-Enter' },
          ...closeBracketsKeymap,
          ...defaultKeymap,
          ...historyKeymap,
          ...lintKeymap,
        ]),
      ],
    }),
  });
  return {
    element,
    text: () => view.state.doc.toString(),
    setText(next) {
      if (next === view.state.doc.toString()) return;
      view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: next } });
    },
    showError(message) {
      const error = message === null ? null : diagnosticOf(message, view.state);
      if (error !== view.state.field(serverError)) view.dispatch({ effects: setError.of(error) });
    },
    focus: () => view.focus(),
  };
}
