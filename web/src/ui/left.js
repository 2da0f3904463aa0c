// After the call.
import { el } from './dom.js';
import { logo } from './icons.js';

export class Left {
  constructor({ room, onrejoin, onrooms }) {
    this.root = el('div', { class: 'page narrow', testid: 'left' },
      el('header', { class: 'brand' }, logo(), el('span', { text: 'hearth' })),
      el('main', {},
        el('div', { class: 'card' },
          el('h1', { tabIndex: -1, text: 'You left the call' }),
          el('p', { class: 'sub', text: room }),
          el('button', { type: 'button', class: 'primary', testid: 'rejoin', onclick: onrejoin, text: 'Join again' }),
          el('button', { type: 'button', class: 'text', testid: 'back-to-rooms', onclick: onrooms, text: 'Other room' }))));
  }

  remove() {
    this.root.remove();
  }
}
