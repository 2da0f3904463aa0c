// Where what we say goes: to-device before the control channel is open and when
// media is down, on the channel else. And the trickling of candidates.
import { CONTROL } from './channels.js';
import { terse } from './terse.js';

const BATCH_MS = 200;
const TO_DEVICE_MAX = 60000; // a homeserver takes 65,536 bytes

const size = (content) => new TextEncoder().encode(JSON.stringify(content)).length;

export class Signal {
  #wire;
  #base;
  #peer;
  #botSession = '';
  #candidates = [];
  #timer = 0;
  #held = true;

  // wire: {send(type, content)} to the bot's device.
  constructor(wire, base, peer) {
    this.#wire = wire;
    this.#base = base;
    this.#peer = peer;
  }

  botSession(id) {
    if (typeof id === 'string') this.#botSession = id;
  }

  toDevice(type, content) {
    const full = { ...this.#base, ...content };
    if (this.#botSession) full.dest_session_id = this.#botSession;
    return this.#wire.send(type, full);
  }

  // True when it left on the control channel.
  onChannel(type, content) {
    if (!this.#peer.channels.isOpen(CONTROL)) return false;
    try {
      this.#peer.channels.get(CONTROL).send(JSON.stringify({ type, content }));
      return true;
    } catch {
      return false;
    }
  }

  // A description. down: the channel may look open but carries nothing now.
  async negotiate(content, down) {
    const type = 'm.call.negotiate';
    const full = { ...content, lifetime: 60000 };
    if (size(full) > TO_DEVICE_MAX) {
      full.description = terse(content.description, this.#peer.pc.remoteDescription?.sdp);
    }
    const { description } = full;
    if (!down && this.onChannel(type, { ...content, description })) return true;
    if (size(full) > TO_DEVICE_MAX) return false;
    await this.toDevice(type, full);
    return true;
  }

  // Collects candidates; they leave after the invite has.
  candidate(c) {
    this.#candidates.push(c
      ? { candidate: c.candidate, sdpMid: c.sdpMid, sdpMLineIndex: c.sdpMLineIndex }
      : { candidate: '' });
    this.#arm();
  }

  release() {
    this.#held = false;
    this.#arm();
  }

  stop() {
    clearTimeout(this.#timer);
    this.#held = true;
  }

  #arm() {
    if (this.#held || this.#timer || !this.#candidates.length) return;
    this.#timer = setTimeout(() => {
      this.#timer = 0;
      const candidates = this.#candidates.splice(0);
      this.toDevice('m.call.candidates', { candidates }).catch(() => {});
    }, BATCH_MS);
  }
}
