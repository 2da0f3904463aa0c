// What the connection is up to, in one line, and what to do about it.
import { el, put } from './dom.js';

const TEXT = {
  idle: '', connecting: 'Connecting…', connected: '', left: '',
  reconnecting: 'The connection was lost. Reconnecting…', failed: 'Not connected.',
};

export class Banner {
  constructor({ onretry }) {
    this.text = el('p');
    this.button = el('button', { type: 'button', class: 'text', onclick: onretry });
    this.root = el('div', { class: 'banner', testid: 'banner', role: 'status' }, this.text, this.button);
  }

  update(state, error) {
    const reason = error && state !== 'connected' && state !== 'connecting';
    const text = state === 'failed' && error ? error.message
      : reason ? `${error.message} Reconnecting…` : TEXT[state];
    put(this.root.dataset, 'state', state);
    put(this.root, 'hidden', !text);
    put(this.text, 'textContent', text);
    put(this.button, 'textContent', state === 'failed' ? 'Call again' : 'Try now');
    put(this.button, 'hidden', !['failed', 'reconnecting'].includes(state));
  }
}
