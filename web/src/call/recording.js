// What the bot says of recording: whether this call is recorded, by whom, and
// which local programs receive it. PROTOCOL.md has the wire.
import { Emitter } from '../emitter.js';
import { problem, Problem } from '../problems.js';

const STATES = ['off', 'starting', 'on', 'trouble', 'stopping'];
const FEEDS_MAX = 32;
const TEXT_MAX = 500;
const WAIT_MS = 30000;

export const NONE = Object.freeze({
  state: 'off', id: '', started_by: '', started_by_name: '', since_ms: 0,
  message: '', may_control: false, feeds: Object.freeze([]),
});

const text = (v) => (typeof v === 'string' ? v.slice(0, TEXT_MAX) : '');

// The content of org.hearth.recording, cleaned; null where it is none.
export function readRecording(content) {
  if (!STATES.includes(content?.state)) return null;
  const feeds = Array.isArray(content.feeds) ? content.feeds : [];
  return {
    state: content.state,
    id: text(content.id),
    started_by: text(content.started_by),
    started_by_name: text(content.started_by_name),
    since_ms: Number.isFinite(content.since_ms) ? content.since_ms : 0,
    message: text(content.message),
    may_control: content.may_control === true,
    feeds: feeds.filter((f) => text(f?.name)).slice(0, FEEDS_MAX)
      .map((f) => ({ name: text(f.name), publishes: f.publishes === true })),
  };
}

// Packets are being written, or at least that is what everybody is told.
export const runs = (r) => r.state === 'on' || r.state === 'trouble';

// Both run and are one and the same; a recording may get its id late.
export const same = (a, b) => runs(a) && runs(b) && (!a.id || !b.id || a.id === b.id);

// 7 s -> 0:07, 3,723 s -> 1:02:03.
export function elapsedText(ms) {
  const s = Math.max(0, Math.floor(ms / 1000));
  const two = (n) => String(n).padStart(2, '0');
  const [h, m] = [Math.floor(s / 3600), Math.floor(s / 60) % 60];
  return h ? `${h}:${two(m)}:${two(s % 60)}` : `${m}:${two(s % 60)}`;
}

export class Recording extends Emitter {
  #send;
  #known = false;
  #waiting = null;
  now = NONE;
  startedAt = 0; // by the clock of this machine

  // send(action): false where it cannot be said now.
  constructor(send) {
    super();
    this.#send = send;
  }

  set(next, clock = Date.now()) {
    const before = this.now;
    // Who saw it begin needs no clock that agrees with the server's.
    if (runs(next) && !same(before, next)) {
      this.startedAt = this.#known ? clock : Math.min(next.since_ms || clock, clock);
    }
    this.now = next;
    const told = { before, now: next, joined: !this.#known };
    this.#known = true;
    this.#settle(next);
    this.emit('change', told);
  }

  // The call is over: nothing is known any more.
  reset() {
    this.#known = false;
    this.now = NONE;
    this.#waiting?.reject(problem('not_connected'));
    this.emit('change', { before: NONE, now: NONE, joined: false });
  }

  // org.hearth.error may be the answer to what we asked.
  refused({ code, message }) {
    if (!/^record_/.test(code)) return;
    this.#waiting?.reject(new Problem(code, message || code));
  }

  // Promises of the state reached; refused with the server's words.
  start() {
    return this.#ask('start', (r) => runs(r));
  }

  stop() {
    return this.#ask('stop', (r) => r.state === 'off');
  }

  get waiting() {
    return this.#waiting?.action || '';
  }

  #ask(action, reached) {
    if (reached(this.now)) return Promise.resolve(this.now.state);
    if (this.#waiting?.action === action) return this.#waiting.promise;
    this.#waiting?.reject(problem('record_unanswered'));
    if (!this.#send(action)) return Promise.reject(problem('not_connected'));
    const w = { action, reached };
    w.promise = new Promise((resolve, reject) => {
      const over = (fn) => (v) => {
        clearTimeout(w.timer);
        if (this.#waiting === w) this.#waiting = null;
        fn(v);
      };
      w.resolve = over(resolve);
      w.reject = over(reject);
      w.timer = setTimeout(() => {
        w.reject(problem('record_unanswered'));
        this.emit('change', { before: this.now, now: this.now, joined: false });
      }, WAIT_MS);
    });
    this.#waiting = w;
    this.emit('change', { before: this.now, now: this.now, joined: false });
    return w.promise;
  }

  #settle(r) {
    const w = this.#waiting;
    if (!w) return;
    if (w.reached(r)) w.resolve(r.state);
    // The other way round than asked: somebody else was quicker, or it failed.
    else if (w.action === 'start' && r.state === 'off' && w.begun) w.reject(problem('record_ended'));
    w.begun ||= r.state !== 'off';
  }
}
