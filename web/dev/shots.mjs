// Pictures of every look at two widths, into the directory named (default: a
// new one in the temporary directory).
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { launch } from './browser.mjs';
import { bundle, serve } from './serve.mjs';

const LOOKS = {
  login: 'view=login', rooms: 'view=rooms', prejoin: 'view=prejoin', left: 'view=left',
  call1: 'n=0', call2: 'n=1', call5: 'n=4', call16: 'n=15&toast=1', chat: 'n=5&talk=1&panel=chat',
  people: 'n=6&panel=people', devices: 'n=2&panel=devices', screen: 'n=6&screen=1', failed: 'n=0&state=failed',
  quality: 'n=4&gauge=1', paused: 'n=5&gauge=1&paused=1', numbers: 'n=4&gauge=2', numbers16: 'n=15&gauge=2&paused=1',
  recidle: 'n=3&rec=off', recask: 'n=3&rec=off&record=1', recstarting: 'n=3&rec=starting', recon: 'n=3&rec=on&control=0&feeds=1',
  recmine: 'n=3&rec=on&by=me&feeds=2&program=1', rectrouble: 'n=3&rec=trouble&by=me', recjoined: 'n=3&rec=on&joined=1&control=0',
  recpeople: 'n=4&rec=on&by=me&feeds=3&program=1&panel=people',
  watch: 'view=watch', watchsound: 'view=watch&film=audio', watchtracks: 'view=watch&film=none', watchloading: 'view=watch&wait=1',
  watchgone: 'view=watch&fail=not_found', watchmember: 'view=watch&fail=forbidden', watchready: 'view=watch&fail=not_ready',
};
const SIZES = { phone: [360, 740], desk: [1440, 900] };

const out = process.argv[2] || mkdtempSync(path.join(os.tmpdir(), 'hearth-shots-'));
mkdirSync(out, { recursive: true });
const only = process.argv[3]?.split(',');
const dir = await bundle('dev/page.mjs');
// Something to watch and to hear on the page of a recording.
const make = (name, ...args) => execFileSync('ffmpeg', ['-loglevel', 'error', '-f', 'lavfi', '-i', ...args, path.join(dir, name)]);
make('film.webm', 'mandelbrot=s=1280x720:r=5', '-t', '5', '-c:v', 'libvpx', '-b:v', '2M', '-deadline', 'realtime', '-cpu-used', '8');
make('composed.ogg', 'sine=d=60', '-c:a', 'libopus');
const site = await serve(dir);
const browser = await launch();
try {
  for (const [look, query] of Object.entries(LOOKS)) {
    if (only && !only.includes(look)) continue;
    for (const [size, [width, height]] of Object.entries(SIZES)) {
      const page = await browser.newPage();
      page.on('pageerror', (e) => console.log(look, size, String(e)));
      page.on('console', (m) => m.type() === 'error' && console.log(look, size, m.text()));
      await page.setViewport({ width, height });
      await page.goto(`${site.url}/?${query}`);
      await new Promise((r) => setTimeout(r, 1200));
      await page.screenshot({ path: path.join(out, `${look}-${size}.png`) });
      await page.close();
    }
  }
} finally {
  await browser.close();
  site.close();
}
console.log(out);
