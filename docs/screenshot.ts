/**
 * Takes the picture of the page that README.md shows, of a server that has data of a node_exporter:
 * `node docs/screenshot.ts http://127.0.0.1:8086 1h prometheus`, the last two being how far back, and which database.
 */
import { chromium } from 'playwright-core';

const QUERY = 'sum by (mode) (rate(node_cpu_seconds_total{mode=~"user|system|iowait"}[1m]))';

const [url = 'http://127.0.0.1:8086', range = '5m', db = 'default'] = process.argv.slice(2);
const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] });
const page = await browser.newPage({ viewport: { width: 1200, height: 720 }, colorScheme: 'light' });
await page.goto(`${url}/#/explore?${new URLSearchParams({ db, q: QUERY, range })}`);
await page.locator('.legend li').first().waitFor();
await page.screenshot({ path: new URL('images/explore.png', import.meta.url).pathname });
await browser.close();
