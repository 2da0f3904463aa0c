// Words for people: to screen readers (say, alarm) and as short notes on the
// screen (toast).
import { el } from './dom.js';
import { icon } from './icons.js';

const SHOWN_MS = 7000;

function into(id, text) {
  const box = document.getElementById(id);
  if (!box) return;
  const line = el('p', { text });
  box.append(line);
  setTimeout(() => line.remove(), 10000);
}

export const say = (text) => into('say', text);
export const alarm = (text) => into('alert', text);

export function toast(text, { bad = false, action, label } = {}) {
  let box = document.querySelector('.toasts');
  if (!box) {
    box = el('div', { class: 'toasts' });
    document.body.append(box);
  }
  const close = () => note.remove();
  const note = el('div', { class: bad ? 'toast bad' : 'toast', testid: 'toast' },
    el('p', { text }),
    action && el('button', { class: 'text', type: 'button', text: label, onclick: () => { close(); action(); } }),
    el('button', { class: 'quiet', type: 'button', 'aria-label': 'Close', onclick: close }, icon('close')));
  box.append(note);
  while (box.children.length > 3) box.firstChild.remove();
  setTimeout(close, SHOWN_MS);
  (bad ? alarm : say)(text);
}
