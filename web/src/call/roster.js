// Who is in the call and what each one shows: puts together the bot's list, the
// stream metadata and the streams that the peer connection really has. Pure but
// for the MediaStreams it carries along.
import { localpart, SCREENSHARE, USERMEDIA } from './metadata.js';

export class Roster {
  #people = new Map(); // id -> entry of the bot's list
  #metadata = new Map(); // stream id -> metadata
  #streams = new Map(); // stream id -> MediaStream
  #gone = new Set(); // were in the list and are not any more
  #listed = false;
  me = '';
  speaker = null;
  paused = new Map(); // stream id -> why its video is not sent to us

  setPeople(list) {
    const next = new Map(list.map((p) => [p.id, p]));
    for (const id of this.#people.keys()) if (!next.has(id)) this.#gone.add(id);
    for (const id of next.keys()) this.#gone.delete(id);
    const before = this.#listed ? this.#people : null;
    this.#people = next;
    this.#listed = true;
    const you = list.find((p) => p.you);
    if (you) this.me = you.id;
    if (!before) return { came: [], went: [] };
    return {
      came: list.filter((p) => !before.has(p.id) && !p.you),
      went: [...before.values()].filter((p) => !next.has(p.id) && !p.you),
    };
  }

  // whole: this is all there is (metadata_changed); else it adds to what was
  // known, as the metadata of a description does.
  setMetadata(map, whole) {
    this.#metadata = whole ? new Map(map) : new Map([...this.#metadata, ...map]);
  }

  setStreams(streams) {
    this.#streams = new Map(streams);
  }

  // A new call: streams and their names start over, the people are kept on the
  // screen until the new list comes.
  reset() {
    this.#metadata.clear();
    this.#streams.clear();
    this.#gone.clear();
    this.speaker = null;
    this.paused = new Map();
  }

  get size() {
    return this.#people.size;
  }

  others() {
    return [...this.#people.values()].filter((p) => p.id !== this.me && !p.you);
  }

  name(id) {
    const p = this.#people.get(id);
    return p?.display_name || localpart(p?.user_id || (id || '').split(' ')[0]);
  }

  #owner(m) {
    return m.participant || (m.user_id ? `${m.user_id} ${m.device_id}` : '');
  }

  // Remote streams that are to be shown: named by metadata, and either really
  // here or belonging to somebody in the list.
  #shown() {
    const out = [];
    for (const [id, m] of this.#metadata) {
      const owner = this.#owner(m) || id;
      if (owner === this.me || this.#gone.has(owner)) continue;
      const stream = this.#streams.get(id) || null;
      if (!stream && !this.#people.has(owner)) continue;
      out.push({ id, owner, m, stream });
    }
    return out;
  }

  // One tile for each other participant and one for each screen.
  tiles() {
    const tiles = new Map();
    for (const p of this.others()) {
      tiles.set(`${p.id}|${USERMEDIA}`, this.#tile(p.id, p.user_id, USERMEDIA));
    }
    for (const { id, owner, m, stream } of this.#shown()) {
      if (m.purpose === SCREENSHARE && !stream) continue;
      let key = `${owner}|${m.purpose}`;
      const known = tiles.get(key);
      if (known?.stream_id) {
        if (known.stream) key += `|${id}`;
        if (!stream) continue;
      }
      const t = this.#tile(owner, m.user_id, m.purpose);
      Object.assign(t, {
        key, stream_id: id, stream,
        audio_muted: m.audio_muted, video_muted: m.video_muted,
        paused: this.paused.get(id) || '',
      });
      tiles.set(key, t);
    }
    return [...tiles.values()];
  }

  #tile(owner, user, purpose) {
    return {
      key: `${owner}|${purpose}`, participant: owner,
      user_id: this.#people.get(owner)?.user_id || user || owner.split(' ')[0],
      name: this.name(owner), purpose, stream_id: '', stream: null,
      audio_muted: false, video_muted: false, you: false, paused: '',
      program: !!this.#people.get(owner)?.program,
      speaking: purpose === USERMEDIA && this.speaker === owner,
    };
  }

  // For lists and for window.hearth; ours are given by the caller.
  participants(own) {
    const list = new Map([...this.#people.values()].map((p) => [p.id, {
      ...p, display_name: this.name(p.id), you: p.id === this.me, streams: [],
    }]));
    for (const { id, owner, m, stream } of this.#shown()) {
      if (!list.has(owner)) {
        list.set(owner, {
          id: owner, user_id: m.user_id, device_id: m.device_id,
          display_name: this.name(owner), you: false, program: false, streams: [],
        });
      }
      list.get(owner).streams.push(describeStream(id, m, stream));
    }
    const you = list.get(this.me);
    if (you) you.streams = own;
    return [...list.values()];
  }
}

const live = (tracks) => tracks.some((t) => t.readyState === 'live');

export function describeStream(id, m, stream) {
  return {
    stream_id: id, purpose: m.purpose,
    audio_muted: m.audio_muted, video_muted: m.video_muted,
    audio: !!stream && live(stream.getAudioTracks()),
    video: !!stream && live(stream.getVideoTracks()),
  };
}
