/** The metrics catalogue: every name in the database, with its type and help where they are known. */
import { metadata, metricNames } from '../api.ts';
import { h, replace } from '../dom.ts';
import { selector, whole } from '../format.ts';
import { hashOf } from '../location.ts';
import { fill, type Page } from '../page.ts';

const MOST_ROWS = 500;

export const metrics: Page = {
  title: 'Metrics',
  show(context) {
    const list = h('div', { class: 'result' });
    const search = h('input', {
      type: 'search',
      class: 'wide',
      placeholder: 'Part of a name, or several parts',
      'aria-label': 'Search metrics',
      value: context.parameters.get('search') ?? '',
    });
    void fill(list, async () => {
      const [names, known] = await Promise.all([metricNames(context), metadata(context)]);
      if (names.length === 0) {
        const href = hashOf('start', { db: context.database });
        replace(list, h('p', { class: 'hint' }, 'There are no metrics yet. ', h('a', { href }, 'Send some data.')));
        return;
      }
      const draw = () => {
        const parts = search.value
          .toLowerCase()
          .split(/\s+/)
          .filter((part) => part !== '');
        const found = names.filter((name) => parts.every((part) => name.toLowerCase().includes(part)));
        const rows = found.slice(0, MOST_ROWS).map((name) => {
          const { type, help } = aboutOf(known, name);
          const query = type === 'counter' ? `rate(${selector(name)}[5m])` : selector(name);
          return h(
            'tr',
            {},
            h('td', {}, h('a', { class: 'mono', href: hashOf('explore', { db: context.database, q: query }) }, name)),
            h('td', {}, type),
            h('td', {}, help),
          );
        });
        const head = h('thead', {}, h('tr', {}, h('th', {}, 'Name'), h('th', {}, 'Type'), h('th', {}, 'Help')));
        const more = found.length > MOST_ROWS ? `, the first ${MOST_ROWS} are listed` : '';
        replace(
          list,
          h('p', { class: 'quiet' }, `${whole(found.length)} of ${whole(names.length)} metrics${more}`),
          h('div', { class: 'scroll' }, h('table', { class: 'catalogue' }, head, h('tbody', {}, ...rows))),
        );
      };
      search.addEventListener('input', () => {
        draw();
        context.go('metrics', { db: context.database, search: search.value }, 'replace');
      });
      draw();
    });
    queueMicrotask(() => search.focus());
    return h('div', {}, search, list);
  },
};

interface About {
  type: string;
  help: string;
}

type Known = Record<string, readonly About[]>;

/** What is known of a metric. What is said of a histogram or a summary is said under the name that its parts share. */
function aboutOf(known: Known, name: string): About {
  const [exact] = Object.hasOwn(known, name) ? known[name] : [];
  if (exact !== undefined) return exact;
  const family = /^(.+)_(bucket|sum|count)$/.exec(name)?.[1] ?? '';
  const [about] = Object.hasOwn(known, family) ? known[family] : [];
  return about?.type === 'histogram' || about?.type === 'summary'
    ? { type: 'counter', help: about.help }
    : { type: '', help: '' };
}
