/** The frame of all pages: navigation, the database, the theme, and which page the URL names. */
import './style.css';
import { databases } from './api.ts';
import { append, h, replace } from './dom.ts';
import { hashOf, PAGES, type PageName, placeOf } from './location.ts';
import type { Page, PageContext } from './page.ts';
import { cardinality } from './pages/cardinality.ts';
import { explore } from './pages/explore.ts';
import { metrics } from './pages/metrics.ts';
import { start } from './pages/start.ts';
import { statusPage } from './pages/status.ts';
import { storage } from './pages/storage.ts';
import { INTERNAL_DATABASE, USUAL_DATABASE } from './server.ts';
import { isSignedIn, signOut } from './session.ts';

const pages: Record<PageName, Page> = { explore, metrics, cardinality, storage, status: statusPage, start };
const THEMES = ['system', 'light', 'dark'] as const;

const app = document.getElementById('app') as HTMLElement;
const main = h('main', { id: 'main', tabindex: '-1' });
const title = h('h1', {});
const links = new Map<PageName, HTMLAnchorElement>();
const databaseMenu = h('select', { 'aria-label': 'Database' });
let current = new AbortController();
let known: string[] = [];

const signOutButton = h('button', { type: 'button', class: 'plain', hidden: true, onclick: signOut }, 'sign out');

function currentDatabase(): string {
  return placeOf(location.hash)?.parameters.get('db') ?? USUAL_DATABASE;
}

function themeText(theme: string): string {
  return `theme: ${theme}`;
}

function showTheme(theme: string): void {
  if (theme === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
}

function frame(): void {
  const nav = h('nav', { 'aria-label': 'Pages' });
  for (const name of PAGES) {
    const link = h('a', { href: hashOf(name, {}) }, pages[name].title);
    links.set(name, link);
    if (name !== 'start') nav.append(link);
  }
  nav.append(links.get('start') as HTMLElement);
  let theme = localStorage.getItem('varve-theme') ?? 'system';
  showTheme(theme);
  const themeButton = h(
    'button',
    {
      type: 'button',
      class: 'plain',
      title: 'Light, dark, or as the system has it',
      onclick: () => {
        theme = THEMES[(THEMES.indexOf(theme as (typeof THEMES)[number]) + 1) % THEMES.length];
        localStorage.setItem('varve-theme', theme);
        themeButton.textContent = themeText(theme);
        showTheme(theme);
        show();
      },
    },
    themeText(theme),
  );
  // The lines of a chart have the colours of when they were drawn.
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', show);
  databaseMenu.addEventListener('change', () => {
    const place = placeOf(location.hash);
    const { value } = databaseMenu;
    const shown = Object.fromEntries(place?.parameters ?? []);
    location.hash = hashOf(place?.page ?? 'explore', { ...shown, db: value === USUAL_DATABASE ? '' : value });
  });
  append(app, [
    h(
      'a',
      {
        class: 'skip',
        href: '#main',
        onclick: (event) => {
          event.preventDefault();
          main.focus();
        },
      },
      'To the content',
    ),
    h(
      'header',
      {},
      h(
        'a',
        { class: 'brand', href: hashOf('explore', {}) },
        h('img', { src: './icon.svg', alt: '', width: 24, height: 24 }),
        'Varve',
      ),
      nav,
      h('div', { class: 'tools' }, databaseMenu, themeButton, signOutButton),
    ),
    main,
  ]);
}

function showDatabases(selected: string): void {
  const names = [...new Set([...known, selected])].sort();
  replace(databaseMenu, ...names.map((name) => h('option', { value: name, selected: name === selected }, name)));
}

function show(): void {
  current.abort();
  current = new AbortController();
  const place = placeOf(location.hash);
  const name = place?.page ?? 'explore';
  const database = currentDatabase();
  const page = pages[name];
  const query = place?.parameters.get('q') ?? '';
  document.title = `${query === '' ? page.title : query} – Varve`;
  title.textContent = page.title;
  for (const [other, link] of links) {
    link.href = hashOf(other, { db: database === USUAL_DATABASE ? '' : database });
    if (other === name) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
  showDatabases(database);
  const context: PageContext = {
    database,
    parameters: place?.parameters ?? new URLSearchParams(),
    signal: current.signal,
    go(to, parameters, how = 'push') {
      const hash = hashOf(to as PageName, {
        ...parameters,
        db: parameters.db === USUAL_DATABASE ? '' : parameters.db,
      });
      if (how === 'replace') history.replaceState(null, '', hash);
      else if (hash === location.hash) show();
      else location.hash = hash;
    },
  };
  const element = page.show(context);
  // A page may go on with what is there, and then keeps the keyboard, too.
  if (element.parentNode !== main) replace(main, title, element);
}

async function begin(): Promise<void> {
  frame();
  try {
    known = (await databases()).map(({ name }) => name);
  } catch {
    // The page itself says what is wrong.
  }
  signOutButton.hidden = !isSignedIn();
  // On a server without data the first thing to know is how to send some.
  if (placeOf(location.hash) === null) {
    const [first] = known.filter((name) => name !== INTERNAL_DATABASE).sort();
    const db = first === undefined || known.includes(USUAL_DATABASE) ? '' : first;
    history.replaceState(null, '', hashOf(first === undefined ? 'start' : 'explore', { db }));
  }
  window.addEventListener('hashchange', show);
  show();
}

void begin();
