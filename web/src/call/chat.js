// Chat over the channel of that label: README.md has the wire.

export const CHAT = 'chat';
export const TEXT_MAX = 4000;
const KEPT = 500;

// What another one sent -> {text, ts}, or null.
export function readChat(data, now) {
  if (typeof data !== 'string') return null;
  let m;
  try {
    m = JSON.parse(data);
  } catch {
    return null;
  }
  if (typeof m?.text !== 'string' || !m.text.trim()) return null;
  const ts = Number.isFinite(m.ts) && Math.abs(m.ts - now) < 3600e3 ? m.ts : now;
  return { text: m.text.slice(0, TEXT_MAX), ts };
}

export class Chat {
  messages = [];

  add(message) {
    this.messages.push(message);
    if (this.messages.length > KEPT) this.messages.shift();
    return message;
  }
}
