import assert from 'node:assert/strict';
import test from 'node:test';
import { elapsedText, readRecording, Recording, runs } from '../src/call/recording.js';
import { readLink, requestLink, trackTitle } from '../src/recordings.js';

const said = (state, more = {}) => readRecording({
  state, id: 'r1', started_by: '@a:hs', started_by_name: 'Anna', since_ms: 1000, may_control: true, feeds: [], ...more,
});

function recording(answers = true) {
  const sent = [];
  const r = new Recording((action) => { sent.push(action); return answers; });
  return { r, sent };
}

test('what the bot says is cleaned', () => {
  for (const none of [undefined, null, {}, { state: 'odd' }, { state: 1 }, 'on']) assert.equal(readRecording(none), null);
  const r = readRecording({ state: 'on', id: 7, since_ms: '5', may_control: 1, message: 'x'.repeat(9999), feeds: [null, {}, { name: '' }, { name: 'a', publishes: 'yes' }, { name: 'b', publishes: true }] });
  assert.equal(r.id, '');
  assert.equal(r.since_ms, 0);
  assert.equal(r.may_control, false);
  assert.equal(r.message.length, 500);
  assert.deepEqual(r.feeds, [{ name: 'a', publishes: false }, { name: 'b', publishes: true }]);
  assert.deepEqual(readRecording({ state: 'off', feeds: 'x' }).feeds, []);
  assert.equal(readRecording({ state: 'on', feeds: Array(999).fill({ name: 'n' }) }).feeds.length, 32);
});

test('elapsed time', () => {
  for (const [ms, want] of [[0, '0:00'], [-5, '0:00'], [999, '0:00'], [7000, '0:07'], [754000, '12:34'], [3723000, '1:02:03'], [360000000, '100:00:00']]) {
    assert.equal(elapsedText(ms), want);
  }
});

test('who saw it begin needs no clock; who came later believes the server', () => {
  const { r } = recording();
  r.set(said('off'), 500000);
  r.set(said('starting'), 510000);
  r.set(said('on'), 520000);
  assert.equal(r.startedAt, 520000);
  r.set(said('trouble'), 530000);
  r.set(said('on'), 540000);
  assert.equal(r.startedAt, 520000);
  r.set(said('on', { id: '' }), 541000);
  assert.equal(r.startedAt, 520000);
  r.set(said('on'), 542000);
  assert.equal(r.startedAt, 520000);
  r.set(said('on', { id: 'r2' }), 550000);
  assert.equal(r.startedAt, 550000);

  const { r: late } = recording();
  late.set(said('on'), 9000);
  assert.equal(late.startedAt, 1000);
  const { r: ahead } = recording();
  ahead.set(said('on', { since_ms: 99000 }), 9000);
  assert.equal(ahead.startedAt, 9000);
});

test('changes say what was before, and whether one has just come', () => {
  const { r } = recording();
  const told = [];
  r.on('change', (t) => told.push([t.before.state, t.now.state, t.joined]));
  r.set(said('on'));
  r.set(said('stopping'));
  r.reset();
  r.set(said('on'));
  assert.deepEqual(told, [['off', 'on', true], ['on', 'stopping', false], ['off', 'off', false], ['off', 'on', true]]);
  assert.deepEqual(['off', 'starting', 'on', 'trouble', 'stopping'].map((s) => runs({ state: s })), [false, false, true, true, false]);
});

test('asking ends with the state, once', async () => {
  const { r, sent } = recording();
  r.set(said('off'));
  const [a, b] = [r.start(), r.start()];
  assert.equal(r.waiting, 'start');
  r.set(said('off', { feeds: [{ name: 'x' }] })); // not about us
  r.set(said('starting'));
  r.set(said('on'));
  assert.deepEqual([await a, await b], ['on', 'on']);
  assert.deepEqual(sent, ['start']);
  assert.equal(r.waiting, '');
  assert.equal(await r.start(), 'on');
  const end = r.stop();
  r.set(said('stopping'));
  r.set(said('off'));
  assert.equal(await end, 'off');
  assert.deepEqual(sent, ['start', 'stop']);
});

test('asking ends with the words of a refusal', async () => {
  const { r } = recording();
  r.set(said('off'));
  let p = r.start();
  r.refused({ code: 'refused', message: 'of something else' });
  r.refused({ code: 'record_forbidden', message: 'Only moderators.' });
  await assert.rejects(p, { code: 'record_forbidden', message: 'Only moderators.' });
  p = r.start();
  r.set(said('starting'));
  r.set(said('off'));
  await assert.rejects(p, { code: 'record_ended' });
  p = r.start();
  r.reset();
  await assert.rejects(p, { code: 'not_connected' });
  p = r.start();
  r.stop();
  assert.equal(r.waiting, 'start');
  r.refused({ code: 'record_failed', message: 'x' });
  await assert.rejects(p, { code: 'record_failed' });
  await assert.rejects(recording(false).r.start(), { code: 'not_connected' });
});

test('asking does not last for ever', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { r } = recording();
  const p = r.start();
  t.mock.timers.tick(30001);
  await assert.rejects(p, { code: 'record_unanswered' });
  assert.equal(r.waiting, '');
});

const files = [
  { name: 'composed.mp4', mimetype: 'video/mp4', bytes: 5, url: '/recordings/r/composed.mp4?expires=1795003600&signature=x' },
  { name: 'thumbnail.jpg', mimetype: 'image/jpeg', bytes: 5, url: '/recordings/r/thumbnail.jpg' },
  { name: 'p1-camera-1.webm', mimetype: 'video/webm', bytes: 5, url: '/recordings/r/p1-camera-1.webm' },
];
const NOW = 1795000000000;

test('a link is the film, its picture and the tracks', () => {
  const l = readLink({ name: 'Fire', started_ms: 1, duration_ms: 2, participants: [{ user_id: '@a:hs', name: 'Anna' }, { number: 7, user_id: '@b:hs' }, null], files }, NOW);
  assert.equal(l.film.name, 'composed.mp4');
  assert.equal(l.poster, '/recordings/r/thumbnail.jpg');
  assert.deepEqual(l.tracks.map((f) => f.name), ['p1-camera-1.webm']);
  assert.deepEqual(l.participants, [{ number: 1, user_id: '@a:hs', name: 'Anna' }, { number: 7, user_id: '@b:hs', name: '@b:hs' }]);
  assert.equal(l.expires_ms, 1795003600000);
  // no film; and a clock that is wrong
  const bare = readLink({ files: files.slice(2) }, NOW);
  assert.equal(bare.film, null);
  assert.equal(bare.composing, false);
  assert.equal(readLink({ files, composing: 1 }, NOW).composing, false);
  assert.equal(readLink({ files, composing: true }, NOW).composing, true);
  assert.equal(bare.expires_ms, NOW + 3540e3);
  assert.equal(readLink({ files }, NOW + 10 * 3600e3).expires_ms, NOW + 10 * 3600e3 + 3540e3);
});

test('a link leads to this server only', () => {
  for (const url of ['https://evil.example/x', '//evil.example/x', '/\\evil.example', 'javascript:alert(1)', 'recordings/x', '', 5, null]) {
    assert.throws(() => readLink({ files: [{ name: 'composed.mp4', url }] }), { code: 'recording_failed' }, String(url));
  }
  assert.throws(() => readLink({}), { code: 'recording_failed' });
  assert.throws(() => readLink(null), { code: 'recording_failed' });
  assert.throws(() => readLink({ error: { code: 'forbidden', message: 'You are not in it.' } }), { code: 'forbidden', message: 'You are not in it.' });
  assert.throws(() => readLink({ error: {} }), { code: 'recording_failed' });
});

test('tracks have the names of people', () => {
  const cast = [{ number: 1, name: 'Anna' }, { number: 3, name: 'Carol' }];
  for (const [name, want] of [['p1-camera-1.webm', 'Anna · camera'], ['p3-screen-2.mkv', 'Carol · screen, part 2'], ['p2-other-1.webm', 'Participant 2 · other'], ['manifest.json', ''], ['p1-camera.webm', '']]) {
    assert.equal(trackTitle(name, cast), want);
  }
});

function post() {
  const p = { device: 'DEV', sent: [], listeners: new Set(), send: (c) => { p.sent.push(c); }, onAnswer: (fn) => { p.listeners.add(fn); return () => p.listeners.delete(fn); } };
  p.say = (c) => [...p.listeners].forEach((fn) => fn(c));
  return p;
}

test('the answer to our question and no other', async () => {
  const p = post();
  const got = requestLink(p, '!r:hs', 'id1');
  const [{ request_id, ...rest }] = p.sent;
  assert.deepEqual(rest, { room_id: '!r:hs', recording_id: 'id1', device_id: 'DEV' });
  assert.match(request_id, /^[0-9a-f]{24}$/);
  p.say(null);
  p.say({ request_id: 'another', error: { code: 'not_found' } });
  p.say({ request_id, name: 'Fire', files });
  assert.equal((await got).name, 'Fire');
  assert.equal(p.listeners.size, 0);
});

test('no answer, a refusal, a homeserver that is down', async () => {
  let p = post();
  await assert.rejects(requestLink(p, '!r:hs', 'id1', 5), { code: 'recording_unanswered' });
  assert.equal(p.listeners.size, 0);
  const got = requestLink(p, '!r:hs', 'id1');
  p.say({ request_id: p.sent[1].request_id, error: { code: 'not_found', message: 'Gone.' } });
  await assert.rejects(got, { code: 'not_found', message: 'Gone.' });
  p = { ...post(), send: () => Promise.reject(new TypeError('x')) };
  await assert.rejects(requestLink(p, '!r:hs', 'id1'), TypeError);
});
