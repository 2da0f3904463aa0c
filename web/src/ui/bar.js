// The row of buttons below the tiles, and the keys that press them.
import { attr, el, put } from './dom.js';
import { icon } from './icons.js';

const BUTTONS = [
  // name, icon on, icon off, label when on, label when off, key
  ['mic', 'mic', 'micOff', 'Mute microphone', 'Unmute microphone', 'm'],
  ['cam', 'cam', 'camOff', 'Turn camera off', 'Turn camera on', 'v'],
  ['screen', 'screen', 'screen', 'Stop sharing', 'Share screen', 's'],
  ['record', 'recordStop', 'record', 'Stop recording', 'Record this call', 'r'],
  ['chat', 'chat', 'chat', 'Close chat', 'Open chat', 'c'],
  ['people', 'people', 'people', 'Close participants', 'Show participants', 'p'],
  ['devices', 'devices', 'devices', 'Close devices', 'Choose devices', ''],
];
const CTRL = { d: 'mic', e: 'cam' };
const ELSEWHERE = { i: 'numbers' }; // keys of buttons that stand elsewhere

export class Bar {
  #buttons = new Map();

  // actions: {mic, cam, screen, record, chat, people, devices, numbers, leave}
  constructor(actions) {
    this.actions = actions;
    const made = BUTTONS.map(([name]) => this.#button(name));
    this.leave = el('button', {
      type: 'button', class: 'control leave', testid: 'leave', title: 'Leave',
      'aria-label': 'Leave the call', onclick: actions.leave,
    }, icon('leave'), el('span', { class: 'word', text: 'Leave' }));
    this.root = el('div', { class: 'bar', role: 'toolbar', 'aria-label': 'Call' },
      el('div', { class: 'group' }, made.slice(0, 4), this.leave),
      el('div', { class: 'group side' }, made.slice(4)));
    this.onkey = (ev) => this.#key(ev);
    document.addEventListener('keydown', this.onkey);
  }

  #button(name) {
    const badge = el('span', { class: 'badge', hidden: true });
    const holder = el('span', { class: 'holder' });
    const button = el('button', {
      type: 'button', class: `control ${name}`, testid: `toggle-${name}`,
      onclick: () => this.actions[name](),
    }, holder, badge);
    if (name === 'screen' && !navigator.mediaDevices?.getDisplayMedia) button.hidden = true;
    this.#buttons.set(name, { button, holder, badge, shown: '' });
    return button;
  }

  // state: {mic, cam, screen, record, chat, people, devices: booleans}; trouble: names
  // of buttons with something wrong.
  update(state, trouble = []) {
    for (const [name, on, off, labelOn, labelOff, key] of BUTTONS) {
      const { button, holder } = this.#buttons.get(name);
      const is = !!state[name];
      const entry = this.#buttons.get(name);
      const which = is ? on : off;
      if (entry.shown !== which) {
        holder.replaceChildren(icon(which));
        entry.shown = which;
      }
      const label = is ? labelOn : labelOff;
      attr(button, 'aria-label', label);
      put(button, 'title', key ? `${label} (${key.toUpperCase()})` : label);
      attr(button, 'aria-pressed', is);
      button.classList.toggle('on', is);
      button.classList.toggle('trouble', trouble.includes(name));
    }
  }

  // A button that may be absent, or press nothing now.
  offer(name, { hidden, busy }) {
    const { button } = this.#buttons.get(name);
    put(button, 'hidden', hidden);
    put(button, 'disabled', busy);
  }

  badge(name, count) {
    const { badge } = this.#buttons.get(name);
    put(badge, 'hidden', !count);
    put(badge, 'textContent', count > 99 ? '99+' : String(count || ''));
  }

  focus(name) {
    this.#buttons.get(name).button.focus();
  }

  #key(ev) {
    if (ev.repeat || ev.altKey || ev.metaKey || ev.defaultPrevented) return;
    const key = ev.key.toLowerCase();
    let name;
    if (ev.ctrlKey) {
      name = CTRL[key];
    } else {
      if (ev.target.closest?.('input, textarea, select, dialog, [contenteditable]')) return;
      name = BUTTONS.find((b) => b[5] === key && key)?.[0] || ELSEWHERE[key];
    }
    if (!name || this.#buttons.get(name)?.button.hidden) return;
    ev.preventDefault();
    this.actions[name]();
  }

  remove() {
    document.removeEventListener('keydown', this.onkey);
  }
}
