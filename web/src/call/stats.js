// getStats, put together by remote stream.

const VIDEO = ['framesDecoded', 'framesReceived', 'framesDropped', 'frameWidth',
  'frameHeight', 'keyFramesDecoded'];

function blank(tile) {
  return {
    participant: tile.participant, user_id: tile.user_id, purpose: tile.purpose,
    stream_id: tile.stream_id, framesDecoded: 0, framesReceived: 0,
    framesDropped: 0, frameWidth: 0, frameHeight: 0, keyFramesDecoded: 0,
    videoPackets: 0, videoPacketsLost: 0, videoCodec: '', audioPackets: 0,
    audioPacketsLost: 0, totalAudioEnergy: 0, audioLevel: 0, audioCodec: '',
  };
}

function addVideo(row, s, codec) {
  for (const key of VIDEO) row[key] += s[key] || 0;
  row.videoPackets += s.packetsReceived || 0;
  row.videoPacketsLost += s.packetsLost || 0;
  row.videoCodec = codec;
}

function addAudio(row, s, codec) {
  row.audioPackets += s.packetsReceived || 0;
  row.audioPacketsLost += s.packetsLost || 0;
  row.totalAudioEnergy += s.totalAudioEnergy || 0;
  row.audioLevel = Math.max(row.audioLevel, s.audioLevel || 0);
  row.audioCodec = codec;
}

// mid -> key of the tile that its remote track is part of.
export function keysOfMids(pc, tiles) {
  const keyOf = new Map();
  for (const { key, stream } of tiles) {
    if (!stream) continue;
    const tracks = new Set(stream.getTracks());
    for (const t of pc.getTransceivers()) {
      if (tracks.has(t.receiver.track)) keyOf.set(t.mid, key);
    }
  }
  return keyOf;
}

// The sizes in which our camera goes out.
export async function sizesSent({ pc, video }) {
  const active = new Map(video.sender.getParameters().encodings.map((e) => [e.rid || '', e.active !== false]));
  return [...(await pc.getStats()).values()]
    .filter((s) => s.type === 'outbound-rtp' && s.kind === 'video' && s.mid === video.mid)
    .map((s) => ({
      rid: s.rid || '', active: active.get(s.rid || '') ?? true, framesEncoded: s.framesEncoded || 0,
      frameWidth: s.frameWidth || 0, frameHeight: s.frameHeight || 0, bytesSent: s.bytesSent || 0,
    }));
}

export async function collect(pc, tiles) {
  const report = await pc.getStats();
  const keyOf = keysOfMids(pc, tiles);
  const rows = new Map(tiles.filter((t) => t.stream).map((t) => [t.key, blank(t)]));
  for (const s of report.values()) {
    if (s.type !== 'inbound-rtp') continue;
    const row = rows.get(keyOf.get(s.mid));
    if (!row) continue;
    const codec = report.get(s.codecId)?.mimeType || '';
    if (s.kind === 'video') addVideo(row, s, codec);
    else addAudio(row, s, codec);
  }
  return [...rows.values()];
}
