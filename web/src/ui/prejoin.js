// Before the call: how one looks, what is on, what one is called.
import { el, field, put } from './dom.js';
import { icon, logo } from './icons.js';
import { hue, initials } from './layout.js';
import { DevicesPanel } from './devicespanel.js';

export class Prejoin {
  #off;

  constructor({ conference, name, user, onjoin, onback }) {
    this.conference = conference;
    const { local } = conference;
    this.video = el('video', { autoplay: true, muted: true, playsInline: true, testid: 'prejoin-preview', 'aria-label': 'How others see you' });
    this.avatar = el('div', { class: `avatar hue-${hue(user)}`, 'aria-hidden': 'true' });
    this.mic = this.#toggle('mic', () => local.setMic(!local.mic));
    this.cam = this.#toggle('cam', () => local.setCam(!local.cam));
    this.name = el('input', {
      testid: 'prejoin-name', value: name, maxLength: 60, autocomplete: 'nickname',
      oninput: () => this.update(),
    });
    this.message = el('p', { class: 'notice', testid: 'prejoin-message', role: 'status' });
    this.button = el('button', { type: 'submit', class: 'primary', testid: 'join', text: 'Join' });
    this.devices = new DevicesPanel({ local, onspeaker: () => {} });
    this.root = el('div', { class: 'page prejoin', testid: 'prejoin' },
      el('header', { class: 'brand' }, logo(), el('span', { text: 'hearth' })),
      el('main', {},
        el('div', { class: 'preview' }, this.avatar, this.video,
          el('div', { class: 'preview-controls' }, this.mic, this.cam)),
        el('form', { class: 'card', onsubmit: (ev) => { ev.preventDefault(); onjoin(this.name.value.trim()); } },
          el('h1', { tabIndex: -1, text: conference.roomName }),
          field('Your name in this room', this.name),
          this.message,
          el('details', {}, el('summary', { text: 'Devices' }), this.devices.root),
          this.button,
          el('button', { type: 'button', class: 'text', onclick: onback, text: 'Other room' }))));
    this.#off = local.on('change', () => { this.update(); this.devices.update(); });
    this.devices.update();
    this.update();
  }

  #toggle(kind, fn) {
    return el('button', { type: 'button', class: `control ${kind}`, testid: `prejoin-${kind}`, onclick: fn });
  }

  update() {
    const { local } = this.conference;
    for (const [kind, on, off, label] of [['mic', 'mic', 'micOff', 'Microphone'], ['cam', 'cam', 'camOff', 'Camera']]) {
      const button = this[kind];
      button.replaceChildren(icon(local[kind] ? on : off));
      button.classList.toggle('on', local[kind]);
      button.setAttribute('aria-pressed', local[kind]);
      button.setAttribute('aria-label', label);
      button.title = `${label} is ${local[kind] ? 'on' : 'off'}`;
    }
    put(this.avatar, 'textContent', initials(this.name.value || '?'));
    const source = local.cam ? local.preview : null;
    if (this.video.srcObject !== source) this.video.srcObject = source;
    put(this.video, 'hidden', !local.cam);
    const texts = Object.values(local.problems).filter(Boolean).map((p) => p.message);
    put(this.message, 'textContent', [...new Set(texts)].join(' '));
    put(this.message, 'hidden', !texts.length);
  }

  busy(is) {
    this.button.disabled = is;
    this.button.textContent = is ? 'Joining…' : 'Join';
  }

  remove() {
    this.#off();
    this.video.srcObject = null;
    this.devices.remove();
    this.root.remove();
  }
}
