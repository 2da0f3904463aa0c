// Who is logged in, kept for this tab only; or for this browser when asked to.

const KEY = 'hearth.session';
const PREFS = 'hearth.prefs';
const FIELDS = ['homeserver', 'user_id', 'device_id', 'access_token'];

function read(store, key) {
  try {
    return JSON.parse(store.getItem(key));
  } catch {
    return null;
  }
}

function write(store, key, value) {
  try {
    if (value) store.setItem(key, JSON.stringify(value));
    else store.removeItem(key);
  } catch {
    // A full or forbidden store only means that one logs in again.
  }
}

export function loadSession() {
  const s = read(sessionStorage, KEY) || read(localStorage, KEY);
  return s && FIELDS.every((f) => typeof s[f] === 'string' && s[f]) ? s : null;
}

export function saveSession(session, remember) {
  write(sessionStorage, KEY, session);
  write(localStorage, KEY, remember ? session : null);
}

export function dropSession() {
  write(sessionStorage, KEY, null);
  write(localStorage, KEY, null);
}

export function loadPrefs() {
  return { mic: '', cam: '', speaker: '', ...read(localStorage, PREFS) };
}

export function savePrefs(prefs) {
  write(localStorage, PREFS, prefs);
}
