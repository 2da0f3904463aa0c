// The sign that a call is recorded, which nobody can close; what is said when
// that begins, ends or has trouble; and the button that asks first.
import { attr, el, put } from './dom.js';
import { icon } from './icons.js';
import { confirm } from './confirm.js';
import { alarm, say, toast } from './say.js';
import { elapsedText, runs, same } from '../call/recording.js';

const SIGN = {
  off: '', starting: 'Recording starts…', on: 'Recording', trouble: 'Recording, with trouble', stopping: 'Recording ends…',
};
const KEPT = 'Everybody’s picture and sound are kept on the server.';
const TROUBLE = 'The recording has trouble. The call goes on.';

const clock = (ms) => new Date(ms).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });

export class RecordingView {
  #timer = 0;

  // me: our user id; onshow: opens the list of who and what is there.
  constructor({ recording, me, onshow, onleave }) {
    Object.assign(this, { recording, me });
    this.label = el('span', { class: 'sign-label' });
    this.time = el('span', { class: 'time', role: 'timer', 'aria-live': 'off' });
    this.by = el('span', { class: 'by' });
    this.sign = el('button', { type: 'button', class: 'sign', testid: 'recording-sign', hidden: true, onclick: onshow },
      el('span', { class: 'dot', 'aria-hidden': 'true' }), this.label, this.time, this.by);
    this.programs = el('span');
    this.feeds = el('button', { type: 'button', class: 'sign feeds', testid: 'feeds-sign', hidden: true, onclick: onshow },
      icon('program'), this.programs);
    this.signs = el('div', { class: 'signs' }, this.sign, this.feeds);
    this.text = el('p');
    this.go = el('button', { type: 'button', class: 'text', text: 'Leave call', onclick: onleave });
    this.notice = el('div', { class: 'banner recording', testid: 'recording-notice', hidden: true },
      this.text, this.go,
      el('button', { type: 'button', class: 'text', testid: 'recording-ok', text: 'OK', onclick: () => this.#note('') }));
    this.update();
  }

  get who() {
    const r = this.recording.now;
    if (r.started_by && r.started_by === this.me) return 'you';
    return r.started_by_name || r.started_by;
  }

  #someone() {
    return this.who === 'you' ? 'You' : this.who || 'Somebody';
  }

  // --- what changed, in words ---

  changed({ before, now, joined }) {
    if (runs(now) && !same(before, now)) this.#began(joined);
    else if (runs(before) && !runs(now)) this.#note('');
    else if (before.state === 'trouble' && now.state === 'on') {
      this.#note('');
      toast('The recording is all right again.');
    }
    if (now.state === 'off' && (runs(before) || before.state === 'stopping')) {
      toast('The recording has ended. It comes into the room when it is ready.');
    }
    if (now.state === 'trouble' && (before.state !== 'trouble' || before.message !== now.message)) {
      this.#note(now.message || TROUBLE, true);
      alarm(now.message || TROUBLE);
    }
    this.#programs(before.feeds, now.feeds, joined);
    this.update();
  }

  #began(joined) {
    if (this.who === 'you' && !joined) {
      toast('You started the recording. Everybody in the call is told.');
      return;
    }
    const since = clock(this.recording.startedAt);
    const text = joined
      ? `This call is recorded since ${since}${this.who && `, started by ${this.who}`}. ${KEPT}`
      : `${this.#someone()} started recording. ${KEPT}`;
    this.#note(text);
    alarm(text);
  }

  #programs(before, now, joined) {
    const old = new Set(before.map((f) => f.name));
    const names = now.filter((f) => !old.has(f.name)).map((f) => f.name);
    const gone = before.filter((f) => !now.some((g) => g.name === f.name)).map((f) => f.name);
    if (names.length) {
      const verb = names.length === 1 ? 'receives' : 'receive';
      toast(`${joined ? 'In this call: ' : ''}${names.join(', ')} ${verb} picture and sound of this call.`);
    }
    if (gone.length) say(`${gone.join(', ')} no longer there`);
  }

  #note(text, trouble = false) {
    put(this.notice, 'hidden', !text);
    put(this.text, 'textContent', text);
    this.notice.classList.toggle('trouble', trouble);
    put(this.go, 'hidden', trouble || this.who === 'you');
  }

  // --- what is there ---

  update() {
    const { now } = this.recording;
    const { state } = now;
    put(this.sign, 'hidden', state === 'off');
    put(this.sign.dataset, 'state', state);
    put(this.label, 'textContent', SIGN[state]);
    const by = this.who ? `, started by ${this.who}` : '';
    put(this.by, 'textContent', this.who && `by ${this.who}`);
    const since = runs(now) ? ` since ${clock(this.recording.startedAt)}` : '';
    attr(this.sign, 'aria-label', `${SIGN[state]}${since}${by}. Show who is here.`);
    put(this.sign, 'title', `${SIGN[state]}${since}${by}`);
    const n = now.feeds.length;
    put(this.feeds, 'hidden', !n);
    put(this.programs, 'textContent', n === 1 ? '1 program listens' : `${n} programs listen`);
    put(this.feeds, 'title', now.feeds.map((f) => f.name).join(', '));
    this.#tick();
  }

  // For the list of who is here.
  sentence() {
    const { now, startedAt } = this.recording;
    if (!runs(now)) return '';
    return `Recorded since ${clock(startedAt)}${this.who && `, started by ${this.who}`}.`;
  }

  #tick() {
    clearTimeout(this.#timer);
    const on = runs(this.recording.now);
    put(this.time, 'hidden', !on);
    if (!on) return;
    const ms = Math.max(0, Date.now() - this.recording.startedAt);
    put(this.time, 'textContent', elapsedText(ms));
    this.#timer = setTimeout(() => this.#tick(), 1000 - (ms % 1000) + 5);
  }

  // For the bar: what the button is now.
  button() {
    const { now, waiting } = this.recording;
    return {
      on: runs(now) || now.state === 'stopping', hidden: !now.may_control,
      busy: !!waiting || now.state === 'starting' || now.state === 'stopping',
    };
  }

  async press() {
    const { recording } = this;
    const { on, hidden, busy } = this.button();
    if (hidden || busy) return;
    const yes = await confirm(on
      ? { title: 'Stop recording?', text: 'The recording ends for all. It comes into the room when it is ready.', yes: 'Stop recording' }
      : { title: 'Record this call?', text: `Everybody sees that this call is recorded, and a message in the room says so. ${KEPT}`, yes: 'Start recording', bad: true });
    if (!yes) return;
    // The server's own words come as a problem and are shown there.
    const told = (e) => !/^record_(forbidden|failed)/.test(e.code) && toast(e.message, { bad: true });
    await (on ? recording.stop() : recording.start()).catch(told);
  }

  remove() {
    clearTimeout(this.#timer);
  }
}
