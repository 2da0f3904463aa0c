// A question with two answers, in the page's own dress.
import { el } from './dom.js';

// Resolves with true when `yes` was pressed; Escape means no, and so does a
// question that still stands.
export function confirm({ title, text, yes, bad = false }) {
  if (document.querySelector('dialog.confirm[open]')) return Promise.resolve(false);
  return new Promise((resolve) => {
    const answer = (v) => () => dialog.close(v);
    const dialog = el('dialog', { class: 'confirm', testid: 'confirm', 'aria-labelledby': 'confirm-title', 'aria-describedby': 'confirm-text' },
      el('h2', { id: 'confirm-title', text: title }),
      el('p', { id: 'confirm-text', text }),
      el('div', { class: 'answers' },
        el('button', { type: 'button', testid: 'confirm-no', onclick: answer(''), text: 'Cancel' }),
        el('button', { type: 'button', class: bad ? 'primary bad' : 'primary', testid: 'confirm-yes', onclick: answer('yes'), text: yes })));
    dialog.addEventListener('close', () => {
      dialog.remove();
      resolve(dialog.returnValue === 'yes');
    });
    document.body.append(dialog);
    dialog.showModal();
    dialog.querySelector('[data-testid=confirm-yes]').focus();
  });
}
