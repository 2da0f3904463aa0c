// One RTCPeerConnection: what we publish, what comes in, offers and answers in
// order. The impolite side: while an offer of ours is out, the bot's is ignored
// (the bot answers ours and offers again).
import { Emitter } from '../emitter.js';
import { Channels, CONTROL } from './channels.js';
import { apply, offered, shape } from './encodings.js';
import { videoQuality } from './rejoin.js';

const SPARES = 2; // beside the m-lines we send on

export class Peer extends Emitter {
  #queue = Promise.resolve();
  #again = false;
  #restart = false;
  #streams = new Map();
  #screenTransceivers = {};
  #shaping = Promise.resolve();
  #camera = { settings: null, single: videoQuality(0), wanted: null };

  constructor(iceServers = []) {
    super();
    const pc = new RTCPeerConnection({ iceServers, bundlePolicy: 'max-bundle' });
    this.pc = pc;
    this.channels = new Channels(pc);
    this.channels.open(CONTROL, { protocol: 'hearth.v1' });
    this.channels.open('chat');
    this.channels.open('file');
    this.camera = new MediaStream();
    this.screen = new MediaStream();
    const options = { direction: 'sendrecv', streams: [this.camera] };
    this.audio = pc.addTransceiver('audio', options);
    this.video = this.#addCamera(options);
    // Room for others in the first answer: who joins late sees them without
    // waiting for the control channel and an offer of the bot's.
    for (let i = 0; i < SPARES; i++) {
      pc.addTransceiver('audio', { direction: 'recvonly' });
      pc.addTransceiver('video', { direction: 'recvonly' });
    }
    pc.addEventListener('icecandidate', (ev) => this.emit('candidate', ev.candidate));
    pc.addEventListener('track', (ev) => this.#track(ev));
    for (const name of ['connectionstatechange', 'iceconnectionstatechange']) {
      pc.addEventListener(name, () => this.emit('state', this.state));
    }
  }

  #addCamera(options) {
    try {
      return this.pc.addTransceiver('video', { ...options, sendEncodings: offered() });
    } catch {
      return this.pc.addTransceiver('video', options); // of an old browser
    }
  }

  // "connected", "disconnected", "failed", …: the worse of the two that the
  // browser has (Firefox keeps connectionState behind for a while).
  get state() {
    const { iceConnectionState: ice, connectionState: all } = this.pc;
    if (ice === 'failed' || all === 'failed') return 'failed';
    if (ice === 'disconnected') return 'disconnected';
    return all;
  }

  get streams() {
    return this.#streams;
  }

  // Whether anything should come in: media of others, or reports about ours.
  expecting() {
    return this.pc.getTransceivers().some(({ sender, receiver, currentDirection }) => (
      /send/.test(currentDirection) && sender.track)
      || (/recv/.test(currentDirection) && !receiver.track.muted));
  }

  // mid -> whether it carries our camera or our screen.
  ownMids() {
    const mids = new Map([[this.audio.mid, 'camera'], [this.video.mid, 'camera']]);
    for (const t of Object.values(this.#screenTransceivers)) mids.set(t.mid, 'screen');
    mids.delete(null);
    return mids;
  }

  // Another number when somebody's media came since; asks no statistics.
  heard() {
    let newest = 0;
    for (const r of this.pc.getReceivers()) {
      for (const { timestamp } of r.getSynchronizationSources()) newest = Math.max(newest, timestamp);
    }
    return newest;
  }

  // Bytes that came, on whichever path.
  async received() {
    let n = 0;
    for (const s of (await this.pc.getStats()).values()) {
      if (s.type === 'candidate-pair') n += s.bytesReceived || 0;
    }
    return n;
  }

  close() {
    this.pc.close();
    this.#streams.clear();
  }

  #serial(fn) {
    const run = this.#queue.then(() => {
      if (this.pc.signalingState !== 'closed') return fn();
      return null;
    });
    this.#queue = run.catch(() => {});
    return run;
  }

  // An offer of ours as {type, sdp}, or null: one is out already and another
  // will be wanted when it is answered (event "offer-wanted").
  offer({ iceRestart = false } = {}) {
    return this.#serial(async () => {
      if (this.pc.signalingState !== 'stable') {
        this.#again = true;
        this.#restart ||= iceRestart;
        return null;
      }
      const restart = iceRestart || this.#restart;
      this.#again = this.#restart = false;
      if (restart) this.pc.restartIce();
      await this.pc.setLocalDescription();
      return this.#local();
    });
  }

  // Takes back an offer of ours that the bot refused.
  rollback() {
    return this.#serial(async () => {
      if (this.pc.signalingState !== 'have-local-offer') return;
      await this.pc.setLocalDescription({ type: 'rollback' });
      if (this.#again) queueMicrotask(() => this.emit('offer-wanted'));
    });
  }

  // What the bot described. Returns our answer to its offer, or null.
  description(desc) {
    return this.#serial(async () => {
      const pc = this.pc;
      if (desc.type === 'answer') {
        if (pc.signalingState !== 'have-local-offer') return null;
        await pc.setRemoteDescription(desc);
        this.#sweep();
        this.#shape();
        if (this.#again) queueMicrotask(() => this.emit('offer-wanted'));
        return null;
      }
      if (desc.type !== 'offer' || pc.signalingState !== 'stable') return null;
      await pc.setRemoteDescription(desc);
      this.#sweep();
      await pc.setLocalDescription();
      return this.#local();
    });
  }

  addCandidate(candidate) {
    return this.#serial(() => this.pc.addIceCandidate(candidate)).catch(() => {});
  }

  #local() {
    const { type, sdp } = this.pc.localDescription;
    return { type, sdp };
  }

  setAudio(track) {
    return this.audio.sender.replaceTrack(track);
  }

  async setVideo(track) {
    await this.video.sender.replaceTrack(track);
    if (track) this.#camera.settings = track.getSettings();
    await this.#shape();
  }

  // Starts or (with null) stops the screen. The m-lines stay and only change
  // direction, the stream keeps its id: a receiver's m-lines need not move.
  // Needs an offer afterwards.
  async setScreen(stream) {
    for (const kind of ['video', 'audio']) {
      const track = stream?.getTracks().find((t) => t.kind === kind) || null;
      let t = this.#screenTransceivers[kind];
      if (!t && track) {
        t = this.pc.addTransceiver(track, {
          direction: 'sendonly', streams: [this.screen],
        });
        this.#screenTransceivers[kind] = t;
        if (kind === 'video') await this.#sharp(t.sender);
        continue;
      }
      if (!t) continue;
      await t.sender.replaceTrack(track);
      t.direction = track ? 'sendonly' : 'inactive';
    }
  }

  // A screen is read: it may be slow but not blurred.
  async #sharp(sender) {
    const p = sender.getParameters();
    p.degradationPreference = 'maintain-resolution';
    await sender.setParameters(p).catch(() => {});
  }

  // How the camera is sent where only one size of it is.
  setVideoQuality(single) {
    this.#camera.single = single;
    return this.#shape();
  }

  // The sizes of it that anybody looks at, by rid; null: that is not known.
  setWanted(rids) {
    this.#camera.wanted = rids && new Set(rids);
    return this.#shape();
  }

  // One after another: the parameters set must be those got last. How many
  // encodings there are is known when the bot has answered.
  #shape() {
    this.#shaping = this.#shaping.then(async () => {
      const { sender } = this.video;
      const p = sender.getParameters();
      const n = p.encodings?.length;
      if (n && apply(p.encodings, shape({ ...this.#camera, n }))) await sender.setParameters(p);
    }).catch(() => {});
    return this.#shaping;
  }

  #track(ev) {
    for (const stream of ev.streams) {
      if (this.#streams.get(stream.id) !== stream) {
        this.#streams.set(stream.id, stream);
        stream.addEventListener('removetrack', () => this.#sweep());
        stream.addEventListener('addtrack', () => this.emit('streams'));
      }
    }
    this.emit('streams');
  }

  // Streams whose last m-line went inactive are no more.
  #sweep() {
    for (const [id, stream] of this.#streams) {
      if (!stream.getTracks().length) this.#streams.delete(id);
    }
    this.emit('streams');
  }
}
