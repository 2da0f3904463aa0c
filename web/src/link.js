// The links: #/room/<id or alias>?user=…&password=… and
// #/recording/<room id>/<recording id>, see README.md.

const text = (p, key) => p.get(key) || '';

export function parseLink(hash) {
  const link = {
    room: '', user: '', password: '', token: '', homeserver: '', name: '',
    mic: true, cam: true, join: false, recording: '',
  };
  const m = /^#\/room\/([^?]+)(?:\?(.*))?$/s.exec(hash || '');
  const r = /^#\/recording\/([^?]+)\/([^/?]+)(?:\?(.*))?$/s.exec(hash || '');
  const query = m?.[2] ?? r?.[3] ?? /^#\/?\?(.*)$/s.exec(hash || '')?.[1];
  if (m || r) link.room = decode((m || r)[1]);
  if (r) link.recording = decode(r[2]);
  const p = new URLSearchParams(query || '');
  for (const key of ['user', 'password', 'token', 'homeserver', 'name']) {
    link[key] = text(p, key);
  }
  link.mic = p.get('mic') !== '0';
  link.cam = p.get('cam') !== '0';
  link.join = p.get('join') === '1';
  return link;
}

function decode(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

const part = (id) => encodeURIComponent(id).replace(/%3A/g, ':');

// What may stay in the address bar, and what is given to others.
export function linkTo(room, recording) {
  if (!room) return '#/';
  return recording ? `#/recording/${part(room)}/${part(recording)}` : `#/room/${part(room)}`;
}

// "alice" or "@alice:server" and a homeserver as typed -> an https origin, or
// http where that was said or the host is this machine.
export function homeserverUrl(typed) {
  let s = (typed || '').trim();
  if (!s) return '';
  if (!/^https?:\/\//i.test(s)) {
    const local = /^(localhost|127\.|\[::1\])/.test(s);
    s = `${local ? 'http' : 'https'}://${s}`;
  }
  try {
    const u = new URL(s);
    return u.origin + u.pathname.replace(/\/+$/, '');
  } catch {
    return '';
  }
}
