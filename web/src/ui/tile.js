// One tile: a picture or initials, a name, what is muted. Sound has an element
// of its own, so that a hidden picture never silences anybody.
import { attr, el, put } from './dom.js';
import { icon } from './icons.js';
import { hue, initials } from './layout.js';
import { lines, pausedWords } from './numbers.js';
import { SCREENSHARE } from '../call/metadata.js';

export class Tile {
  #tile = null;
  #hadFrame = false;

  constructor({ onpin, onblocked, sink }) {
    this.onblocked = onblocked;
    this.avatar = el('div', { class: 'avatar', 'aria-hidden': 'true', testid: 'tile-avatar' });
    this.video = el('video', {
      autoplay: true, playsInline: true, muted: true, testid: 'tile-video',
      'aria-hidden': 'true', tabIndex: -1,
    });
    this.video.addEventListener('resize', () => this.#frames());
    this.video.addEventListener('loadeddata', () => this.#frames());
    this.name = el('span', { class: 'name', testid: 'tile-name' });
    this.tag = el('span', { class: 'tag', text: 'program', hidden: true });
    this.off = el('span', { class: 'off' }, icon('micOff'));
    this.why = el('span', { class: 'why', testid: 'tile-paused', hidden: true });
    this.bars = el('span', { class: 'bars', 'aria-hidden': 'true' }, el('i'), el('i'), el('i'));
    this.numbers = el('div', { class: 'numbers', testid: 'tile-numbers', hidden: true });
    this.pin = el('button', { class: 'pin', type: 'button', onclick: onpin }, icon('pin'));
    this.root = el('li', { class: 'tile', testid: 'tile' },
      el('div', { class: 'backdrop' }, this.avatar, this.why), this.video,
      el('div', { class: 'caption' }, this.off, this.name, this.tag, this.bars), this.numbers, this.pin);
    this.audio = null;
    this.sink = sink;
  }

  #frames() {
    this.#hadFrame = this.video.videoWidth > 0;
    if (this.#tile) this.#show(this.#tile);
  }

  update(t) {
    this.#tile = t;
    const screen = t.purpose === SCREENSHARE;
    const { dataset } = this.root;
    put(dataset, 'participant', t.participant);
    put(dataset, 'userId', t.user_id);
    put(dataset, 'purpose', t.purpose);
    put(dataset, 'you', String(t.you));
    put(dataset, 'audioMuted', String(t.audio_muted));
    put(dataset, 'videoMuted', String(t.video_muted));
    put(dataset, 'speaking', String(t.speaking));
    const who = t.you ? `${t.name} (you)` : t.name;
    put(this.name, 'textContent', screen ? `${who} · screen` : who);
    put(dataset, 'program', String(!!t.program));
    put(this.tag, 'hidden', !t.program);
    put(this.avatar, 'textContent', initials(t.name));
    put(this.avatar, 'className', `avatar hue-${hue(t.participant)}`);
    put(this.off, 'hidden', !t.audio_muted || screen);
    this.#paused(t);
    this.root.classList.toggle('mirror', t.you && !screen);
    this.root.classList.toggle('screen', screen);
    this.#sound(t);
    this.#show(t);
    this.#label(t);
  }

  #paused(t) {
    const words = t.video_muted ? '' : pausedWords(t.paused);
    put(this.why, 'textContent', words);
    put(this.why, 'hidden', !words);
    put(this.root.dataset, 'paused', t.paused || '');
  }

  // reading: of gauge.js, or undefined; shown: its numbers are asked for.
  measure(reading, shown) {
    this.quality = reading?.quality || '';
    put(this.root.dataset, 'quality', this.quality);
    put(this.bars, 'title', this.quality && `Connection: ${this.quality}`);
    put(this.numbers, 'hidden', !shown || !reading);
    const text = shown && reading ? lines(reading).join('\n') : '';
    put(this.numbers, 'textContent', text);
    if (this.#tile) this.#label(this.#tile);
  }

  #label(t) {
    const screen = t.purpose === SCREENSHARE;
    const who = t.you ? `${t.name} (you)` : t.name;
    const says = [screen ? `Screen of ${who}` : who];
    if (t.program) says.push('a program');
    if (!screen && t.audio_muted) says.push('microphone off');
    if (!this.why.hidden) says.push(this.why.textContent);
    else if (!screen && !t.program && !this.#pictured(t)) says.push('camera off');
    if (this.quality === 'poor') says.push('poor connection');
    if (t.speaking) says.push('speaking');
    attr(this.root, 'aria-label', says.join(', '));
    const label = `${this.pinned ? 'Unpin' : 'Pin'} ${screen ? 'screen of ' : ''}${t.name}`;
    attr(this.pin, 'aria-label', label);
    attr(this.pin, 'aria-pressed', !!this.pinned);
    put(this.pin, 'title', this.pinned ? 'Back to the grid' : 'Make large');
  }

  #pictured(t) {
    return !t.video_muted && !t.paused
      && !!t.stream?.getVideoTracks().some((v) => v.readyState === 'live');
  }

  #show(t) {
    const pictured = this.#pictured(t);
    const source = pictured ? t.stream : null;
    if (this.video.srcObject !== source) {
      this.#hadFrame = false;
      this.video.srcObject = source;
      if (source) this.video.play().catch(() => {});
    }
    this.root.classList.toggle('pictured', pictured && this.#hadFrame);
  }

  #sound(t) {
    const wanted = !t.you && t.stream?.getAudioTracks().length ? t.stream : null;
    if (!wanted) {
      this.#silence();
      return;
    }
    if (!this.audio) {
      this.audio = el('audio', { autoplay: true });
      this.root.append(this.audio);
      this.setSink(this.sink);
    }
    if (this.audio.srcObject === wanted) return;
    this.audio.srcObject = wanted;
    this.play();
  }

  play() {
    this.audio?.play().catch((e) => {
      if (e.name === 'NotAllowedError') this.onblocked();
    });
  }

  setSink(id) {
    this.sink = id;
    if (id && this.audio?.setSinkId) this.audio.setSinkId(id).catch(() => {});
  }

  #silence() {
    if (!this.audio) return;
    this.audio.srcObject = null;
    this.audio.remove();
    this.audio = null;
  }

  remove() {
    this.#silence();
    this.video.srcObject = null;
    this.root.remove();
  }
}
