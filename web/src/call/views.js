// What this page shows of the others, told to the bot so that it sends no more
// than that (org.hearth.view). Gathered for a moment, and only what changed.

const WAIT_MS = 250;
const STEP = 1.15; // sizes that differ by less are the same

const same = (a, b) => a && a.visible === b.visible
  && (!a.visible || (Math.max(a.height, b.height) <= STEP * Math.min(a.height, b.height)));

export class Views {
  #send;
  #wait;
  #now = new Map();
  #told = new Map();
  #timer = 0;

  // send(streams): false where it cannot be said now.
  constructor(send, wait = WAIT_MS) {
    this.#send = send;
    this.#wait = wait;
  }

  // list: {id, visible, height} of every stream there is; height in device pixels.
  show(list) {
    this.#now = new Map(list.map((v) => [v.id, v]));
    for (const id of this.#told.keys()) if (!this.#now.has(id)) this.#told.delete(id);
    this.#arm();
  }

  // The bot is another, or has forgotten: all is said again.
  again() {
    this.#told.clear();
    this.#arm();
  }

  stop() {
    clearTimeout(this.#timer);
    this.#timer = 0;
  }

  #arm() {
    this.#timer ||= setTimeout(() => {
      this.#timer = 0;
      this.#tell();
    }, this.#wait);
  }

  #tell() {
    const news = [...this.#now.values()].filter((v) => !same(this.#told.get(v.id), v));
    if (!news.length) return;
    const streams = news.map(({ id, visible, height }) => (
      visible ? { id, visible, height: Math.round(height) } : { id, visible }));
    if (!this.#send(streams)) return;
    for (const v of news) this.#told.set(v.id, v);
  }
}
