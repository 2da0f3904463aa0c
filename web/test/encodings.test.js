import assert from 'node:assert/strict';
import test from 'node:test';
import { apply, offered, shape } from '../src/call/encodings.js';

const single = { maxBitrate: 450_000, scaleResolutionDownBy: 2 };
const heights = (settings, n, wanted) => shape({ settings, n, single, wanted })
  .filter((e) => e.active)
  .map((e) => Math.min(settings.width, settings.height) / e.scaleResolutionDownBy);

test('the larger the camera the more sizes', () => {
  assert.deepEqual(heights({ width: 1280, height: 720 }, 3), [180, 360, 720]);
  assert.deepEqual(heights({ width: 720, height: 1280 }, 3), [180, 360, 720]);
  assert.deepEqual(heights({ width: 960, height: 540 }, 3), [135, 270, 540]);
  assert.deepEqual(heights({ width: 640, height: 480 }, 3), [240, 480]);
  assert.deepEqual(heights({ width: 320, height: 240 }, 3), [240]);
});

test('each size has more bits than the one below', () => {
  const rates = shape({ settings: { width: 1280, height: 720 }, n: 3, single }).map((e) => e.maxBitrate);
  assert.deepEqual(rates, [200_000, 590_000, 1_800_000]);
  const most = shape({ settings: { width: 3840, height: 2160 }, n: 3, single }).map((e) => e.maxBitrate);
  assert.equal(most[2], 3_000_000);
});

test('a server that agreed to one gets the whole picture in it', () => {
  assert.deepEqual(shape({ settings: { width: 1280, height: 720 }, n: 1, single }), [{ active: true, ...single }]);
});

test('what nobody looks at is off, the smallest never', () => {
  const camera = { width: 1280, height: 720 };
  assert.deepEqual(heights(camera, 3, new Set(['q', 'h'])), [180, 360]);
  assert.deepEqual(heights(camera, 3, new Set()), [180]);
  assert.deepEqual(heights(camera, 3, new Set(['f'])), [180, 720]);
  // Wanted or not, the browser would not make it.
  assert.deepEqual(heights({ width: 640, height: 360 }, 3, new Set(['q', 'h', 'f'])), [180, 360]);
});

test('a transceiver is made with the sizes of a good camera', () => {
  assert.deepEqual(offered().map((e) => [e.rid, e.active, e.scaleResolutionDownBy]), [['q', true, 4], ['h', true, 2], ['f', true, 1]]);
});

test('only what changes is set', () => {
  const now = [{ rid: 'q', active: true, maxBitrate: 1 }, { rid: 'h', active: true }];
  const wanted = [{ active: true, maxBitrate: 2 }, { active: false, maxBitrate: 3 }];
  assert.equal(apply(now, wanted), true);
  assert.deepEqual(now, [{ rid: 'q', active: true, maxBitrate: 2 }, { rid: 'h', active: false, maxBitrate: 3 }]);
  assert.equal(apply(now, wanted), false);
});
