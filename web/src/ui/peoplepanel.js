// Who is here, and which programs.
import { el, put } from './dom.js';
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

function programRow({ name, publishes }) {
  return el('li', { class: 'person program', testid: 'program', 'data-name': name },
    el('span', { class: 'avatar', 'aria-hidden': 'true' }, icon('program')),
    el('span', { class: 'who' },
      el('span', { class: 'name', text: name }),
      el('span', { class: 'id', text: publishes ? 'receives the call and sends into it' : 'receives the call' })));
}

// Those that receive, and, should the bot name one of them only as somebody in
// the call, those that send.
function programsOf(people, feeds) {
  const names = new Set(feeds.map((f) => f.name));
  const more = people.filter((p) => p.program && !names.has(p.display_name));
  return [...feeds, ...more.map((p) => ({ name: p.display_name, publishes: true }))];
}

export class PeoplePanel {
  #shown = '';

  constructor({ oncopy }) {
    this.list = el('ul', { class: 'people-list', 'aria-label': 'Participants' });
    this.programs = el('ul', { class: 'people-list programs', 'aria-label': 'Programs' });
    this.machines = el('section', {}, el('h3', { text: 'Programs' }), this.programs);
    this.recording = el('p', { class: 'notice bad', testid: 'people-recording', hidden: true });
    this.root = el('div', { class: 'people-panel', testid: 'people-panel' }, this.recording, this.list, this.machines,
      el('button', { type: 'button', class: 'wide', onclick: oncopy }, icon('link'), 'Copy link to this call'));
  }

  // recorded: '' or a sentence that says so.
  update(people, speaker, feeds, recorded) {
    const key = JSON.stringify([people, speaker, feeds, recorded]);
    if (key === this.#shown) return;
    this.#shown = key;
    put(this.recording, 'hidden', !recorded);
    put(this.recording, 'textContent', recorded);
    const programs = programsOf(people, feeds);
    put(this.machines, 'hidden', !programs.length);
    this.programs.replaceChildren(...programs.map(programRow));
    const sorted = people.filter((p) => !p.program).sort((a, b) => Number(b.you) - Number(a.you)
      || a.display_name.localeCompare(b.display_name));
    this.list.replaceChildren(...sorted.map((p) => row(p, p.id === speaker)));
  }
}
