/** Start: how to send data, and a place to send the first of it from. */
import { writeLines } from '../api.ts';
import { h, replace } from '../dom.ts';
import { hashOf } from '../location.ts';
import { fill, type Page } from '../page.ts';

export const start: Page = {
  title: 'Send data',
  show(context) {
    const { database } = context;
    const base = new URL('.', document.baseURI).href.replace(/\/$/, '');
    const inDatabase = database === 'default' ? '' : `?db=${encodeURIComponent(database)}`;
    const lines = h('textarea', { rows: 2, spellcheck: 'false', 'aria-label': 'Line protocol' });
    lines.value = 'room,name=attic temperature=21.5,humidity=40i';
    const outcome = h('div', { 'aria-live': 'polite' });
    const send = () =>
      fill(outcome, async () => {
        await writeLines(lines.value, database);
        const name = /^[^,\s]+/.exec(lines.value)?.[0] ?? '';
        const href = hashOf('explore', { db: database, q: `{__name__=~${JSON.stringify(`${name}_.*`)}}`, range: '5m' });
        replace(outcome, h('p', { class: 'good' }, 'Stored. ', h('a', { href }, 'Look at it in Explore.')));
      });
    return h(
      'div',
      { class: 'prose' },
      h(
        'p',
        {},
        `Varve takes what your tools already send. Data goes to the database '${database}'; a database is made by the first write to it.`,
      ),
      h('h2', {}, 'Here and now'),
      lines,
      h('p', {}, h('button', { class: 'primary', type: 'button', onclick: () => void send() }, 'Write')),
      outcome,
      section('curl', `curl '${base}/write${inDatabase}' --data-binary 'room,name=attic temperature=21.5'`),
      section(
        'Prometheus, remote write',
        `# prometheus.yml\nremote_write:\n  - url: ${base}/api/v1/write${inDatabase}`,
      ),
      section('Telegraf', `# telegraf.conf\n[[outputs.influxdb]]\n  urls = ["${base}"]\n  database = "${database}"`),
      section(
        'Grafana',
        `# data source "Prometheus"\nURL: ${database === 'default' ? base : `${base}/db/${encodeURIComponent(database)}`}\n\n# data source "InfluxDB" (InfluxQL)\nURL: ${base}\nDatabase: ${database}`,
      ),
    );
  },
};

function section(title: string, code: string): HTMLElement {
  const copy = h('button', { type: 'button', class: 'copy', onclick: () => void copyText(code, copy) }, 'copy');
  return h('section', {}, h('h2', {}, title), h('div', { class: 'code' }, h('pre', {}, h('code', {}, code)), copy));
}

async function copyText(text: string, button: HTMLElement): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = 'copied';
  } catch {
    button.textContent = 'select it';
  }
}
