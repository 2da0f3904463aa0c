import assert from 'node:assert/strict';
import test from 'node:test';
import {
  readEncodings, readMetadata, readParticipants, readPaused, writeMetadata, STABLE, UNSTABLE,
} from '../src/call/metadata.js';
import { Roster } from '../src/call/roster.js';

const track = (kind) => ({ kind, readyState: 'live' });
const stream = (id) => ({
  id, getAudioTracks: () => [track('audio')], getVideoTracks: () => [track('video')],
});
const person = (id, name, you = false) => ({ id: `@${id}:hs D`, user_id: `@${id}:hs`, device_id: 'D', display_name: name, you });
const meta = (id, purpose = 'm.usermedia', more = {}) => ({
  purpose, audio_muted: false, video_muted: false, user_id: `@${id}:hs`, device_id: 'D', participant: `@${id}:hs D`, ...more,
});

function roster() {
  const r = new Roster();
  r.me = '@me:hs D';
  r.setPeople([person('me', 'Me', true), person('a', 'Anna'), person('b', '')]);
  return r;
}

test('metadata is read from both keys and cleaned', () => {
  const raw = { s: { purpose: 'm.usermedia', audio_muted: 1 }, bad: { purpose: 'x' }, worse: null };
  for (const content of [{ [STABLE]: raw }, { [UNSTABLE]: raw }]) {
    const map = readMetadata(content);
    assert.deepEqual([...map.keys()], ['s']);
    assert.equal(map.get('s').audio_muted, false);
    assert.equal(map.get('s').participant, '');
  }
  for (const none of [undefined, {}, { [STABLE]: 'x' }, { [STABLE]: [] }]) assert.equal(readMetadata(none), null);
  assert.deepEqual(Object.keys(writeMetadata({})), [STABLE, UNSTABLE]);
});

test('participants that are none are left out', () => {
  assert.equal(readParticipants({ participants: 'x' }), null);
  const list = readParticipants({ participants: [null, {}, { id: '@a:hs D' }, { id: 3 }] });
  assert.deepEqual(list, [{ id: '@a:hs D', user_id: '@a:hs', device_id: '', display_name: '', you: false, program: false }]);
});

test('what is paused, and which sizes are looked at, is read and cleaned', () => {
  for (const none of [undefined, {}, { paused: 'x' }]) assert.equal(readPaused(none), null);
  const paused = readPaused({ paused: [{ stream_id: 's', reason: 'bandwidth' }, null, { stream_id: 3, reason: 'x' }, { stream_id: 't' }] });
  assert.deepEqual([...paused], [['s', 'bandwidth']]);
  for (const none of [undefined, {}, { streams: [null, { stream_id: 'other', active: ['q'] }, { stream_id: 's' }] }]) {
    assert.equal(readEncodings(none, 's'), null);
  }
  assert.deepEqual(readEncodings({ streams: [{ stream_id: 's', active: ['q', 7, 'f'] }] }, 's'), ['q', 'f']);
  assert.deepEqual(readEncodings({ streams: [{ stream_id: 's', active: [] }] }, 's'), []);
});

test('a tile knows why its picture is not sent, until a new call', () => {
  const r = roster();
  r.setMetadata(new Map([['s', meta('a')]]), true);
  r.setStreams(new Map([['s', stream('s')]]));
  r.paused = new Map([['s', 'last_n'], ['unknown', 'bandwidth']]);
  assert.deepEqual(r.tiles().map((t) => t.paused), ['last_n', '']);
  r.reset();
  assert.deepEqual(r.tiles().map((t) => t.paused), ['', '']);
});

test('everybody else has a tile, with or without a stream', () => {
  const r = roster();
  const tiles = r.tiles();
  assert.deepEqual(tiles.map((t) => [t.name, t.stream]), [['Anna', null], ['b', null]]);
});

test('a stream goes to the participant that its metadata names', () => {
  const r = roster();
  const s = stream('x');
  r.setStreams(new Map([['x', s], ['unnamed', stream('unnamed')]]));
  assert.equal(r.tiles().some((t) => t.stream), false);
  r.setMetadata(new Map([['x', meta('a', 'm.usermedia', { audio_muted: true })]]), true);
  const [anna] = r.tiles();
  assert.equal(anna.stream, s);
  assert.equal(anna.audio_muted, true);
  r.speaker = '@a:hs D';
  assert.deepEqual(r.tiles().map((t) => t.speaking), [true, false]);
});

test('a screen has a tile of its own and goes with its stream', () => {
  const r = roster();
  r.setMetadata(new Map([['x', meta('a')], ['scr', meta('a', 'm.screenshare')]]), true);
  r.setStreams(new Map([['x', stream('x')]]));
  assert.equal(r.tiles().length, 2);
  r.setStreams(new Map([['x', stream('x')], ['scr', stream('scr')]]));
  assert.deepEqual(r.tiles().map((t) => t.purpose), ['m.usermedia', 'm.usermedia', 'm.screenshare']);
  r.setMetadata(new Map([['x', meta('a')]]), true);
  assert.equal(r.tiles().length, 2);
});

test('metadata of a description adds, metadata_changed replaces', () => {
  const r = roster();
  r.setStreams(new Map([['x', stream('x')], ['y', stream('y')]]));
  r.setMetadata(new Map([['x', meta('a')]]), false);
  r.setMetadata(new Map([['y', meta('b')]]), false);
  assert.equal(r.tiles().filter((t) => t.stream).length, 2);
  r.setMetadata(new Map([['y', meta('b')]]), true);
  assert.equal(r.tiles().filter((t) => t.stream).length, 1);
});

test('who left is gone at once, and back when listed again', () => {
  const r = roster();
  r.setMetadata(new Map([['x', meta('a')]]), true);
  r.setStreams(new Map([['x', stream('x')]]));
  const gone = r.setPeople([person('me', 'Me', true), person('b', '')]);
  assert.deepEqual(gone.went.map((p) => p.display_name), ['Anna']);
  assert.deepEqual(r.tiles().map((t) => t.name), ['b']);
  const back = r.setPeople([person('me', 'Me', true), person('b', ''), person('a', 'Anna')]);
  assert.deepEqual(back.came.map((p) => p.display_name), ['Anna']);
  assert.equal(r.tiles().length, 2);
});

test('a stream shows before the list knows its owner', () => {
  const r = new Roster();
  r.me = '@me:hs D';
  r.setMetadata(new Map([['x', meta('c')]]), false);
  r.setStreams(new Map([['x', stream('x')]]));
  assert.deepEqual(r.tiles().map((t) => t.name), ['c']);
  assert.equal(r.participants([])[0].streams[0].video, true);
});

test('two streams of one purpose of one participant are two tiles', () => {
  const r = roster();
  r.setMetadata(new Map([['x', meta('a')], ['y', meta('a')]]), true);
  r.setStreams(new Map([['x', stream('x')], ['y', stream('y')]]));
  const tiles = r.tiles();
  assert.equal(tiles.length, 3);
  assert.equal(new Set(tiles.map((t) => t.key)).size, 3);
});

test('our own streams never come back as tiles', () => {
  const r = roster();
  r.setMetadata(new Map([['x', meta('me')]]), true);
  r.setStreams(new Map([['x', stream('x')]]));
  assert.equal(r.tiles().some((t) => t.stream), false);
});
