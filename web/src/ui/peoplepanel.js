// Who is here.
import { el } from './dom.js';
import { icon } from './icons.js';
import { hue, initials } from './layout.js';
import { USERMEDIA } from '../call/metadata.js';

function row(p, speaking) {
  const media = p.streams.find((s) => s.purpose === USERMEDIA);
  const sharing = p.streams.some((s) => s.purpose !== USERMEDIA);
  const flags = [
    sharing && ['screen', 'shares the screen'],
    media?.audio_muted && ['micOff', 'microphone off'],
    media?.video_muted && ['camOff', 'camera off'],
  ].filter(Boolean);
  return el('li', { class: speaking ? 'person speaking' : 'person', testid: 'person', 'data-participant': p.id },
    el('span', { class: `avatar hue-${hue(p.id)}`, 'aria-hidden': 'true', text: initials(p.display_name) }),
    el('span', { class: 'who' },
      el('span', { class: 'name', text: p.you ? `${p.display_name} (you)` : p.display_name }),
      el('span', { class: 'id', text: p.user_id })),
    el('span', { class: 'flags' }, flags.map(([name, text]) => el('span', { title: text },
      icon(name), el('span', { class: 'sr-only', text })))));
}

export class PeoplePanel {
  #shown = '';

  constructor({ oncopy }) {
    this.list = el('ul', { class: 'people-list', 'aria-label': 'Participants' });
    this.root = el('div', { class: 'people-panel', testid: 'people-panel' }, this.list,
      el('button', { type: 'button', class: 'wide', onclick: oncopy }, icon('link'), 'Copy link to this call'));
  }

  update(people, speaker) {
    const key = JSON.stringify([people, speaker]);
    if (key === this.#shown) return;
    this.#shown = key;
    const sorted = [...people].sort((a, b) => Number(b.you) - Number(a.you)
      || a.display_name.localeCompare(b.display_name));
    this.list.replaceChildren(...sorted.map((p) => row(p, p.id === speaker)));
  }
}
