/** Start: how to send data, and a place to send the first of it from. */
import { writeLines } from '../api.ts';
import { h, replace } from '../dom.ts';
import { hashOf } from '../location.ts';
import { fill, type Page } from '../page.ts';
import { SERVER_URL } from '../server.ts';
import { isSignedIn } from '../session.ts';

export const start: Page = {
  title: 'Send data',
  show(context) {
    const { database } = context;
    const base = SERVER_URL.replace(/\/$/, '');
    const lines = h('textarea', { rows: 2, spellcheck: 'false', 'aria-label': 'Line protocol' });
    lines.value = 'room,name=attic temperature=21.5,humidity=40i';
    const outcome = h('div', { 'aria-live': 'polite' });
    const send = () =>
      fill(outcome, async () => {
        await writeLines(lines.value, database);
        const [name = ''] = /^[^,\s]+/.exec(lines.value.trim()) ?? [];
        // A field `value` goes by the measurement's name alone.
        const names = `${name.replace(/[\\^$*+?.()|[\]{}]/g, '\\$&')}(_.*)?`;
        const href = hashOf('explore', { db: database, q: `{__name__=~${JSON.stringify(names)}}`, range: '5m' });
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
      ...recipes(base, database, isSignedIn()),
    );
  },
};

/** How other programs send and read; with places for a name and a password where the server asks for them. */
function recipes(base: string, database: string, isAsked: boolean): HTMLElement[] {
  const inDatabase = database === 'default' ? '' : `?db=${encodeURIComponent(database)}`;
  const prefix = database === 'default' ? base : `${base}/db/${encodeURIComponent(database)}`;
  const also = (text: string) => (isAsked ? text : '');
  const curl = `curl ${also('-u USER:PASSWORD ')}'${base}/write${inDatabase}' --data-binary 'room,name=attic temperature=21.5'`;
  const prometheus = `# prometheus.yml
remote_write:
  - url: ${base}/api/v1/write${inDatabase}`;
  const telegraf = `# telegraf.conf
[[outputs.influxdb]]
  urls = ["${base}"]
  database = "${database}"`;
  const grafana = `# data source "Prometheus"
URL: ${prefix}${also('\nBasic authentication: USER, PASSWORD')}

# data source "InfluxDB" (InfluxQL)
URL: ${base}
Database: ${database}${also('\nUser: USER\nPassword: PASSWORD')}`;
  return [
    section('curl', curl),
    section(
      'Prometheus, remote write',
      prometheus + also('\n    basic_auth:\n      username: USER\n      password: PASSWORD'),
    ),
    section('Telegraf', telegraf + also('\n  username = "USER"\n  password = "PASSWORD"')),
    section('Grafana', grafana),
  ];
}

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
