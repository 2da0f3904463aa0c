// The conference as the page sees it: one after another the calls that it takes,
// what outlives them (people, chat, files, our own media), and when to call
// again.
import { Emitter } from '../emitter.js';
import { explain, problem, words, Problem } from '../problems.js';
import { Call } from './call.js';
import { Chat, CHAT, readChat, TEXT_MAX } from './chat.js';
import { CONTROL, FROM } from './channels.js';
import { Files, FILE } from './files.js';
import { counters, Gauge } from './gauge.js';
import { Local } from './local.js';
import { SCREENSHARE, USERMEDIA } from './metadata.js';
import { Recording } from './recording.js';
import { reachable } from './reach.js';
import { callAgain, reasonCode, rejoinDelay, videoQuality } from './rejoin.js';
import { describeStream, Roster } from './roster.js';
import { collect, keysOfMids, sizesSent } from './stats.js';
import { Views } from './views.js';

const LOG_MAX = 500;
const RAW_MAX = 1000;
const GAUGE_MS = 2000;
const STABLE_MS = 20000; // connected for so long: the next loss counts from one

export class Conference extends Emitter {
  #wire;
  #call = null;
  #timer = 0;
  #asking = null;
  #stable = 0;
  #gauging = 0;
  #went = false;
  roster = new Roster();
  chat = new Chat();
  local = new Local();
  gauge = new Gauge();
  recording = new Recording((action) => this.#call?.record(action) || false);
  views = new Views((streams) => this.#call?.view(streams) || false);
  log = [];
  raw = [];
  state = 'idle';
  error = null;
  attempts = 0;

  // wire: {prepare() -> {iceServers}, send(type, content), onInput(fn),
  //        reach(signal), hurry(), userId, deviceId}; prepare sees to it that the
  //        bot is there; reach is kept when the server answers; hurry: an
  //        answer is waited for, do not put off asking for it.
  constructor({ wire, room, name }) {
    super();
    this.#wire = wire;
    this.room = room;
    this.roomName = name || room;
    this.roster.me = `${wire.userId} ${wire.deviceId}`;
    this.files = new Files({
      channel: () => this.#call?.peer.channels.get(FILE),
      others: () => this.roster.others().filter((p) => !p.program).map((p) => p.id),
    });
    this.files.on('change', (t) => this.emit('file', t));
    this.files.on('offered', (t) => this.emit('file-offered', t));
    this.local.on('change', () => this.#localChanged());
    this.recording.on('change', (told) => this.emit('recording', told));
    this.stopInput = wire.onInput((type, content) => this.#call?.input(type, content));
  }

  get callId() {
    return this.#call?.id || '';
  }

  get peer() {
    return this.#call?.peer || null;
  }

  // --- the life of it ---

  async start() {
    if (!globalThis.RTCPeerConnection) {
      this.#fail(problem('no_webrtc'));
      return;
    }
    this.#went = false;
    this.attempts = 0;
    await this.#dial();
  }

  async #dial() {
    clearTimeout(this.#timer);
    this.#asking?.abort();
    this.#asking = null;
    this.attempts++;
    this.#become(this.attempts > 1 || this.state === 'reconnecting' ? 'reconnecting' : 'connecting');
    try {
      const { iceServers } = await this.#wire.prepare();
      if (this.#went) return;
      this.#open(iceServers);
      await this.#publish();
      await this.#call.invite();
    } catch (e) {
      const p = explain(e, 'room');
      if (this.#call) this.#call.end(p.code);
      else this.#over(p.code, p.message);
    }
  }

  #open(iceServers) {
    const call = new Call({ wire: this.#wire, room: this.room, iceServers });
    this.#call = call;
    this.roster.reset();
    const mine = (name, fn) => call.on(name, (v) => this.#call === call && fn(v));
    mine('state', (s) => this.#callState(s));
    mine('streams', (s) => { this.roster.setStreams(s); this.emit('people'); });
    mine('metadata', ({ map, whole }) => {
      this.roster.setMetadata(map, whole);
      this.emit('people');
    });
    mine('participants', (list) => this.#people(list));
    mine('speaker', (id) => { this.roster.speaker = id; this.emit('speaker', id); });
    mine('paused', (map) => { this.roster.paused = map; this.emit('people'); });
    mine('recording', (r) => this.recording.set(r));
    mine('problem', (p) => {
      this.recording.refused(p);
      this.emit('problem', p);
    });
    mine('refused', (screen) => screen && this.local.stopScreen());
    mine('message', (m) => this.#message(m));
    mine('channel', (label) => this.#channel(label));
    mine('ended', (end) => this.#ended(end));
    call.on('note', (n) => this.#note(n));
    this.emit('call', call);
  }

  #callState(s) {
    if (s === 'connected') {
      this.error = null;
      clearTimeout(this.#stable);
      this.#stable = setTimeout(() => { this.attempts = 1; }, STABLE_MS);
      this.#quality();
      this.#gauging ||= setInterval(() => this.#measure(), GAUGE_MS);
    }
    this.#become(s);
  }

  #become(state) {
    this.state = state;
    this.emit('state', state);
  }

  #ended({ reason, message }) {
    this.#call = null;
    clearTimeout(this.#stable);
    this.#stopGauge();
    this.files.reset();
    this.roster.reset();
    this.emit('people');
    this.#over(reason, message);
  }

  // The call is over, or never began: call again, or say why not.
  #over(reason, message) {
    if (this.#went) return;
    const code = reasonCode(reason);
    const p = new Problem(code, message || words(code) || `The call ended (${code}).`);
    if (!callAgain(reason, this.attempts)) {
      this.#fail(p);
      return;
    }
    this.error = { code: p.code, message: p.message };
    const wait = rejoinDelay(this.attempts);
    this.#note({ t: Date.now(), event: 'again', reason, wait });
    this.#become('reconnecting');
    this.#timer = setTimeout(() => this.#redial(), wait);
  }

  // Into a network that is away nothing is sent: it would hang there, longer than
  // the network is away.
  async #redial() {
    const asking = new AbortController();
    this.#asking = asking;
    if (!await reachable((signal) => this.#wire.reach(signal), asking.signal)) return;
    this.#note({ t: Date.now(), event: 'reached' });
    this.#wire.hurry();
    this.#dial();
  }

  #fail(p) {
    this.error = { code: p.code, message: p.message };
    this.local.stopScreen();
    this.recording.reset();
    this.#become('failed');
  }

  // Try again now: the person asked to, or the network came back.
  hurry() {
    if (this.state === 'failed') this.attempts = 0;
    if (this.#call || this.#went) this.#call?.restartIce('asked');
    else this.#dial();
  }

  leave() {
    if (this.#went) return;
    this.#went = true;
    clearTimeout(this.#timer);
    this.#asking?.abort();
    clearTimeout(this.#stable);
    this.#call?.end('user_hangup');
    this.#call = null;
    this.#stopGauge();
    this.files.reset();
    this.recording.reset();
    this.views.stop();
    this.local.stop();
    this.stopInput();
    this.#become('left');
  }

  restartIce() {
    this.#call?.restartIce('asked');
  }

  // Another network, or it is back: what was sent into the old one is lost.
  networkChanged(why) {
    this.#note({ t: Date.now(), event: 'network', why });
    if (this.#call) this.#call.networkChanged(why);
    else if (this.state === 'reconnecting') this.hurry();
  }

  // --- what we publish ---

  async #publish() {
    const { peer } = this.#call;
    await peer.setAudio(this.local.tracks.mic);
    await peer.setVideo(this.local.tracks.cam);
    if (this.local.screen) await peer.setScreen(this.local.screen);
    this.#flags();
  }

  #flags() {
    this.#call?.setFlags({
      audio_muted: !this.local.mic, video_muted: !this.local.cam,
    }, this.local.sharing);
  }

  #shown = null;

  async #localChanged() {
    this.emit('local');
    const call = this.#call;
    if (!call) {
      this.#shown = this.local.screen;
      return;
    }
    await call.peer.setAudio(this.local.tracks.mic);
    await call.peer.setVideo(this.local.tracks.cam);
    if (this.#call !== call) return;
    this.#flags();
    if (this.#shown === this.local.screen) return;
    this.#shown = this.local.screen;
    await call.peer.setScreen(this.local.screen);
    await call.renegotiate();
  }

  async setScreen(on, stream) {
    if (on) await this.local.startScreen(stream);
    else this.local.stopScreen();
    return this.local.sharing;
  }

  #quality() {
    this.#call?.peer.setVideoQuality(videoQuality(this.roster.others().length));
  }

  // --- what comes in ---

  #people(list) {
    const change = this.roster.setPeople(list);
    for (const p of change.went) this.files.left(p.id);
    this.#quality();
    this.emit('people');
    this.emit('moved', change);
  }

  #channel(label) {
    if (label === CONTROL) {
      this.#flags();
      this.views.again();
    }
    this.emit('channel', label);
  }

  #message({ label, from, data }) {
    if (label === CHAT) {
      const m = readChat(data, Date.now());
      if (m) this.#said({ from, name: this.roster.name(from), ...m, you: false });
    } else if (label === FILE) {
      this.files.input(from, data);
    } else {
      this.raw.push({ label, from, data });
      if (this.raw.length > RAW_MAX) this.raw.shift();
      this.emit('raw', { label, from, data });
    }
  }

  #said(message) {
    this.emit('chat', this.chat.add(message));
  }

  sendChat(text) {
    const clean = text.trim().slice(0, TEXT_MAX);
    if (!clean) return;
    const ch = this.#call?.peer.channels.get(CHAT);
    if (ch?.readyState !== 'open') throw problem('not_connected');
    const ts = Date.now();
    ch.send(JSON.stringify({ text: clean, ts }));
    const me = this.roster.me;
    this.#said({ from: me, name: this.roster.name(me), text: clean, ts, you: true });
  }

  async sendRaw(label, data) {
    if (!this.#call) throw problem('not_connected');
    const ch = await this.#call.peer.channels.ready(label, { protocol: FROM });
    ch.send(data);
  }

  // --- what the page asks ---

  #own() {
    const id = this.roster.me;
    const { local } = this;
    const self = {
      key: `${id}|self`, participant: id, user_id: this.#wire.userId,
      name: this.roster.name(id), purpose: USERMEDIA, stream_id: '',
      stream: local.cam ? local.preview : null, audio_muted: !local.mic,
      video_muted: !local.cam, you: true, paused: '', program: false, speaking: this.roster.speaker === id,
    };
    if (!local.screen) return [self];
    return [self, {
      ...self, key: `${id}|self-screen`, purpose: SCREENSHARE,
      stream: local.screen, audio_muted: false, video_muted: false, speaking: false,
    }];
  }

  tiles() {
    return [...this.roster.tiles(), ...this.#own()];
  }

  participants() {
    const own = this.#own().map((t) => describeStream(
      t.purpose === SCREENSHARE ? this.peer?.screen.id || '' : this.peer?.camera.id || '',
      t, t.purpose === SCREENSHARE ? this.local.screen : this.local.preview));
    return this.roster.participants(own);
  }

  // How well each tile's streams come, or ours go: gauge.tiles, by key.
  async #measure() {
    const call = this.#call;
    const pc = call?.peer.pc;
    if (!pc || call.state !== 'connected') return;
    const report = await pc.getStats();
    if (this.#call !== call) return;
    const tiles = this.tiles();
    const keys = { in: keysOfMids(pc, tiles.filter((t) => !t.you)), out: new Map() };
    const own = { camera: `${this.roster.me}|self`, screen: `${this.roster.me}|self-screen` };
    for (const [mid, what] of call.peer.ownMids()) keys.out.set(mid, own[what]);
    this.gauge.add(counters(report, keys, performance.now()), new Map(tiles.map((t) => [t.key, {
      seen: !t.video_muted && !t.paused && !!t.stream?.getVideoTracks().length, paused: t.paused,
    }])));
    this.emit('gauge');
  }

  #stopGauge() {
    clearInterval(this.#gauging);
    this.#gauging = 0;
    this.gauge.reset();
    this.emit('gauge');
  }

  // What the gauge says, for window.hearth.
  quality() {
    return this.tiles().map((t) => ({
      participant: t.participant, user_id: t.user_id, purpose: t.purpose, stream_id: t.stream_id, you: t.you,
      paused: t.paused, ...{ quality: '', ...this.gauge.tiles.get(t.key) },
    }));
  }

  sizes() {
    return this.peer ? sizesSent(this.peer) : Promise.resolve([]);
  }

  stats() {
    return this.peer ? collect(this.peer.pc, this.roster.tiles()) : Promise.resolve([]);
  }

  #note(n) {
    this.log.push(n);
    if (this.log.length > LOG_MAX) this.log.shift();
  }
}
