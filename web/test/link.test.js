import assert from 'node:assert/strict';
import test from 'node:test';
import { homeserverUrl, linkTo, parseLink } from '../src/link.js';

const cases = [
  ['', { room: '', user: '', join: false, mic: true }],
  ['#/', { room: '' }],
  ['#/room/!abc:hs?user=alice&password=p%26w&join=1', { room: '!abc:hs', user: 'alice', password: 'p&w', join: true }],
  ['#/room/%23fire:hs.example?token=syt_x', { room: '#fire:hs.example', token: 'syt_x', password: '' }],
  ['#/room/#fire:hs?mic=0&cam=0', { room: '#fire:hs', mic: false, cam: false }],
  ['#/room/%E0%A4%A', { room: '%E0%A4%A' }],
  ['#/?user=bob&homeserver=http://127.0.0.1:8008', { room: '', user: 'bob', homeserver: 'http://127.0.0.1:8008' }],
  ['#/room/!a%3Fb:hs?name=Anna%20B', { room: '!a?b:hs', name: 'Anna B' }],
  ['#/room/!abc:hs', { room: '!abc:hs', recording: '' }],
  ['#/recording/!abc:hs/20261126T110552Z-0badcafe', { room: '!abc:hs', recording: '20261126T110552Z-0badcafe' }],
  ['#/recording/%21a%2Fb%3Ahs/2026Z-1?user=alice&token=t', { room: '!a/b:hs', recording: '2026Z-1', user: 'alice', token: 't', join: false }],
  ['#/recording/!a/b:hs/2026Z-1', { room: '!a/b:hs', recording: '2026Z-1' }],
  ['#/recording/!abc:hs', { room: '', recording: '' }],
  ['#/recording/', { room: '', recording: '' }],
];

for (const [hash, want] of cases) {
  test(`link ${hash}`, () => {
    const got = parseLink(hash);
    for (const [k, v] of Object.entries(want)) assert.equal(got[k], v, k);
  });
}

test('a link made is a link read, and holds no secret', () => {
  for (const room of ['!a/b?c#d:hs:8448', '#ünï:hs', '!1:hs']) {
    assert.equal(parseLink(linkTo(room)).room, room);
  }
  for (const room of ['!a/b?c#d:hs:8448', '!v12room']) {
    const link = parseLink(linkTo(room, '20261126T110552Z-0badcafe'));
    assert.deepEqual([link.room, link.recording], [room, '20261126T110552Z-0badcafe']);
  }
  const link = parseLink('#/room/!a:hs?user=u&password=secret&token=t0ken');
  assert.doesNotMatch(linkTo(link.room), /secret|t0ken|user/);
});

test('homeservers as people type them', () => {
  assert.equal(homeserverUrl('matrix.example.org'), 'https://matrix.example.org');
  assert.equal(homeserverUrl(' http://127.0.0.1:8008/ '), 'http://127.0.0.1:8008');
  assert.equal(homeserverUrl('localhost:8008'), 'http://localhost:8008');
  assert.equal(homeserverUrl('https://example.org/matrix/'), 'https://example.org/matrix');
  assert.equal(homeserverUrl(''), '');
  assert.equal(homeserverUrl('http://'), '');
});
