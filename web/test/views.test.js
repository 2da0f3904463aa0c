import assert from 'node:assert/strict';
import test from 'node:test';
import { Views } from '../src/call/views.js';

const rest = () => new Promise((r) => { setTimeout(r, 20); });

function views() {
  const told = [];
  const state = { open: true };
  const v = new Views((streams) => {
    if (state.open) told.push(streams);
    return state.open;
  }, 1);
  return { v, told, state };
}

test('many changes are one message, of what changed', async () => {
  const { v, told } = views();
  v.show([{ id: 'a', visible: true, height: 100 }]);
  v.show([{ id: 'a', visible: true, height: 300.4 }, { id: 'b', visible: false, height: 0 }]);
  await rest();
  assert.deepEqual(told, [[{ id: 'a', visible: true, height: 300 }, { id: 'b', visible: false }]]);
  v.show([{ id: 'a', visible: true, height: 310 }, { id: 'b', visible: true, height: 90 }]);
  await rest();
  assert.deepEqual(told.slice(1), [[{ id: 'b', visible: true, height: 90 }]]);
});

test('small steps add up', async () => {
  const { v, told } = views();
  for (const height of [300, 320, 340, 360]) {
    v.show([{ id: 'a', visible: true, height }]);
    await rest();
  }
  assert.deepEqual(told.map(([s]) => s.height), [300, 360]);
});

test('what could not be said is said when it can be', async () => {
  const { v, told, state } = views();
  state.open = false;
  v.show([{ id: 'a', visible: true, height: 300 }]);
  await rest();
  state.open = true;
  v.again();
  await rest();
  assert.equal(told.length, 1);
  // A new call knows nothing.
  v.again();
  await rest();
  assert.deepEqual(told[1], told[0]);
});

test('who comes back is told of anew', async () => {
  const { v, told } = views();
  const a = { id: 'a', visible: true, height: 300 };
  v.show([a]);
  await rest();
  v.show([]);
  await rest();
  v.show([a]);
  await rest();
  assert.equal(told.length, 2);
  v.show([]);
  v.stop();
  await rest();
  assert.equal(told.length, 2);
});
