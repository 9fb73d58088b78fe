/** The shell examples of a page, and what the page says that they print. */

export interface ShellExample {
  /** The block as it stands in the page. */
  readonly script: string;
  /** Number of the block's first line in the page. */
  readonly line: number;
  /** The block of JSON or text right behind it, if there is one. */
  readonly expected: { readonly kind: 'json' | 'text'; readonly text: string } | null;
}

const BLOCK = /^```(\w*)\n([\s\S]*?)^```$/gm;

export function shellExamples(page: string): ShellExample[] {
  const blocks = [...page.matchAll(BLOCK)].map((match) => ({
    kind: match[1],
    text: match[2],
    start: match.index,
    end: match.index + match[0].length,
  }));
  return blocks.flatMap(({ kind, text, start, end }, i) => {
    if (kind !== 'sh') return [];
    const next = blocks[i + 1];
    const follows = next !== undefined && page.slice(end, next.start).trim() === '';
    const isShown = follows && (next.kind === 'json' || next.kind === 'text');
    const expected = isShown ? { kind: next.kind as 'json' | 'text', text: next.text } : null;
    return [{ script: text, line: page.slice(0, start).split('\n').length + 1, expected }];
  });
}
