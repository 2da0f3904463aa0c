// Named events with one argument. A listener that throws does not keep the
// others from hearing; on() returns how to stop.
export class Emitter {
  #listeners = new Map();

  on(name, fn) {
    const set = this.#listeners.get(name) || new Set();
    this.#listeners.set(name, set.add(fn));
    return () => set.delete(fn);
  }

  emit(name, value) {
    for (const fn of [...(this.#listeners.get(name) || [])]) {
      try {
        fn(value);
      } catch (e) {
        console.error(`listener of ${name}`, e);
      }
    }
  }
}
