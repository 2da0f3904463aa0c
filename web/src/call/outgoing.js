// One file going out. Knows who takes part and how far each one is; how far we
// may go follows from that. No timers and no channel: files.js drives it.

export const WINDOW = 1 << 20;
export const STALL_MS = 10000;
const AGAIN_MAX = 32;

export class Outgoing {
  receivers = new Map(); // participant -> {bytes, state, at}
  offset = 0;
  started = false;
  #again = 0;

  constructor(size) {
    this.size = size;
  }

  // Before the start anybody may come; after it, only who is in already.
  ack(id, offset, now) {
    let r = this.receivers.get(id);
    if (!r && !this.started && offset === 0) {
      r = { bytes: 0, state: 'live', at: now };
      this.receivers.set(id, r);
    }
    if (!r || r.state === 'gone' || r.state === 'quit') return;
    if (offset > this.size || offset < r.bytes) return;
    r.bytes = offset;
    r.at = now;
    if (r.state === 'slow') r.state = 'live';
  }

  again(id, offset, now) {
    const r = this.receivers.get(id);
    if (r?.state !== 'live' || offset >= this.offset || offset < r.bytes) return;
    if (++this.#again > AGAIN_MAX) {
      r.state = 'failed';
      return;
    }
    r.bytes = offset;
    r.at = now;
    this.offset = offset;
  }

  done(id, ok) {
    const r = this.receivers.get(id);
    if (!r) return;
    r.state = ok ? 'done' : 'failed';
    if (ok) r.bytes = this.size;
  }

  leave(id, state) {
    const r = this.receivers.get(id);
    if (r && (r.state === 'live' || r.state === 'slow')) r.state = state;
  }

  start(now) {
    this.started = true;
    for (const r of this.receivers.values()) r.at = now;
  }

  // Who is silent while bytes for it are out no longer holds the others up.
  expire(now) {
    for (const r of this.receivers.values()) {
      if (r.state === 'live' && this.offset > r.bytes && now - r.at > STALL_MS) {
        r.state = 'slow';
      }
    }
  }

  #live() {
    return [...this.receivers.values()].filter((r) => r.state === 'live');
  }

  // How many bytes may be sent now.
  room() {
    const live = this.#live();
    if (!live.length) return 0;
    const slowest = Math.min(...live.map((r) => r.bytes));
    return Math.max(0, Math.min(this.size, slowest + WINDOW) - this.offset);
  }

  // Everybody has said the last word, or has left, or is given up.
  finished() {
    return this.started && !this.#live().length;
  }

  anyDone() {
    return [...this.receivers.values()].some((r) => r.state === 'done');
  }

  progress() {
    const live = this.#live();
    return live.length ? Math.min(...live.map((r) => r.bytes)) : this.offset;
  }
}
