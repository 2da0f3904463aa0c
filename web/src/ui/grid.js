// All tiles: a grid, or a stage with the others beside it.
import { el } from './dom.js';
import { gridLayout, stageKeys } from './layout.js';
import { Tile } from './tile.js';

const GAP = 8;

export class Grid {
  #tiles = new Map();
  #pinned = '';
  #list = [];
  #sink = '';

  // onviews: is told which streams are seen, and how large.
  constructor({ onblocked, onviews }) {
    this.onblocked = onblocked;
    this.onviews = onviews;
    this.stage = el('ul', { class: 'stage', 'aria-label': 'Large' });
    this.strip = el('ul', { class: 'strip', 'aria-label': 'Participants' });
    this.root = el('div', { class: 'grid' }, this.stage, this.strip);
    this.observer = new ResizeObserver(() => this.#place());
    this.observer.observe(this.root);
    this.sizes = new ResizeObserver((v) => this.#looked(v, (li, e) => { li.lines = e.contentRect.height; }));
    this.seen = new IntersectionObserver((v) => this.#looked(v, (li, e) => { li.seen = e.isIntersecting; }));
  }

  update(list) {
    this.#list = list;
    const keys = new Set(list.map((t) => t.key));
    for (const [key, tile] of this.#tiles) {
      if (keys.has(key)) continue;
      this.sizes.unobserve(tile.root);
      this.seen.unobserve(tile.root);
      tile.remove();
      this.#tiles.delete(key);
    }
    if (!keys.has(this.#pinned)) this.#pinned = '';
    const large = stageKeys(list, this.#pinned);
    for (const t of list) {
      const tile = this.#tiles.get(t.key) || this.#add(t.key);
      tile.pinned = this.#pinned === t.key;
      tile.update(t);
      const home = large.has(t.key) ? this.stage : this.strip;
      if (tile.root.parentNode !== home) this.#move(tile, home);
    }
    this.root.classList.toggle('staged', large.size > 0);
    this.#place();
    this.#views();
  }

  #looked(entries, note) {
    for (const e of entries) {
      const tile = [...this.#tiles.values()].find((t) => t.root === e.target);
      if (tile) note(tile, e);
    }
    this.#views();
  }

  // Tiles that were not looked at yet are taken for seen.
  #views() {
    const scale = globalThis.devicePixelRatio || 1;
    this.onviews(this.#list.filter((t) => !t.you && t.stream_id).map((t) => {
      const tile = this.#tiles.get(t.key);
      return { id: t.stream_id, visible: tile.seen !== false, height: (tile.lines || 0) * scale };
    }));
  }

  // A video that is moved in the document stops in some browsers.
  #move(tile, home) {
    home.append(tile.root);
    if (tile.video.srcObject) tile.video.play().catch(() => {});
    tile.play();
  }

  #add(key) {
    const tile = new Tile({
      onpin: () => {
        this.#pinned = this.#pinned === key ? '' : key;
        this.update(this.#list);
      },
      onblocked: this.onblocked,
      sink: this.#sink,
    });
    this.#tiles.set(key, tile);
    this.sizes.observe(tile.root);
    this.seen.observe(tile.root);
    return tile;
  }

  #place() {
    const { clientWidth: w, clientHeight: h } = this.root;
    if (!w || !h) return;
    const staged = this.stage.children.length;
    this.#fill(staged ? this.stage : this.strip);
    if (!staged) return;
    for (const li of this.strip.children) li.style.width = li.style.height = '';
  }

  #fill(list) {
    const n = list.children.length;
    const { w, h } = gridLayout(n, list.clientWidth, list.clientHeight, GAP);
    const small = w < 200;
    for (const li of list.children) {
      li.style.width = `${w}px`;
      li.style.height = `${h}px`;
      li.classList.toggle('small', small);
    }
  }

  // readings: key -> of gauge.js; shown: with their numbers.
  measure(readings, shown) {
    for (const [key, tile] of this.#tiles) tile.measure(readings.get(key), shown);
  }

  unblock() {
    for (const tile of this.#tiles.values()) tile.play();
  }

  setSink(id) {
    this.#sink = id;
    for (const tile of this.#tiles.values()) tile.setSink(id);
  }

  remove() {
    this.observer.disconnect();
    this.sizes.disconnect();
    this.seen.disconnect();
    for (const tile of this.#tiles.values()) tile.remove();
    this.#tiles.clear();
  }
}
