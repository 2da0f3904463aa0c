// One call, from invite to hangup. It ends once, with a reason; calling again is
// the conference's business (conference.js).
import { Emitter } from '../emitter.js';
import { CONTROL } from './channels.js';
import { Peer } from './peer.js';
import { Signal } from './signal.js';
import { Silence } from './silence.js';
import { readRecording } from './recording.js';
import {
  readEncodings, readMetadata, readParticipants, readPaused, writeMetadata, SCREENSHARE,
  USERMEDIA,
} from './metadata.js';

const LIFETIME_MS = 60000;
const ANSWER_MS = 20000; // to the invite
const CONNECT_MS = 30000;
const DISCONNECTED_MS = 2000;
const RESTART_MS = 15000;
const NEGOTIATE_MS = 20000;
const PING_MS = 40000;
const CLOSED_MS = 1500;
const SETTLE_MS = 1500;
const SAME_MS = 1000; // one change of the network has more than one sign

export function randomId(prefix = '') {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return prefix + [...bytes].map((b) => b.toString(16).padStart(2, '0')).join('');
}

export class Call extends Emitter {
  #wire;
  #signal;
  #timers = new Map();
  #ended = false;
  #answered = false;
  #restarting = false;
  #restartedAt = 0;
  #silence;
  #flags = { audio_muted: true, video_muted: true };
  #sharing = false;
  #wanted = false;
  #offeredScreen = false;
  state = 'connecting';

  // wire: as conference.js has it; room: the room's id.
  constructor({ wire, room, iceServers }) {
    super();
    this.#wire = wire;
    this.id = randomId('h');
    this.peer = new Peer(iceServers);
    this.#signal = new Signal(wire, {
      call_id: this.id, party_id: wire.deviceId, version: '1',
      conf_id: room, room_id: room, device_id: wire.deviceId,
      sender_session_id: randomId('s'),
    }, this.peer);
    this.#silence = new Silence({
      heard: () => this.peer.heard(), bytes: () => this.peer.received(),
      expected: () => this.peer.expecting() && this.state !== 'connecting',
      reach: (signal) => wire.reach(signal), lost: () => this.networkChanged('silence'),
    });
    this.#listen();
  }

  #listen() {
    const { peer } = this;
    peer.on('candidate', (c) => this.#signal.candidate(c));
    peer.on('streams', () => this.emit('streams', peer.streams));
    peer.on('state', (s) => this.#transport(s));
    peer.on('offer-wanted', () => this.renegotiate());
    peer.channels.on('control', (data) => this.#control(data));
    peer.channels.on('message', (m) => this.emit('message', m));
    peer.channels.on('open', (label) => this.emit('channel', label));
    peer.channels.on('close', (label) => {
      if (label !== CONTROL) return;
      this.#later('closed', CLOSED_MS, () => this.end('channel_closed'));
    });
  }

  async invite() {
    const offer = await this.peer.offer();
    this.#later('answer', ANSWER_MS, () => this.end('no_answer'));
    await this.#signal.toDevice('m.call.invite', {
      lifetime: LIFETIME_MS, offer, ...this.#metadata(), 'org.hearth.client': 1,
      capabilities: { 'm.call.transferee': false, 'm.call.dtmf': false },
    });
    this.#note('invited', { bytes: offer.sdp.length });
    this.#signal.release();
  }

  // What came to-device for this call.
  input(type, content) {
    if (this.#ended || content?.call_id !== this.id) return;
    if (type === 'm.call.answer') this.#answer(content);
    // What went this way before the channel opened may come after what is newer.
    else if (!METADATA_CHANGED.has(type) || !this.peer.channels.isOpen(CONTROL)) {
      this.#event(type, content);
    }
  }

  #answer(content) {
    if (this.#answered || typeof content.answer?.sdp !== 'string') return;
    this.#answered = true;
    this.#clear('answer');
    this.#later('connect', CONNECT_MS, () => this.end('ice_failed'));
    this.#signal.botSession(content.sender_session_id);
    this.#signal.toDevice('m.call.select_answer', {
      selected_party_id: content.party_id,
    }).catch(() => {});
    this.#note('answered', { bytes: content.answer.sdp.length });
    this.#take(content, { type: 'answer', sdp: content.answer.sdp }).then(() => {
      if (this.#wanted) this.renegotiate();
    });
  }

  #control(data) {
    if (typeof data !== 'string') return;
    let m;
    try {
      m = JSON.parse(data);
    } catch {
      return;
    }
    if (m && typeof m.type === 'string') this.#event(m.type, m.content || {});
  }

  #event(type, content) {
    if (this.#ended) return;
    switch (type) {
    case 'm.call.negotiate':
      if (typeof content.description?.sdp !== 'string') return;
      this.#note('negotiate', { type: content.description.type });
      this.#take(content, content.description);
      break;
    case 'm.call.sdp_stream_metadata_changed':
    case 'org.matrix.call.sdp_stream_metadata_changed': {
      const map = readMetadata(content);
      if (map) this.emit('metadata', { map, whole: true });
      break;
    }
    case 'm.call.candidates':
      for (const c of (content.candidates || []).slice(0, 64)) this.peer.addCandidate(c);
      break;
    case 'org.hearth.participants': {
      const list = readParticipants(content);
      if (list) this.emit('participants', list);
      break;
    }
    case 'org.hearth.speaker':
      this.emit('speaker', typeof content.id === 'string' ? content.id : null);
      break;
    case 'org.hearth.streams': {
      const paused = readPaused(content);
      if (!paused) return;
      this.#note('paused', { streams: [...paused] });
      this.emit('paused', paused);
      break;
    }
    case 'org.hearth.encodings': {
      const rids = readEncodings(content, this.peer.camera.id);
      if (!rids) return;
      this.#note('watched', { rids });
      this.peer.setWanted(rids);
      break;
    }
    case 'org.hearth.recording': {
      const r = readRecording(content);
      if (r) this.emit('recording', r);
      break;
    }
    case 'org.hearth.error':
      if (content.code === 'refused') this.#refused();
      this.emit('problem', {
        code: String(content.code || 'unknown'), message: String(content.message || ''),
      });
      break;
    case 'm.call.ping':
      this.#signal.onChannel('m.call.pong', {});
      this.#later('ping', PING_MS, () => this.end('ping_timeout'));
      break;
    case 'm.call.reject':
    case 'm.call.hangup':
      this.end(content.reason || (type === 'm.call.reject' ? 'rejected' : 'user_hangup'), {
        remote: true, message: content.message,
      });
      break;
    default:
    }
  }

  async #take(content, description) {
    const map = readMetadata(content);
    if (map) this.emit('metadata', { map, whole: false });
    if (description.type === 'answer') this.#clear('negotiate');
    try {
      const answer = await this.peer.description(description);
      if (answer) await this.#describe(answer);
      // A restart of what was never down changes no state that would tell.
      else if (this.#restarting) this.#later('settle', SETTLE_MS, () => this.#transport(this.peer.state));
    } catch (e) {
      this.#note('bad_description', { message: e.message });
      if (description.type === 'answer') this.end('bad_description');
    }
  }

  async #describe(description) {
    const content = { description, ...this.#metadata() };
    const sent = await this.#signal.negotiate(content, this.#restarting);
    // Too large for the homeserver and no channel: only a new call helps.
    if (!sent) this.end('ice_restart_failed');
  }

  // The bot does not take our last offer; the call goes on without it.
  async #refused() {
    if (this.peer.pc.signalingState !== 'have-local-offer') return;
    this.#clear('negotiate');
    const screen = this.#offeredScreen;
    await this.peer.rollback();
    this.emit('refused', screen);
  }

  async renegotiate(options) {
    if (!this.#answered) {
      this.#wanted = true;
      return;
    }
    try {
      const offer = await this.peer.offer(options);
      if (!offer || this.#ended) return;
      this.#offeredScreen = this.#sharing;
      this.#note('offer', options);
      this.#later('negotiate', NEGOTIATE_MS, () => this.end('negotiate_timeout'));
      await this.#describe(offer);
    } catch (e) {
      this.#note('offer_failed', { message: e.message });
    }
  }

  restartIce(why = '') {
    this.#clear('disconnected');
    if (this.#restarting || this.#ended) return;
    this.#restart(why);
  }

  #restart(why) {
    this.#restarting = true;
    this.#restartedAt = Date.now();
    this.#later('restart', RESTART_MS, () => this.end('ice_restart_failed'));
    this.#note('ice_restart', { why });
    this.#wire.hurry();
    this.renegotiate({ iceRestart: true });
  }

  // What goes out now, or soon will, knows of the new network; a restart that
  // began earlier does not, and another one follows it.
  networkChanged(why) {
    if (this.#ended || this.state === 'connecting') return;
    if (this.#restarting && (why === 'silence' || Date.now() - this.#restartedAt < SAME_MS)) return;
    this.#clear('disconnected');
    this.#restart(why);
  }

  #transport(s) {
    if (this.#ended) return;
    this.#note('transport', { state: s });
    if (s === 'connected') {
      for (const t of ['connect', 'disconnected', 'restart']) this.#clear(t);
      this.#restarting = false;
      this.#silence.start();
      this.#become('connected');
    } else if (s === 'failed') {
      if (this.state === 'connecting') this.end('ice_failed');
      else this.#lost(0);
    } else if (s === 'disconnected' && this.state !== 'connecting') {
      this.#lost(DISCONNECTED_MS);
    }
  }

  #lost(wait) {
    this.#become('reconnecting');
    if (this.#restarting) return;
    if (wait) this.#later('disconnected', wait, () => this.restartIce('disconnected'));
    else this.restartIce('failed');
  }

  #become(state) {
    if (this.state === state) return;
    this.state = state;
    this.emit('state', state);
  }

  // What is muted now; told to the others once they can hear of it.
  setFlags(flags, sharing) {
    Object.assign(this.#flags, flags);
    this.#sharing = sharing;
    this.#signal.onChannel('m.call.sdp_stream_metadata_changed', this.#metadata());
  }

  #metadata() {
    const map = { [this.peer.camera.id]: { purpose: USERMEDIA, ...this.#flags } };
    if (this.#sharing) {
      map[this.peer.screen.id] = {
        purpose: SCREENSHARE, audio_muted: false, video_muted: false,
      };
    }
    return writeMetadata(map);
  }

  // Asks for a recording to 'start' or 'stop'; false where it cannot be said.
  record(action) {
    return this.#signal.onChannel('org.hearth.record', { action });
  }

  // What the page shows (views.js); false where it cannot be said.
  view(streams) {
    return this.#signal.onChannel('org.hearth.view', { streams });
  }

  // Ends the call. Ours are told to the bot, by whichever way is open.
  end(reason, { remote = false, message = '' } = {}) {
    if (this.#ended) return;
    this.#ended = true;
    this.#note('ended', { reason, remote });
    for (const name of [...this.#timers.keys()]) this.#clear(name);
    this.#silence.stop();
    this.#signal.stop();
    if (!remote) {
      const content = { reason: WIRE_REASONS.has(reason) ? reason : 'unknown_error' };
      this.#signal.onChannel('m.call.hangup', content);
      this.#signal.toDevice('m.call.hangup', content).catch(() => {});
    }
    // The channel needs a moment to carry the hangup out.
    setTimeout(() => this.peer.close(), remote ? 0 : 100);
    this.state = 'ended';
    this.emit('ended', { reason, remote, message: String(message || '') });
  }

  #note(event, about = {}) {
    this.emit('note', { t: Date.now(), event, call_id: this.id, ...about });
  }

  #later(name, ms, fn) {
    this.#clear(name);
    this.#timers.set(name, setTimeout(fn, ms));
  }

  #clear(name) {
    clearTimeout(this.#timers.get(name));
    this.#timers.delete(name);
  }
}

const METADATA_CHANGED = new Set(['m.call.sdp_stream_metadata_changed', 'org.matrix.call.sdp_stream_metadata_changed']);
const WIRE_REASONS = new Set(['user_hangup', 'ice_failed', 'ice_timeout', 'invite_timeout', 'user_media_failed']);
