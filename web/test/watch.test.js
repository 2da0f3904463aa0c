// The page of a recording in Chromium, with a film that Debian's ffmpeg made and
// a server whose links end.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { after, before, beforeEach, test } from 'node:test';
import { readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { launch } from '../dev/browser.mjs';
import { bundle, serve } from '../dev/serve.mjs';

let browser;
let site;
let dir;
let page;
let film;
let key = 1; // what links must have now
let fault = null; // a status instead of files
let answer = null;
const requests = [];

// RFC 9110: one range, as http/download.c sends it.
function send(req, res, pathname) {
  if (!pathname.startsWith('/recordings/')) return false;
  const url = new URL(req.url, 'http://x');
  requests.push({ method: req.method, path: pathname, range: req.headers.range || '', key: url.searchParams.get('key') });
  const status = fault || (url.searchParams.get('key') !== String(key) ? 403 : 0);
  if (status) {
    res.writeHead(status);
    res.end();
    return true;
  }
  const body = pathname.endsWith('.txt') ? Buffer.from('no film at all') : film;
  const m = /^bytes=(\d+)-(\d*)$/.exec(req.headers.range || '');
  const from = m ? Number(m[1]) : 0;
  // In small pieces, so that one request does not bring everything.
  const to = m ? Math.min(body.length - 1, m[2] ? Number(m[2]) : Infinity, from + 65535) : body.length - 1;
  res.writeHead(m ? 206 : 200, {
    'Content-Type': 'video/webm', 'Accept-Ranges': 'bytes', 'Content-Length': to - from + 1, 'Cache-Control': 'no-store',
    ...(m && { 'Content-Range': `bytes ${from}-${to}/${body.length}` }),
  });
  res.end(req.method === 'HEAD' ? undefined : body.subarray(from, to + 1));
  return true;
}

function link(name = 'composed.webm') {
  const url = (n) => `/recordings/r/${n}?key=${key}`;
  return {
    name: 'Fireside', started_ms: 1795000000000, duration_ms: 40000,
    participants: [{ number: 1, user_id: '@a:hs', name: 'Anna' }, { number: 2, user_id: '@b:hs', name: 'Bob' }],
    files: [{ name, mimetype: 'video/webm', bytes: film.length, url: url(name) }, { name: 'p1-camera-1.webm', mimetype: 'video/webm', bytes: 5_000_000, url: url('p1-camera-1.webm') }],
  };
}

before(async () => {
  dir = await bundle('test/watchpage.mjs');
  const file = path.join(dir, 'made.webm');
  execFileSync('ffmpeg', ['-loglevel', 'error', '-f', 'lavfi', '-i', 'testsrc=d=40:s=640x360:r=10', '-f', 'lavfi', '-i', 'sine=d=40',
    '-c:v', 'libvpx', '-b:v', '1500k', '-minrate', '1500k', '-maxrate', '1500k', '-cpu-used', '8', '-deadline', 'realtime', '-g', '20', '-c:a', 'libopus', '-shortest', file]);
  film = readFileSync(file);
  site = await serve(dir, { handler: send, extra: { '/link': () => answer || link() } });
  browser = await launch();
  page = await browser.newPage();
  page.on('pageerror', (e) => console.error('page:', String(e)));
  await page.goto(site.url);
});

after(async () => {
  await browser?.close();
  site?.close();
  if (dir) rmSync(dir, { recursive: true });
});

beforeEach(async () => {
  fault = answer = null;
  key++; // the browser keeps what it has of an address
  requests.length = 0;
  await page.evaluate(() => { globalThis.asked = 0; globalThis.went = []; });
});

const run = (fn, ...args) => page.evaluate(fn, ...args);
const status = () => run(() => watch.status());

async function until(what, fn) {
  const end = Date.now() + 30000;
  for (;;) {
    const s = await status();
    if (fn(s)) return s;
    if (Date.now() > end) assert.fail(`${what}: ${JSON.stringify([s, requests.slice(-8)], null, 1)}`);
    await new Promise((r) => setTimeout(r, 50));
  }
}

const open = async () => {
  await run(() => show());
  return until('shown', (s) => s.state === 'ready' && s.video?.duration > 39);
};

test('film, date, people and tracks are shown, and it plays', async () => {
  const s = await open();
  assert.equal(s.video.width, 640);
  assert.deepEqual(s.files.map((f) => f.name), ['composed.webm', 'p1-camera-1.webm']);
  const text = await run(() => document.querySelector('[data-testid=watch]').textContent);
  for (const part of ['Fireside', '2026', '0:40', '2 people', 'Anna', 'Bob', 'Anna · camera', '5.0 MB']) assert.ok(text.includes(part), part);
  await run(() => document.querySelector('video').play());
  await until('plays', (v) => v.video.currentTime > 0.5);
});

test('a link that ends in the middle is renewed, and it goes on where it was', async () => {
  await open();
  await run(() => document.querySelector('video').play());
  await until('plays', (s) => s.video.currentTime > 0.2);
  key++;
  await run(() => { document.querySelector('video').currentTime = 30; });
  const s = await until('goes on', (v) => v.video.src.endsWith(`key=${key}`) && v.video.currentTime > 30.3 && !v.video.paused);
  assert.equal(s.notice, '');
  assert.equal(await run(() => asked), 2);
  assert.ok(requests.some((r) => r.key === String(key - 1) && r.method === 'HEAD'));
});

test('who may not any more is told so in the middle', async () => {
  await open();
  answer = { error: { code: 'forbidden', message: 'You are no longer in the room.' } };
  key++;
  await run(() => { document.querySelector('video').currentTime = 35; });
  await until('told', (s) => s.notice === 'You are no longer in the room.');
});

test('a file that was deleted meanwhile is no link that ended', async () => {
  await open();
  fault = 410;
  await run(() => { document.querySelector('video').currentTime = 35; });
  await until('told', (s) => /no longer there/.test(s.notice));
  assert.equal(await run(() => asked), 1);
});

test('a server that is away for a moment does not end it', async () => {
  await open();
  fault = 502;
  await run(() => { document.querySelector('video').currentTime = 35; });
  await until('asked', () => requests.some((r) => r.method === 'HEAD'));
  fault = null;
  await until('is back', (s) => s.video.currentTime === 35 && !s.notice && s.video.duration > 39);
});

test('what the browser cannot play is said, and can be downloaded', async () => {
  answer = link('composed.txt');
  await run(() => show());
  await until('told', (s) => /cannot play/.test(s.notice));
  assert.equal(await run(() => document.querySelector('[data-testid=watch-download]').download), 'composed.txt');
});

test('a download whose link has ended gets a new one first', async () => {
  await open();
  const old = key++;
  await run(() => {
    globalThis.clicked = [];
    // Nothing is really downloaded here: only where the browser would go.
    document.addEventListener('click', (ev) => {
      if (ev.target.closest('a') && !ev.defaultPrevented) {
        clicked.push(ev.target.closest('a').getAttribute('href'));
        ev.preventDefault();
      }
    });
    const now = Date.now;
    Date.now = () => now() + 3600e3;
    document.querySelector('[data-name="p1-camera-1.webm"] a').click();
    Date.now = now;
  });
  await until('renewed', () => true);
  await page.waitForFunction(() => clicked.length === 1);
  assert.deepEqual(await run(() => clicked), [`/recordings/r/p1-camera-1.webm?key=${key}`]);
  assert.notEqual(old, key);
});

for (const [code, title, again] of [['forbidden', /Only members/, true], ['not_found', /is gone/, false], ['not_ready', /not ready/, true]]) {
  test(`${code} is said in words`, async () => {
    answer = { error: { code, message: 'The bot’s own words.' } };
    await run(() => show());
    const s = await until('said', (v) => v.state === 'error');
    assert.equal(s.error.code, code);
    const text = await run(() => document.querySelector('[data-testid=watch-error]').textContent);
    assert.match(text, title);
    assert.match(text, /The bot’s own words/);
    assert.equal(await run(() => !!document.querySelector('[data-testid=watch-again]')), again);
    await page.click('[data-testid=watch-room]');
    assert.deepEqual(await run(() => went), ['room']);
    if (!again) return;
    answer = null;
    await page.click('[data-testid=watch-again]');
    await until('shown', (v) => v.state === 'ready');
  });
}

test('without a film there are the tracks', async () => {
  answer = { ...link(), files: link().files.slice(1) };
  await run(() => show());
  const s = await until('shown', (v) => v.state === 'ready');
  assert.equal(s.video, null);
  assert.equal(await run(() => document.querySelectorAll('[data-testid=watch-track]').length), 1);
  const words = () => run(() => document.querySelector('[data-testid=watch-no-film]').textContent);
  assert.match(await words(), /^There is no film/);
  answer.composing = true;
  await run(() => show());
  await until('shown', (v) => v.state === 'ready');
  assert.match(await words(), /^The film of all together is still being made/);
});
