// What the browser says of the network beneath it.

// Calls fn(why) when there is one again, or another one: of another kind, since
// the same event also tells of mere guesses at its speed.
export function onNetworkChange(fn, window = globalThis) {
  const { connection } = window.navigator;
  let type = connection?.type;
  window.addEventListener('online', () => fn('online'));
  connection?.addEventListener?.('change', () => {
    const before = type;
    type = connection.type;
    if (type !== before && type !== 'none' && window.navigator.onLine) fn('connection');
  });
}
