// The real page, under the policy that hearth sends: it runs, takes the secrets
// from the address bar, and says in words what is wrong.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { rmSync } from 'node:fs';
import { launch } from '../dev/browser.mjs';
import { bundle, serve } from '../dev/serve.mjs';

let browser;
let site;
let dir;
let config = () => ({ homeserver: 'http://127.0.0.1:9', bot_user_id: '@hearth:x', bot_device_id: 'D', version: '1' });

before(async () => {
  dir = await bundle('src/main.js');
  site = await serve(dir, { extra: { '/config.json': () => config() }, origins: ['http://127.0.0.1:9'] });
  browser = await launch();
});

after(async () => {
  await browser?.close();
  site?.close();
  if (dir) rmSync(dir, { recursive: true });
});

async function open(hash, t) {
  const page = await browser.newPage();
  t.after(() => page.close());
  const errors = [];
  page.on('pageerror', (e) => errors.push(String(e)));
  page.on('console', (m) => /Content.Security/.test(m.text()) && errors.push(m.text()));
  await page.goto(`${site.url}/${hash}`);
  await page.waitForFunction(() => globalThis.hearth?.state().screen === 'login', { timeout: 30000 });
  assert.deepEqual(errors, []);
  return page;
}

test('a link logs in by itself; what is wrong is said', async (t) => {
  const page = await open('#/room/!a:x?user=alice&password=sesame', t);
  assert.equal(await page.evaluate(() => location.hash), '#/room/!a:x');
  assert.equal(await page.evaluate(() => history.length), 2);
  await page.waitForFunction(() => !document.querySelector('[data-testid=login-error]').hidden);
  const text = await page.$eval('[data-testid=login-error]', (e) => e.textContent);
  assert.match(text, /homeserver does not answer/);
  assert.doesNotMatch(await page.evaluate(() => JSON.stringify([{ ...sessionStorage }, { ...localStorage }])), /sesame/);
});

test('a link to a recording asks to log in, and is kept', async (t) => {
  const page = await open('#/recording/!a:x/20261126T110552Z-0badcafe?user=alice&password=sesame', t);
  assert.equal(await page.evaluate(() => location.hash), '#/recording/!a:x/20261126T110552Z-0badcafe');
  const text = await page.$eval('[data-testid=login-form]', (e) => e.textContent);
  assert.match(text, /Log in to watch/);
  assert.match(text, /recording in !a:x/);
});

test('an empty form is pointed at, not sent', async (t) => {
  const page = await open('', t);
  await page.click('[data-testid=login-submit]');
  assert.equal(await page.evaluate(() => document.activeElement.dataset.testid), 'login-user');
  await page.type('[data-testid=login-user]', 'alice');
  await page.keyboard.press('Enter');
  assert.equal(await page.evaluate(() => document.activeElement.dataset.testid), 'login-password');
});

test('without its settings the page says so', async (t) => {
  config = () => 'nonsense';
  const page = await open('', t);
  const shown = await page.$eval('[data-testid=login-homeserver]', (e) => e.value);
  assert.equal(shown, '');
});
