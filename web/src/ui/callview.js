// The call on the screen: ties tiles, panels and buttons to a conference.
import { attr, el, put } from './dom.js';
import { icon, logo } from './icons.js';
import { Banner } from './banner.js';
import { Bar } from './bar.js';
import { ChatPanel } from './chatpanel.js';
import { DevicesPanel } from './devicespanel.js';
import { dropTarget } from './drop.js';
import { Grid } from './grid.js';
import { RecordingView } from './recording.js';
import { PeoplePanel } from './peoplepanel.js';
import { alarm, say, toast } from './say.js';
import { linkTo } from '../link.js';
import { loadPrefs } from '../session.js';
import { SCREENSHARE } from '../call/metadata.js';

const TITLES = { chat: 'Chat', people: 'Participants', devices: 'Devices' };
const STATES = { connecting: 'Connecting', connected: 'Connected', reconnecting: 'Reconnecting', failed: 'Not connected' };

export class CallView {
  #offs = [];
  #panel = '';
  #unread = 0;
  #due = 0;
  #blocked = null;
  #sharers = '';
  #numbers = false;

  constructor({ conference, onleave }) {
    this.conference = conference;
    this.onleave = onleave;
    this.#build();
    this.#follow();
    this.update();
  }

  #build() {
    const c = this.conference;
    this.grid = new Grid({
      onblocked: () => this.#soundBlocked(), onviews: (list) => c.views.show(list),
    });
    this.grid.setSink(loadPrefs().speaker);
    this.banner = new Banner({ onretry: () => c.hurry() });
    this.panels = {
      chat: new ChatPanel({
        onsend: (text) => this.#try(() => { c.sendChat(text); return true; }),
        onfiles: (files) => this.sendFiles(files),
        oncancel: (id) => c.files.cancel(id),
        blob: (id) => c.files.blob(id),
        nameOf: (id) => c.roster.name(id),
      }),
      people: new PeoplePanel({ oncopy: () => this.#copyLink() }),
      devices: new DevicesPanel({ local: c.local, onspeaker: (id) => this.grid.setSink(id) }),
    };
    this.recording = new RecordingView({
      recording: c.recording, me: c.roster.me.split(' ')[0], onleave: this.onleave,
      onshow: () => { if (this.#panel !== 'people') this.show('people'); },
    });
    this.bar = new Bar({
      mic: () => this.setMic(!c.local.mic), cam: () => this.setCam(!c.local.cam),
      screen: () => this.setScreen(!c.local.sharing), leave: this.onleave,
      record: () => this.recording.press(),
      chat: () => this.show('chat'), people: () => this.show('people'),
      devices: () => this.show('devices'), numbers: () => this.showNumbers(!this.#numbers),
    });
    this.numbers = el('button', {
      type: 'button', class: 'quiet numbers-toggle', testid: 'toggle-numbers', title: 'Statistics (I)',
      'aria-label': 'Statistics', 'aria-pressed': 'false', onclick: () => this.showNumbers(!this.#numbers),
    }, icon('numbers'));
    this.count = el('span', { class: 'count' });
    this.pill = el('span', { class: 'pill' });
    this.asideTitle = el('h2', { tabIndex: -1 });
    this.asideBody = el('div', { class: 'aside-body' });
    this.aside = el('aside', { class: 'aside', hidden: true },
      el('header', {}, this.asideTitle,
        el('button', { type: 'button', class: 'quiet', 'aria-label': 'Close panel', onclick: () => this.show('') }, icon('close'))),
      this.asideBody);
    this.main = el('main', { class: 'stage-area' }, this.banner.root, this.recording.notice, this.grid.root);
    this.root = el('div', { class: 'call', testid: 'call' },
      el('header', { class: 'top' }, logo(), el('h1', { text: c.roomName, tabIndex: -1 }), this.count, this.pill,
        this.recording.signs,
        el('div', { class: 'tools' }, this.numbers,
          el('button', { type: 'button', class: 'quiet copy', title: 'Copy link to this call', 'aria-label': 'Copy link to this call', onclick: () => this.#copyLink() }, icon('link')))),
      this.main, this.aside, this.bar.root);
    this.undrop = dropTarget(this.root, (files) => this.sendFiles(files));
    this.onescape = (ev) => { if (ev.key === 'Escape' && this.#panel) this.show(''); };
    this.root.addEventListener('keydown', this.onescape);
  }

  #follow() {
    const c = this.conference;
    const on = (name, fn) => this.#offs.push(c.on(name, fn));
    for (const name of ['people', 'speaker', 'local']) on(name, () => this.later());
    on('state', (s) => { say(STATES[s] || ''); this.later(); });
    on('moved', ({ came, went }) => {
      for (const p of came) say(`${c.roster.name(p.id)} joined`);
      for (const p of went) say(`${p.display_name || p.user_id} left`);
    });
    on('gauge', () => this.#measure());
    on('chat', (m) => this.#chat(m));
    on('file', (t) => this.panels.chat.file(t));
    on('file-offered', (t) => {
      this.#arrived(`${c.roster.name(t.from)} sends ${t.name}`, true);
    });
    on('recording', (told) => {
      this.recording.changed(told);
      this.later();
    });
    on('problem', (p) => this.#problem(p));
  }

  #problem(p) {
    toast(p.message || p.code, { bad: true });
    this.later();
  }

  // Many events, one picture.
  later() {
    this.#due ||= requestAnimationFrame(() => this.update());
    // A hidden page gets no frames but is to stay right all the same.
    if (document.hidden) this.update();
  }

  update() {
    cancelAnimationFrame(this.#due);
    this.#due = 0;
    const c = this.conference;
    const tiles = c.tiles();
    this.grid.update(tiles);
    this.banner.update(c.state, c.error);
    const people = c.participants();
    this.panels.people.update(people, c.roster.speaker, c.recording.now.feeds, this.recording.sentence());
    const n = Math.max(1, people.filter((p) => !p.program).length);
    put(this.count, 'textContent', n === 1 ? 'only you' : `${n} people`);
    put(this.pill, 'textContent', STATES[c.state] || '');
    put(this.pill.dataset, 'state', c.state);
    this.#announceScreens(tiles);
    const { local } = c;
    this.bar.update({
      mic: local.mic, cam: local.cam, screen: local.sharing, record: this.recording.button().on,
      chat: this.#panel === 'chat', people: this.#panel === 'people', devices: this.#panel === 'devices',
    }, ['mic', 'cam'].filter((k) => local.problems[k]));
    this.bar.offer('record', this.recording.button());
  }

  #announceScreens(tiles) {
    const names = tiles.filter((t) => t.purpose === SCREENSHARE && !t.you).map((t) => t.name).join(', ');
    if (names === this.#sharers) return;
    this.#sharers = names;
    say(names ? `${names} shares the screen` : 'Nobody shares the screen now');
  }

  #measure() {
    this.grid.measure(this.conference.gauge.tiles, this.#numbers);
  }

  showNumbers(on) {
    this.#numbers = on;
    attr(this.numbers, 'aria-pressed', on);
    this.#measure();
    say(on ? 'Statistics shown' : 'Statistics hidden');
  }

  async setMic(on) {
    return this.#device('mic', await this.conference.local.setMic(on), on);
  }

  async setCam(on) {
    return this.#device('cam', await this.conference.local.setCam(on), on);
  }

  #device(kind, is, wanted) {
    const name = kind === 'mic' ? 'Microphone' : 'Camera';
    const p = this.conference.local.problems[kind];
    if (wanted && !is && p) toast(p.message, { bad: true });
    else say(`${name} ${is ? 'on' : 'off'}`);
    return is;
  }

  async setScreen(on, stream) {
    try {
      return await this.conference.setScreen(on, stream);
    } catch (e) {
      toast(e.message, { bad: true });
      return false;
    }
  }

  async sendFiles(files) {
    for (const f of files) {
      try {
        await this.conference.files.send(f);
      } catch (e) {
        toast(e.message, { bad: true });
        continue;
      }
      if (this.#panel !== 'chat') this.show('chat');
    }
  }

  #try(fn) {
    try {
      return fn();
    } catch (e) {
      toast(e.message, { bad: true });
      return false;
    }
  }

  #chat(m) {
    this.panels.chat.message(m);
    if (!m.you) this.#arrived(`${m.name}: ${m.text}`);
  }

  #arrived(text, loud) {
    if (this.#panel === 'chat') {
      say(text);
      return;
    }
    this.bar.badge('chat', ++this.#unread);
    if (loud) toast(text, { action: () => this.show('chat'), label: 'Show' });
    else say(text);
  }

  // Opens a panel; the open one once more, or '', closes it.
  show(name) {
    const before = this.#panel;
    this.#panel = name === before ? '' : name;
    const p = this.panels[this.#panel];
    put(this.aside, 'hidden', !p);
    this.root.classList.toggle('with-aside', !!p);
    if (p) {
      put(this.asideTitle, 'textContent', TITLES[this.#panel]);
      this.asideBody.replaceChildren(p.root);
      if (this.#panel === 'chat') {
        this.#unread = 0;
        this.bar.badge('chat', 0);
        p.input.focus();
        p.log.scrollTop = p.log.scrollHeight;
      } else {
        this.asideTitle.focus();
      }
      if (this.#panel === 'devices') p.update();
    } else if (before) {
      this.bar.focus(before);
    }
    this.update();
  }

  async #copyLink() {
    const url = new URL(linkTo(this.conference.room), location.href).href;
    try {
      await navigator.clipboard.writeText(url);
      toast('Link copied.');
    } catch {
      toast(url);
    }
  }

  // The browser wants a click before it plays sound.
  #soundBlocked() {
    if (this.#blocked) return;
    const done = () => {
      this.grid.unblock();
      this.#blocked?.remove();
      this.#blocked = null;
      document.removeEventListener('keydown', done);
    };
    this.#blocked = el('button', { type: 'button', class: 'unblock', onclick: done }, 'Click to hear the others');
    this.main.append(this.#blocked);
    document.addEventListener('keydown', done);
    alarm('Press any key to hear the others');
  }

  remove() {
    cancelAnimationFrame(this.#due);
    for (const off of this.#offs) off();
    this.bar.remove();
    this.recording.remove();
    this.grid.remove();
    this.panels.chat.remove();
    this.panels.devices.remove();
    this.undrop();
    this.root.remove();
  }
}
