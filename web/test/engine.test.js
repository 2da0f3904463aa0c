// The call engine in Chromium: three clients around a bot in the same page.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { rmSync } from 'node:fs';
import { launch } from '../dev/browser.mjs';
import { bundle, serve } from '../dev/serve.mjs';

let browser;
let site;
let dir;
let page;

before(async () => {
  dir = await bundle('test/enginepage.mjs');
  site = await serve(dir);
  browser = await launch();
  page = await browser.newPage();
  page.on('pageerror', (e) => console.error('page:', String(e)));
  page.on('console', (m) => ['error', 'warn'].includes(m.type()) && console.error('console:', m.text()));
  await page.goto(site.url);
});

after(async () => {
  await browser?.close();
  site?.close();
  if (dir) rmSync(dir, { recursive: true });
});

const run = (fn, ...args) => page.evaluate(fn, ...args);

async function until(what, fn, ...args) {
  const end = Date.now() + 45000;
  for (;;) {
    const got = await run(fn, ...args);
    if (got) return got;
    if (Date.now() > end) {
      const log = await run(() => JSON.stringify({
        errors: bot.errors, rows: globalThis.rows, people: Object.fromEntries(Object.entries(people).map(([k, c]) => [k, [c.state, c.error, c.log.slice(-12)]])),
      }, null, 1));
      assert.fail(`${what}\n${log}`);
    }
    await new Promise((r) => setTimeout(r, 100));
  }
}

const decodes = (user, from, purpose = 'm.usermedia') => until(`${user} decodes ${from} ${purpose}`, async (u, f, p) => {
  const row = (await people[u].stats()).find((s) => s.user_id === `@${f}:hs` && s.purpose === p);
  globalThis.rows = row;
  if (!row || row.framesDecoded <= 3 || !row.frameWidth) return false;
  if (p !== 'm.usermedia') return true;
  // Only Anna has a page that plays what she hears.
  return u === 'anna' ? row.totalAudioEnergy > 0 : row.audioPackets > 10;
}, user, from, purpose);

test('three see and hear each other', async () => {
  await run(() => enter('anna', undefined, true));
  await until('anna connected', () => people.anna.state === 'connected');
  await run(() => Promise.all([enter('bob'), enter('carol')]));
  for (const [u, f] of [['anna', 'bob'], ['anna', 'carol'], ['bob', 'anna'], ['bob', 'carol'], ['carol', 'anna'], ['carol', 'bob']]) {
    await decodes(u, f);
  }
  const names = await run(() => people.bob.participants().map((p) => [p.display_name, p.you]));
  assert.deepEqual(names, [['Anna', false], ['Bob', true], ['Carol', false]]);
  assert.equal(await run(() => document.querySelectorAll('[data-testid=tile]').length), 3);
  await until('pictures show', () => document.querySelectorAll('.tile.pictured').length === 3);
});

test('mute shows, in the page too, and comes back', async () => {
  await run(() => people.bob.local.setMic(false));
  await until('muted', () => document.querySelector('[data-user-id="@bob:hs"]').dataset.audioMuted === 'true');
  await run(() => people.bob.local.setCam(false));
  await until('camera off', () => document.querySelector('[data-user-id="@bob:hs"]').dataset.videoMuted === 'true'
    && !document.querySelector('[data-user-id="@bob:hs"]').classList.contains('pictured'));
  await run(() => Promise.all([people.bob.local.setMic(true), people.bob.local.setCam(true)]));
  await until('camera on', () => document.querySelector('[data-user-id="@bob:hs"]').classList.contains('pictured'));
});

test('keys mute', async () => {
  await page.keyboard.press('m');
  await until('mic off', () => !people.anna.local.mic);
  await page.keyboard.down('Control');
  await page.keyboard.press('d');
  await page.keyboard.up('Control');
  await until('mic on', () => people.anna.local.mic);
});

test('a screen starts, stops and starts again for all', async () => {
  for (let i = 0; i < 2; i++) {
    await run(() => people.bob.setScreen(true, screen2()));
    await decodes('anna', 'bob', 'm.screenshare');
    await decodes('carol', 'bob', 'm.screenshare');
    await until('staged', () => document.querySelectorAll('.stage .tile').length === 1);
    // The browser's own button ends the track.
    await run(() => {
      const [t] = people.bob.local.screen.getVideoTracks();
      t.stop();
      t.dispatchEvent(new Event('ended'));
    });
    await until('gone', () => !document.querySelector('.stage .tile') && !people.carol.tiles().some((t) => t.purpose === 'm.screenshare'));
  }
  assert.deepEqual(await run(() => bot.errors), []);
});

test('offers that cross are sorted out', async () => {
  await run(() => Promise.all([people.anna.setScreen(true, screen2()), people.bob.setScreen(true, screen2()), people.carol.setScreen(true, screen2())]));
  for (const [u, f] of [['anna', 'bob'], ['anna', 'carol'], ['bob', 'carol'], ['carol', 'anna']]) await decodes(u, f, 'm.screenshare');
  await run(() => ['anna', 'bob', 'carol'].forEach((u) => people[u].setScreen(false)));
  await until('all gone', () => Object.values(people).every((c) => c.tiles().every((t) => t.purpose === 'm.usermedia')));
});

test('an offer that is refused leaves the call as it was', async () => {
  const problems = await run(async () => {
    bot.refuseOffers = true;
    globalThis.told = [];
    people.bob.on('problem', (p) => told.push(p.message));
    await people.bob.setScreen(true, screen2());
  }).then(() => until('given up', () => told.length && !people.bob.local.sharing && told));
  assert.deepEqual(problems[0], 'Too many streams.');
  await run(() => { bot.refuseOffers = false; });
  await run(() => people.bob.setScreen(true, screen2()));
  await decodes('carol', 'bob', 'm.screenshare');
  await run(() => people.bob.setScreen(false));
  await until('gone', () => !people.carol.tiles().some((t) => t.purpose === 'm.screenshare'));
});

const sign = () => run(() => {
  const s = document.querySelector('[data-testid=recording-sign]');
  return s.hidden ? '' : s.dataset.state;
});

test('a recording is asked for, seen by all, and ended', async () => {
  await page.click('[data-testid=toggle-record]');
  assert.match(await run(() => document.querySelector('[data-testid=confirm]').textContent), /Everybody sees/);
  await page.keyboard.press('Escape');
  await until('no', () => !document.querySelector('[data-testid=confirm]'));
  await page.keyboard.press('r');
  await page.keyboard.press('r');
  assert.equal(await run(() => document.querySelectorAll('[data-testid=confirm]').length), 1);
  assert.equal(await sign(), '');
  await page.click('[data-testid=confirm-yes]');
  await until('sign', () => document.querySelector('[data-testid=recording-sign]').dataset.state === 'on');
  await until('bob knows', () => people.bob.recording.now.state === 'on' && people.carol.recording.now.state === 'on');
  // The server's clock is an hour off; who saw it begin counts from there.
  await until('time goes on', () => /^0:0[1-9]$/.test(document.querySelector('.sign .time').textContent));
  assert.match(await run(() => document.querySelector('[data-testid=recording-sign]').textContent), /by you/);
  assert.equal(await run(() => people.bob.recording.now.started_by), '@anna:hs');
  await page.keyboard.press('r');
  await page.click('[data-testid=confirm-yes]');
  await until('off', () => document.querySelector('[data-testid=recording-sign]').hidden && people.carol.recording.now.state === 'off');
  await until('told', () => [...document.querySelectorAll('[data-testid=toast]')].some((t) => /has ended/.test(t.textContent)));
});

test('another one records: notice, trouble, and it is all right again', async () => {
  await run(() => people.bob.recording.start());
  await until('notice', () => /Somebody started recording/.test(document.querySelector('[data-testid=recording-notice]:not([hidden])')?.textContent));
  assert.match(await run(() => document.getElementById('alert').textContent), /Somebody started recording/);
  await page.click('[data-testid=recording-ok]');
  assert.equal(await run(() => document.querySelector('[data-testid=recording-notice]').hidden), true);
  await run(() => bot.setRecording({ state: 'trouble', message: 'The disk is full.' }));
  await until('trouble', () => document.querySelector('[data-testid=recording-notice]').textContent.startsWith('The disk is full.'));
  assert.equal(await sign(), 'trouble');
  await run(() => bot.setRecording({ state: 'on', message: '' }));
  await until('better', () => document.querySelector('[data-testid=recording-notice]').hidden);
  assert.equal(await sign(), 'on');
  await page.click('[data-testid=recording-sign]');
  await until('panel', () => /Recorded since .* started by Somebody/.test(document.querySelector('[data-testid=people-recording]').textContent));
  await page.keyboard.press('Escape');
  assert.equal(await run(() => people.bob.recording.stop()), 'off');
});

test('who may not record has no button, and is told why', async () => {
  await run(() => { bot.mayNot.add('@anna:hs ANNA'); bot.setRecording({}); });
  await until('no button', () => document.querySelector('[data-testid=toggle-record]').hidden);
  const why = () => run(() => people.anna.recording.start().then(() => '', (e) => [e.code, e.message]));
  assert.deepEqual(await why(), ['record_forbidden', 'Only moderators may record.']);
  await run(() => { bot.mayNot.clear(); bot.noRecording = true; bot.setRecording({}); });
  assert.deepEqual(await why(), ['record_failed', 'The disk is full.']);
  await run(() => { bot.noRecording = false; });
});

test('a program that listens is shown, and is nobody', async () => {
  await run(() => bot.program('radio', true));
  await until('sign', () => document.querySelector('[data-testid=feeds-sign]:not([hidden])')?.textContent === '1 program listens');
  await until('tile', () => document.querySelector('[data-testid=tile][data-program=true] .tag:not([hidden])'));
  await page.keyboard.press('p');
  await until('listed', () => document.querySelector('[data-testid=program]')?.dataset.name === 'radio');
  assert.equal(await run(() => document.querySelectorAll('[data-testid=person]').length), 3);
  assert.equal(await run(() => document.querySelector('.count').textContent), '3 people');
  await page.keyboard.press('p');
  await run(() => bot.program('radio', false));
  await until('gone', () => document.querySelector('[data-testid=feeds-sign]').hidden && !document.querySelector('[data-testid=tile][data-program=true]'));
});

test('chat, text and bytes arrive as they were sent', async () => {
  await run(() => people.anna.sendChat('  héllo 🙂\nyou  '));
  await until('chat', () => ['bob', 'carol'].every((u) => people[u].chat.messages.at(-1)?.text === 'héllo 🙂\nyou'));
  assert.equal(await run(() => people.bob.chat.messages.at(-1).name), 'Anna');
  await run(async () => {
    await people.bob.sendRaw('test', 'a\nb');
    await people.bob.sendRaw('test', '');
    await people.bob.sendRaw('test', new Uint8Array([0, 10, 255]));
  });
  await until('raw', () => people.carol.raw.length === 3);
  const got = await run(() => people.carol.raw.map((r) => [r.label, r.from, typeof r.data === 'string' ? r.data : [...new Uint8Array(r.data)]]));
  assert.deepEqual(got, [['test', '@bob:hs BOB', 'a\nb'], ['test', '@bob:hs BOB', ''], ['test', '@bob:hs BOB', [0, 10, 255]]]);
  assert.deepEqual(await run(() => people.bob.raw.length), 0);
});

test('a file arrives at both with the same sum', async () => {
  const id = await run(() => {
    const bytes = new Uint8Array(4_000_003).map((_, i) => (i * 13 + (i >> 8)) & 255);
    return people.anna.files.send(new File([bytes], 'big.bin'));
  });
  await until('done', (f) => ['anna', 'bob', 'carol'].every((u) => people[u].files.list().find((t) => t.id === f)?.state === 'done'), id);
  const sums = await run(async (f) => Promise.all(['bob', 'carol'].map(async (u) => {
    const d = await crypto.subtle.digest('SHA-256', await people[u].files.blob(f).arrayBuffer());
    return [...new Uint8Array(d)].map((b) => b.toString(16).padStart(2, '0')).join('');
  })), id);
  const want = await run((f) => people.anna.files.list().find((t) => t.id === f).sha256, id);
  assert.deepEqual(sums, [want, want]);
});

test('the speaker is marked', async () => {
  await run(() => bot.speaker('@carol:hs CAROL'));
  await until('ring', () => document.querySelector('[data-user-id="@carol:hs"]').dataset.speaking === 'true');
});

test('who agreed to one size of our camera gets the whole picture', async () => {
  await until('whole', () => {
    const { encodings } = people.bob.peer.video.sender.getParameters();
    return encodings.length === 1 && encodings[0].scaleResolutionDownBy === 1;
  });
});

test('how well it comes is told and shown, with numbers on demand', async () => {
  await until('words', () => people.anna.quality().every((t) => ['good', 'fair', 'poor'].includes(t.quality)));
  await until('shown', () => [...document.querySelectorAll('[data-testid=tile]')].every((t) => t.dataset.quality));
  const numbers = () => run(() => [...document.querySelectorAll('[data-testid=tile-numbers]:not([hidden])')].map((n) => n.textContent));
  assert.deepEqual(await numbers(), []);
  await page.keyboard.press('i');
  const said = await numbers();
  assert.equal(said.length, 3);
  for (const text of said) assert.match(text, /VP8 \d+×\d+ · \d+ fps\n.*kbit\/s · loss .* %\n(.*\n)*jitter \d+ ms · RTT \d+ ms/);
  await page.keyboard.press('i');
  assert.deepEqual(await numbers(), []);
});

test('who is not sent to us shows initials and why', async () => {
  const stream = await run(() => people.anna.tiles().find((t) => t.user_id === '@carol:hs').stream_id);
  await run((id) => bot.seats.get('@anna:hs ANNA').control('org.hearth.streams', { paused: [{ stream_id: id, reason: 'bandwidth' }] }), stream);
  await until('paused', () => {
    const t = document.querySelector('[data-user-id="@carol:hs"]');
    return !t.classList.contains('pictured') && t.querySelector('[data-testid=tile-paused]').textContent === 'paused: slow connection'
      && /paused: slow connection/.test(t.getAttribute('aria-label'));
  });
  await run(() => bot.seats.get('@anna:hs ANNA').control('org.hearth.streams', { paused: [] }));
  await until('back', () => document.querySelector('[data-user-id="@carol:hs"]').classList.contains('pictured'));
});

test('ICE restarts over Matrix and the call goes on', async () => {
  const ufrag = () => run(() => /ice-ufrag:(\S+)/.exec(people.bob.peer.pc.localDescription.sdp)[1]);
  const [old, call] = [await ufrag(), await run(() => people.bob.callId)];
  await run(() => people.bob.restartIce());
  await until('another ufrag', (o) => people.bob.peer.pc.signalingState === 'stable'
    && !people.bob.peer.pc.currentLocalDescription.sdp.includes(`ice-ufrag:${o}`), old);
  await until('connected', () => people.bob.state === 'connected');
  assert.equal(await run(() => people.bob.callId), call);
  await decodes('anna', 'bob');
});

test('two signs of one change of the network are one restart', async () => {
  // Silence restarts, too, where a machine has no time to spare.
  await run(() => { bot.reachable = false; });
  const restarts = (u) => run((who) => people[who].log.filter((l) => l.event === 'ice_restart').map((l) => l.why)
    .filter((why) => ['online', 'connection', 'asked'].includes(why)), u);
  await until('the last one is long over', () => {
    const last = people.bob.log.findLast((l) => l.event === 'ice_restart');
    return people.bob.state === 'connected' && (!last || Date.now() - last.t > 1500);
  });
  const before = (await restarts('bob')).length;
  const call = await run(() => people.bob.callId);
  const old = await run(() => /ice-ufrag:(\S+)/.exec(people.bob.peer.pc.localDescription.sdp)[1]);
  await run(() => { people.bob.networkChanged('online'); people.bob.networkChanged('connection'); people.bob.restartIce(); });
  await until('another ufrag', (o) => people.bob.peer.pc.signalingState === 'stable'
    && !people.bob.peer.pc.currentLocalDescription.sdp.includes(`ice-ufrag:${o}`), old);
  assert.deepEqual((await restarts('bob')).slice(before), ['online']);
  // Later, and while it is not over: that is another change.
  await run(() => new Promise((r) => { setTimeout(r, 1050); }));
  const second = await run(() => /ice-ufrag:(\S+)/.exec(people.bob.peer.pc.localDescription.sdp)[1]);
  await run(() => people.bob.networkChanged('connection'));
  await until('a third ufrag', (o) => people.bob.peer.pc.signalingState === 'stable'
    && !people.bob.peer.pc.currentLocalDescription.sdp.includes(`ice-ufrag:${o}`), second);
  assert.deepEqual((await restarts('bob')).slice(before), ['online', 'connection']);
  await run(() => { bot.reachable = true; });
  assert.equal(await run(() => people.bob.callId), call);
  await decodes('anna', 'bob');
});

test('who leaves is gone within two seconds', async () => {
  await run(() => people.carol.leave());
  const start = Date.now();
  await until('gone', () => people.bob.tiles().length === 2 && document.querySelectorAll('[data-testid=tile]').length === 2);
  assert.ok(Date.now() - start < 2000);
  assert.equal(await run(() => people.carol.state), 'left');
});

test('a worker that died is called again, and media comes back', async () => {
  const old = await run(() => people.anna.callId);
  await run(() => bot.killAll());
  await until('again', (o) => people.anna.state === 'connected' && people.anna.callId !== o && people.bob.state === 'connected', old);
  await decodes('anna', 'bob');
  await decodes('bob', 'anna');
});

test('while the network is away nobody is called', async () => {
  const invites = () => run(() => people.bob.log.filter((l) => l.event === 'invited').length);
  await run(() => { bot.reachable = false; bot.killAll(); });
  await until('lost', () => people.bob.state === 'reconnecting' && people.bob.log.at(-1).event === 'again');
  const before = await invites();
  await run(() => new Promise((r) => { setTimeout(r, 2500); }));
  assert.equal(await invites(), before);
  await run(() => { bot.reachable = true; });
  await until('again', () => people.anna.state === 'connected' && people.bob.state === 'connected');
  await decodes('anna', 'bob');
});

test('a transport that closes without a word is called again', async () => {
  await run(() => bot.killAll('', false));
  await until('lost', () => people.anna.state !== 'connected');
  await until('again', () => people.anna.state === 'connected' && people.bob.state === 'connected');
  await decodes('anna', 'bob');
});

test('who comes later is told at once that it is recorded', async () => {
  await run(() => people.bob.recording.start());
  await run(() => { globalThis.told = []; return enter('frida', { mic: false, cam: false }); });
  await run(() => people.frida.on('recording', (t) => told.push([t.joined, t.now.state])));
  await until('told', () => told.length);
  assert.deepEqual(await run(() => told[0]), [true, 'on']);
  assert.ok(await run(() => Date.now() - people.frida.recording.startedAt > 3500e3));
  await run(() => people.frida.leave());
  assert.equal(await run(() => people.frida.recording.now.state), 'off');
  await run(() => people.bob.recording.stop());
});

test('without camera and microphone one still watches', async () => {
  await run(() => enter('dora', { mic: false, cam: false }));
  await decodes('dora', 'anna');
  await until('initials', () => {
    const d = document.querySelector('[data-user-id="@dora:hs"]')?.dataset;
    return d?.audioMuted === 'true' && d.videoMuted === 'true';
  });
  // … and turns the camera on in the middle.
  await run(() => people.dora.local.start({ mic: true, cam: true }));
  await decodes('anna', 'dora');
});

test('a refusal is final and says why', async () => {
  await run(() => { bot.refuse = 'full'; return enter('erik', { mic: false, cam: false }); });
  await until('failed', () => people.erik.state === 'failed');
  assert.match(await run(() => people.erik.error.message), /full/);
  assert.deepEqual(await run(() => bot.errors), []);
});
