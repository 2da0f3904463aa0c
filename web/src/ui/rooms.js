// Pick a room, or name one.
import { el, field } from './dom.js';
import { icon, logo } from './icons.js';
import { hue, initials } from './layout.js';

export class Rooms {
  #off;

  constructor({ matrix, error, onopen, onlogout }) {
    this.matrix = matrix;
    this.onopen = onopen;
    this.error = el('p', { class: 'notice bad', role: 'alert', hidden: !error, text: error || '' });
    this.list = el('ul', { class: 'rooms', testid: 'room-list' });
    this.input = el('input', { testid: 'room-open-input', placeholder: '#room:example.org', spellcheck: false, autocapitalize: 'none' });
    this.button = el('button', { type: 'submit', testid: 'room-open', text: 'Open' });
    this.root = el('div', { class: 'page narrow' },
      el('header', { class: 'brand' }, logo(), el('span', { text: 'hearth' }),
        el('button', { type: 'button', class: 'text', onclick: onlogout }, icon('door'), 'Log out')),
      el('main', {},
        el('div', { class: 'card' },
          el('h1', { tabIndex: -1, text: 'Choose a room' }),
          el('p', { class: 'sub', text: `You are ${matrix.session.user_id}` }),
          this.error, this.list,
          el('form', { class: 'inline', onsubmit: (ev) => { ev.preventDefault(); if (this.input.value.trim()) this.#open(this.input.value.trim()); } },
            field('Another room, by address or id', this.input), this.button))));
    this.#off = matrix.on('rooms', () => this.update());
    this.update();
  }

  async #open(id) {
    this.root.classList.add('busy');
    const message = await this.onopen(id);
    this.root.classList.remove('busy');
    if (!message) return;
    this.error.textContent = message;
    this.error.hidden = false;
  }

  update() {
    const rooms = this.matrix.rooms();
    this.list.replaceChildren(...rooms.map((r) => el('li', {},
      el('button', { type: 'button', class: 'room', testid: 'room-item', 'data-room': r.id, onclick: () => this.#open(r.id) },
        el('span', { class: `avatar hue-${hue(r.id)}`, 'aria-hidden': 'true', text: initials(r.name) }),
        el('span', { class: 'who' },
          el('span', { class: 'name', text: r.name }),
          el('span', { class: 'id', text: r.invited ? 'You are invited' : `${r.members} ${r.members === 1 ? 'member' : 'members'}` }))))));
    if (!rooms.length) this.list.replaceChildren(el('li', { class: 'empty', text: 'You are in no room yet. Open one by its address below.' }));
  }

  remove() {
    this.#off();
    this.root.remove();
  }
}
