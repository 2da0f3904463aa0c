import assert from 'node:assert/strict';
import test from 'node:test';
import { Silence } from '../src/call/silence.js';

// A call whose media and server come and go as the test says.
function watched() {
  const w = { sound: 1, bytes: 0, expected: true, lost: 0, asked: 0, up: true, answers: [] };
  w.silence = new Silence({
    heard: () => w.sound,
    bytes: async () => w.bytes,
    expected: () => w.expected,
    reach: (signal) => {
      w.asked++;
      if (w.up) return Promise.resolve();
      return new Promise((_, no) => { signal.addEventListener('abort', () => no(new Error('aborted'))); });
    },
    lost: () => { w.lost++; },
  });
  w.flow = async (looks) => {
    for (let i = 0; i < looks; i++) {
      w.sound++;
      await w.silence.look();
    }
  };
  w.quiet = async (looks) => {
    for (let i = 0; i < looks; i++) await w.silence.look();
  };
  return w;
}

test('media that stop while the server answers are lost, once', async () => {
  const w = watched();
  await w.flow(10);
  await w.quiet(3);
  assert.deepEqual([w.asked, w.lost], [0, 0]);
  await w.quiet(2);
  assert.deepEqual([w.asked, w.lost], [1, 1]);
  await w.quiet(50);
  assert.deepEqual([w.asked, w.lost], [1, 1]);
  await w.flow(4);
  await w.quiet(5);
  assert.equal(w.lost, 2);
});

test('bytes are enough to be alive', async () => {
  const w = watched();
  await w.flow(10);
  for (let i = 0; i < 20; i++) {
    w.bytes += 100;
    await w.quiet(1);
  }
  assert.equal(w.asked, 0);
  await w.quiet(5);
  assert.equal(w.lost, 1);
});

test('what comes now and then is not missed', async () => {
  const w = watched();
  for (let i = 0; i < 10; i++) {
    await w.flow(3);
    await w.quiet(2 + (i % 8));
  }
  assert.equal(w.asked, 0);
});

test('where nothing should come nothing is asked', async () => {
  const w = watched();
  await w.flow(10);
  w.expected = false;
  await w.quiet(10);
  assert.equal(w.asked, 0);
});

test('an outage is waited for, and ends by itself', async () => {
  const w = watched();
  w.up = false;
  await w.flow(10);
  await w.quiet(20);
  assert.deepEqual([w.asked, w.lost], [1, 0]);
  await w.flow(1);
  w.up = true;
  await new Promise((r) => { setTimeout(r, 900); });
  assert.deepEqual([w.asked, w.lost], [1, 0]);
});

test('a question that hangs is followed by another', async () => {
  const w = watched();
  w.up = false;
  await w.flow(10);
  await w.quiet(4);
  w.up = true;
  await new Promise((r) => { setTimeout(r, 900); });
  assert.deepEqual([w.asked, w.lost], [2, 0]);
  await w.quiet(1);
  assert.equal(w.lost, 1);
});

test('an answer that comes with the media is no proof', async () => {
  const w = watched();
  await w.flow(10);
  await w.quiet(4);
  await w.flow(1);
  await w.quiet(3);
  assert.deepEqual([w.asked, w.lost], [1, 0]);
});

test('it looks by itself until it is stopped', async () => {
  let looks = 0;
  let enough;
  const some = new Promise((r) => { enough = r; });
  const s = new Silence({
    heard: () => {
      if (++looks === 3) enough();
      return looks;
    },
    bytes: async () => 0, expected: () => true, reach: async () => {}, lost: () => {},
  }, 1);
  s.start();
  s.start();
  await some;
  s.stop();
  const then = looks;
  await new Promise((r) => { setTimeout(r, 20); });
  assert.equal(looks, then);
});
