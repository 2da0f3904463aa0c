// What a browser says of each m-line, cut down to what hearth reads: in a room
// of fifty the whole of it is too large for a homeserver, and for a message.
// The browser itself keeps the whole; to be answered with less is usual.

// Of the transport shared by BUNDLE; only the group's first m-line has it.
const TRANSPORT = /^a=(?:ice-|fingerprint:|setup:|candidate:|end-of-candidates|rtcp:)/;
// Of what is sent on an m-line.
const SENT = /^a=(?:msid:|ssrc|rid:|simulcast:)/;
const FORMAT = /^a=(?:rtpmap|fmtp|rtcp-fb):(\d+)/;
const EXTENSION = /^a=extmap:\S+ (\S+)/;

const split = (sdp) => sdp.split(/(?=^m=)/m);
const linesOf = (section) => section.split(/\r?\n/).filter(Boolean);
const midOf = (lines) => lines.find((l) => l.startsWith('a=mid:'))?.slice(6);
const formatsOf = (media) => media.split(' ').slice(3);

// Only the formats and extensions that theirs has, too.
function narrow(lines, theirs) {
  const common = new Set(formatsOf(theirs[0]));
  const [, , , ...formats] = lines[0].split(' ');
  const kept = formats.filter((pt) => common.has(pt));
  if (!kept.length) return lines;
  const extensions = new Set(theirs.map((l) => EXTENSION.exec(l)?.[1]));
  const media = [...lines[0].split(' ').slice(0, 3), ...kept].join(' ');
  return [media, ...lines.slice(1).filter((l) => {
    const format = FORMAT.exec(l), extension = EXTENSION.exec(l);
    return (!format || kept.includes(format[1])) && (!extension || extensions.has(extension[1]));
  })];
}

function cut(lines, theirs, first) {
  let kept = lines;
  if (midOf(lines) !== first) kept = kept.filter((l) => !TRANSPORT.test(l));
  if (/^m=application/.test(lines[0]) || !lines.some((l) => l === 'a=recvonly' || l === 'a=inactive')) return kept;
  kept = kept.filter((l) => !SENT.test(l));
  return theirs && !/^m=\S+ 0 /.test(theirs[0]) ? narrow(kept, theirs) : kept;
}

// remote: the other side's last description as text, or nothing.
export function terse({ type, sdp }, remote) {
  const [head, ...sections] = split(sdp);
  const [, ...theirs] = split(remote || '');
  const first = /^a=group:BUNDLE (\S+)/m.exec(head)?.[1];
  if (first === undefined) return { type, sdp };
  const texts = sections.map((s, i) => `${cut(linesOf(s), theirs[i] && linesOf(theirs[i]), first).join('\r\n')}\r\n`);
  return { type, sdp: head + texts.join('') };
}
