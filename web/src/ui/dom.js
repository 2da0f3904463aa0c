// Elements without a framework. Text goes in as text, never as markup.

export function el(tag, props = {}, ...children) {
  const e = document.createElement(tag);
  for (const [k, v] of Object.entries(props)) {
    if (v === undefined || v === null || v === false) continue;
    if (k.startsWith('on')) e.addEventListener(k.slice(2), v);
    else if (k === 'text') e.textContent = v;
    else if (k === 'class') e.className = v;
    else if (k === 'testid') e.dataset.testid = v;
    else if (k in e && !k.startsWith('aria')) e[k] = v;
    else e.setAttribute(k, v === true ? '' : v);
  }
  e.append(...children.flat().filter((c) => c !== null && c !== undefined && c !== false));
  return e;
}

// Sets a property only where it differs: what did not change is not announced
// or laid out again.
export function put(e, name, value) {
  if (e[name] !== value) e[name] = value;
}

export function attr(e, name, value) {
  const v = String(value);
  if (e.getAttribute(name) !== v) e.setAttribute(name, v);
}

export function field(label, input, hint) {
  const id = input.id || (input.id = `f-${input.dataset.testid || label}`);
  return el('div', { class: 'field' },
    el('label', { htmlFor: id, text: label }), input,
    hint && el('p', { class: 'hint', text: hint }));
}

export function sizeText(bytes) {
  if (bytes < 1000) return `${bytes} B`;
  const units = ['kB', 'MB', 'GB'];
  let n = bytes;
  let u = -1;
  while (n >= 999.5 && u < units.length - 1) {
    n /= 1000;
    u++;
  }
  return `${n < 10 ? n.toFixed(1) : Math.round(n)} ${units[u]}`;
}
