// What getStats says of one tile, in a few short lines.

const of = (value, digits = 0) => value.toFixed(digits);
const kbps = (v) => (v >= 9950 ? `${of(v / 1000, 1)} Mbit/s` : `${of(v)} kbit/s`);
const loss = (v) => `loss ${of(v, v > 0 && v < 10 ? 1 : 0)} %`;

const LIMITED = new Map([['bandwidth', 'held back by the network'], ['cpu', 'held back by this device']]);

// reading: of gauge.js. Of a stream with a picture the jitter is the picture's.
export function lines({ audio, video, rtt }) {
  const out = [];
  if (video) {
    out.push(video.height ? `${video.codec} ${video.width}×${video.height} · ${of(video.fps)} fps` : `${video.codec} no picture`.trim());
    out.push(`${kbps(video.kbps)} · ${loss(video.loss)}`);
    if (LIMITED.has(video.limited)) out.push(LIMITED.get(video.limited));
  }
  if (audio) out.push(`${audio.codec} ${kbps(audio.kbps)} · ${loss(audio.loss)}`.trim());
  out.push(`jitter ${of((video || audio)?.jitter || 0)} ms · RTT ${of(rtt)} ms`);
  return out;
}

const WHY = new Map([['bandwidth', 'slow connection'], ['last_n', 'others speak']]);

// Why a picture is not sent to us, in words; '' where there is no need for any.
export function pausedWords(reason) {
  return WHY.has(reason) ? `paused: ${WHY.get(reason)}` : '';
}
