// Files dropped on the call.
import { el } from './dom.js';
import { icon } from './icons.js';

const hasFiles = (ev) => [...(ev.dataTransfer?.types || [])].includes('Files');

export function dropTarget(root, onfiles) {
  const veil = el('div', { class: 'veil', hidden: true }, icon('file'), el('p', { text: 'Drop to send to everybody' }));
  root.append(veil);
  let depth = 0;
  const leave = () => { depth = 0; veil.hidden = true; };
  const handlers = {
    dragenter: (ev) => { if (hasFiles(ev)) { depth++; veil.hidden = false; ev.preventDefault(); } },
    dragover: (ev) => { if (hasFiles(ev)) { ev.preventDefault(); ev.dataTransfer.dropEffect = 'copy'; } },
    dragleave: () => { if (--depth <= 0) leave(); },
    drop: (ev) => {
      if (!hasFiles(ev)) return;
      ev.preventDefault();
      leave();
      onfiles([...ev.dataTransfer.files]);
    },
  };
  for (const [name, fn] of Object.entries(handlers)) window.addEventListener(name, fn);
  return () => {
    for (const [name, fn] of Object.entries(handlers)) window.removeEventListener(name, fn);
  };
}
