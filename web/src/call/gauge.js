// How well each stream comes, and how well ours go: two looks at the counters of
// getStats some seconds apart, as numbers and as one word.

const WINDOW = 3; // looks that a reading is of: one bad moment is not all of it

// Above these it is fair, or poor. loss, concealed: % of packets, of sound; frozen:
// % of the time; rtt: ms.
const FAIR = { loss: 3, concealed: 3, frozen: 3, rtt: 400 };
const POOR = { loss: 10, concealed: 12, frozen: 15, rtt: 1000 };

const above = (r, limits) => Object.keys(limits).some((k) => (r[k] ?? 0) > limits[k]);

function word(readings) {
  if (readings.some((r) => above(r, POOR))) return 'poor';
  return readings.some((r) => above(r, FAIR)) ? 'fair' : 'good';
}

const name = (codec) => (codec?.mimeType || '').split('/')[1] || '';

function received(s, codec) {
  return {
    codec: name(codec), packets: s.packetsReceived || 0, lost: s.packetsLost || 0,
    bytes: s.bytesReceived || 0, jitter: 1000 * (s.jitter || 0), frames: s.framesDecoded || 0,
    width: s.frameWidth || 0, height: s.frameHeight || 0,
    frozen: 1000 * (s.totalFreezesDuration || 0), samples: s.totalSamplesReceived || 0,
    concealed: (s.concealedSamples || 0) - (s.silentConcealedSamples || 0),
  };
}

// Of several sizes of one picture the largest is shown, and all their bytes.
function sent(before, s, codec, remote) {
  const b = before || { packets: 0, lost: 0, bytes: 0, frames: 0, width: 0, height: 0, limited: '' };
  return {
    codec: name(codec) || b.codec, packets: b.packets + (s.packetsSent || 0),
    lost: b.lost + Math.max(0, remote?.packetsLost || 0), bytes: b.bytes + (s.bytesSent || 0),
    jitter: remote ? 1000 * (remote.jitter || 0) : b.jitter,
    frames: Math.max(b.frames, s.framesEncoded || 0),
    width: Math.max(b.width, s.active === false ? 0 : s.frameWidth || 0),
    height: Math.max(b.height, s.active === false ? 0 : s.frameHeight || 0),
    limited: [b.limited, s.qualityLimitationReason].find((r) => r && r !== 'none') || '',
  };
}

function rtt(report) {
  let id = '';
  for (const s of report.values()) if (s.type === 'transport' && s.selectedCandidatePairId) id = s.selectedCandidatePairId;
  for (const s of report.values()) {
    if (s.type !== 'candidate-pair') continue;
    if (id ? s.id === id : s.selected || s.nominated) return 1000 * (s.currentRoundTripTime || 0);
  }
  return 0;
}

// report: of getStats; keys: {in, out}, mid -> key of the tile whose stream comes,
// or goes, there: an m-line may carry one of ours and one of somebody else's. What
// had come and gone until `at` (ms): {at, rtt, tiles: key -> {in or out: {audio,
// video}}}.
export function counters(report, keys, at) {
  const tiles = new Map();
  const of = (mid, side) => {
    const key = keys[side].get(mid);
    if (!key) return null;
    if (!tiles.has(key)) tiles.set(key, {});
    return tiles.get(key)[side] ||= {};
  };
  const remotes = new Map();
  for (const s of report.values()) if (s.type === 'remote-inbound-rtp') remotes.set(s.localId, s);
  for (const s of report.values()) {
    const codec = report.get(s.codecId);
    if (s.type === 'inbound-rtp') {
      const side = of(s.mid, 'in');
      if (side) side[s.kind] = received(s, codec);
    } else if (s.type === 'outbound-rtp') {
      const side = of(s.mid, 'out');
      if (side) side[s.kind] = sent(side[s.kind], s, codec, remotes.get(s.id));
    }
  }
  return { at, rtt: rtt(report), tiles };
}

const share = (part, whole) => (whole > 0 ? Math.max(0, (100 * part) / whole) : 0);

// What went on between two looks at one kind of one stream.
function reading(a, b, ms, sending) {
  const diff = (k) => Math.max(0, (b[k] || 0) - (a[k] || 0));
  const lost = diff('lost');
  return {
    codec: b.codec, width: b.width, height: b.height, fps: (1000 * diff('frames')) / ms,
    kbps: (8 * diff('bytes')) / ms, jitter: b.jitter || 0,
    loss: share(lost, sending ? diff('packets') : diff('packets') + lost),
    concealed: share(diff('concealed'), diff('samples')), frozen: share(diff('frozen'), ms),
    limited: b.limited || '',
  };
}

// seen: a picture should move. One that stands still is not counted as frozen by
// the browser before it goes on.
function tile(a, b, ms, { seen }) {
  const side = b.in ? 'in' : 'out';
  const r = {};
  for (const kind of ['audio', 'video']) {
    if (a[side]?.[kind] && b[side]?.[kind]) r[kind] = reading(a[side][kind], b[side][kind], ms, side === 'out');
  }
  if (r.video && seen && !r.video.fps) r.video.frozen = 100;
  if (!seen) delete r.video;
  return r;
}

export class Gauge {
  #past = [];
  tiles = new Map(); // key -> {quality, rtt, audio, video}

  reset() {
    this.#past = [];
    this.tiles = new Map();
  }

  // counters(…) of now, and the tiles there are: key -> {seen, paused}.
  add(now, shown) {
    this.#past.push(now);
    if (this.#past.length > WINDOW) this.#past.shift();
    const [before] = this.#past;
    const ms = now.at - before.at;
    this.tiles = new Map();
    if (ms <= 0) return;
    for (const [key, is] of shown) {
      const [a, b] = [before.tiles.get(key), now.tiles.get(key)];
      if (!a || !b) continue;
      const r = tile(a, b, ms, is);
      const judged = [r.audio, r.video].filter(Boolean);
      if (!judged.length) continue;
      const limited = r.video?.limited === 'bandwidth' ? { loss: FAIR.loss + 1 } : {};
      const quality = is.paused === 'bandwidth' ? 'poor' : word([...judged, { rtt: now.rtt }, limited]);
      this.tiles.set(key, { ...r, rtt: now.rtt, quality });
    }
  }
}
