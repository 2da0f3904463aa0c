// Which microphone, camera and loudspeaker.
import { el, field } from './dom.js';
import { loadPrefs, savePrefs } from '../session.js';

const KINDS = [
  ['mic', 'audioinput', 'Microphone'],
  ['cam', 'videoinput', 'Camera'],
  ['speaker', 'audiooutput', 'Loudspeaker'],
];

const canChooseSpeaker = () => 'setSinkId' in HTMLMediaElement.prototype;

export class DevicesPanel {
  constructor({ local, onspeaker }) {
    this.local = local;
    this.onspeaker = onspeaker;
    this.selects = new Map();
    this.root = el('div', { class: 'devices-panel' });
    for (const [key, , label] of KINDS) {
      const select = el('select', { testid: `device-${key}`, onchange: () => this.#chosen(key, select.value) });
      this.selects.set(key, select);
      if (key !== 'speaker' || canChooseSpeaker()) this.root.append(field(label, select));
    }
    this.root.append(el('p', { class: 'hint', text: 'Keys: M or Ctrl+D microphone, V or Ctrl+E camera, S screen, C chat, P participants.' }));
    this.refresh = () => this.update();
    navigator.mediaDevices?.addEventListener?.('devicechange', this.refresh);
  }

  async update() {
    const all = await (navigator.mediaDevices?.enumerateDevices?.() || Promise.resolve([]))
      .catch(() => []);
    for (const [key, kind, label] of KINDS) this.#fill(key, label, all.filter((d) => d.kind === kind));
  }

  #fill(key, label, devices) {
    const select = this.selects.get(key);
    const chosen = key === 'speaker' ? loadPrefs().speaker : this.local.devices[key];
    const named = devices.filter((d) => d.deviceId && d.deviceId !== 'default');
    select.replaceChildren(
      el('option', { value: '', text: devices.length ? 'Standard' : 'None found' }),
      ...named.map((d, i) => el('option', { value: d.deviceId, text: d.label || `${label} ${i + 1}` })));
    select.disabled = !devices.length;
    select.value = named.some((d) => d.deviceId === chosen) ? chosen : '';
  }

  async #chosen(key, id) {
    savePrefs({ ...loadPrefs(), [key]: id });
    if (key === 'speaker') this.onspeaker(id);
    else await this.local.choose(key, id);
  }

  remove() {
    navigator.mediaDevices?.removeEventListener?.('devicechange', this.refresh);
  }
}
