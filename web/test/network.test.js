import assert from 'node:assert/strict';
import test from 'node:test';
import { onNetworkChange } from '../src/network.js';

function browser(type) {
  const w = new EventTarget();
  w.navigator = { onLine: true };
  if (type) w.navigator.connection = Object.assign(new EventTarget(), { type });
  w.said = [];
  onNetworkChange((why) => w.said.push(why), w);
  w.become = (to, onLine = true) => {
    w.navigator.onLine = onLine;
    w.navigator.connection.type = to;
    w.navigator.connection.dispatchEvent(new Event('change'));
  };
  return w;
}

test('a network that is back is told of', () => {
  const w = browser();
  w.dispatchEvent(new Event('offline'));
  w.dispatchEvent(new Event('online'));
  assert.deepEqual(w.said, ['online']);
});

test('another kind of network is told of, its speed is not', () => {
  const w = browser('wifi');
  w.become('wifi');
  assert.deepEqual(w.said, []);
  w.become('cellular');
  assert.deepEqual(w.said, ['connection']);
  w.become('none', false);
  w.become('wifi');
  assert.deepEqual(w.said, ['connection', 'connection']);
});

test('where the kind is not known no change of it is told of', () => {
  const w = browser('x');
  w.become(undefined);
  w.said.length = 0;
  w.become(undefined);
  assert.deepEqual(w.said, []);
});
