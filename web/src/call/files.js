// Files over the channel of that label: README.md has the wire. Decides nothing
// by itself about offsets (outgoing.js, incoming.js); it reads, sends and waits.
import { sha256 } from '@noble/hashes/sha2';
import { Emitter } from '../emitter.js';
import { problem } from '../problems.js';
import { CHUNK_MAX, FILE_MAX, hex, packChunk, readText, safeName, unpackChunk } from './frames.js';
import { Incoming } from './incoming.js';
import { Outgoing, WINDOW } from './outgoing.js';

export const FILE = 'file';
const START_MS = 3000;
const TICK_MS = 500;
const READ = 16 * CHUNK_MAX;
const HASH = 1 << 20;
const LOW = 256 * 1024;
const FROM_ONE_MAX = 4;
const FROM_ALL_MAX = 16;
const SILENT_MS = 60000;
const ASK_MS = 3000; // well before the sender gives a receiver up
const OPEN = ['hashing', 'waiting', 'sending', 'receiving'];
const sleep = (ms) => new Promise((r) => setTimeout(r, ms));

export class Files extends Emitter {
  #out = new Map();
  #in = new Map();
  #link;
  #next = Promise.resolve();

  // link: {channel() -> RTCDataChannel or undefined, others() -> [ids]}
  constructor(link) {
    super();
    this.#link = link;
  }

  // --- both ways ---

  list() {
    return [...this.#out.values(), ...this.#in.values()]
      .sort((a, b) => a.at - b.at)
      .map((t) => ({
        id: t.id, direction: t.direction, name: t.name, size: t.size,
        mime: t.mime, sha256: t.sha256, from: t.from, bytes: t.bytes,
        state: t.state, error: t.error,
        receivers: t.flow?.receivers
          ? [...t.flow.receivers].map(([id, r]) => ({ id, bytes: r.bytes, state: r.state }))
          : [],
      }));
  }

  blob(id) {
    return this.#in.get(id)?.flow.blob || null;
  }

  cancel(id) {
    const out = this.#out.get(id);
    if (out && OPEN.includes(out.state)) this.#abort(out, 'cancelled', '');
    const t = this.#in.get(id);
    if (t?.state === 'receiving') {
      this.#say({ type: 'quit', transfer: id });
      this.#stopIn(t, 'cancelled', '');
    }
  }

  // The connection is gone, and with it what was on its way.
  reset() {
    for (const t of this.#out.values()) {
      if (OPEN.includes(t.state)) this.#set(t, { state: 'failed', error: 'The connection was lost.' });
    }
    for (const t of this.#in.values()) {
      if (t.state === 'receiving') this.#stopIn(t, 'failed', 'The connection was lost.');
    }
  }

  left(participant) {
    for (const t of this.#out.values()) t.flow.leave(participant, 'gone');
    for (const t of this.#in.values()) {
      if (t.from === participant && t.state === 'receiving') {
        this.#stopIn(t, 'failed', 'The sender left.');
      }
    }
  }

  input(from, data) {
    if (typeof data !== 'string') {
      const c = unpackChunk(data);
      if (c) this.#chunk(from, c);
      return;
    }
    const m = readText(data);
    if (!m) return;
    if (m.type === 'offer') this.#offered(from, m);
    else if (m.type === 'cancel') this.#cancelled(from, m.transfer);
    else this.#answered(from, m);
  }

  #say(message) {
    const ch = this.#link.channel();
    if (ch?.readyState !== 'open') return false;
    try {
      ch.send(JSON.stringify(message));
      return true;
    } catch {
      return false;
    }
  }

  #set(t, change) {
    Object.assign(t, change);
    this.emit('change', t);
  }

  // --- in ---

  #offered(from, m) {
    if (this.#in.has(m.transfer)) return;
    const open = [...this.#in.values()].filter((t) => t.state === 'receiving');
    const his = open.filter((t) => t.from === from);
    if (open.length >= FROM_ALL_MAX || his.length >= FROM_ONE_MAX) {
      this.#say({ type: 'quit', transfer: m.transfer });
      return;
    }
    const t = {
      id: m.transfer, direction: 'in', name: m.name, size: m.size, mime: m.mime,
      sha256: m.sha256, from, bytes: 0, state: 'receiving', error: '',
      at: performance.now(), heard: performance.now(), flow: new Incoming(m),
    };
    this.#in.set(t.id, t);
    this.#watch(t);
    this.#say({ type: 'ack', transfer: t.id, offset: 0 });
    this.emit('offered', t);
    this.emit('change', t);
  }

  #chunk(from, { transfer, offset, bytes }) {
    const t = this.#in.get(transfer);
    if (t?.from !== from || t.state !== 'receiving') return;
    t.heard = performance.now();
    const reply = t.flow.chunk(offset, bytes);
    t.bytes = t.flow.bytes;
    if (!reply) return;
    this.#say({ transfer, ...reply });
    if (reply.type !== 'done') this.emit('change', t);
    else if (reply.ok) this.#set(t, { state: 'done' });
    else {
      this.#stopIn(t, 'failed', reply.error === 'wrong sum'
        ? 'What arrived is not what was sent (wrong SHA-256).'
        : 'More arrived than was announced.');
    }
  }

  // A sender that has given us up says no more; then this one is lost.
  async #watch(t) {
    while (t.state === 'receiving') {
      await sleep(TICK_MS * 4);
      if (t.state !== 'receiving') return;
      const silent = performance.now() - t.heard;
      // The end of the file, or what we asked for, may be what got lost.
      if (silent > ASK_MS) this.#say({ type: 'again', transfer: t.id, offset: t.bytes });
      if (silent > SILENT_MS) {
        this.#say({ type: 'quit', transfer: t.id });
        this.#stopIn(t, 'failed', 'Nothing more came; the connection may be too slow.');
      }
    }
  }

  #cancelled(from, transfer) {
    const t = this.#in.get(transfer);
    if (t?.from === from && t.state === 'receiving') {
      this.#stopIn(t, 'cancelled', 'The sender stopped it.');
    }
  }

  #stopIn(t, state, error) {
    t.flow.discard();
    this.#set(t, { state, error });
  }

  // --- out ---

  #answered(from, m) {
    const t = this.#out.get(m.transfer);
    if (!t) return;
    const now = performance.now();
    if (m.type === 'ack') t.flow.ack(from, m.offset, now);
    else if (m.type === 'again') t.flow.again(from, m.offset, now);
    else if (m.type === 'done') t.flow.done(from, m.ok === true);
    else if (m.type === 'quit') t.flow.leave(from, 'quit');
    t.wake?.();
  }

  // Resolves with the transfer id as soon as the file is accepted for sending.
  async send(file) {
    const about = { name: file.name };
    if (file.size > FILE_MAX) throw problem('file_too_big', about);
    if (!file.size) throw problem('file_empty', about);
    if (!this.#link.others().length) throw problem('file_alone');
    if (this.#link.channel()?.readyState !== 'open') throw problem('not_connected');
    const t = {
      id: hex(crypto.getRandomValues(new Uint8Array(16))), direction: 'out',
      name: safeName(file.name), size: file.size, mime: file.type, sha256: '',
      from: '', bytes: 0, state: 'hashing', error: '', at: performance.now(),
      flow: new Outgoing(file.size),
    };
    this.#out.set(t.id, t);
    this.emit('change', t);
    // One after the other: together they would only slow each other down.
    this.#next = this.#next.then(() => this.#run(t, file)).catch((e) => {
      this.#abort(t, 'failed', e.message);
    });
    return t.id;
  }

  async #run(t, file) {
    const sum = sha256.create();
    for (let at = 0; at < file.size && t.state === 'hashing'; at += HASH) {
      sum.update(new Uint8Array(await file.slice(at, at + HASH).arrayBuffer()));
    }
    if (t.state !== 'hashing') return;
    this.#set(t, { sha256: hex(sum.digest()), state: 'waiting' });
    const { name, size, mime, sha256: digest } = t;
    if (!this.#say({ type: 'offer', transfer: t.id, name, size, mime, sha256: digest })) {
      throw problem('not_connected');
    }
    await this.#gather(t);
    if (t.state !== 'waiting') return;
    t.flow.start(performance.now());
    this.#set(t, { state: 'sending' });
    await this.#pump(t, file);
  }

  // Until everybody here has taken part or declined, at most START_MS.
  async #gather(t) {
    const end = performance.now() + START_MS;
    const missing = () => this.#link.others().some((id) => !t.flow.receivers.has(id));
    while (t.state === 'waiting' && missing() && performance.now() < end) {
      await this.#wait(t, 100);
    }
    if (!t.flow.receivers.size && t.state === 'waiting') throw problem('file_nobody');
  }

  async #pump(t, file) {
    let from = 0;
    let held = new Uint8Array(0);
    while (t.state === 'sending') {
      t.flow.expire(performance.now());
      if (t.flow.finished()) break;
      const room = t.flow.room();
      const ch = this.#link.channel();
      if (ch?.readyState !== 'open') throw problem('not_connected');
      if (!room || ch.bufferedAmount > WINDOW) {
        await this.#wait(t, TICK_MS, ch);
        continue;
      }
      const at = t.flow.offset;
      if (at < from || at >= from + held.length) {
        from = at;
        held = new Uint8Array(await file.slice(at, at + READ).arrayBuffer());
        continue;
      }
      const n = Math.min(CHUNK_MAX, room, from + held.length - at);
      ch.send(packChunk(t.id, at, held.subarray(at - from, at - from + n)));
      t.flow.offset = at + n;
    }
    if (t.state !== 'sending') return;
    if (t.flow.anyDone()) this.#set(t, { state: 'done', bytes: t.size });
    else throw problem('file_nobody');
  }

  // Until something was said about t, or the channel has room, or ms are over.
  async #wait(t, ms, ch) {
    t.bytes = t.flow.progress();
    this.emit('change', t);
    const said = new Promise((r) => { t.wake = r; });
    const reasons = [said, sleep(ms)];
    if (ch) {
      ch.bufferedAmountLowThreshold = LOW;
      if (ch.bufferedAmount > LOW) {
        reasons.push(new Promise((r) => {
          ch.addEventListener('bufferedamountlow', r, { once: true });
        }));
      }
    }
    await Promise.race(reasons);
    t.wake = null;
  }

  #abort(t, state, error) {
    if (!OPEN.includes(t.state)) return;
    if (t.state !== 'hashing') this.#say({ type: 'cancel', transfer: t.id, reason: error });
    this.#set(t, { state, error });
    t.wake?.();
  }
}
