import assert from 'node:assert/strict';
import test from 'node:test';
import { splitSender } from '../src/call/channels.js';
import { readChat } from '../src/call/chat.js';
import { callAgain, reasonCode, rejoinDelay, videoQuality } from '../src/call/rejoin.js';
import { terse } from '../src/call/terse.js';
import { explain, words } from '../src/problems.js';
import { gridLayout, hue, HUES, initials, stageKeys } from '../src/ui/layout.js';
import { lines, pausedWords } from '../src/ui/numbers.js';

const bytes = (text) => new TextEncoder().encode(text).buffer;

test('the sender is split off text and bytes', () => {
  assert.deepEqual(splitSender('@a:hs D\nhello\nthere'), { from: '@a:hs D', data: 'hello\nthere' });
  assert.deepEqual(splitSender('@a:hs D\n'), { from: '@a:hs D', data: '' });
  assert.equal(splitSender('no sender'), null);
  const got = splitSender(bytes('@a:hs D\n\u0000\nx'));
  assert.equal(got.from, '@a:hs D');
  assert.deepEqual([...new Uint8Array(got.data)], [0, 10, 120]);
  assert.equal(splitSender(new Uint8Array(5000).buffer), null);
});

const media = (mid, ...lines) => [`m=video 9 UDP/TLS/RTP/SAVPF 96 97 98`, 'c=IN IP4 0.0.0.0', 'a=ice-ufrag:u', 'a=ice-pwd:p',
  'a=fingerprint:sha-256 AA', 'a=setup:actpass', 'a=candidate:1 1 udp 1 ::1 9 typ host', `a=mid:${mid}`, 'a=rtcp-mux',
  'a=extmap:1 urn:a', 'a=extmap:2/sendonly urn:b', 'a=rtpmap:96 VP8/90000', 'a=rtcp-fb:96 nack', 'a=rtpmap:97 rtx/90000',
  'a=fmtp:97 apt=96', 'a=rtpmap:98 VP9/90000', 'a=rtcp-fb:* ccm fir', 'a=msid:s t', 'a=ssrc:5 cname:c', ...lines, ''].join('\r\n');

test('a description is cut down to what is read', () => {
  const head = 'v=0\r\no=- 1 2 IN IP4 ::1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\n';
  const offer = { type: 'offer', sdp: head + media(0, 'a=sendrecv') + media(1, 'a=recvonly') };
  const theirs = 'v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\nm=video 9 UDP/TLS/RTP/SAVPF 96 97\r\na=extmap:2 urn:b\r\n';
  const [session, first, second, ...more] = terse(offer, theirs).sdp.split(/(?=m=)/);
  assert.deepEqual(more, []);
  assert.equal(session, head);
  assert.equal(first, media(0, 'a=sendrecv')); // it sends here, and has the transport
  assert.deepEqual(second.split('\r\n'), ['m=video 9 UDP/TLS/RTP/SAVPF 96 97', 'c=IN IP4 0.0.0.0', 'a=mid:1', 'a=rtcp-mux',
    'a=extmap:2/sendonly urn:b', 'a=rtpmap:96 VP8/90000', 'a=rtcp-fb:96 nack', 'a=rtpmap:97 rtx/90000', 'a=fmtp:97 apt=96',
    'a=rtcp-fb:* ccm fir', 'a=recvonly', '']);
});

test('a description is left as it is where nothing is known', () => {
  const alone = { type: 'offer', sdp: `v=0\r\n${media(0, 'a=recvonly')}` };
  assert.deepEqual(terse(alone, 'v=0\r\n'), alone);
  const head = 'v=0\r\na=group:BUNDLE 0\r\n';
  const formats = (remote) => /^m=.*$/m.exec(terse({ type: 'offer', sdp: head + media(0, 'a=recvonly') }, remote).sdp)[0];
  for (const remote of [undefined, 'v=0\r\nm=video 0 UDP/TLS/RTP/SAVPF 96\r\n', 'v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 45\r\n']) {
    assert.equal(formats(remote), 'm=video 9 UDP/TLS/RTP/SAVPF 96 97 98');
  }
});

test('chat takes what it should', () => {
  assert.deepEqual(readChat('{"text":"hi","ts":5}', 6), { text: 'hi', ts: 5 });
  assert.equal(readChat('{"text":"hi","ts":99999999}', 6).ts, 6);
  assert.equal(readChat(JSON.stringify({ text: 'x'.repeat(9000) }), 6).text.length, 4000);
  for (const bad of ['', '{', 'null', '{"text":""}', '{"text":3}', new ArrayBuffer(2)]) assert.equal(readChat(bad, 0), null);
});

test('who hung up decides whether to call again', () => {
  for (const r of ['worker_died', 'ice_timeout', 'ice_failed', 'channel_closed', 'no_answer', 'unknown_error', 'shutdown']) {
    assert.equal(callAgain(r, 1), true, r);
  }
  for (const r of ['user_hangup', 'full', 'refused', 'kicked', 'replaced']) assert.equal(callAgain(r, 1), false, r);
  assert.equal(callAgain('worker_died', 10), false);
  for (const r of ['user_hangup', 'user_busy', 'rejected', 'closed', 'not_joined', 'worker_died', 'full', 'ping_timeout']) {
    assert.ok(words(reasonCode(r)), r);
  }
});

test('calling again takes longer each time, with an end', () => {
  assert.equal(rejoinDelay(1, 1), 500);
  assert.equal(rejoinDelay(1, 0), 250);
  assert.equal(rejoinDelay(3, 1), 2000);
  assert.equal(rejoinDelay(30, 1), 15000);
});

test('the more receive a picture, the smaller it is', () => {
  const rates = [0, 2, 3, 5, 6, 11, 12, 60].map((n) => videoQuality(n).maxBitrate);
  assert.deepEqual(rates, [...rates].sort((a, b) => b - a));
});

test('tiles fit, for one to fifty and from phone to desk', () => {
  for (const [w, h] of [[344, 560], [1416, 760], [700, 300], [320, 200]]) {
    for (let n = 1; n <= 50; n++) {
      const g = gridLayout(n, w, h, 8);
      assert.ok(g.cols * g.rows >= n);
      assert.ok(g.w > 0 && g.cols * g.w + (g.cols - 1) * 8 <= w, `${n} in ${w}`);
      assert.ok(g.h > 0 && g.rows * g.h + (g.rows - 1) * 8 <= h, `${n} in ${h}`);
    }
  }
  assert.equal(gridLayout(2, 1400, 700, 8).cols, 2);
  assert.equal(gridLayout(2, 344, 560, 8).cols, 1);
  assert.equal(gridLayout(4, 1400, 700, 8).cols, 2);
});

test('a pinned tile has the stage, else the screens of others', () => {
  const tiles = [{ key: 'a', purpose: 'm.usermedia' }, { key: 's', purpose: 'm.screenshare' }, { key: 'o', purpose: 'm.screenshare', you: true }];
  assert.deepEqual([...stageKeys(tiles, '')], ['s']);
  assert.deepEqual([...stageKeys(tiles, 'a')], ['a']);
  assert.deepEqual([...stageKeys(tiles, 'gone')], ['s']);
});

test('initials', () => {
  for (const [name, want] of [['Anna Berg', 'AB'], ['bob', 'B'], ['Émile de la Tour', 'ÉT'], ['  ', '?'], ['🙂', '?'], ['x_y', 'XY'], ['李 雷', '李雷']]) {
    assert.equal(initials(name), want);
  }
  assert.ok(hue('@a:hs D') >= 0 && hue('@a:hs D') < HUES);
});

test('errors become words', () => {
  assert.equal(explain({ errcode: 'M_FORBIDDEN' }, 'login').code, 'bad_login');
  assert.equal(explain({ errcode: 'M_FORBIDDEN' }, 'room').code, 'room_forbidden');
  assert.equal(explain(new TypeError('Failed to fetch')).code, 'homeserver_unreachable');
  assert.equal(explain({ data: { error: 'Odd' } }).message, 'Odd');
  assert.match(words('bot_absent', { bot: '@h:hs' }), /^@h:hs was invited/);
});

test('the numbers of a tile are few short lines', () => {
  const video = { codec: 'VP8', width: 640, height: 360, fps: 14.6, kbps: 411.6, loss: 0.34, jitter: 8.2, limited: 'bandwidth' };
  const audio = { codec: 'opus', kbps: 31, loss: 12.2, jitter: 3 };
  assert.deepEqual(lines({ video, audio, rtt: 43.4 }), [
    'VP8 640×360 · 15 fps', '412 kbit/s · loss 0.3 %', 'held back by the network', 'opus 31 kbit/s · loss 12 %', 'jitter 8 ms · RTT 43 ms',
  ]);
  assert.deepEqual(lines({ audio: { ...audio, loss: 0 }, rtt: 5 }), ['opus 31 kbit/s · loss 0 %', 'jitter 3 ms · RTT 5 ms']);
  assert.deepEqual(lines({ video: { ...video, codec: '', height: 0, kbps: 12_345, limited: '' }, rtt: 0 }).slice(0, 2), ['no picture', '12.3 Mbit/s · loss 0.3 %']);
});

test('why a picture is not there is said where it helps', () => {
  assert.equal(pausedWords('bandwidth'), 'paused: slow connection');
  assert.equal(pausedWords('last_n'), 'paused: others speak');
  for (const none of ['', undefined, 'not_shown', 'toString']) assert.equal(pausedWords(none), '');
});
