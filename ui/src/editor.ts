/**
 * The PromQL editor: colours, errors in place, completion from the server's own names.
 *
 * It lives in a shadow root, because CodeMirror's styles are then adopted sheets, which a strict content security policy
 * allows.
 */
import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap } from '@codemirror/autocomplete';
import { defaultKeymap, history, historyKeymap } from '@codemirror/commands';
import { bracketMatching, HighlightStyle, syntaxHighlighting } from '@codemirror/language';
import { lintKeymap } from '@codemirror/lint';
import { EditorState } from '@codemirror/state';
import { EditorView, keymap, placeholder } from '@codemirror/view';
import { tags } from '@lezer/highlight';
import { PromQLExtension } from '@prometheus-io/codemirror-promql';
import { authorizedFetch } from './session.ts';

export interface Editor {
  readonly element: HTMLElement;
  text(): string;
  setText(text: string): void;
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
});

/**
 * @param database the database that names are completed from, asked at each completion.
 * @param onSubmit called on Enter; Shift+Enter begins a new line.
 */
export function createEditor(text: string, database: () => string, onSubmit: () => void): Editor {
  const element = document.createElement('div');
  element.className = 'editor';
  const root = element.attachShadow({ mode: 'open' });
  const promql = new PromQLExtension().activateLinter(true).setComplete({
    remote: {
      url: new URL('.', document.baseURI).href.replace(/\/$/, ''),
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
    run: () => {
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
        autocompletion(),
        promql.asExtension(),
        syntaxHighlighting(colours),
        theme,
        EditorView.lineWrapping,
        EditorView.contentAttributes.of({ 'aria-label': 'PromQL expression' }),
        placeholder('A PromQL expression: rate(requests_total[5m])'),
        // An open completion takes Enter first.
        keymap.of([...completionKeymap]),
        keymap.of([submit, ...closeBracketsKeymap, ...defaultKeymap, ...historyKeymap, ...lintKeymap]),
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
    focus: () => view.focus(),
  };
}
