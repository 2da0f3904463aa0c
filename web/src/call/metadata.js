// sdp_stream_metadata under its two keys, and what it says of who is where.

export const STABLE = 'sdp_stream_metadata';
export const UNSTABLE = 'org.matrix.msc3077.sdp_stream_metadata';
export const USERMEDIA = 'm.usermedia';
export const SCREENSHARE = 'm.screenshare';

const MAX_STREAMS = 512;

// The map in an event's content, cleaned; null where there is none.
export function readMetadata(content) {
  const raw = content?.[STABLE] ?? content?.[UNSTABLE];
  if (!raw || typeof raw !== 'object' || Array.isArray(raw)) return null;
  const map = new Map();
  for (const [id, m] of Object.entries(raw).slice(0, MAX_STREAMS)) {
    if (!m || ![USERMEDIA, SCREENSHARE].includes(m.purpose)) continue;
    map.set(id, {
      purpose: m.purpose,
      audio_muted: m.audio_muted === true,
      video_muted: m.video_muted === true,
      user_id: typeof m.user_id === 'string' ? m.user_id : '',
      device_id: typeof m.device_id === 'string' ? m.device_id : '',
      participant: typeof m.participant === 'string' ? m.participant : '',
    });
  }
  return map;
}

export function writeMetadata(map) {
  return { [STABLE]: map, [UNSTABLE]: map };
}

// The list of org.hearth.participants, cleaned; null when it is none.
export function readParticipants(content) {
  if (!Array.isArray(content?.participants)) return null;
  return content.participants
    .filter((p) => p && typeof p.id === 'string' && p.id)
    .map((p) => ({
      id: p.id,
      user_id: typeof p.user_id === 'string' ? p.user_id : p.id.split(' ')[0],
      device_id: typeof p.device_id === 'string' ? p.device_id : '',
      display_name: typeof p.display_name === 'string' ? p.display_name : '',
      you: p.you === true,
      program: p.program === true,
    }));
}

// Of org.hearth.streams: stream id -> why its video is not sent to us; null when
// it is none.
export function readPaused(content) {
  if (!Array.isArray(content?.paused)) return null;
  const known = content.paused.slice(0, MAX_STREAMS)
    .filter((p) => p && typeof p.stream_id === 'string' && typeof p.reason === 'string');
  return new Map(known.map((p) => [p.stream_id, p.reason]));
}

// Of org.hearth.encodings: the rids of our stream that anybody looks at; null
// where it says nothing of it.
export function readEncodings(content, stream) {
  if (!Array.isArray(content?.streams)) return null;
  const active = content.streams.find((s) => s?.stream_id === stream)?.active;
  return Array.isArray(active) ? active.filter((rid) => typeof rid === 'string') : null;
}

export function localpart(user) {
  return /^@([^:]*)/.exec(user || '')?.[1] || user || '';
}
