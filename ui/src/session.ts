/**
 * Who looks at the page. When the server asks (401), the visitor is asked for a user and password or a token, which are kept
 * until the tab is closed and sent with every request. Calls that were refused meanwhile wait, and are made again.
 */
import { h } from './dom.ts';

const KEY = 'varve-authorization';

let asking: Promise<void> | null = null;

/** What is sent; null when nobody was asked. */
function authorization(): string | null {
  return sessionStorage.getItem(KEY);
}

export function isSignedIn(): boolean {
  return authorization() !== null;
}

export function signOut(): void {
  sessionStorage.removeItem(KEY);
  location.reload();
}

/** As `fetch`, with what the visitor gave to say who they are. */
export async function authorizedFetch(input: RequestInfo | URL, init: RequestInit = {}): Promise<Response> {
  for (;;) {
    const sent = authorization();
    const headers = new Headers(init.headers);
    if (sent !== null) headers.set('authorization', sent);
    // Without `omit`, the browser would ask in a window of its own.
    const response = await fetch(input, { ...init, headers, credentials: 'omit' });
    if (response.status !== 401) return response;
    // Somebody may have answered since this was sent.
    if (authorization() === sent) {
      asking ??= ask(sent === null ? '' : await reason(response)).finally(() => {
        asking = null;
      });
      await asking;
    }
    init.signal?.throwIfAborted();
  }
}

async function reason(response: Response): Promise<string> {
  try {
    return ((await response.json()) as { error: string }).error;
  } catch {
    return 'authorization failed';
  }
}

/** Shows the form until it is sent. */
function ask(problem: string): Promise<void> {
  return new Promise((resolve) => {
    const user = h('input', { name: 'username', autocomplete: 'username', autofocus: true });
    const secret = h('input', { name: 'password', type: 'password', autocomplete: 'current-password', required: true });
    const form = h(
      'form',
      {
        onsubmit: (event) => {
          event.preventDefault();
          sessionStorage.setItem(KEY, headerOf(user.value, secret.value));
          dialog.remove();
          resolve();
        },
      },
      h('h2', {}, 'Sign in'),
      problem === '' ? null : h('p', { class: 'problem', role: 'alert' }, problem),
      h('label', {}, 'User (leave empty for a token)', user),
      h('label', {}, 'Password or token', secret),
      h('button', { class: 'primary' }, 'Sign in'),
    );
    const dialog = h(
      'dialog',
      {
        class: 'sign-in',
        oncancel: (event) => event.preventDefault(),
        // A browser lets the second Escape through; there is nothing to see behind the dialog.
        onclose: () => {
          if (dialog.isConnected) dialog.showModal();
        },
      },
      form,
    );
    document.body.append(dialog);
    dialog.showModal();
  });
}

function headerOf(user: string, secret: string): string {
  if (user === '') return `Bearer ${secret.trim()}`;
  const bytes = new TextEncoder().encode(`${user}:${secret}`);
  return `Basic ${btoa(String.fromCharCode(...bytes))}`;
}
