// The page that watch.test.js drives: a recording with links that end, from the
// test's own server.
import { readLink } from '../src/recordings.js';
import { Watch } from '../src/ui/watch.js';
import '../src/style/main.css';

globalThis.asked = 0;
globalThis.went = [];

globalThis.show = () => {
  globalThis.watch?.remove();
  globalThis.watch = new Watch({
    title: 'Fireside', onroom: () => globalThis.went.push('room'), onrooms: () => globalThis.went.push('rooms'),
    load: async () => {
      globalThis.asked++;
      const reply = await fetch('/link');
      return readLink(await reply.json());
    },
  });
  document.getElementById('app').replaceChildren(globalThis.watch.root);
};
