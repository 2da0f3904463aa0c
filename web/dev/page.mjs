// ?view=call&n=5&screen=1&panel=chat&state=connected …: every look of the client
// without a server. Not shipped.
import '../src/style/main.css';
import { Conference } from '../src/call/conference.js';
import { CallView } from '../src/ui/callview.js';
import { Left } from '../src/ui/left.js';
import { Login } from '../src/ui/login.js';
import { Prejoin } from '../src/ui/prejoin.js';
import { Rooms } from '../src/ui/rooms.js';
import { Watch } from '../src/ui/watch.js';
import { readLink } from '../src/recordings.js';
import { parseLink } from '../src/link.js';
import { toast } from '../src/ui/say.js';
import { people, picture } from './fake.mjs';

const q = new URLSearchParams(location.search);
const n = Number(q.get('n') || 4);
const noop = () => {};
const wire = { userId: '@alice:example.org', deviceId: 'ALICE', onInput: () => noop, prepare: () => new Promise(noop), send: noop, reach: noop, hurry: noop };

function conference() {
  const c = new Conference({ wire, room: '!fireside:example.org', name: 'Fireside chat' });
  const list = people(n);
  if (q.get('program')) list.push({ id: '@hearth:example.org feed1', user_id: '@hearth:example.org', device_id: 'feed1', display_name: 'Radio stream', you: false, program: true });
  c.roster.setPeople([...list, { id: c.roster.me, user_id: wire.userId, device_id: 'ALICE', display_name: 'Alice Ferreira', you: true }]);
  const meta = new Map();
  const streams = new Map();
  list.forEach((p, i) => {
    if (p.program) return;
    meta.set(`s${i}`, { purpose: 'm.usermedia', audio_muted: i % 3 === 2, video_muted: i % 4 === 1, user_id: p.user_id, device_id: p.device_id, participant: p.id });
    streams.set(`s${i}`, picture(i));
  });
  if (q.get('screen')) {
    meta.set('scr', { purpose: 'm.screenshare', audio_muted: false, video_muted: false, user_id: list[0].user_id, device_id: list[0].device_id, participant: list[0].id });
    streams.set('scr', picture(0, true));
  }
  c.roster.setMetadata(meta, true);
  c.roster.setStreams(streams);
  c.roster.speaker = list[0]?.id || null;
  c.state = q.get('state') || 'connected';
  if (c.state === 'failed') c.error = { code: 'full', message: 'No media connection to the server came about. A firewall may block UDP; try another network.' };
  return c;
}

// ?rec=on&by=me&feeds=1&control=0&joined=1: as if the bot had said so.
function recorded(c) {
  if (!q.get('rec')) return;
  const me = q.get('by') === 'me';
  const say = (state, feeds) => c.recording.set({
    state, id: 'r', since_ms: Date.now() - 754000, may_control: q.get('control') !== '0',
    started_by: me ? wire.userId : '@bob:example.org', started_by_name: me ? 'Alice Ferreira' : 'Bob Marsh',
    message: 'The disk of the server is full. What was written is kept; the recording goes on when there is space.',
    feeds: ['subtitles', 'Radio stream', 'notes'].slice(0, feeds).map((name, i) => ({ name, publishes: i === 1 })),
  });
  if (!q.get('joined')) say('off', 0);
  say(q.get('rec'), Number(q.get('feeds') || 0));
  if (q.get('rec') !== 'starting') c.recording.startedAt = Date.now() - 754000;
}

// ?gauge=1: as if it had been measured; ?paused=1: some are not sent.
function gauged(c, view) {
  if (!q.get('gauge')) return;
  const of = (quality, i) => ({
    quality, rtt: 43,
    video: { codec: 'VP8', width: 1280 >> i % 3, height: 720 >> i % 3, fps: 29.6, kbps: 1640 >> i % 3, jitter: 8, loss: 0.4 * i, concealed: 0, frozen: 0, limited: i === 1 ? 'bandwidth' : '' },
    audio: { codec: 'opus', kbps: 34, jitter: 5, loss: 0, concealed: 0, frozen: 0 },
  });
  if (q.get('paused')) {
    c.roster.paused = new Map([['s0', 'bandwidth'], ['s3', 'last_n']]);
    view.update();
  }
  c.tiles().forEach((t, i) => c.gauge.tiles.set(t.key, of(['good', 'fair', 'poor'][i % 3], i)));
  view.showNumbers(q.get('gauge') === '2');
}

function talk(c, view) {
  const [bob, carol] = people(2);
  const now = Date.now();
  const say = (p, text, ago) => c.emit('chat', { from: p.id, name: p.display_name, text, ts: now - ago, you: p.id === c.roster.me });
  say(bob, 'Morning! Is the recording from yesterday somewhere?', 300000);
  say(bob, 'I only need the second half.', 290000);
  say({ id: c.roster.me, display_name: 'Alice' }, 'Sending it now. Notes are at https://example.org/notes/42', 200000);
  const file = (x) => c.emit('file', { id: Math.random().toString(16), sha256: '', mime: '', error: '', flow: { receivers: new Map([['a', { state: 'done' }], ['b', { state: 'done' }]]) }, from: carol.id, ...x });
  file({ direction: 'out', name: 'fireside-2026-11-23.webm', size: 48_300_000, bytes: 31_000_000, state: 'sending' });
  file({ direction: 'in', name: 'agenda-for-next-week-with-a-rather-long-name.pdf', size: 812_000, bytes: 812_000, state: 'done' });
  file({ direction: 'in', name: 'photo.jpg', size: 2_812_000, bytes: 812_000, state: 'failed', error: 'The sender left.' });
  say(carol, 'Thanks 🙏', 1000);
  if (q.get('panel')) view.show(q.get('panel'));
}

// What the bot would say of a recording; ?fail=not_found, film=audio|none, wait=1.
async function link() {
  if (q.get('wait')) await new Promise(noop);
  const fail = q.get('fail');
  const words = {
    not_found: 'This recording was deleted, or was not kept any longer.', not_ready: 'It is still being put together. Try again in a few minutes.',
    forbidden: 'You are not a member of the room in which this was recorded. Ask somebody there to invite you.',
  };
  if (fail) return readLink({ error: { code: fail, message: words[fail] || '' } });
  const cast = people(4).map((p, i) => ({ number: i + 1, user_id: p.user_id, name: p.display_name }));
  const tracks = ['p1-camera-1.webm', 'p1-screen-1.webm', 'p2-camera-1.webm', 'p3-camera-1.mkv', 'p3-camera-2.webm', 'p4-camera-1.webm', 'notes.json']
    .map((name, i) => ({ name, mimetype: 'video/webm', bytes: 48_300_000 * (i + 1), url: `/recordings/r/${name}` }));
  const film = { none: [], audio: [{ name: 'composed.ogg', mimetype: 'audio/ogg', bytes: 24e6, url: '/composed.ogg' }] }[q.get('film')]
    || [{ name: 'composed.mp4', mimetype: 'video/mp4', bytes: 812e6, url: '/film.webm' }];
  return readLink({ name: 'Fireside chat', started_ms: 1795000000000, duration_ms: 3723000, participants: cast, files: [...film, ...tracks] });
}

const views = {
  call() {
    const c = conference();
    c.files.blob = () => new Blob(['x']);
    const view = new CallView({ conference: c, onleave: noop });
    if (q.get('talk')) talk(c, view);
    else if (q.get('panel')) view.show(q.get('panel'));
    recorded(c);
    gauged(c, view);
    if (q.get('record')) view.recording.press();
    if (q.get('toast')) toast('The browser may not use the camera. Allow it in the address bar, then turn it on.', { bad: true });
    globalThis.view = view;
    return view;
  },
  prejoin() {
    const c = conference();
    const view = new Prejoin({ conference: c, name: 'Alice Ferreira', user: wire.userId, onjoin: noop, onback: noop });
    c.local.start({ mic: true, cam: true });
    return view;
  },
  login: () => new Login({ link: parseLink('#/room/%23fireside:example.org'), homeserver: 'https://matrix.example.org', error: q.get('error'), onlogin: noop }),
  rooms: () => new Rooms({
    matrix: {
      session: { user_id: wire.userId }, on: () => noop,
      rooms: () => ['Fireside chat', 'Standup', 'Garden project', 'Family'].map((name, i) => ({ id: `!${i}:e`, name, members: 3 + i * 4, invited: i === 2 })),
    },
    onopen: noop, onlogout: noop,
  }),
  watch: () => new Watch({ title: 'Fireside chat', load: link, onroom: noop, onrooms: noop }),
  left: () => new Left({ room: 'Fireside chat', onrejoin: noop, onrooms: noop }),
};

document.getElementById('app').replaceChildren(views[q.get('view') || 'call']().root);
