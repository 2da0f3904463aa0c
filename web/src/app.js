// From screen to screen: log in, choose a room, get ready, call, leave.
import { loadConfig } from './config.js';
import { Conference } from './call/conference.js';
import { homeserverUrl, linkTo, parseLink } from './link.js';
import { loginPassword, loginToken, Matrix } from './matrix.js';
import { onNetworkChange } from './network.js';
import { explain, words } from './problems.js';
import { dropSession, loadPrefs, loadSession, saveSession } from './session.js';
import { requestLink } from './recordings.js';
import { matrixWire, recordingPost } from './wire.js';
import { CallView } from './ui/callview.js';
import { Left } from './ui/left.js';
import { Login } from './ui/login.js';
import { Prejoin } from './ui/prejoin.js';
import { Rooms } from './ui/rooms.js';
import { Watch } from './ui/watch.js';
import { el } from './ui/dom.js';
import { toast } from './ui/say.js';

export class App {
  screen = 'loading';
  error = null;
  view = null;
  conference = null;
  matrix = null;
  config = null;

  constructor(root) {
    this.root = root;
  }

  async start() {
    this.#takeLink();
    window.addEventListener('hashchange', () => this.#linkChanged());
    onNetworkChange((why) => this.conference?.networkChanged(why));
    window.addEventListener('pagehide', () => this.conference?.leave());
    this.#loading('Loading…');
    try {
      this.config = await loadConfig();
    } catch (e) {
      this.config = { homeserver: '' };
      this.error = explain(e);
    }
    const { link } = this;
    if (link.token || (link.user && link.password)) {
      const message = await this.#login({ ...link, remember: false });
      if (message) this.#loginScreen(message);
      return;
    }
    const session = loadSession();
    if (session) await this.#enter(session);
    else this.#loginScreen(this.error?.message);
  }

  // Secrets go from the address bar first of all.
  #takeLink() {
    this.link = parseLink(location.hash);
    history.replaceState(null, '', linkTo(this.link.room, this.link.recording));
  }

  #linkChanged() {
    const link = parseLink(location.hash);
    const secret = link.token || link.password;
    if (link.room === this.link.room && link.recording === this.link.recording && !secret) return;
    this.#takeLink();
    if (secret) {
      this.#out();
      this.#login({ ...link, remember: false }).then((m) => m && this.#loginScreen(m));
    } else if (this.matrix && link.room) {
      this.#closeCall();
      this.#follow().then((m) => m && this.#roomsScreen(m));
    }
  }

  // Where the link leads: '' or what went wrong.
  async #follow() {
    if (!this.link.recording) return this.#openRoom(this.link.room);
    this.#watchScreen();
    return '';
  }

  // --- screens ---

  #show(screen, view) {
    this.view?.remove();
    this.screen = screen;
    this.view = view;
    this.root.replaceChildren(view.root);
    document.title = this.conference ? `${this.conference.roomName} · hearth` : 'hearth';
    view.root.querySelector('h1')?.focus({ preventScroll: true });
  }

  #loading(text) {
    const root = el('p', { class: 'boot', role: 'status', text });
    this.#show('loading', { root, remove: () => root.remove() });
  }

  #loginScreen(error) {
    this.error = error ? { code: 'login', message: error } : null;
    this.#show('login', new Login({
      link: this.link, homeserver: this.config.homeserver, error,
      onlogin: (form) => this.#login(form),
    }));
  }

  #roomsScreen(error) {
    this.error = error ? { code: 'room', message: error } : null;
    this.#show('rooms', new Rooms({
      matrix: this.matrix, error, onopen: (id) => this.#openRoom(id),
      onlogout: () => this.#logout(),
    }));
  }

  #watchScreen() {
    const { room, recording } = this.link;
    const { matrix } = this;
    this.#show('recording', new Watch({
      title: matrix.roomName(room),
      load: async () => requestLink(await recordingPost(matrix), room, recording),
      onroom: () => this.#fromRecording(room),
      onrooms: () => this.#toRooms(),
    }));
  }

  async #fromRecording(room) {
    this.link = parseLink(linkTo(room));
    this.#loading('Opening the room…');
    const message = await this.#openRoom(room);
    if (message) this.#roomsScreen(message);
  }

  // --- in and out ---

  // All of these return '' or what went wrong, in words.
  async #login({ user, password, token, homeserver, remember }) {
    const url = homeserverUrl(homeserver || this.config.homeserver);
    if (!url) return words('bad_homeserver');
    try {
      const session = token ? await loginToken(url, token) : await loginPassword(url, user, password);
      saveSession(session, remember);
      await this.#enter(session);
      return '';
    } catch (e) {
      return explain(e, 'login').message;
    }
  }

  async #enter(session) {
    this.#loading('Reading your rooms…');
    this.matrix = new Matrix(session);
    this.matrix.on('logged-out', () => this.#loggedOut());
    try {
      await this.matrix.start();
    } catch (e) {
      const p = explain(e, 'login');
      if (p.code === 'bad_token') dropSession();
      this.#out();
      this.#loginScreen(p.message);
      return;
    }
    const message = this.link.room ? await this.#follow() : null;
    if (message !== '') this.#roomsScreen(message);
  }

  #out() {
    this.#closeCall();
    this.matrix?.stop();
    this.matrix = null;
  }

  #loggedOut() {
    dropSession();
    this.#out();
    this.#loginScreen(words('bad_token'));
  }

  async #logout() {
    const { matrix } = this;
    dropSession();
    this.#out();
    this.link = parseLink('');
    history.replaceState(null, '', linkTo(''));
    this.#loginScreen();
    await matrix?.logout();
  }

  // --- the call ---

  async #openRoom(idOrAlias) {
    try {
      const room = await this.matrix.openRoom(idOrAlias);
      const name = await this.matrix.myName(room);
      this.link.room = idOrAlias;
      history.replaceState(null, '', linkTo(idOrAlias));
      await this.#prepare(room, name);
      return '';
    } catch (e) {
      return explain(e, 'room').message;
    }
  }

  async #prepare(room, name) {
    const conference = new Conference({
      wire: matrixWire(this.matrix, room), room, name: this.matrix.roomName(room),
    });
    this.conference = conference;
    this.error = null;
    const { mic, cam } = loadPrefs();
    Object.assign(conference.local.devices, { mic, cam });
    const { link } = this;
    this.#show('prejoin', new Prejoin({
      conference, name: link.name || name, user: this.matrix.session.user_id,
      onjoin: (wanted) => this.join(wanted), onback: () => this.#toRooms(),
    }));
    const started = conference.local.start({ mic: link.mic, cam: link.cam });
    if (!link.join) return;
    link.join = false;
    await Promise.race([started, new Promise((r) => setTimeout(r, 5000))]);
    if (this.conference === conference && this.screen === 'prejoin') await this.join(link.name);
  }

  async join(name) {
    const { conference } = this;
    if (this.screen !== 'prejoin') return;
    this.view.busy(true);
    if (name) await this.matrix.setMyName(conference.room, name).catch(() => {});
    if (this.conference !== conference) return;
    this.#show('call', new CallView({ conference, onleave: () => this.leave() }));
    for (const p of Object.values(conference.local.problems)) if (p) toast(p.message);
    await conference.start();
  }

  #closeCall() {
    this.conference?.leave();
    this.conference = null;
  }

  leave() {
    const { conference } = this;
    if (!conference) return;
    this.#closeCall();
    this.#show('left', new Left({
      room: conference.roomName,
      onrejoin: () => {
        this.#loading('Opening the room…');
        this.#openRoom(conference.room).then((m) => m && this.#roomsScreen(m));
      },
      onrooms: () => this.#toRooms(),
    }));
  }

  #toRooms() {
    this.#closeCall();
    this.link = parseLink('');
    history.replaceState(null, '', linkTo(''));
    this.#roomsScreen();
  }
}
