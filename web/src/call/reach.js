// Whether a server answers at all. A connection that leads nowhere may hang, and
// what waits in one does not notice that the network is back before its next try:
// one question follows another, however long those before take.

const EVERY_MS = 700;
const QUESTION_MS = 3500; // each: five at a time, of the six connections that a browser has
const PATIENT_MS = 120000; // after that they come
const SELDOM_MS = 5000; // so far apart

// ask(signal): a promise, kept when the server answers; given up where signal
// aborts. Promises true once any of them is kept, false when `stop` aborts.
export function reachable(ask, stop, every = EVERY_MS) {
  return new Promise((resolve) => {
    const began = Date.now();
    const open = new Set();
    let timer = 0;
    const done = (yes) => {
      clearTimeout(timer);
      stop.removeEventListener('abort', given);
      for (const limit of open) limit.abort();
      resolve(yes);
    };
    const given = () => done(false);
    const question = async () => {
      const limit = new AbortController();
      const end = setTimeout(() => limit.abort(), QUESTION_MS);
      open.add(limit);
      try {
        await ask(limit.signal);
        if (!limit.signal.aborted) done(true);
      } catch {
        // The next one may do better.
      } finally {
        clearTimeout(end);
        open.delete(limit);
      }
    };
    const next = () => {
      timer = setTimeout(next, Date.now() - began < PATIENT_MS ? every : SELDOM_MS);
      question();
    };
    if (stop.aborted) {
      resolve(false);
      return;
    }
    stop.addEventListener('abort', given);
    next();
  });
}
