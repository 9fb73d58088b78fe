/** Storage: the partitions of the database on a time line, with what they take and how well they are compressed. */
import { databases, type Partition, partitions } from '../api.ts';
import { h, replace, svg } from '../dom.ts';
import { bytes, dateTime, span, timeZone, whole } from '../format.ts';
import { fill, type Page } from '../page.ts';

/** A time of 8 bytes and a value of 8: what a sample takes without any encoding. */
const PLAIN_BYTES = 16;
const WIDTH = 1000;
const HEIGHT = 150;

export const storage: Page = {
  title: 'Storage',
  show(context) {
    const element = h('div', { class: 'result' });
    void fill(element, async () => {
      const [found, all] = await Promise.all([partitions(context), databases(context.signal)]);
      const about = all.find(({ name }) => name === context.database);
      if (about === undefined) {
        replace(
          element,
          h('p', { class: 'hint' }, `There is no database '${context.database}' yet: the first write makes it.`),
        );
        return;
      }
      const total = (pick: (one: Partition) => number) => found.reduce((sum, one) => sum + pick(one), 0);
      const fileBytes = total((one) => one.bytes);
      const values = total((one) => one.values);
      replace(
        element,
        h(
          'dl',
          { class: 'figures' },
          figure('series', whole(about.series)),
          figure('values in files', whole(values)),
          figure('on disk', bytes(fileBytes)),
          figure('per value', values === 0 ? '–' : `${(fileBytes / values).toFixed(2)} B`),
          figure('smaller than plain', values === 0 ? '–' : `${((values * PLAIN_BYTES) / fileBytes).toFixed(0)} ×`),
          figure('in memory', bytes(about.memtableBytes)),
          figure('kept', span(about.retentionMs)),
          figure('a partition is', span(about.partitionDurationSec * 1000)),
        ),
        found.length === 0
          ? h(
              'p',
              { class: 'hint' },
              'Nothing is in files yet: rows are flushed when they are ten minutes old, or fill the memory for them.',
            )
          : h('div', {}, timeLine(found), partitionTable(found)),
      );
    });
    return element;
  },
};

function figure(name: string, value: string): HTMLElement {
  return h('div', {}, h('dt', {}, name), h('dd', {}, value));
}

/** One bar per partition, as wide as its time and as high as its bytes. */
function timeLine(found: readonly Partition[]): HTMLElement {
  const first = found[0].startSec;
  const last = found[found.length - 1];
  const spanSec = Math.max(1, last.startSec + last.durationSec - first);
  const most = Math.max(...found.map((one) => one.bytes));
  const bars = found.map((one) => {
    const height = Math.max(2, (HEIGHT * one.bytes) / most);
    const width = Math.max(2, (WIDTH * one.durationSec) / spanSec - 2);
    const x = (WIDTH * (one.startSec - first)) / spanSec;
    const title = `${dateTime(one.startSec * 1000)}: ${bytes(one.bytes)}, ${whole(one.values)} values`;
    return svg(
      'rect',
      { x, y: HEIGHT - height, width, height, rx: 2, class: one.isCold ? 'cold' : 'hot' },
      svg('title', {}, title),
    );
  });
  const label = `Bytes of ${found.length} partitions from ${dateTime(first * 1000)} on`;
  return h(
    'figure',
    { class: 'panel timeline' },
    svg(
      'svg',
      { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none', role: 'img', 'aria-label': label },
      ...bars,
    ) as unknown as Node,
    h(
      'figcaption',
      {},
      h('span', {}, dateTime(first * 1000)),
      h('span', {}, dateTime((last.startSec + last.durationSec) * 1000)),
      h(
        'span',
        { class: 'keys' },
        h('i', { class: 'key hot' }),
        'still written to ',
        h('i', { class: 'key cold' }),
        `merged for good · times in ${timeZone()}`,
      ),
    ),
  );
}

function partitionTable(found: readonly Partition[]): HTMLElement {
  const rows = [...found]
    .reverse()
    .map((one) =>
      h(
        'tr',
        {},
        h('td', { class: 'whole' }, dateTime(one.startSec * 1000)),
        h('td', { class: 'whole' }, span(one.durationSec * 1000)),
        h('td', { class: 'number' }, String(one.files)),
        h('td', { class: 'number' }, whole(one.rows)),
        h('td', { class: 'number' }, whole(one.values)),
        h('td', { class: 'number' }, bytes(one.bytes)),
        h('td', { class: 'number' }, one.values === 0 ? '–' : (one.bytes / one.values).toFixed(2)),
        h('td', {}, one.isCold ? 'merged' : 'hot'),
      ),
    );
  const titles = ['From', 'Span', 'Files', 'Rows', 'Values', 'Size', 'B/value', 'State'];
  const head = titles.map((title, i) => h('th', { class: i > 1 && i < 7 ? 'number' : '' }, title));
  return h('div', { class: 'scroll' }, h('table', {}, h('thead', {}, h('tr', {}, ...head)), h('tbody', {}, ...rows)));
}
