import assert from 'node:assert/strict';
import { File } from 'node:buffer';
import { createHash, webcrypto } from 'node:crypto';
import test from 'node:test';
import { CHUNK_MAX, FILE_MAX, MESSAGE_MAX, packChunk, readText, safeName, unpackChunk } from '../src/call/frames.js';
import { Files } from '../src/call/files.js';
import { ACK_EVERY, Incoming } from '../src/call/incoming.js';
import { Outgoing, STALL_MS, WINDOW } from '../src/call/outgoing.js';

globalThis.crypto ??= webcrypto; // Node 18

const ID = '00112233445566778899aabbccddeeff';
const SUM = 'a'.repeat(64);
const sum = (bytes) => createHash('sha256').update(bytes).digest('hex');

test('a chunk goes over the wire and comes back', () => {
  const bytes = new Uint8Array([1, 2, 3]);
  const message = packChunk(ID, 4294967296 - 1, bytes);
  assert.equal(Buffer.from(message).toString('hex'), `${ID}0100000000000000ffffffff010203`);
  assert.deepEqual(unpackChunk(packChunk(ID, 1_999_999_999, bytes)), { transfer: ID, offset: 1_999_999_999, bytes });
  assert.equal(packChunk(ID, 0, new Uint8Array(CHUNK_MAX)).byteLength, MESSAGE_MAX);
});

test('bytes that are no chunk are none', () => {
  assert.equal(unpackChunk(new ArrayBuffer(0)), null);
  assert.equal(unpackChunk(new ArrayBuffer(28)), null);
  assert.equal(unpackChunk(new ArrayBuffer(29)), null);
  assert.equal(unpackChunk(packChunk(ID, FILE_MAX + 1, new Uint8Array(1))), null);
  assert.equal(unpackChunk(packChunk(ID, 0, new Uint8Array(100000))), null);
});

test('texts: what is said must be possible', () => {
  const offer = { type: 'offer', transfer: ID, name: 'a.txt', size: 5, mime: 'text/plain', sha256: SUM };
  assert.deepEqual(readText(JSON.stringify(offer)), offer);
  for (const bad of [{ size: 0 }, { size: -1 }, { size: 1.5 }, { size: FILE_MAX + 1 }, { sha256: 'x' }, { transfer: 'x' }, { type: 'evil' }]) {
    assert.equal(readText(JSON.stringify({ ...offer, ...bad })), null, JSON.stringify(bad));
  }
  assert.equal(readText(JSON.stringify({ ...offer, mime: 'text/html; x=<b>' })).mime, '');
  assert.equal(readText(JSON.stringify({ type: 'ack', transfer: ID, offset: -5 })), null);
  assert.equal(readText('null'), null);
  assert.equal(readText('{'), null);
});

test('names are names, not paths or tricks', () => {
  for (const [from, want] of [['../../etc/passwd', 'passwd'], ['C:\\x\\y.txt', 'y.txt'], ['.bashrc', 'bashrc'],
    ['a\u202egpj.exe', 'agpj.exe'], ['', 'file'], ['..', 'file'], [null, 'file'], ['a\n"b".txt', 'ab.txt'], ['ü'.repeat(300), 'ü'.repeat(200)]]) {
    assert.equal(safeName(from), want);
  }
});

test('the slowest receiver sets the pace, a silent one does not', () => {
  const o = new Outgoing(10 * WINDOW);
  o.ack('a', 0, 0);
  o.ack('b', 0, 0);
  o.start(0);
  o.ack('late', 0, 0);
  assert.equal(o.receivers.size, 2);
  assert.equal(o.room(), WINDOW);
  o.offset = WINDOW;
  assert.equal(o.room(), 0);
  o.ack('a', WINDOW, 1);
  assert.equal(o.room(), 0);
  o.ack('b', 1000, 2);
  assert.equal(o.room(), 1000);
  o.expire(STALL_MS + 1);
  assert.equal(o.receivers.get('b').state, 'live');
  o.ack('a', WINDOW, STALL_MS);
  o.expire(STALL_MS + 3);
  assert.equal(o.receivers.get('b').state, 'slow');
  assert.equal(o.room(), WINDOW);
  o.ack('b', 2000, STALL_MS + 4);
  assert.equal(o.room(), 2000 + WINDOW - o.offset);
});

test('a gap makes the sender go back, not for ever', () => {
  const o = new Outgoing(WINDOW);
  o.ack('a', 0, 0);
  o.start(0);
  o.offset = 5000;
  o.ack('a', 1000, 1);
  o.again('a', 500, 2);
  assert.equal(o.offset, 5000);
  for (let i = 0; i < 32; i++) {
    o.offset = 5000;
    o.again('a', 2000, 2);
    assert.equal(o.offset, 2000);
  }
  o.offset = 5000;
  o.again('a', 2000, 2);
  assert.equal(o.offset, 5000);
  assert.equal(o.finished(), true);
});

test('acks that cannot be are ignored', () => {
  const o = new Outgoing(100);
  o.ack('a', 0, 0);
  o.start(0);
  o.ack('a', 101, 1);
  o.ack('stranger', 50, 1);
  assert.equal(o.receivers.get('a').bytes, 0);
  o.done('stranger', true);
  assert.equal(o.anyDone(), false);
});

test('a file comes in, in order, with acks and the right sum', async () => {
  const bytes = Buffer.from(Array.from({ length: 700_000 }, (_, i) => (i * 7) & 255));
  const f = new Incoming({ size: bytes.length, sha256: sum(bytes), mime: 'x/y' });
  const replies = [];
  for (let at = 0; at < bytes.length; at += CHUNK_MAX) {
    const r = f.chunk(at, new Uint8Array(bytes.subarray(at, at + CHUNK_MAX)));
    if (r) replies.push(r);
  }
  assert.deepEqual(replies.at(-1), { type: 'done', ok: true });
  const acks = replies.slice(0, -1);
  assert.equal(acks.length, 2);
  assert.ok(acks.every((a) => a.type === 'ack' && a.offset >= ACK_EVERY));
  assert.deepEqual(Buffer.from(await f.blob.arrayBuffer()), bytes);
});

test('a repetition is ignored, a gap asked for once, too much refused', () => {
  const f = new Incoming({ size: 10, sha256: SUM });
  assert.equal(f.chunk(0, new Uint8Array(4)), null);
  assert.equal(f.chunk(0, new Uint8Array(4)), null);
  assert.equal(f.bytes, 4);
  assert.deepEqual(f.chunk(6, new Uint8Array(2)), { type: 'again', offset: 4 });
  assert.equal(f.chunk(8, new Uint8Array(2)), null);
  assert.equal(f.chunk(4, new Uint8Array(2)), null);
  assert.deepEqual(f.chunk(8, new Uint8Array(2)), { type: 'again', offset: 6 });
  assert.equal(f.chunk(6, new Uint8Array(9)).ok, false);
});

test('a wrong sum is told and nothing is kept', () => {
  const f = new Incoming({ size: 3, sha256: SUM });
  assert.deepEqual(f.chunk(0, new Uint8Array(3)), { type: 'done', ok: false, error: 'wrong sum' });
  assert.equal(f.blob, null);
});

// Several Files joined by a hub that fans out as hearth does. spoil(to, data) may
// swallow a message.
function hub(names, spoil = () => false) {
  const members = new Map();
  for (const name of names) {
    const channel = Object.assign(new EventTarget(), {
      readyState: 'open', bufferedAmount: 0,
      send(data) {
        const copy = typeof data === 'string' ? data : data.slice(0);
        setImmediate(() => {
          for (const [to, files] of members) {
            if (to !== name && !spoil(to, copy)) files.input(name, copy);
          }
        });
      },
    });
    const files = new Files({ channel: () => channel, others: () => names.filter((n) => n !== name) });
    members.set(name, files);
  }
  return members;
}

function ended(files, id) {
  return new Promise((resolve) => {
    const look = () => {
      const t = files.list().find((x) => x.id === id);
      if (t && ['done', 'failed', 'cancelled'].includes(t.state)) resolve(t);
    };
    files.on('change', look);
    look();
  });
}

test('a file reaches two receivers whole, also over gaps', async () => {
  let lost = 0;
  const m = hub(['a', 'b', 'c'], (to, data) => to === 'b' && typeof data !== 'string' && lost < 5 && Math.random() < 0.05 && !!++lost);
  const bytes = Buffer.from(Array.from({ length: 3_000_001 }, (_, i) => (i * 31 + (i >> 9)) & 255));
  const id = await m.get('a').send(new File([bytes], 'x.bin'));
  const [out, b, c] = await Promise.all(['a', 'b', 'c'].map((n) => ended(m.get(n), id)));
  assert.equal(out.state, 'done');
  assert.equal(out.sha256, sum(bytes));
  for (const t of [b, c]) assert.deepEqual([t.state, t.bytes, t.from], ['done', bytes.length, 'a']);
  for (const n of ['b', 'c']) assert.deepEqual(Buffer.from(await m.get(n).blob(id).arrayBuffer()), bytes);
});

test('the end that got lost is asked for', async () => {
  let lost = 0;
  const size = 100_000;
  const last = (data) => typeof data !== 'string' && data.byteLength < 16384;
  const m = hub(['a', 'b'], (to, data) => to === 'b' && last(data) && lost++ < 1);
  const id = await m.get('a').send(new File([new Uint8Array(size)], 'x.bin'));
  const [out, b] = await Promise.all(['a', 'b'].map((n) => ended(m.get(n), id)));
  assert.equal(lost, 2);
  assert.deepEqual([out.state, b.state, b.bytes], ['done', 'done', size]);
});

test('stopping at either end', async () => {
  const m = hub(['a', 'b', 'c']);
  const file = new File([new Uint8Array(5_000_000)], 'x.bin');
  m.get('b').on('offered', (t) => m.get('b').cancel(t.id));
  const one = await m.get('a').send(file);
  const [out, c] = await Promise.all([ended(m.get('a'), one), ended(m.get('c'), one)]);
  assert.equal(out.state, 'done');
  assert.equal(c.state, 'done');
  assert.equal(out.receivers.find((r) => r.id === 'b').state, 'quit');
  const two = await m.get('a').send(file);
  m.get('c').on('change', (t) => t.id === two && t.bytes > 0 && m.get('a').cancel(two));
  assert.equal((await ended(m.get('c'), two)).state, 'cancelled');
});

test('only the sender of a file can add to it or stop it', async () => {
  const m = hub(['a', 'b']);
  const b = m.get('b');
  b.input('a', JSON.stringify({ type: 'offer', transfer: ID, name: 'x', size: 2, mime: '', sha256: SUM }));
  b.input('evil', packChunk(ID, 0, new Uint8Array(1)));
  b.input('evil', JSON.stringify({ type: 'cancel', transfer: ID }));
  assert.deepEqual(b.list().map((t) => [t.bytes, t.state]), [[0, 'receiving']]);
  b.left('a');
  assert.equal(b.list()[0].state, 'failed');
});

test('one sender cannot open without end', () => {
  const b = hub(['a', 'b']).get('b');
  for (let i = 0; i < 20; i++) {
    b.input('a', JSON.stringify({ type: 'offer', transfer: ID.slice(2) + (10 + i), name: 'x', size: 2, mime: '', sha256: SUM }));
  }
  assert.equal(b.list().length, 4);
  b.left('a');
});

test('what cannot be sent is said in words', async () => {
  const alone = hub(['a']).get('a');
  await assert.rejects(alone.send(new File(['x'], 'x')), /Nobody else/);
  const a = hub(['a', 'b']).get('a');
  await assert.rejects(a.send(new File([], 'x')), /empty/);
  await assert.rejects(a.send({ name: 'x', size: FILE_MAX + 1 }), /2 GB/);
});
