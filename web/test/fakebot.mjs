// A bot in a page: speaks matrix-bot/PROTOCOL.md and forwards what it gets from
// one peer connection to the others. For tests of the call engine only.
const BOTH = (m) => ({ sdp_stream_metadata: m, 'org.matrix.msc3077.sdp_stream_metadata': m });
const metadataOf = (c) => c.sdp_stream_metadata || c['org.matrix.msc3077.sdp_stream_metadata'] || {};

function joined(head, data) {
  const first = new TextEncoder().encode(head);
  const out = new Uint8Array(first.length + data.byteLength);
  out.set(first);
  out.set(new Uint8Array(data), first.length);
  return out;
}

class Seat {
  queue = Promise.resolve();
  metadata = {};
  outs = new Map(); // "<seat id>|<stream>" -> {stream, owner, source, transceivers: Map kind -> transceiver}
  sources = new Map(); // transceiver -> stream id
  channels = new Map();
  dirty = false;

  constructor(bot, client, content) {
    Object.assign(this, { bot, client, call: content.call_id });
    this.id = `${client.userId} ${client.deviceId}`;
    this.pc = new RTCPeerConnection();
    this.pc.ondatachannel = (ev) => this.channel(ev.channel);
    this.pc.ontrack = (ev) => {
      if (ev.streams[0]) this.sources.set(ev.transceiver, ev.streams[0].id);
    };
    this.pc.onicecandidate = (ev) => ev.candidate && this.toDevice('m.call.candidates', { candidates: [ev.candidate.toJSON()] });
  }

  serial(fn) {
    this.queue = this.queue.then(fn).catch((e) => this.bot.errors.push(`${this.id}: ${e.stack || e}`));
    return this.queue;
  }

  toDevice(type, content) {
    this.client.deliver(type, { call_id: this.call, party_id: 'BOT', version: '1', sender_session_id: 'bots', device_id: 'BOT', ...content });
  }

  control(type, content) {
    const ch = this.channels.get('hearth');
    if (ch?.readyState === 'open' && !this.mute) ch.send(JSON.stringify({ type, content }));
    return ch?.readyState === 'open';
  }

  channel(ch) {
    ch.binaryType = 'arraybuffer';
    this.channels.set(ch.label, ch);
    ch.onopen = () => ch.label === 'hearth' && this.opened();
    if (ch.readyState === 'open') ch.onopen();
    ch.onmessage = (ev) => {
      if (ch.label === 'hearth') this.said(JSON.parse(ev.data));
      else this.bot.fan(this, ch.label, ev.data);
    };
  }

  opened() {
    this.up = true;
    this.bot.people();
    this.tellRecording();
    this.bot.sync();
  }

  tellRecording() {
    this.control('org.hearth.recording', { ...this.bot.recording, may_control: !this.bot.mayNot.has(this.id) });
  }

  said({ type, content }) {
    this.bot.heard.push(type);
    if (type === 'm.call.negotiate') this.described(content, true);
    else if (type === 'm.call.sdp_stream_metadata_changed') {
      this.metadata = metadataOf(content);
      this.bot.tellMetadata();
      this.bot.sync();
    } else if (type === 'org.hearth.record') this.bot.record(this, content.action);
    else if (type === 'm.call.hangup') this.bot.remove(this);
  }

  described(content, channel) {
    this.metadata = metadataOf(content);
    return this.serial(async () => {
      const { description } = content;
      if (description.type === 'offer' && this.bot.refuseOffers) {
        this.control('org.hearth.error', { code: 'refused', message: 'Too many streams.' });
        if (this.pc.signalingState !== 'stable') this.resend();
        return;
      }
      if (description.type === 'offer' && this.pc.signalingState !== 'stable') {
        this.bot.glares++;
        await this.pc.setLocalDescription({ type: 'rollback' });
        this.dirty = true;
      }
      if (description.type === 'answer' && this.pc.signalingState !== 'have-local-offer') return;
      await this.pc.setRemoteDescription(description);
      if (description.type === 'offer') {
        await this.pc.setLocalDescription(await this.pc.createAnswer());
        const reply = { description: this.pc.localDescription.toJSON(), ...BOTH(this.map()) };
        if (!channel || !this.control('m.call.negotiate', reply)) this.toDevice('m.call.negotiate', reply);
      }
      if (this.dirty) await this.offer();
    }).then(() => this.bot.sync());
  }

  async first(content) {
    this.metadata = metadataOf(content);
    await this.serial(async () => {
      await this.pc.setRemoteDescription(content.offer);
      await this.pc.setLocalDescription(await this.pc.createAnswer());
      this.toDevice('m.call.answer', { answer: this.pc.localDescription.toJSON(), ...BOTH({}) });
    });
  }

  // What it publishes now: "<stream id>" -> {kind -> track}.
  published() {
    const out = new Map();
    for (const [t, id] of this.sources) {
      if (!['sendrecv', 'recvonly'].includes(t.currentDirection) || !this.metadata[id]) continue;
      if (!out.has(id)) out.set(id, {});
      out.get(id)[t.receiver.track.kind] = t.receiver.track;
    }
    return out;
  }

  map() {
    const map = {};
    for (const o of this.outs.values()) {
      const m = o.owner.metadata[o.source];
      if (!m || !o.live) continue;
      const [user, device] = o.owner.id.split(' ');
      map[o.stream.id] = { ...m, user_id: user, device_id: device, participant: o.owner.id };
    }
    return map;
  }

  // Brings our m-lines in line with what the others publish.
  async pull() {
    let changed = false;
    const wanted = new Set();
    for (const owner of this.bot.seats.values()) {
      if (owner === this) continue;
      for (const [source, tracks] of owner.published()) {
        const key = `${owner.id}|${owner.call}|${source}`;
        wanted.add(key);
        let o = this.outs.get(key);
        if (!o) this.outs.set(key, o = { owner, source, stream: new MediaStream(), transceivers: new Map() });
        if (o.live) continue;
        o.live = changed = true;
        for (const track of Object.values(tracks)) await this.carry(o, track);
      }
    }
    for (const [key, o] of this.outs) {
      if (wanted.has(key) || !o.live) continue;
      o.live = false;
      changed = true;
      for (const t of o.transceivers.values()) {
        await t.sender.replaceTrack(null);
        t.direction = 'inactive';
      }
    }
    return changed;
  }

  async carry(o, track) {
    const t = o.transceivers.get(track.kind);
    if (!t) {
      o.transceivers.set(track.kind, this.pc.addTransceiver(track, { direction: 'sendonly', streams: [o.stream] }));
      return;
    }
    await t.sender.replaceTrack(track);
    t.direction = 'sendonly';
  }

  sync() {
    if (!this.up) return null;
    return this.serial(async () => {
      if (await this.pull()) await this.offer();
    });
  }

  async offer() {
    this.dirty = this.pc.signalingState !== 'stable';
    if (this.dirty) return;
    await this.pc.setLocalDescription(await this.pc.createOffer());
    this.resend();
  }

  resend() {
    this.control('m.call.negotiate', { description: this.pc.localDescription.toJSON(), ...BOTH(this.map()) });
  }
}

export class FakeBot {
  seats = new Map();
  programs = [];
  errors = [];
  heard = [];
  glares = 0;
  reachable = true; // by HTTP, as who hears nothing asks
  toDevice = 0;
  recording = { state: 'off', feeds: [] };
  mayNot = new Set(); // ids of those who may not record

  wire(userId, deviceId) {
    let fn = null;
    const client = {
      userId, deviceId,
      deliver: (type, content) => setTimeout(() => fn?.(type, JSON.parse(JSON.stringify(content))), 5),
      prepare: async () => ({ iceServers: [] }),
      send: async (type, content) => {
        const copy = JSON.parse(JSON.stringify(content));
        this.toDevice++;
        setTimeout(() => this.input(client, type, copy), 5);
      },
      onInput: (f) => { fn = f; return () => { fn = null; }; },
      reach: async () => {
        if (!this.reachable) throw new Error('away');
      },
      hurry: () => {},
    };
    return client;
  }

  input(client, type, content) {
    const id = `${client.userId} ${client.deviceId}`;
    if (type === 'm.call.invite') {
      const old = this.seats.get(id);
      if (old) this.remove(old);
      if (this.refuse) {
        client.deliver('m.call.hangup', { call_id: content.call_id, reason: this.refuse });
        return;
      }
      const seat = new Seat(this, client, content);
      this.seats.set(id, seat);
      seat.first(content);
      return;
    }
    const seat = this.seats.get(id);
    if (!seat || seat.call !== content.call_id) return;
    if (type === 'm.call.candidates') {
      for (const c of content.candidates) seat.serial(() => seat.pc.addIceCandidate(c.candidate ? c : undefined));
    } else if (type === 'm.call.negotiate') seat.described(content, false);
    else if (type === 'm.call.hangup') this.remove(seat);
  }

  sync() {
    for (const s of this.seats.values()) s.sync();
  }

  people() {
    for (const s of this.seats.values()) {
      const participants = [...this.seats.values()].map((p) => {
        const [user_id, device_id] = p.id.split(' ');
        return { id: p.id, user_id, device_id, display_name: user_id.slice(1, 2).toUpperCase() + user_id.slice(2).split(':')[0], you: p === s };
      });
      s.control('org.hearth.participants', { participants: [...participants, ...this.programs] });
    }
  }

  tellMetadata() {
    for (const s of this.seats.values()) s.control('m.call.sdp_stream_metadata_changed', BOTH(s.map()));
  }

  speaker(id) {
    for (const s of this.seats.values()) s.control('org.hearth.speaker', { id });
  }

  setRecording(change) {
    Object.assign(this.recording, change);
    for (const s of this.seats.values()) s.tellRecording();
  }

  record(seat, action) {
    if (this.mayNot.has(seat.id)) {
      seat.control('org.hearth.error', { code: 'record_forbidden', message: 'Only moderators may record.' });
    } else if (this.noRecording) {
      seat.control('org.hearth.error', { code: 'record_failed', message: 'The disk is full.' });
    } else if (action === 'start') {
      const started_by = seat.id.split(' ')[0];
      this.setRecording({ state: 'starting', id: `r${Date.now()}`, started_by, started_by_name: 'Somebody', since_ms: 0 });
      setTimeout(() => this.setRecording({ state: 'on', since_ms: Date.now() - 3600e3 }), 50);
    } else {
      this.setRecording({ state: 'stopping' });
      setTimeout(() => this.setRecording({ state: 'off', id: '' }), 50);
    }
  }

  // A local program comes to, or goes from, the call.
  program(name, here) {
    const others = this.recording.feeds.filter((f) => f.name !== name);
    this.programs = here ? [{ id: `@hearth:hs ${name}`, user_id: '@hearth:hs', display_name: name, program: true }] : [];
    this.setRecording({ feeds: here ? [...others, { name, publishes: true }] : others });
    this.people();
  }

  fan(from, label, data) {
    for (const s of this.seats.values()) {
      if (s === from) continue;
      const ch = s.channels.get(label) || this.open(s, label);
      const head = `${from.id}\n`;
      const message = typeof data === 'string' ? head + data : joined(head, data);
      s.serial(async () => {
        if (ch.readyState === 'connecting') await new Promise((r) => { ch.onopen = r; });
        if (ch.readyState === 'open') ch.send(message);
      });
    }
  }

  open(seat, label) {
    const ch = seat.pc.createDataChannel(label, { protocol: 'hearth-from' });
    seat.channel(ch);
    return ch;
  }

  remove(seat) {
    if (this.seats.get(seat.id) !== seat) return;
    this.seats.delete(seat.id);
    seat.pc.close();
    this.people();
    this.sync();
  }

  // As if the worker process had died: transports are gone without a word, the
  // hangup comes over Matrix.
  killAll(reason = 'worker_died', tell = true) {
    const seats = [...this.seats.values()];
    this.seats.clear();
    for (const s of seats) {
      s.pc.close();
      if (tell) s.toDevice('m.call.hangup', { reason });
    }
  }
}
