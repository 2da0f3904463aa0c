import { problem } from './problems.js';

// What the server says of itself; asked anew for each call, because a bot that
// was restarted may have another device.
export async function loadConfig(signal) {
  const reply = await fetch('config.json', { cache: 'no-store', signal }).catch(() => null);
  if (!reply?.ok) throw problem('no_config');
  const c = await reply.json().catch(() => null);
  if (!c || typeof c !== 'object') throw problem('no_config');
  return {
    homeserver: String(c.homeserver || ''),
    bot_user_id: String(c.bot_user_id || ''),
    bot_device_id: String(c.bot_device_id || '') || '*',
    version: String(c.version || ''),
  };
}
