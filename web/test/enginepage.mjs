// The page that engine.test.js drives: real conferences around a fake bot.
import { Conference } from '../src/call/conference.js';
import { CallView } from '../src/ui/callview.js';
import { FakeBot } from './fakebot.mjs';
import '../src/style/main.css';

globalThis.bot = new FakeBot();
globalThis.people = {};

globalThis.enter = async (user, media = { mic: true, cam: true }, shown = false) => {
  const c = new Conference({ wire: globalThis.bot.wire(`@${user}:hs`, user.toUpperCase()), room: '!r:hs', name: 'Test' });
  globalThis.people[user] = c;
  await c.local.start(media);
  if (shown) {
    const view = new CallView({ conference: c, onleave: () => c.leave() });
    document.getElementById('app').replaceChildren(view.root);
  }
  c.start();
};

globalThis.screen2 = () => {
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [800, 600];
  const g = canvas.getContext('2d');
  setInterval(() => { g.fillStyle = `hsl(${performance.now() % 360} 50% 50%)`; g.fillRect(0, 0, 800, 600); }, 50);
  return canvas.captureStream(20);
};
