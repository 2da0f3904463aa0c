import assert from 'node:assert/strict';
import test from 'node:test';
import { counters, Gauge } from '../src/call/gauge.js';

const report = (...list) => new Map(list.map((s, i) => [s.id || `s${i}`, { id: s.id || `s${i}`, ...s }]));
// Ours goes out where bob's picture comes in.
const KEYS = { in: new Map([['1', 'bob'], ['2', 'bob']]), out: new Map([['2', 'me']]) };
const VP8 = { id: 'c8', type: 'codec', mimeType: 'video/VP8' };
const PAIR = { id: 'p', type: 'candidate-pair', currentRoundTripTime: 0.05 };
const PATH = { id: 't', type: 'transport', selectedCandidatePairId: 'p' };
const OTHER = { id: 'o', type: 'candidate-pair', nominated: true, currentRoundTripTime: 9 };

const video = (more) => ({
  type: 'inbound-rtp', kind: 'video', mid: '2', codecId: 'c8', packetsReceived: 0, packetsLost: 0, bytesReceived: 0,
  framesDecoded: 0, frameWidth: 640, frameHeight: 360, jitter: 0.008, totalFreezesDuration: 0, ...more,
});
const audio = (more) => ({
  type: 'inbound-rtp', kind: 'audio', mid: '1', packetsReceived: 0, packetsLost: 0, bytesReceived: 0,
  totalSamplesReceived: 0, concealedSamples: 0, silentConcealedSamples: 0, ...more,
});

// What is read of bob, after 2 s in which `came` came on top of nothing.
function read(came, is = { seen: true, paused: '' }, path = PAIR) {
  const g = new Gauge();
  const shown = new Map([['bob', is]]);
  g.add(counters(report(VP8, OTHER, path, PATH, video({}), audio({})), KEYS, 1000), shown);
  assert.equal(g.tiles.size, 0);
  g.add(counters(report(VP8, OTHER, path, PATH, ...came), KEYS, 3000), shown);
  return g.tiles.get('bob');
}

const GOOD_VIDEO = { packetsReceived: 200, bytesReceived: 100_000, framesDecoded: 30 };
const GOOD_AUDIO = { packetsReceived: 100, bytesReceived: 8_000, totalSamplesReceived: 96_000 };

test('numbers are of the time between', () => {
  const r = read([video(GOOD_VIDEO), audio(GOOD_AUDIO)]);
  assert.deepEqual(r, {
    quality: 'good', rtt: 50,
    video: { codec: 'VP8', width: 640, height: 360, fps: 15, kbps: 400, jitter: 8, loss: 0, concealed: 0, frozen: 0, limited: '' },
    audio: { codec: '', width: 0, height: 0, fps: 0, kbps: 32, jitter: 0, loss: 0, concealed: 0, frozen: 0, limited: '' },
  });
});

test('loss, freezes, made-up sound and a long way are judged', () => {
  const word = (v, a, ...rest) => read([video({ ...GOOD_VIDEO, ...v }), audio({ ...GOOD_AUDIO, ...a })], ...rest).quality;
  assert.equal(word({ packetsLost: 4 }), 'good');
  assert.equal(word({ packetsLost: 12 }), 'fair');
  assert.equal(word({ packetsLost: 40 }), 'poor');
  assert.equal(word({ packetsLost: -3 }), 'good');
  assert.equal(word({ totalFreezesDuration: 0.1 }), 'fair');
  assert.equal(word({ totalFreezesDuration: 1 }), 'poor');
  assert.equal(word({}, { concealedSamples: 5_000 }), 'fair');
  assert.equal(word({}, { concealedSamples: 50_000 }), 'poor');
  // Silence that is made up is silence.
  assert.equal(word({}, { concealedSamples: 50_000, silentConcealedSamples: 50_000 }), 'good');
  assert.equal(word({}, {}, undefined, { ...PAIR, currentRoundTripTime: 0.5 }), 'fair');
  assert.equal(word({}, {}, undefined, { ...PAIR, currentRoundTripTime: 1.5 }), 'poor');
});

test('a picture that stands still is poor where it should move', () => {
  const still = [video({}), audio(GOOD_AUDIO)];
  assert.equal(read(still).quality, 'poor');
  const off = read(still, { seen: false, paused: '' });
  assert.equal(off.quality, 'good');
  assert.equal(off.video, undefined);
  assert.equal(read(still, { seen: false, paused: 'bandwidth' }).quality, 'poor');
  assert.equal(read(still, { seen: false, paused: 'last_n' }).quality, 'good');
});

test('ours: all sizes together, the largest shown, what the server lost of them', () => {
  const out = (rid, more) => ({ id: `o${rid}`, type: 'outbound-rtp', kind: 'video', mid: '2', rid, codecId: 'c8', qualityLimitationReason: 'none', ...more });
  const remote = (rid, more) => ({ type: 'remote-inbound-rtp', localId: `o${rid}`, ...more });
  const shown = new Map([['me', { seen: true, paused: '' }]]);
  const after = (lost, reason = 'none') => {
    const g = new Gauge();
    g.add(counters(report(VP8, PAIR, PATH, out('q', {}), out('f', {})), KEYS, 0), shown);
    g.add(counters(report(VP8, PAIR, PATH,
      out('q', { packetsSent: 50, bytesSent: 20_000, framesEncoded: 60, frameWidth: 320, frameHeight: 180 }),
      out('f', { packetsSent: 150, bytesSent: 230_000, framesEncoded: 58, frameWidth: 1280, frameHeight: 720, qualityLimitationReason: reason }),
      remote('q', { packetsLost: lost, jitter: 0.003 })), KEYS, 2000), shown);
    return g.tiles.get('me');
  };
  const r = after(1);
  assert.deepEqual([r.quality, r.video.height, r.video.fps, r.video.kbps, r.video.loss, r.video.jitter], ['good', 720, 30, 1000, 0.5, 3]);
  assert.equal(after(30).quality, 'poor');
  assert.equal(after(0, 'bandwidth').quality, 'fair');
  assert.equal(after(0, 'cpu').quality, 'good');
});

test('a bad moment passes', () => {
  const g = new Gauge();
  const shown = new Map([['bob', { seen: true, paused: '' }]]);
  const words = [];
  const lost = [0, 0, 60, 60, 60, 60];
  lost.forEach((n, i) => {
    g.add(counters(report(PAIR, PATH, video({ packetsReceived: 200 * i, framesDecoded: 30 * i, packetsLost: n })), KEYS, 2000 * i), shown);
    words.push(g.tiles.get('bob')?.quality);
  });
  assert.deepEqual(words, [undefined, 'good', 'poor', 'poor', 'good', 'good']);
  g.reset();
  assert.equal(g.tiles.size, 0);
});
