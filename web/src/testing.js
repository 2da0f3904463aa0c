// window.hearth: README.md is its contract.
import { problem } from './problems.js';

const base64 = (buffer) => btoa(Array.from(new Uint8Array(buffer), (b) => String.fromCharCode(b)).join(''));
const unbase64 = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));

function settled(conference) {
  return new Promise((resolve, reject) => {
    const look = () => {
      if (conference.state === 'connected') resolve(true);
      else if (['failed', 'left'].includes(conference.state)) {
        reject(new Error(conference.error?.message || conference.state));
      } else return;
      off();
    };
    const off = conference.on('state', look);
    look();
  });
}

function state(app, c) {
  return {
    screen: app.screen,
    call: c?.state || (app.screen === 'left' ? 'left' : 'idle'),
    error: c?.error || (app.error && { code: app.error.code, message: app.error.message }) || null,
    room_id: c?.room || '',
    call_id: c?.callId || '',
    me: c?.roster.me || '',
    mic: !!c?.local.mic,
    cam: !!c?.local.cam,
    sharing: !!c?.local.sharing,
    speaker: c?.roster.speaker || null,
    ice: c?.peer?.pc.iceConnectionState || '',
    signaling: c?.peer?.pc.signalingState || '',
    channels: c?.peer?.channels.states() || {},
    attempts: c?.attempts || 0,
    recording: c?.recording.now.state || 'off',
  };
}

export function expose(app) {
  const need = () => {
    if (!app.conference) throw problem('not_connected');
    return app.conference;
  };
  const hearth = {
    state: () => state(app, app.conference),
    participants: () => app.conference?.participants() || [],
    stats: async () => app.conference?.stats() || [],
    sizes: async () => app.conference?.sizes() || [],
    quality: () => app.conference?.quality() || [],
    join: async () => {
      const c = need();
      app.join();
      return settled(c);
    },
    leave: () => app.leave(),
    setMic: (on) => need().local.setMic(on),
    setCam: (on) => need().local.setCam(on),
    mute: () => need().local.setMic(false),
    setScreen: (on, stream) => need().setScreen(on, stream),
    recording: () => {
      const r = app.conference?.recording;
      return r ? { ...r.now, feeds: r.now.feeds.map((f) => ({ ...f })), started_at: r.startedAt } : null;
    },
    startRecording: () => need().recording.start(),
    stopRecording: () => need().recording.stop(),
    feeds: () => (app.conference?.recording.now.feeds || []).map((f) => ({ ...f })),
    recordingPage: () => app.view?.status?.() || null,
    sendChat: (text) => need().sendChat(text),
    chat: () => (app.conference?.chat.messages || []).map((m) => ({ ...m })),
    sendRaw: (label, data) => need().sendRaw(label, data?.base64 === undefined ? data : unbase64(data.base64)),
    raw: () => (app.conference?.raw || []).map(({ label, from, data }) => (
      typeof data === 'string' ? { label, from, text: data } : { label, from, base64: base64(data) })),
    sendFile: (file) => need().files.send(file),
    files: () => app.conference?.files.list() || [],
    fileBlob: (id) => app.conference?.files.blob(id) || null,
    restartIce: () => need().restartIce(),
    log: () => [...(app.conference?.log || [])],
  };
  globalThis.hearth = hearth;
  return hearth;
}
