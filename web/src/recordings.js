// What the recording page asks of the bot, to-device, and what it is told.
import { problem, Problem } from './problems.js';

export const REQUEST = 'org.hearth.recording.request';
export const LINK = 'org.hearth.recording.link';

const ANSWER_MS = 20000;
const FILES_MAX = 500;
const HOUR_MS = 3600e3;

const text = (v) => (typeof v === 'string' ? v.slice(0, 500) : '');
const number = (v) => (Number.isFinite(v) && v >= 0 ? v : 0);

// Only a path of this server: never another host, never a script.
function ownPath(url) {
  return typeof url === 'string' && /^\/(?![/\\])/.test(url) ? url : '';
}

// When the link ends, by our clock; an hour where it does not say.
function expiry(files, now) {
  const told = files.map((f) => /[?&]expires=(\d{9,11})(?:&|$)/.exec(f.url)?.[1]).filter(Boolean);
  const first = Math.min(...told.map((s) => s * 1000));
  // A clock that is wrong must not make a link seem dead that has just come.
  return first > now + 60e3 && first < now + 24 * HOUR_MS ? first : now + HOUR_MS - 60e3;
}

// The content of the bot's answer, cleaned; throws a Problem.
export function readLink(content, now = Date.now()) {
  if (content?.error) {
    const { code, message } = content.error;
    throw new Problem(text(code) || 'recording_failed', text(message) || problem('recording_failed').message);
  }
  const files = (Array.isArray(content?.files) ? content.files : []).slice(0, FILES_MAX)
    .filter((f) => text(f?.name) && ownPath(f.url))
    .map((f) => ({ name: text(f.name), mimetype: text(f.mimetype), bytes: number(f.bytes), url: f.url }));
  if (!files.length) throw problem('recording_failed');
  const people = Array.isArray(content.participants) ? content.participants : [];
  return {
    name: text(content.name),
    started_ms: number(content.started_ms),
    duration_ms: number(content.duration_ms),
    composing: content.composing === true,
    participants: people.slice(0, FILES_MAX).filter((p) => p && typeof p === 'object').map((p, i) => ({
      number: number(p.number) || i + 1, user_id: text(p.user_id), name: text(p.name) || text(p.user_id),
    })),
    expires_ms: expiry(files, now),
    ...sortFiles(files),
  };
}

const FILM = /^composed(-\d+)?\.\w+$/;

// What is to be watched, its picture, and the rest.
function sortFiles(files) {
  const image = files.find((f) => /^image\//.test(f.mimetype));
  const film = files.find((f) => FILM.test(f.name)) || null;
  return { film, poster: image?.url || '', tracks: files.filter((f) => f !== film && f !== image) };
}

// "p2-screen-1.webm" -> who and what that is; '' where the name says nothing.
export function trackTitle(name, participants) {
  const m = /^p(\d+)-(camera|screen|other)-(\d+)\.\w+$/.exec(name);
  if (!m) return '';
  const who = participants.find((p) => p.number === Number(m[1]))?.name || `Participant ${m[1]}`;
  return `${who} · ${m[2]}${m[3] === '1' ? '' : `, part ${m[3]}`}`;
}

// post: {device, send(content), onAnswer(fn) -> off}; a promise of what readLink gives.
export function requestLink(post, room, id, wait = ANSWER_MS) {
  const request = [...crypto.getRandomValues(new Uint8Array(12))].map((b) => b.toString(16).padStart(2, '0')).join('');
  return new Promise((resolve, reject) => {
    const over = (fn, v) => {
      clearTimeout(timer);
      off();
      fn(v);
    };
    const timer = setTimeout(() => over(reject, problem('recording_unanswered')), wait);
    const off = post.onAnswer((content) => {
      if (content?.request_id !== request) return;
      try {
        over(resolve, readLink(content));
      } catch (e) {
        over(reject, e);
      }
    });
    Promise.resolve(post.send({
      request_id: request, room_id: room, recording_id: id, device_id: post.device,
    }))
      .catch((e) => over(reject, e));
  });
}
