// What to do when a call has ended: nothing, or call again and how soon. And how
// good a picture to send to so many.

// Reasons that are somebody's decision, or that would only repeat.
const FINAL = new Set([
  'user_hangup', 'user_busy', 'by_command', 'refused', 'rejected', 'full',
  'user_media_failed', 'forbidden', 'not_allowed', 'not_joined', 'not_in_room', 'kicked', 'replaced',
  'new_session', 'answered_elsewhere', 'unsupported', 'bad_sdp', 'no_webrtc',
  'bot_banned', 'bot_uninvitable', 'room_forbidden', 'bad_token',
]);

export const GIVE_UP_AFTER = 10;

export function callAgain(reason, attempts) {
  return !FINAL.has(reason) && attempts < GIVE_UP_AFTER;
}

// 0.5, 1, 2, 4, 8, 15, 15 … s, each of it at least half: a server that lost
// hundreds of calls at once gets them back one by one.
export function rejoinDelay(attempt, random = Math.random()) {
  const full = Math.min(15000, 500 * 2 ** Math.max(0, attempt - 1));
  return Math.round(full / 2 + (full / 2) * random);
}

const WORDS_FOR = {
  user_hangup: 'ended', by_command: 'ended', user_busy: 'busy',
  user_media_failed: 'refused', rejected: 'refused', bad_sdp: 'refused', unsupported: 'refused',
  not_allowed: 'forbidden', not_joined: 'kicked', not_in_room: 'kicked',
  new_session: 'replaced', answered_elsewhere: 'replaced',
  closed: 'channel_closed', invite_timeout: 'no_answer',
};

export function reasonCode(reason) {
  return WORDS_FOR[reason] || reason || 'ended';
}

// One picture goes to everybody, so its size follows the number of tiles that
// the others have to draw and to receive.
export function videoQuality(others) {
  if (others <= 2) return { maxBitrate: 1_800_000, scaleResolutionDownBy: 1 };
  if (others <= 5) return { maxBitrate: 900_000, scaleResolutionDownBy: 1.5 };
  if (others <= 11) return { maxBitrate: 450_000, scaleResolutionDownBy: 2 };
  return { maxBitrate: 250_000, scaleResolutionDownBy: 4 };
}
