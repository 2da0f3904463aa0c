import assert from 'node:assert/strict';
import test from 'node:test';
import { reachable } from '../src/call/reach.js';

const never = (signal) => new Promise((_, no) => {
  signal.addEventListener('abort', () => no(new Error('aborted')));
});

test('a question that hangs does not keep the next one', async () => {
  const signals = [];
  const ask = (signal) => {
    signals.push(signal);
    return signals.length < 3 ? never(signal) : Promise.resolve();
  };
  assert.equal(await reachable(ask, new AbortController().signal, 5), true);
  assert.equal(signals.length, 3);
  assert.deepEqual(signals.slice(0, 2).map((s) => s.aborted), [true, true]);
});

test('a late answer to an early question counts', async () => {
  let asked = 0;
  const ask = (signal) => (++asked === 1 ? new Promise((r) => { setTimeout(r, 30); }) : never(signal));
  assert.equal(await reachable(ask, new AbortController().signal, 5), true);
  assert.ok(asked > 1);
});

test('refused at once is asked again, and it ends when nobody wants to know', async () => {
  let asked = 0;
  const stop = new AbortController();
  const ask = async () => {
    if (++asked === 4) stop.abort();
    throw new Error('refused');
  };
  assert.equal(await reachable(ask, stop.signal, 1), false);
  const then = asked;
  await new Promise((r) => { setTimeout(r, 20); });
  assert.equal(asked, then);
  assert.equal(await reachable(ask, stop.signal, 1), false);
  assert.equal(asked, then);
});
