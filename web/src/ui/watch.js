// A recording: the film of it, who was there, and the tracks to download. Its
// links end after an hour, so they are asked for again when they are needed.
import { el, put, sizeText } from './dom.js';
import { icon, logo } from './icons.js';
import { hue, initials } from './layout.js';
import { elapsedText } from '../call/recording.js';
import { explain, problem } from '../problems.js';
import { trackTitle } from '../recordings.js';

const TITLES = {
  forbidden: 'Only members of the room can watch this',
  not_found: 'This recording is gone',
  not_ready: 'This recording is not ready yet',
};
const LINK_SPARE_MS = 120e3;
const TRIES = 3;
const PAUSE_MS = 2000;

function dateText(ms) {
  return new Date(ms).toLocaleString([], { dateStyle: 'long', timeStyle: 'short' });
}

export class Watch {
  #link = null;
  #renewing = null;
  #failures = 0;
  #gone = false;
  state = 'loading';
  error = null;

  // load: () -> promise of readLink's; title: the room's name.
  constructor({ title, load, onroom, onrooms }) {
    Object.assign(this, { title, load, onroom });
    this.main = el('main', { 'aria-busy': 'true' });
    this.root = el('div', { class: 'page watch', testid: 'watch' },
      el('header', { class: 'brand' }, logo(), el('span', { text: 'hearth' }),
        el('button', { type: 'button', class: 'text', testid: 'back-to-rooms', onclick: onrooms, text: 'All rooms' })),
      this.main);
    this.start();
  }

  async start() {
    this.#become('loading', el('p', { class: 'boot', role: 'status', text: 'Looking for the recording…' }));
    try {
      this.#link = await this.load();
    } catch (e) {
      if (!this.#gone) this.#fail(explain(e));
      return;
    }
    if (!this.#gone) this.#show();
  }

  #become(state, ...children) {
    this.state = state;
    if (state !== 'error') this.error = null;
    this.main.setAttribute('aria-busy', String(state === 'loading'));
    this.main.replaceChildren(...children);
  }

  #fail(p) {
    this.error = { code: p.code, message: p.message };
    const again = p.code !== 'not_found';
    this.#become('error', el('div', { class: 'card sorry', role: 'alert', testid: 'watch-error', 'data-code': p.code },
      icon('film'),
      el('h1', { tabIndex: -1, text: TITLES[p.code] || 'The recording cannot be shown' }),
      el('p', { class: 'sub', text: p.message }),
      again && el('button', { type: 'button', class: 'primary', testid: 'watch-again', onclick: () => this.start(), text: 'Try again' }),
      el('button', { type: 'button', class: again ? 'text' : 'primary', testid: 'watch-room', onclick: this.onroom, text: 'Open the room' })));
    this.main.querySelector('h1').focus({ preventScroll: true });
  }

  // --- the film and what belongs to it ---

  #show() {
    const l = this.#link;
    this.notice = el('p', { class: 'notice', role: 'status', testid: 'watch-notice', hidden: true });
    this.#become('ready',
      el('div', { class: 'film-side' }, this.#player(), this.notice, this.#about()),
      el('div', { class: 'card files' }, this.#people(), this.#files()));
    document.title = `${l.name || this.title} · hearth`;
    this.main.querySelector('h1').focus({ preventScroll: true });
  }

  #player() {
    const { film, poster } = this.#link;
    this.film = film;
    if (!film) {
      this.media = null;
      return el('div', { class: 'film none' }, icon('film'),
        el('p', { testid: 'watch-no-film', text: `${this.#link.composing ? 'The film of all together is still being made: look again in a while.'
          : 'There is no film of all together.'} What each person sent can be downloaded below.` }));
    }
    const sound = /^audio\//.test(film.mimetype);
    this.media = el(sound ? 'audio' : 'video', {
      controls: true, preload: 'metadata', playsInline: true, testid: 'watch-video', src: film.url,
      poster: sound || !poster ? undefined : poster,
      'aria-label': `Recording of ${this.#link.name || this.title}`,
    });
    this.media.addEventListener('error', () => this.#broken());
    this.media.addEventListener('playing', () => { this.#failures = 0; });
    return el('div', { class: sound ? 'film sound' : 'film' }, sound && icon('mic'), this.media);
  }

  #about() {
    const l = this.#link;
    const facts = [
      l.name && l.name !== this.title && this.title,
      l.started_ms && dateText(l.started_ms),
      l.duration_ms && elapsedText(l.duration_ms),
      l.film && sizeText(l.film.bytes),
    ].filter(Boolean).join(' · ');
    return el('div', { class: 'about' },
      el('div', { class: 'who' },
        el('h1', { tabIndex: -1, testid: 'watch-title', text: l.name || this.title }),
        el('p', { class: 'sub', testid: 'watch-facts', text: facts })),
      l.film && this.#anchor(l.film, 'button', icon('download'), 'Download'));
  }

  #people() {
    const people = this.#link.participants;
    if (!people.length) return null;
    return el('section', {},
      el('h2', { text: people.length === 1 ? '1 person' : `${people.length} people` }),
      el('ul', { class: 'cast' }, people.map((p) => el('li', { class: 'person', testid: 'watch-person', title: p.user_id },
        el('span', { class: `avatar hue-${hue(p.user_id)}`, 'aria-hidden': 'true', text: initials(p.name) }),
        el('span', { class: 'who' }, el('span', { class: 'name', text: p.name }),
          p.name !== p.user_id && el('span', { class: 'id', text: p.user_id }))))));
  }

  #files() {
    const { tracks, participants } = this.#link;
    if (!tracks.length) return null;
    return el('section', {},
      el('h2', { text: 'What each one sent' }),
      el('ul', { class: 'tracks' }, tracks.map((f) => el('li', { testid: 'watch-track', 'data-name': f.name },
        this.#anchor(f, 'track', icon('download'),
          el('span', { class: 'who' },
            el('span', { class: 'name', text: trackTitle(f.name, participants) || f.name }),
            el('span', { class: 'id', text: `${f.name} · ${sizeText(f.bytes)}` })))))));
  }

  // A link that has ended is renewed before the browser follows it.
  #anchor(file, cls, ...children) {
    const a = el('a', {
      class: cls, href: file.url, download: file.name, testid: 'watch-download',
      onclick: async (ev) => {
        if (this.#fresh()) {
          a.href = this.#url(file);
          return;
        }
        ev.preventDefault();
        if (!(await this.#renew())) return;
        a.href = this.#url(file);
        a.click();
      },
    }, ...children);
    return a;
  }

  #url({ name }) {
    const { film, tracks } = this.#link;
    return [film, ...tracks].find((f) => f?.name === name)?.url || '';
  }

  // --- links that end ---

  #fresh() {
    return Date.now() < this.#link.expires_ms - LINK_SPARE_MS;
  }

  // True when there is a new link.
  #renew() {
    this.#renewing ||= this.load().then((link) => {
      this.#link = link;
      return true;
    }, (e) => {
      this.#say(explain(e).message);
      return false;
    }).finally(() => { this.#renewing = null; });
    return this.#renewing;
  }

  // The browser gave up on the film: its link has ended, or the network did, or
  // it cannot play such a file at all. It does not say which.
  async #broken() {
    const { media } = this;
    const { error, currentTime: at, paused } = media;
    const status = await fetch(media.src, { method: 'HEAD' }).then((r) => r.status, () => 0);
    if (this.#gone) return;
    const there = status >= 200 && status < 300;
    if (status === 404 || status === 410) {
      this.#say(problem('recording_gone').message);
    } else if (there && (error?.code === MediaError.MEDIA_ERR_DECODE || !at)) {
      this.#say(problem('recording_unplayable').message);
    } else if (++this.#failures > TRIES) {
      this.#say(problem('recording_failed').message);
    } else {
      // The network, or the server behind its proxy, is away.
      if (status === 0 || status >= 500) await new Promise((r) => setTimeout(r, PAUSE_MS * 2 ** (this.#failures - 1)));
      else if (!there && !(await this.#renew())) return;
      if (!this.#gone) this.#reload(at, !paused);
    }
  }

  #reload(at, playing) {
    const { media } = this;
    media.addEventListener('loadedmetadata', () => {
      this.#say('');
      if (at) media.currentTime = at;
      if (playing) media.play().catch(() => {});
    }, { once: true });
    media.src = this.#url(this.film);
  }

  #say(text) {
    put(this.notice, 'textContent', text);
    put(this.notice, 'hidden', !text);
  }

  // For window.hearth.
  status() {
    const l = this.#link;
    const { media } = this;
    const files = l ? [l.film, ...l.tracks].filter(Boolean).map(({ name, mimetype, bytes, url }) => ({ name, mimetype, bytes, url })) : [];
    return {
      state: this.state, error: this.error, name: l?.name || '', started_ms: l?.started_ms || 0,
      duration_ms: l?.duration_ms || 0, participants: l?.participants || [], files,
      video: media ? {
        src: media.getAttribute('src'), currentTime: media.currentTime, duration: Number.isFinite(media.duration) ? media.duration : 0,
        paused: media.paused, width: media.videoWidth || 0, height: media.videoHeight || 0, error: media.error?.message || '',
      } : null,
      notice: this.notice && !this.notice.hidden ? this.notice.textContent : '',
    };
  }

  remove() {
    this.#gone = true;
    this.media?.removeAttribute('src');
    this.media?.load();
    this.root.remove();
  }
}
