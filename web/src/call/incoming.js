// One file coming in. Takes chunks in order, keeps them as Blobs (which the
// browser may put on disk) and computes the sum as they pass.
import { sha256 } from '@noble/hashes/sha2';
import { hex } from './frames.js';

export const ACK_EVERY = 256 * 1024;
const PART = 4 << 20;

export class Incoming {
  bytes = 0;
  blob = null;
  #sum = sha256.create();
  #fresh = [];
  #freshBytes = 0;
  #parts = [];
  #acked = 0;
  #asked = -1;

  constructor(offer) {
    this.offer = offer;
  }

  // What is to be answered: null, {type: "ack"|"again", offset} or
  // {type: "done", ok, error}.
  chunk(offset, bytes) {
    if (this.blob || offset < this.bytes) return null;
    if (offset > this.bytes) {
      if (this.#asked === this.bytes) return null;
      this.#asked = this.bytes;
      return { type: 'again', offset: this.bytes };
    }
    if (offset + bytes.length > this.offer.size) {
      return { type: 'done', ok: false, error: 'too long' };
    }
    this.#asked = -1;
    this.#sum.update(bytes);
    this.#fresh.push(bytes);
    this.#freshBytes += bytes.length;
    this.bytes += bytes.length;
    if (this.bytes === this.offer.size) return this.#finish();
    if (this.#freshBytes >= PART) this.#flush();
    if (this.bytes - this.#acked < ACK_EVERY) return null;
    this.#acked = this.bytes;
    return { type: 'ack', offset: this.bytes };
  }

  #flush() {
    this.#parts.push(new Blob(this.#fresh));
    this.#fresh = [];
    this.#freshBytes = 0;
  }

  #finish() {
    this.#flush();
    const ok = hex(this.#sum.digest()) === this.offer.sha256;
    if (ok) {
      this.blob = new Blob(this.#parts, {
        type: this.offer.mime || 'application/octet-stream',
      });
    }
    this.#parts = [];
    return ok ? { type: 'done', ok } : { type: 'done', ok, error: 'wrong sum' };
  }

  discard() {
    this.#fresh = [];
    this.#parts = [];
    this.blob = null;
  }
}
