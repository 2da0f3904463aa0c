// Data channels by label. hearth opens one toward us for a label that we do not
// have; both ways end here, and the sender's id is split off.
import { Emitter } from '../emitter.js';

export const CONTROL = 'hearth';
export const FROM = 'hearth-from';

const utf8 = new TextDecoder();
const ID_MAX = 600; // two Matrix ids are at most 255 bytes each

// {from, data} of a message on a channel of protocol hearth-from; null when it
// has no sender.
export function splitSender(data) {
  if (typeof data === 'string') {
    const at = data.indexOf('\n');
    if (at < 0) return null;
    return { from: data.slice(0, at), data: data.slice(at + 1) };
  }
  const bytes = new Uint8Array(data);
  const at = bytes.subarray(0, ID_MAX).indexOf(10);
  if (at < 0) return null;
  return { from: utf8.decode(bytes.subarray(0, at)), data: data.slice(at + 1) };
}

export class Channels extends Emitter {
  #pc;
  #ours = new Map();
  #all = new Set();

  constructor(pc) {
    super();
    this.#pc = pc;
    pc.addEventListener('datachannel', (ev) => this.#adopt(ev.channel));
  }

  open(label, options = {}) {
    const ch = this.#pc.createDataChannel(label, {
      protocol: FROM, ordered: true, ...options,
    });
    this.#ours.set(label, ch);
    this.#adopt(ch);
    return ch;
  }

  // The channel to write to, or undefined.
  get(label) {
    const ch = this.#ours.get(label);
    if (ch && ch.readyState !== 'closed') return ch;
    return [...this.#all].find((c) => c.label === label && c.readyState === 'open');
  }

  isOpen(label) {
    return this.get(label)?.readyState === 'open';
  }

  // Resolves with an open channel of that label, which is opened if need be.
  ready(label) {
    const ch = this.get(label) || this.open(label);
    if (ch.readyState === 'open') return Promise.resolve(ch);
    return new Promise((resolve, reject) => {
      ch.addEventListener('open', () => resolve(ch), { once: true });
      ch.addEventListener('close', () => reject(new Error('closed')), { once: true });
    });
  }

  states() {
    return Object.fromEntries([...this.#all].map((c) => [c.label, c.readyState]));
  }

  #adopt(ch) {
    ch.binaryType = 'arraybuffer';
    this.#all.add(ch);
    ch.addEventListener('message', (ev) => this.#input(ch, ev.data));
    ch.addEventListener('open', () => this.emit('open', ch.label));
    ch.addEventListener('close', () => {
      this.#all.delete(ch);
      this.emit('close', ch.label);
    });
  }

  #input(ch, data) {
    if (ch.label === CONTROL) {
      this.emit('control', data);
      return;
    }
    const got = ch.protocol === FROM ? splitSender(data) : { from: '', data };
    if (got) this.emit('message', { label: ch.label, ...got });
  }
}
