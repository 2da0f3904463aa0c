// Do browsers take the SDP that sfu/sdp prints? Offers of a real browser go
// into the sdp_peer program, its texts go back into the browser. Signalling
// only: nothing connects.
//
//   node sdp_browsers.mjs PATH_TO_sdp_peer [chromium|firefox ...]
//
// Needs puppeteer-core (NODE_PATH or a node_modules above), chromium and
// firefox-esr. Exits 0 when all checks hold, 1 when one does not.
import { spawn } from 'node:child_process';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { terse } from '../../web/src/call/terse.js';

const require = createRequire(process.cwd() + '/');
const puppeteer = require('puppeteer-core');

const browsers = {
  chromium: { browser: 'chrome', executablePath: '/usr/bin/chromium',
    args: ['--no-sandbox', '--use-fake-device-for-media-stream',
      '--use-fake-ui-for-media-stream'] },
  firefox: { browser: 'firefox', executablePath: '/usr/bin/firefox-esr',
    extraPrefsFirefox: { 'media.navigator.streams.fake': true,
      'media.navigator.permission.disabled': true } },
};

// A negotiation in C, one command and one reply at a time.
class Peer {
  constructor(path) {
    this.child = spawn(path, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.buffer = Buffer.alloc(0);
    this.waiting = [];
    this.child.stdout.on('data', (d) => {
      this.buffer = Buffer.concat([this.buffer, d]);
      this.drain();
    });
  }

  drain() {
    const eol = this.buffer.indexOf('\n');
    if (eol < 0) return;
    const end = eol + 1 + Number(this.buffer.subarray(0, eol));
    if (this.buffer.length < end) return;
    const text = this.buffer.subarray(eol + 1, end).toString();
    this.buffer = this.buffer.subarray(end);
    this.waiting.shift()(text);
    this.drain();
  }

  ask(command, body = '') {
    const head = body ? `${command} ${Buffer.byteLength(body)}` : command;
    this.child.stdin.write(`${head}\n${body}`);
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  end() { this.child.stdin.end(); }
}

// In the page: every step is one description, set; returns what it led to.
function pageSetup() {
  const pcs = {};
  window.start = async (name, what) => {
    const pc = pcs[name] = new RTCPeerConnection(what.config);
    pc.seen = [];
    pc.ontrack = (e) => pc.seen.push(
      `${e.track.kind} ${e.streams.map((s) => s.id).join()}`);
    if (what.media) {
      const s = await navigator.mediaDevices.getUserMedia(what.media);
      pc.tracks = s.getTracks();
      pc.tracks.forEach((t) => pc.addTrack(t, s));
    }
    if (what.data) pc.createDataChannel('x');
  };
  window.publish = async (name) => {
    const s = await navigator.mediaDevices.getUserMedia(
      { audio: true, video: true });
    s.getTracks().forEach((t) => pcs[name].addTrack(t, s));
    pcs[name].addTransceiver('video');
    pcs[name].addTransceiver('audio');
  };
  window.layers = async (name) => {
    const pc = pcs[name];
    const s = await navigator.mediaDevices.getUserMedia(
      { audio: true, video: true });
    pc.addTransceiver(s.getAudioTracks()[0], { streams: [s] });
    pc.sim = pc.addTransceiver(s.getVideoTracks()[0], { streams: [s],
      sendEncodings: [{ rid: 'q', scaleResolutionDownBy: 4 },
        { rid: 'h', scaleResolutionDownBy: 2 }, { rid: 'f' }] });
  };
  window.encodings = (name) => pcs[name].sim.sender.getParameters()
    .encodings.map((e) => e.rid);
  window.offer = async (name, direction) => {
    const pc = pcs[name];
    if (direction)
      pc.getTransceivers().forEach((t) => {
        if (!t.stopped) t.direction = direction;
      });
    await pc.setLocalDescription(await pc.createOffer());
    return pc.localDescription.sdp;
  };
  window.restart = async (name) => {
    const pc = pcs[name];
    await pc.setLocalDescription(await pc.createOffer({ iceRestart: true }));
    return { ours: pc.localDescription.sdp, theirs: pc.remoteDescription.sdp };
  };
  window.take = async (name, type, sdp) => {
    const pc = pcs[name];
    pc.seen = [];
    await pc.setRemoteDescription({ type, sdp });
    if (type === 'offer')
      await pc.setLocalDescription(await pc.createAnswer());
    return { sdp: pc.localDescription.sdp, tracks: pc.seen,
      state: pc.signalingState,
      directions: pc.getTransceivers().map((t) => t.currentDirection) };
  };
}

let failed = 0;
function check(browser, what, got, want) {
  const ok = JSON.stringify(got) === JSON.stringify(want);
  failed += !ok;
  console.log(`${ok ? 'ok  ' : 'FAIL'} ${browser}: ${what}` +
    (ok ? '' : ` got ${JSON.stringify(got)} want ${JSON.stringify(want)}`));
}

class Call {
  constructor(name, page, path, pc) {
    Object.assign(this, { name, page, pc, peer: new Peer(path) });
  }

  start(what) {
    return this.page.evaluate((n, w) => window.start(n, w), this.pc, what);
  }

  take(type, sdp) {
    return this.page.evaluate((n, t, s) => window.take(n, t, s), this.pc,
      type, sdp);
  }

  check(what, got, want) { check(this.name, `${this.pc}: ${what}`, got, want); }

  // Theirs, then our answer.
  async theirs(what, direction, before = async () => {}) {
    const sdp = await this.page.evaluate((n, d) => window.offer(n, d),
      this.pc, direction);
    this.check(`${what}: offer taken`, await this.peer.ask('remote-offer',
      sdp), 'ok');
    await before();
    return this.take('answer', await this.peer.ask('answer'));
  }

  // Ours, then their answer.
  async ours(what) {
    const r = await this.take('offer', await this.peer.ask('offer'));
    this.check(`${what}: answer taken`, await this.peer.ask('remote-answer',
      r.sdp), 'ok');
    return r;
  }
}

async function media(call) {
  await call.start({ media: { audio: true, video: true }, data: true });
  let r = await call.theirs('audio, video, data');
  call.check('answer set', r.state, 'stable');
  call.check('directions', r.directions, ['sendonly', 'sendonly']);

  // Two go on the free halves of their own m-lines, three on new ones.
  await call.peer.ask('send audio alice alice-mic 1001');
  await call.peer.ask('send video alice alice-cam 1002');
  await call.peer.ask('send audio bob bob-mic 1003');
  await call.peer.ask('send video bob bob-cam 1004');
  await call.peer.ask('send video bob-screen bob-scr 1005');
  r = await call.ours('five tracks');
  call.check('tracks', r.tracks.sort(), ['audio alice', 'audio bob',
    'video alice', 'video bob', 'video bob-screen']);
  call.check('directions', r.directions, ['sendrecv', 'sendrecv', 'recvonly',
    'recvonly', 'recvonly']);

  r = await call.theirs('hold', 'sendonly');
  call.check('held', r.directions.slice(0, 2), ['sendonly', 'sendonly']);
  r = await call.theirs('resume', 'sendrecv');
  call.check('resumed, with the tracks again', r.tracks.length, 5);

  const index = (await call.peer.ask('state')).split('\n')
    .findIndex((l) => / mid h2 /.test(l));
  await call.peer.ask(`unsend ${index}`);
  r = await call.ours('screen given up');
  call.check('screen gone', ['sendonly', 'inactive']
    .includes(r.directions[4]), true);
  await call.peer.ask('send video carol carol-cam 1006');
  r = await call.ours('half used again');
  call.check('the new track fires', r.tracks, ['video carol']);
  call.check('no m-line more', r.directions.length, 5);
}

async function dataOnly(call) {
  await call.start({ data: true });
  let r = await call.theirs('data only');
  call.check('answer set', r.state, 'stable');
  await call.peer.ask('send audio dave dave-mic 2001');
  await call.peer.ask('send video dave dave-cam 2002');
  r = await call.ours('tracks from defaults');
  call.check('tracks', r.tracks.sort(), ['audio dave', 'video dave']);

  // Their own numbers now, beside the ones that were ours to choose.
  await call.page.evaluate((n) => window.publish(n), call.pc);
  r = await call.theirs('media added to it');
  call.check('answer set', r.state, 'stable');
  call.check('m-lines that publish', (await call.peer.ask('state'))
    .split('\n').filter((l) => /receiving/.test(l)).length, 4);
}

async function maxBundle(call) {
  await call.start({ media: { audio: true, video: true },
    config: { bundlePolicy: 'max-bundle' } });
  const r = await call.theirs('max-bundle', null, async () => {
    await call.peer.ask('send audio erin erin-mic 3001');
    await call.peer.ask('send video erin erin-cam 3002');
  });
  call.check('tracks in the answer', r.tracks.sort(), ['audio erin',
    'video erin']);
  call.check('directions', r.directions, ['sendrecv', 'sendrecv']);
}

async function weCall(call) {
  await call.start({});
  await call.peer.ask('send audio frank frank-mic 4001');
  await call.peer.ask('send video frank frank-cam 4002');
  const r = await call.ours('our first offer');
  call.check('tracks', r.tracks.sort(), ['audio frank', 'video frank']);
}

// Everything at once: layers, rtx, red, transport-wide feedback; and it lasts
// over an offer of ours.
async function layered(call) {
  const encodings = () => call.page.evaluate((n) => window.encodings(n),
    call.pc);
  await call.peer.ask('features');
  await call.start({});
  await call.page.evaluate((n) => window.layers(n), call.pc);
  let r = await call.theirs('three layers');
  call.check('answer set', r.state, 'stable');
  call.check('encodings', await encodings(), ['q', 'h', 'f']);
  const state = async () => (await call.peer.ask('state')).trim().split('\n');
  const audio = (await state())[0], video = (await state())[1];
  call.check('rids agreed', / rids 3 /.test(video), true);
  call.check('rtx agreed', / rtx [1-9]/.test(video), true);
  call.check('transport-wide feedback agreed', / twcc 11 /.test(video), true);
  if (call.name === 'chromium')
    call.check('red agreed', / red [1-9]/.test(audio), true);

  await call.peer.ask('send audio alice alice-mic 1001');
  await call.peer.ask('send video alice alice-cam 1002');
  await call.peer.ask('send video bob bob-cam 1004');
  r = await call.ours('tracks with rtx');
  call.check('tracks', r.tracks.sort(), ['audio alice', 'video alice',
    'video bob']);
  call.check('directions', r.directions, ['sendrecv', 'sendrecv',
    'recvonly']);
  call.check('still layered', await encodings(), ['q', 'h', 'f']);
  call.check('layers in the answer', /a=simulcast:send q;h;f/.test(r.sdp),
    true);
  call.check('rtx in the answer', /rtx\/90000/.test(r.sdp.split('m=')[3]),
    true);
  call.check('rids agreed', / rids 3 /.test((await state())[1]), true);
  r = await call.theirs('offered again');
  call.check('still layered', await encodings(), ['q', 'h', 'f']);
}

// A homeserver takes 65,536 bytes, some of them for the names of the streams.
const size = (sdp) => JSON.stringify(sdp).length;

// Offers and answers of a hundred m-lines, also through a restart of ICE.
async function fifty(call) {
  await call.peer.ask('features');
  await call.start({ media: { audio: true, video: true }, data: true,
    config: { bundlePolicy: 'max-bundle' } });
  await call.theirs('of fifty');
  for (let i = 0; i < 48; i++) {
    await call.peer.ask(`send audio h${i}-0 h${i}-0-a ${1e9 + 4 * i}`);
    await call.peer.ask(`send video h${i}-0 h${i}-1-v ${1e9 + 4 * i + 2}`);
  }
  const offer = await call.peer.ask('offer');
  let r = await call.take('offer', offer);
  const answer = terse({ type: 'answer', sdp: r.sdp }, offer).sdp;
  console.log(`     ${call.name}: offer ${size(offer)}, their answer ` +
    `${size(r.sdp)}, cut ${size(answer)}`);
  call.check('tracks', r.tracks.length, 96);
  call.check('answer taken', await call.peer.ask('remote-answer', answer),
    'ok');
  call.check('sizes', [size(offer) < 50000, size(answer) < 50000],
    [true, true]);
  const state = async () => (await call.peer.ask('state')).split('\n')
    .map((l) => l.replace(/ (twcc|rids) .*? codecs/, ''));
  const before = await state();

  for (const what of ['restarted', 'again']) {
    const { ours, theirs } = await call.page.evaluate((n) =>
      window.restart(n), call.pc);
    const restart = terse({ type: 'offer', sdp: ours }, theirs).sdp;
    call.check(`${what}: offer taken`, await call.peer.ask('remote-offer',
      restart), 'ok');
    const back = await call.peer.ask('answer');
    console.log(`     ${call.name}: their offer ${size(ours)}, cut ` +
      `${size(restart)}, answer ${size(back)}`);
    call.check(`${what}: sizes`, [size(restart) < 52000, size(back) < 50000],
      [true, true]);
    r = await call.take('answer', back);
    call.check(what, r.state, 'stable');
    call.check(`${what}: receives`, r.directions.filter((d) =>
      /recv/.test(d)).length, 96);
    call.check(`${what}: all goes on`, await state(), before);
  }
}

const [path, ...names] = process.argv.slice(2);
const server = createServer((q, r) => {
  r.setHeader('content-type', 'text/html');
  r.end('<!doctype html><title>sdp</title>');
});
await new Promise((r) => server.listen(0, '127.0.0.1', r));
for (const name of names.length ? names : Object.keys(browsers)) {
  const browser = await puppeteer.launch({ headless: true,
    ...browsers[name] });
  const page = await browser.newPage();
  await page.goto(`http://localhost:${server.address().port}/`);
  await page.evaluate(pageSetup);
  for (const run of [media, dataOnly, maxBundle, weCall, layered, fifty]) {
    const call = new Call(name, page, path, run.name);
    try {
      await run(call);
    } catch (e) {
      call.check('ran through', String(e), '');
    }
    call.peer.end();
  }
  await browser.close();
}
server.close();
process.exit(failed ? 1 : 0);
