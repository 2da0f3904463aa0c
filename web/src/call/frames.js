// The bytes of a file on the wire: header and chunk, and JSON for the rest.

export const HEADER = 28;
export const MESSAGE_MAX = 16384;
export const CHUNK_MAX = MESSAGE_MAX - HEADER;
export const FILE_MAX = 2_000_000_000;
const CHUNK = 1;
const NAME_MAX = 200;
const TYPES = ['offer', 'ack', 'again', 'done', 'quit', 'cancel'];

export function hex(bytes) {
  return [...bytes].map((b) => b.toString(16).padStart(2, '0')).join('');
}

export function unhex(text) {
  return Uint8Array.from(text.match(/../g) || [], (h) => parseInt(h, 16));
}

export function packChunk(transfer, offset, bytes) {
  const out = new Uint8Array(HEADER + bytes.byteLength);
  out.set(unhex(transfer));
  const view = new DataView(out.buffer);
  view.setUint8(16, CHUNK);
  view.setBigUint64(20, BigInt(offset));
  out.set(new Uint8Array(bytes), HEADER);
  return out.buffer;
}

// {transfer, offset, bytes} or null. bytes is a view of the buffer.
export function unpackChunk(buffer) {
  if (buffer.byteLength <= HEADER || buffer.byteLength > 4 * MESSAGE_MAX) return null;
  const view = new DataView(buffer);
  const offset = view.getBigUint64(20);
  if (view.getUint8(16) !== CHUNK || offset > BigInt(FILE_MAX)) return null;
  return {
    transfer: hex(new Uint8Array(buffer, 0, 16)),
    offset: Number(offset),
    bytes: new Uint8Array(buffer, HEADER),
  };
}

// Only the last part of a path, nothing that changes how the rest is read.
export function safeName(name) {
  const last = String(name || '').split(/[/\\]/).pop();
  // eslint-disable-next-line no-control-regex
  const clean = last.replace(/[\u0000-\u001f\u007f\u200b-\u200f\u202a-\u202e\u2066-\u2069"<>|:*?]/g, '')
    .trim().replace(/^\.+/, '');
  return [...clean].slice(0, NAME_MAX).join('') || 'file';
}

const count = (n, max) => Number.isSafeInteger(n) && n >= 0 && n <= max;

// A control text -> message, or null where it is none or says what cannot be.
export function readText(text) {
  let m;
  try {
    m = JSON.parse(text);
  } catch {
    return null;
  }
  if (!TYPES.includes(m?.type) || !/^[0-9a-f]{32}$/.test(m.transfer)) return null;
  if (m.type === 'offer') {
    if (!count(m.size, FILE_MAX) || !m.size) return null;
    if (!/^[0-9a-f]{64}$/.test(m.sha256)) return null;
    return {
      type: m.type, transfer: m.transfer, size: m.size, sha256: m.sha256,
      name: safeName(m.name),
      mime: /^[\w.+-]{1,60}\/[\w.+-]{1,60}$/.test(m.mime) ? m.mime : '',
    };
  }
  if (['ack', 'again'].includes(m.type) && !count(m.offset, FILE_MAX)) return null;
  return m;
}
