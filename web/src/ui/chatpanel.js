// The chat and the files: one list, as they came.
import { el, put, sizeText } from './dom.js';
import { icon } from './icons.js';
import { TEXT_MAX } from '../call/chat.js';

const BUSY = { hashing: 'preparing', waiting: 'waiting for the others', sending: 'sending', receiving: 'receiving' };
const URL_PARTS = /(https?:\/\/[^\s<>"]+[^\s<>".,;:!?)])/g;

// Text with its links as links; everything else as it is.
function linked(text) {
  return text.split(URL_PARTS).map((part, i) => (i % 2
    ? el('a', { href: part, target: '_blank', rel: 'noopener noreferrer', text: part })
    : part));
}

const clock = (ts) => new Date(ts).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });

export class ChatPanel {
  #items = new Map();
  #last = null;

  constructor({ onsend, onfiles, oncancel, blob, nameOf }) {
    Object.assign(this, { oncancel, blob, nameOf });
    this.empty = el('p', { class: 'empty', text: 'Messages and files stay in this call; nothing of them is kept on the server.' });
    this.log = el('div', { class: 'log', role: 'log', testid: 'chat-log', tabIndex: 0, 'aria-label': 'Messages', 'aria-live': 'off' }, this.empty);
    this.input = el('textarea', {
      testid: 'chat-input', rows: 1, maxLength: TEXT_MAX, placeholder: 'Message to all',
      'aria-label': 'Message to all',
      onkeydown: (ev) => {
        if (ev.key !== 'Enter' || ev.shiftKey || ev.isComposing) return;
        ev.preventDefault();
        submit();
      },
      oninput: () => this.#grow(),
    });
    const submit = () => {
      if (!this.input.value.trim() || !onsend(this.input.value)) return;
      this.input.value = '';
      this.#grow();
    };
    const picker = el('input', {
      type: 'file', multiple: true, hidden: true,
      onchange: () => { onfiles([...picker.files]); picker.value = ''; },
    });
    this.root = el('div', { class: 'chat', testid: 'chat-panel' }, this.log,
      el('form', { class: 'compose', onsubmit: (ev) => { ev.preventDefault(); submit(); } },
        el('button', { type: 'button', class: 'quiet', title: 'Send a file', 'aria-label': 'Send a file', testid: 'chat-file', onclick: () => picker.click() }, icon('clip')),
        picker, this.input,
        el('button', { type: 'submit', class: 'go', title: 'Send', 'aria-label': 'Send message', testid: 'chat-send' }, icon('send'))));
  }

  #grow() {
    this.input.style.height = 'auto';
    this.input.style.height = `${Math.min(this.input.scrollHeight, 120)}px`;
  }

  #append(node) {
    const { log } = this;
    const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 60;
    this.empty.remove();
    log.append(node);
    if (atEnd) log.scrollTop = log.scrollHeight;
  }

  message(m) {
    const same = this.#last?.from === m.from && m.ts - this.#last.ts < 120000;
    this.#last = m;
    this.#append(el('div', { class: `message${m.you ? ' you' : ''}${same ? ' same' : ''}`, testid: 'chat-message' },
      same ? null : el('p', { class: 'from' },
        el('strong', { text: m.you ? 'You' : m.name }),
        el('time', { text: clock(m.ts), dateTime: new Date(m.ts).toISOString() })),
      el('p', { class: 'text' }, linked(m.text))));
  }

  file(t) {
    let item = this.#items.get(t.id);
    if (!item) {
      item = this.#fileItem(t);
      this.#items.set(t.id, item);
      this.#last = null;
      this.#append(item.root);
    }
    const busy = BUSY[t.state];
    put(item.root.dataset, 'state', t.state);
    put(item.bar, 'hidden', !busy);
    put(item.bar, 'value', t.size ? t.bytes / t.size : 0);
    put(item.cancel, 'hidden', !busy);
    const who = t.direction === 'out' ? 'You' : this.nameOf(t.from);
    put(item.status, 'textContent', `${who} · ${sizeText(t.size)} · ${this.#status(t, busy)}`);
    if (t.state === 'done' && t.direction === 'in' && !item.download) this.#offer(item, t);
  }

  #status(t, busy) {
    if (busy) return `${busy} ${Math.floor((100 * t.bytes) / t.size)} %`;
    if (t.state === 'done' && t.direction === 'in') return 'checked, ready';
    if (t.state === 'done') {
      const all = [...t.flow.receivers.values()];
      const ok = all.filter((r) => r.state === 'done').length;
      return ok === all.length ? `received by ${ok}` : `received by ${ok} of ${all.length}`;
    }
    return t.error || (t.state === 'cancelled' ? 'stopped' : 'failed');
  }

  #fileItem(t) {
    const bar = el('progress', { max: 1, value: 0, testid: 'file-progress', 'aria-label': `Progress of ${t.name}` });
    const status = el('p', { class: 'status' });
    const cancel = el('button', {
      type: 'button', class: 'quiet', testid: 'file-cancel', 'aria-label': `Stop ${t.name}`,
      title: 'Stop', onclick: () => this.oncancel(t.id),
    }, icon('close'));
    const actions = el('div', { class: 'actions' }, cancel);
    const root = el('div', { class: 'file', testid: 'file-item', 'data-transfer': t.id },
      icon('file'), el('div', { class: 'about' }, el('p', { class: 'file-name', text: t.name, title: t.name }), status, bar), actions);
    return { root, bar, status, cancel, actions };
  }

  #offer(item, t) {
    const blob = this.blob(t.id);
    if (!blob) return;
    item.download = el('a', {
      class: 'button', href: URL.createObjectURL(blob), download: t.name,
      testid: 'file-download', 'aria-label': `Save ${t.name}`, title: 'Save',
    }, icon('download'));
    item.actions.append(item.download);
  }

  remove() {
    for (const { download } of this.#items.values()) {
      if (download) URL.revokeObjectURL(download.href);
    }
  }
}
