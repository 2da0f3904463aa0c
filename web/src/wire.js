// What a conference needs of Matrix, made of a logged-in Matrix and the
// server's configuration.
import { loadConfig } from './config.js';
import { problem } from './problems.js';
import { LINK, REQUEST } from './recordings.js';

export function matrixWire(matrix, room) {
  const { user_id: userId, device_id: deviceId } = matrix.session;
  let config = null;
  return {
    userId,
    deviceId,
    async prepare() {
      config = await loadConfig();
      if (!config.bot_user_id) throw problem('no_config');
      const [iceServers] = await Promise.all([
        matrix.turnServers().catch(() => []),
        matrix.ensureBot(room, config.bot_user_id),
      ]);
      return { iceServers };
    },
    send(type, content) {
      return matrix.sendToDevice(type, config.bot_user_id, config.bot_device_id, content);
    },
    reach: (signal) => loadConfig(signal),
    hurry: () => matrix.hurry(),
    onInput(fn) {
      return matrix.on('to-device', (m) => {
        if (config && m.sender === config.bot_user_id) fn(m.type, m.content);
      });
    },
  };
}

// What the recording page needs of Matrix: see requestLink.
export async function recordingPost(matrix) {
  const { bot_user_id: bot, bot_device_id: device } = await loadConfig();
  if (!bot) throw problem('recording_no_bot');
  return {
    device: matrix.session.device_id,
    send: (content) => matrix.sendToDevice(REQUEST, bot, device, content),
    onAnswer: (fn) => matrix.on('to-device', (m) => {
      if (m.sender === bot && m.type === LINK) fn(m.content);
    }),
  };
}
