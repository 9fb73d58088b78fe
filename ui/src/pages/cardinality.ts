/** Cardinality: what the series of the database are made of, the largest first. */
import { type Counted, seriesStatistics } from '../api.ts';
import { h, replace } from '../dom.ts';
import { bytes, labelName, selector, whole } from '../format.ts';
import { hashOf } from '../location.ts';
import { fill, type Page, type PageContext } from '../page.ts';

const LIMIT = 20;

export const cardinality: Page = {
  title: 'Cardinality',
  show(context) {
    const element = h('div', { class: 'result' });
    void fill(element, async () => {
      const found = await seriesStatistics(LIMIT, context);
      const { numSeries, numLabelPairs } = found.headStats;
      replace(
        element,
        h(
          'dl',
          { class: 'figures' },
          h('div', {}, h('dt', {}, 'series'), h('dd', {}, whole(numSeries))),
          h('div', {}, h('dt', {}, 'label pairs'), h('dd', {}, whole(numLabelPairs))),
        ),
        h(
          'div',
          { class: 'columns' },
          bars('Series by metric', found.seriesCountByMetricName, whole, (name) => query(context, selector(name))),
          bars('Values by label', found.labelValueCountByLabelName, whole, null),
          bars('Series by label pair', found.seriesCountByLabelValuePair, whole, (pair) =>
            query(context, ofPair(pair)),
          ),
          bars('Bytes of label values', found.memoryInBytesByLabelName, bytes, null),
        ),
      );
    });
    return element;
  },
};

function query(context: PageContext, text: string): string {
  return hashOf('explore', { db: context.database, q: `count(${text})` });
}

function ofPair(pair: string): string {
  const equals = pair.indexOf('=');
  const name = pair.slice(0, equals);
  const value = pair.slice(equals + 1);
  return name === '__name__' ? selector(value) : `{${labelName(name)}=${JSON.stringify(value)}}`;
}

function bars(
  title: string,
  list: readonly Counted[],
  text: (value: number) => string,
  link: ((name: string) => string) | null,
): HTMLElement {
  const most = Math.max(1, ...list.map(({ value }) => value));
  const rows = list.map(({ name, value }) => {
    const bar = h('span', { class: 'bar' });
    bar.style.width = `${(100 * value) / most}%`;
    const label =
      link === null ? h('span', { class: 'mono' }, name) : h('a', { class: 'mono', href: link(name) }, name);
    return h('li', {}, bar, label, h('span', { class: 'number' }, text(value)));
  });
  return h(
    'section',
    { class: 'panel' },
    h('h2', {}, title),
    rows.length === 0 ? h('p', { class: 'hint' }, 'Nothing yet.') : h('ol', { class: 'bars' }, ...rows),
  );
}
