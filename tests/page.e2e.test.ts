/** The page at `/` in a real browser, on real data: what is drawn, and that the browser has nothing to complain of. */
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { havePrograms } from './peers.ts';
import { type ServerProcess, sleep, startServer, temporaryDirectory } from './server-process.ts';

const CHROMIUM = '/usr/bin/chromium';
const HOSTS = 3;

describe.skipIf(!havePrograms('chromium'))('the page of a server that asks who comes', () => {
  const PASSWORD = 'pass wörd';
  const { path: dataDir, remove } = temporaryDirectory('page-access');
  let server: ServerProcess;
  let browser: Browser;

  beforeAll(async () => {
    server = await startServer({ dataDir, args: ['--auth-enabled', 'true'] });
    browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] });
    const first = { method: 'POST', body: new URLSearchParams({ name: 'root', password: PASSWORD, admin: 'true' }) };
    expect((await fetch(`${server.url}/api/v1/users`, first)).status).toBe(200);
  });

  afterAll(async () => {
    await browser?.close();
    await server?.stop();
    remove();
  });

  test('asks once for user and password or a token, says when they are wrong, and forgets them with the tab', async () => {
    const page = await browser.newPage();
    const faults: string[] = [];
    page.on('pageerror', (error) => faults.push(error.message));
    await page.goto(`${server.url}/`);
    const dialog = page.getByRole('dialog');
    await dialog.waitFor();
    for (let i = 0; i < 3; i++) await page.keyboard.press('Escape');
    await dialog.getByLabel('User').fill('root');
    await dialog.getByLabel('Password or token').fill('wrong');
    await dialog.getByRole('button', { name: 'Sign in' }).click();
    await dialog.getByText('authorization failed').waitFor();
    await dialog.getByLabel('User').fill('root');
    await dialog.getByLabel('Password or token').fill(PASSWORD);
    await dialog.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('heading', { name: 'Send data' }).waitFor();
    for (const part of ['curl -u USER:PASSWORD', 'basic_auth:', 'username = "USER"']) {
      expect(await page.locator('pre').filter({ hasText: part }).count(), part).toBe(1);
    }
    await page.getByRole('button', { name: 'Write' }).click();
    await page.getByRole('link', { name: 'Look at it in Explore.' }).click();
    await page.getByText('room_temperature{name="attic"}').waitFor();
    expect(await dialog.count()).toBe(0);
    await page.reload();
    await page.getByText('room_temperature{name="attic"}').waitFor();
    await page.getByRole('button', { name: 'sign out' }).click();
    await dialog.waitFor();

    const authorization = `Basic ${Buffer.from(`root:${PASSWORD}`).toString('base64')}`;
    const request = { method: 'POST', headers: { authorization }, body: new URLSearchParams({ read: 'default' }) };
    const made = await fetch(`${server.url}/api/v1/tokens`, request);
    const { token } = ((await made.json()) as { data: { token: string } }).data;
    await dialog.getByLabel('Password or token').fill(token);
    await dialog.getByRole('button', { name: 'Sign in' }).click();
    await page.getByText('room_temperature{name="attic"}').waitFor();
    await page.goto(`${server.url}/#/start`);
    await page.getByRole('button', { name: 'Write' }).click();
    await page.getByRole('alert').getByText('not authorized to write').waitFor();
    // What this token may not read is said once, and the rest is there.
    await page.getByRole('link', { name: 'Status' }).click();
    await page.getByRole('alert').getByText('not authorized to read from database "_internal"').waitFor();
    expect(await page.getByRole('alert').count()).toBe(1);
    await page.getByText('Settings').waitFor();
    expect(faults).toEqual([]);
    await page.close();
  });
});

describe.skipIf(!havePrograms('chromium'))('the page', () => {
  const { path: dataDir, remove } = temporaryDirectory('page');
  let server: ServerProcess;
  let browser: Browser;

  beforeAll(async () => {
    const args = ['--internal-interval', '500ms', '--flush-interval', '500ms'];
    server = await startServer({ dataDir, args });
    browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] });
  });

  afterAll(async () => {
    await browser?.close();
    await server?.stop();
    remove();
  });

  /** Opens a place, with what the browser complains of. */
  async function open(hash: string, options: { width?: number; dark?: boolean } = {}): Promise<[Page, string[]]> {
    const page = await browser.newPage({
      viewport: { width: options.width ?? 1280, height: 900 },
      colorScheme: options.dark ? 'dark' : 'light',
    });
    const complaints: string[] = [];
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(error.message));
    await page.goto(`${server.url}/${hash}`);
    return [page, complaints];
  }

  test('an empty server says how to send data, and what is sent from there can be looked at', async () => {
    const [page, complaints] = await open('');
    await page.getByRole('heading', { name: 'Send data' }).waitFor();
    expect(await page.locator('pre').first().textContent()).toContain(`curl '${server.url}/write'`);
    await page.getByRole('button', { name: 'Write' }).click();
    await page.getByRole('link', { name: 'Look at it in Explore.' }).click();
    await page.getByText('room_temperature{name="attic"}').waitFor();
    expect(page.url()).toContain('#/explore?');
    expect(complaints).toEqual([]);
    await page.close();
  });

  test('Explore draws a range, zooms by drag, keeps all in the URL, and shows errors in the server’s words', async () => {
    const nowSec = Math.floor(Date.now() / 1000);
    const lines: string[] = [];
    for (let host = 0; host < HOSTS; host++) {
      for (let t = nowSec - 3600; t <= nowSec; t += 10) lines.push(`load,host=h${host} one=${host + (t % 7)} ${t}`);
    }
    const body = lines.join('\n');
    expect((await fetch(`${server.url}/write?precision=s`, { method: 'POST', body })).status).toBe(204);

    const [page, complaints] = await open('#/explore?q=load_one&range=1h');
    await page
      .locator('.legend li')
      .nth(HOSTS - 1)
      .waitFor();
    expect(await page.locator('.legend li').count()).toBe(HOSTS);
    const plot = await page.locator('.u-over').boundingBox();
    expect(plot?.width).toBeGreaterThan(600);
    const drawn = await page.evaluate<number>(`(() => {
      const canvas = document.querySelector('canvas');
      const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
      return data.filter((byte, i) => i % 4 === 3 && byte > 0).length;
    })()`);
    expect(drawn).toBeGreaterThan(5000);

    const { x, y, width, height } = plot as NonNullable<typeof plot>;
    await page.mouse.move(x + width * 0.4, y + height / 2);
    await page.mouse.down();
    await page.mouse.move(x + width * 0.6, y + height / 2, { steps: 5 });
    await page.mouse.up();
    await page.waitForURL(/range=1[12]m/);
    expect(new URLSearchParams(page.url().split('?')[1]).get('end')).toMatch(/^\d{13}$/);
    await page
      .locator('.legend li')
      .nth(HOSTS - 1)
      .waitFor();
    await page.goBack();
    await page.waitForURL(/range=1h/);

    await page.getByRole('button', { name: 'Table' }).click();
    await page.waitForURL(/view=table/);
    await page.getByRole('cell', { name: 'load_one{host="h1"}' }).waitFor();

    const editor = page.locator('.cm-content');
    await editor.fill('sum(load_one');
    await page.getByRole('button', { name: 'Run' }).click();
    await page.getByRole('alert').waitFor();
    expect(await page.getByRole('alert').textContent()).toContain('unclosed left parenthesis');
    const marked = page.locator('.cm-lintRange-error');
    await marked.waitFor();
    await marked.hover();
    await page.locator('.cm-tooltip-lint').getByText('unclosed left parenthesis').waitFor();
    await editor.fill('sum(load_one)');
    await marked.waitFor({ state: 'detached' });
    // The browser notes the 400 itself; nothing else may be wrong.
    expect(complaints.filter((text) => !text.includes('400 (Bad Request)'))).toEqual([]);
    await page.close();
  });

  test('the editor completes names of this database by keyboard', async () => {
    const [page, complaints] = await open('#/explore');
    const editor = page.locator('.cm-content');
    await editor.click();
    await page.keyboard.type('load_o');
    await page.locator('.cm-tooltip-autocomplete li', { hasText: 'load_one' }).waitFor();
    await sleep(300);
    await page.keyboard.press('Enter');
    expect(await editor.textContent()).toBe('load_one');
    await page.keyboard.press('Escape');
    await page.keyboard.press('Enter');
    await page.locator('.legend li').first().waitFor();
    expect(complaints).toEqual([]);
    await page.close();
  });

  test('Enter runs what is typed, and the keyboard stays where it is', async () => {
    const [page, complaints] = await open('#/explore');
    const editor = page.locator('.cm-content');
    await page.getByText('Type an expression').waitFor();
    // Long enough for what completes it to be there.
    await page.keyboard.type('sum(load_one)', { delay: 20 });
    await sleep(600);
    await page.keyboard.press('Enter');
    await page.waitForURL(/q=sum%28load_one%29/);
    expect(await page.title()).toBe('sum(load_one) – Varve');
    await page.locator('.legend li').first().waitFor();
    // Coloured text that is typed over: the policy allows no style of the browser's own making.
    await page.keyboard.press('Control+a');
    await page.keyboard.type('load_one');
    await page.locator('.cm-tooltip-autocomplete li', { hasText: 'load_one' }).waitFor();
    await sleep(300);
    await page.keyboard.press('Enter');
    await page.waitForURL(/q=load_one/);
    expect(await editor.textContent()).toBe('load_one');
    await page.locator('.legend li').nth(2).waitFor();

    await page.keyboard.press('Control+a');
    await page.keyboard.type('load_on');
    await page.locator('.cm-tooltip-autocomplete li', { hasText: 'load_one' }).waitFor();
    await page.keyboard.press('Control+Enter');
    await page.waitForURL(/q=load_on&/);
    await page.goBack();
    await page.waitForURL(/q=load_one&/);
    expect(await editor.textContent()).toBe('load_one');

    const earlier = page.getByRole('button', { name: 'Earlier' });
    await earlier.focus();
    await page.keyboard.press('Enter');
    await page.waitForURL(/end=\d+/);
    const first = page.url();
    await page.keyboard.press('Enter');
    await page.waitForURL((url) => /end=\d+/.test(url.hash) && url.href !== first);
    await page.getByRole('button', { name: 'now' }).click();
    await page.waitForURL((url) => !url.hash.includes('end='));
    expect(complaints).toEqual([]);
    await page.close();
  });

  test('the legend leaves one series or all, and the pointer names value and series', async () => {
    const [page, complaints] = await open('#/explore?q=load_one&range=30m');
    const legend = page.locator('.legend button');
    await legend.nth(HOSTS - 1).waitFor();
    const pressed = () => legend.evaluateAll((all) => all.map((one) => one.getAttribute('aria-pressed')));
    await legend.nth(1).click();
    expect(await pressed()).toEqual(['false', 'true', 'false']);
    const plot = await page.locator('.u-over').boundingBox();
    const { x, y, width, height } = plot as NonNullable<typeof plot>;
    await page.mouse.move(x + width / 2, y + height / 2);
    const tooltip = page.locator('.tooltip');
    await tooltip.getByText('load_one{host="h1"}').waitFor();
    expect(await tooltip.locator('.value').textContent()).toMatch(/^\d$/);
    // Still so after the next answer.
    await page.getByRole('button', { name: 'Zoom out' }).click();
    await page.waitForURL(/range=1h/);
    await page.getByText('step 15s').waitFor();
    expect(await pressed()).toEqual(['false', 'true', 'false']);
    await legend.nth(1).click();
    expect(await pressed()).toEqual(['true', 'true', 'true']);
    await legend.nth(0).click({ modifiers: ['Control'] });
    expect(await pressed()).toEqual(['false', 'true', 'true']);
    expect(complaints).toEqual([]);
    await page.close();
  });

  test('text from outside stays text, and values that cannot be drawn are counted', async () => {
    const nowSec = Math.floor(Date.now() / 1000);
    const lines = [
      `<img\\ src\\=x\\ onerror\\=alert(1)>,a=<script>alert(2)</script> v=1 ${nowSec}`,
      `odd,path=${'/long'.repeat(400)} v=1e300 ${nowSec}`,
      ...Array.from({ length: 60 }, (_, i) => `single n=${i}i ${nowSec - 60 * i}`),
    ];
    const body = lines.join('\n');
    expect((await fetch(`${server.url}/write?precision=s&db=odd`, { method: 'POST', body })).status).toBe(204);
    const [page, complaints] = await open('#/metrics?db=odd');
    page.on('dialog', (dialog) => complaints.push(dialog.message()));
    await page.getByRole('link', { name: '<img src=x onerror=alert(1)>_v' }).click();
    const legend = page.locator('.legend li');
    await legend.getByText('{"<img src=x onerror=alert(1)>_v", a="<script>alert(2)</script>"}').waitFor();
    await page.goto(`${server.url}/#/cardinality?db=odd`);
    await page.getByRole('link', { name: 'a=<script>' }).waitFor();

    await page.goto(`${server.url}/#/explore?db=odd&q=odd_v`);
    await legend.getByText('1e+300').waitFor();
    expect(await page.evaluate<number>('document.documentElement.scrollWidth')).toBeLessThanOrEqual(1280);
    await page.goto(`${server.url}/#/explore?db=odd&q=single_n/(single_n%3E30)/0`);
    await page.getByText(/^\d+ of \d+ values are NaN or infinite/).waitFor();
    expect(await page.locator('.chart').count()).toBe(0);
    expect(complaints).toEqual([]);
    await page.close();
  });

  test('of many series the first are drawn and listed, and it says so', async () => {
    const lines = Array.from({ length: 2500 }, (_, i) => `crowd,id=${i} value=${i}`);
    const body = lines.join('\n');
    expect((await fetch(`${server.url}/write?db=odd`, { method: 'POST', body })).status).toBe(204);
    const [page, complaints] = await open('#/explore?db=odd&q=crowd&range=5m');
    await page.getByText('The first 120 of more than 2,000 series are drawn.').waitFor();
    expect(await page.locator('.legend li').count()).toBe(120);
    await page.getByRole('button', { name: 'Table' }).click();
    await page.getByText('The first 1,000 of more than 2,000 series are listed.').waitFor();
    expect(await page.locator('tbody tr').count()).toBe(1000);
    expect(complaints).toEqual([]);
    await page.close();
  });

  test('behind /db/NAME/ that database is the usual one', async () => {
    const page = await browser.newPage();
    await page.goto(`${server.url}/db/odd#/explore?q=count(single_n)`);
    await page.locator('.legend li').first().waitFor();
    const menu = page.getByLabel('Database');
    expect(await menu.inputValue()).toBe('odd');
    await menu.selectOption('default');
    await page.waitForURL(/db=default/);
    await page.getByText('No series has data in this range.').waitFor();
    expect(page.url()).toContain('q=count%28single_n%29');
    await page.close();
  });

  test('metrics, cardinality, storage and status show what there is', async () => {
    const [page, complaints] = await open('#/metrics');
    await page.getByLabel('Search metrics').fill('one lo');
    await page.getByRole('link', { name: 'load_one' }).waitFor();
    expect(await page.getByText(/^1 of \d+ metrics$/).count()).toBe(1);

    await page.getByRole('link', { name: 'Cardinality' }).click();
    await page.getByRole('link', { name: '__name__=load_one' }).waitFor();

    await page.getByRole('link', { name: 'Storage' }).click();
    await page.locator('.timeline rect').first().waitFor();
    expect(await page.locator('tbody tr').count()).toBeGreaterThan(0);

    await page.getByRole('link', { name: 'Status' }).click();
    await page.locator('.panel .chart').nth(3).waitFor();
    expect(complaints).toEqual([]);
    await page.close();
  });

  test('fits a phone, and has a dark side', async () => {
    const [page, complaints] = await open('#/explore?q=load_one', { width: 360, dark: true });
    await page.locator('.legend li').first().waitFor();
    const wide = await page.evaluate<number>('document.documentElement.scrollWidth');
    const back = await page.evaluate<string>('getComputedStyle(document.body).backgroundColor');
    expect(wide).toBeLessThanOrEqual(360);
    expect(back).toBe('rgb(18, 24, 26)');
    expect(complaints).toEqual([]);
    await page.close();
  });

  test('has a strict policy, and no path leads out of its files', async () => {
    const { headers } = await fetch(`${server.url}/`);
    expect(headers.get('content-security-policy')).toMatch(/default-src 'none'; script-src 'self'; style-src 'self'/);
    for (const path of ['/ui/..%2f..%2fpackage.json', '/ui/%2e%2e/index.html', '/ui/nothing.js']) {
      expect((await fetch(server.url + path)).status, path).toBe(404);
    }
  });
});
