/** The metrics catalogue: every name in the database, with its type and help where they are known. */
import { metadata, metricNames } from '../api.ts';
import { h, replace } from '../dom.ts';
import { whole } from '../format.ts';
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
      const draw = () => {
        const parts = search.value
          .toLowerCase()
          .split(/\s+/)
          .filter((part) => part !== '');
        const found = names.filter((name) => parts.every((part) => name.toLowerCase().includes(part)));
        const rows = found.slice(0, MOST_ROWS).map((name) => {
          const [about] = known[name] ?? [];
          const query = about?.type === 'counter' ? `rate(${selector(name)}[5m])` : selector(name);
          return h(
            'tr',
            {},
            h('td', {}, h('a', { class: 'mono', href: hashOf('explore', { db: context.database, q: query }) }, name)),
            h('td', {}, about?.type ?? ''),
            h('td', {}, about?.help ?? ''),
          );
        });
        const head = h('thead', {}, h('tr', {}, h('th', {}, 'Name'), h('th', {}, 'Type'), h('th', {}, 'Help')));
        const more = found.length > MOST_ROWS ? `, the first ${MOST_ROWS} are listed` : '';
        replace(
          list,
          h('p', { class: 'quiet' }, `${whole(found.length)} of ${whole(names.length)} metrics${more}`),
          h('div', { class: 'scroll' }, h('table', {}, head, h('tbody', {}, ...rows))),
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

/** A selector of a metric: names that are no identifiers stand in quotes. */
export function selector(name: string): string {
  return /^[a-zA-Z_:][a-zA-Z0-9_:]*$/.test(name) ? name : `{${JSON.stringify(name)}}`;
}
