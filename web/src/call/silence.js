// Notices that nothing comes any more, seconds before the browser's ICE does: an
// address that changed without an event leaves the page with a path to nowhere.
// Media that flowed and stopped are a sign; the server, asked by HTTP and
// answering while they still do not come, is the proof. A network that is away
// altogether answers nothing, and nothing is done until it is back.

import { reachable } from './reach.js';

const EVERY_MS = 250;
const FLOWS = 4; // looks in a row that found something: from now on it is missed
const SILENT = 4; // looks in a row that found nothing

export class Silence {
  #ports;
  #every;
  #timer = 0;
  #heard = 0;
  #bytes = -1;
  #flow = 0;
  #quiet = 0;
  #asking = null;
  #answered = false;

  // heard(): another number when media have come since, and cheap; bytes(): a
  // promise of how many were received, asked where it is the same; expected():
  // whether anything should come; reach(signal): a promise, kept when the server
  // answers; lost(): nothing comes though it does. Called once, and then not
  // until media have flowed again.
  constructor({ heard, bytes, expected, reach, lost }, every = EVERY_MS) {
    this.#ports = { heard, bytes, expected, reach, lost };
    this.#every = every;
  }

  start() {
    this.#timer ||= setTimeout(() => this.#turn(), this.#every);
  }

  stop() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    this.#flow = this.#quiet = 0;
    this.#give();
  }

  async #turn() {
    const timer = this.#timer;
    await this.look();
    // Stopped, or stopped and started, meanwhile.
    if (this.#timer !== timer) return;
    this.#timer = setTimeout(() => this.#turn(), this.#every);
  }

  // Counts looks and not time: a page that was asleep has missed nothing.
  async look() {
    if (await this.#came()) {
      this.#quiet = 0;
      this.#flow++;
      this.#give();
      return;
    }
    this.#quiet++;
    if (this.#answered) {
      this.#give();
      this.#ports.lost();
    } else if (this.#quiet >= 2 && this.#flow < FLOWS) {
      this.#flow = 0;
    } else if (this.#quiet >= SILENT) {
      this.#flow = 0;
      if (this.#ports.expected()) this.#ask();
    }
  }

  async #came() {
    const heard = this.#ports.heard();
    if (heard !== this.#heard) {
      this.#heard = heard;
      this.#bytes = -1;
      return true;
    }
    const before = this.#bytes;
    this.#bytes = await this.#ports.bytes();
    return before >= 0 && this.#bytes !== before;
  }

  #give() {
    this.#asking?.abort();
    this.#asking = null;
    this.#answered = false;
  }

  async #ask() {
    const asking = new AbortController();
    this.#asking = asking;
    const answered = await reachable(this.#ports.reach, asking.signal);
    // It may come together with the media: the next look decides.
    if (answered && this.#asking === asking) this.#answered = true;
  }
}
