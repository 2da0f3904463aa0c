// In how many sizes our camera is sent, and how each of them is made: the server
// gives everybody the one that fits. What the browser was offered stays; what is
// not needed of it is switched off.

const RIDS = ['q', 'h', 'f'];

// Bits per second of a good picture of so many lines.
function rate(lines) {
  const bps = 1_800_000 * (lines / 720) ** 1.6;
  return Math.round(Math.min(3_000_000, Math.max(80_000, bps)) / 10_000) * 10_000;
}

// Chromium makes no more than these out of a picture of that size, and leaves the
// largest out.
function sizes(width, height) {
  const pixels = width * height;
  if (pixels >= 960 * 540) return 3;
  return pixels >= 480 * 270 ? 2 : 1;
}

// settings: of the camera's track; n: encodings that were agreed, smallest first;
// single: how the only one is made (rejoin.js); wanted: a set of rids that
// somebody looks at, or null: not known. The smallest is always sent.
export function shape({ settings, n, single, wanted = null }) {
  if (n < 2) return [{ active: true, ...single }];
  const { width = 1280, height = 720 } = settings || {};
  const made = Math.min(n, sizes(width, height));
  return Array.from({ length: n }, (_, i) => {
    const scaleResolutionDownBy = 2 ** Math.max(0, made - 1 - i);
    return {
      active: i === 0 || (i < made && (!wanted || wanted.has(RIDS[i]))),
      scaleResolutionDownBy,
      maxBitrate: rate(Math.min(width, height) / scaleResolutionDownBy),
    };
  });
}

// What a transceiver of a camera is made with.
export function offered() {
  return shape({ n: RIDS.length }).map((e, i) => ({ rid: RIDS[i], ...e }));
}

// Sets what is other than it is; false: nothing is.
export function apply(encodings, wanted) {
  let changed = false;
  for (const [i, e] of encodings.entries()) {
    for (const [key, value] of Object.entries(wanted[i])) {
      if (e[key] === value) continue;
      e[key] = value;
      changed = true;
    }
  }
  return changed;
}
