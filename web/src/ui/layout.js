// Where tiles go. Pure.

const WIDEST = 16 / 9;
const TALLEST = 4 / 5;

// n tiles into width × height: columns and the size of a tile, as large as can
// be with a shape between 4:5 and 16:9.
export function gridLayout(n, width, height, gap) {
  let best = { cols: 1, rows: Math.max(n, 1), w: 0, h: 0 };
  for (let cols = 1; cols <= n; cols++) {
    const rows = Math.ceil(n / cols);
    const cw = (width - gap * (cols - 1)) / cols;
    const ch = (height - gap * (rows - 1)) / rows;
    if (cw <= 0 || ch <= 0) continue;
    const w = Math.min(cw, ch * WIDEST);
    const h = Math.min(ch, w / TALLEST);
    const spare = cols * rows - n;
    // An empty place costs a little: 2+2 rather than 3+1 of about the same.
    const score = w * h * (1 - 0.04 * spare);
    if (score > best.w * best.h * (1 - 0.04 * (best.cols * best.rows - n))) {
      best = { cols, rows, w: Math.floor(w), h: Math.floor(h) };
    }
  }
  return best;
}

// Which tiles stand on the stage: the pinned one, else the screens, else nobody
// and all share the grid.
export function stageKeys(tiles, pinned) {
  if (tiles.some((t) => t.key === pinned)) return new Set([pinned]);
  const screens = tiles.filter((t) => t.purpose === 'm.screenshare' && !t.you);
  return new Set(screens.map((t) => t.key));
}

export function initials(name) {
  const parts = name.trim().split(/[\s._-]+/).filter((p) => /[\p{L}\p{N}]/u.test(p));
  const letters = parts.map((p) => [...p].find((c) => /[\p{L}\p{N}]/u.test(c)));
  if (!letters.length) return '?';
  const pick = letters.length > 1 ? [letters[0], letters.at(-1)] : letters;
  return pick.join('').toUpperCase();
}

export const HUES = 8;

export function hue(text) {
  let h = 7;
  for (const c of text) h = (h * 31 + c.codePointAt(0)) >>> 0;
  return h % HUES;
}
