// Errors in plain words: what is wrong and what to do about it.

const WORDS = {
  no_config: 'This page could not read its settings from the server. Reload, or ask whoever runs it.',
  homeserver_unreachable: 'The homeserver does not answer. Check its address and your connection.',
  bad_login: 'The homeserver does not accept this user and password.',
  bad_token: 'The homeserver does not accept this token. Log in again.',
  no_device: 'This token belongs to no device, so calls cannot reach it. Log in with a password.',
  bad_homeserver: 'That is no address of a homeserver. It looks like https://matrix.example.org.',
  rate_limited: 'Too many tries. Wait a minute and try again.',
  no_room: 'There is no such room, or it is not known to this homeserver.',
  room_forbidden: 'You may not enter this room. Ask somebody in it to invite you.',
  bot_banned: 'The conference bot {bot} is banned from this room. A moderator can lift that.',
  bot_uninvitable: 'You may not invite {bot} into this room. Ask a moderator to invite it.',
  bot_absent: '{bot} was invited but has not come. It may be down, or not allowed in rooms of this server.',
  no_answer: 'The conference server did not answer. It may be down; ask whoever runs it.',
  no_webrtc: 'This browser cannot hold calls: it has no WebRTC, or has it turned off.',
  insecure: 'Camera and microphone only work on https:// pages or on this machine itself.',
  ice_failed: 'No media connection to the server came about. A firewall may block UDP; try another network.',
  ice_timeout: 'The media connection was lost.',
  ice_restart_failed: 'The media connection was lost and did not come back.',
  dtls_failed: 'The encrypted connection to the server failed.',
  worker_died: 'The part of the server that held this call stopped.',
  channel_closed: 'The server ended the connection.',
  ping_timeout: 'The server has gone silent.',
  negotiate_timeout: 'The server did not answer in time.',
  bad_description: 'The server answered something that this browser cannot use.',
  unknown_error: 'The server lost this call.',
  full: 'This conference is full.',
  busy: 'The server has as many calls as it may take. Try again in a while.',
  refused: 'The server did not accept this call.',
  forbidden: 'You are not allowed to call here.',
  replaced: 'This call went on in another window or device of yours.',
  kicked: 'You are no longer in this room.',
  ended: 'The call was ended by the server.',
  record_unanswered: 'The server did not say whether it records. Wait a moment and look at the recording sign before trying again.',
  record_ended: 'The recording did not begin. Try again, or ask whoever runs this server.',
  recording_unanswered: 'The bot did not answer. It may be down; try again in a moment.',
  recording_no_bot: 'This server has no bot at the moment. Try again in a minute.',
  recording_failed: 'The recording could not be loaded. Check your connection and try again.',
  recording_unplayable: 'This browser cannot play the file. Download it and play it with another program, VLC for instance.',
  recording_gone: 'This file is no longer there: it was deleted, or was not kept any longer.',
  file_too_big: '“{name}” is larger than 2 GB, which is the most that can be sent.',
  file_empty: '“{name}” is empty.',
  file_alone: 'Nobody else is here to receive a file.',
  file_nobody: 'Nobody took the file.',
  not_connected: 'Not connected; try again in a moment.',
  mic_denied: 'The browser may not use the microphone. Allow it in the address bar, then turn it on.',
  cam_denied: 'The browser may not use the camera. Allow it in the address bar, then turn it on.',
  mic_missing: 'No microphone was found. You can still listen, watch and write.',
  cam_missing: 'No camera was found. Others see your initials.',
  mic_busy: 'The microphone is in use by another program or could not start.',
  cam_busy: 'The camera is in use by another program or could not start.',
  screen_denied: 'The screen is not shared: the browser was not allowed to.',
  screen_failed: 'The screen could not be shared.',
};

export class Problem extends Error {
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

export function words(code, about = {}) {
  const text = WORDS[code];
  return text && text.replace(/\{(\w+)\}/g, (_, k) => about[k] ?? '');
}

export function problem(code, about) {
  return new Problem(code, words(code, about) || code);
}

const ERRCODES = {
  M_LIMIT_EXCEEDED: 'rate_limited',
  M_UNKNOWN_TOKEN: 'bad_token',
  M_MISSING_TOKEN: 'bad_token',
  M_NOT_FOUND: 'no_room',
};

// Whatever was thrown -> a Problem. where: 'login' or 'room'.
export function explain(e, where) {
  if (e instanceof Problem) return e;
  if (e?.errcode === 'M_FORBIDDEN') {
    return problem(where === 'login' ? 'bad_login' : 'room_forbidden');
  }
  if (where === 'room' && /no servers/.test(e?.data?.error)) return problem('no_room');
  if (ERRCODES[e?.errcode]) return problem(ERRCODES[e.errcode]);
  if (e?.name === 'ConnectionError' || e instanceof TypeError) {
    return problem('homeserver_unreachable');
  }
  return new Problem('unknown', e?.data?.error || e?.message || String(e));
}
