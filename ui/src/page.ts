/** What a page is: an element that fills itself, until it is told that another one is shown. */
import { ApiError } from './api.ts';
import { h, replace } from './dom.ts';

export interface PageContext {
  /** The database that is looked at. */
  readonly database: string;
  readonly parameters: URLSearchParams;
  /** Aborted when the page is left. */
  readonly signal: AbortSignal;
  /** Shows a place; `replace` leaves no step back. */
  go(page: string, parameters: Record<string, string>, how?: 'push' | 'replace'): void;
}

export interface Page {
  readonly title: string;
  show(context: PageContext): HTMLElement;
}

/** Runs a page's work; an error is shown in `target` in the server's words. */
export async function fill(target: Element, work: () => Promise<void>): Promise<void> {
  target.setAttribute('aria-busy', 'true');
  try {
    await work();
  } catch (error) {
    if ((error as Error).name === 'AbortError') return;
    const text = error instanceof ApiError ? error.message : `This page has a fault: ${(error as Error).message}`;
    replace(target, h('p', { class: 'problem', role: 'alert' }, text));
  }
  target.removeAttribute('aria-busy');
}
