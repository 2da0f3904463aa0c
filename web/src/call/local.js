// Our own microphone, camera and screen. Muting the microphone keeps its track
// and makes it silent; turning the camera off lets go of it, so that its light
// goes out.
import { Emitter } from '../emitter.js';
import { problem } from '../problems.js';

const VIDEO = {
  width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30, max: 30 },
};
const AUDIO = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };

const CODES = {
  NotAllowedError: 'denied', SecurityError: 'denied', NotFoundError: 'missing',
  OverconstrainedError: 'missing', DevicesNotFoundError: 'missing',
};

export function mediaProblem(kind, e) {
  if (e?.code === 'insecure') return e;
  return problem(`${kind}_${CODES[e?.name] || 'busy'}`);
}

export class Local extends Emitter {
  #tracks = { mic: null, cam: null };
  #pending = { mic: null, cam: null };
  #micOn = false;
  preview = new MediaStream();
  screen = null;
  devices = { mic: '', cam: '' };
  problems = { mic: null, cam: null };

  get mic() {
    return this.#micOn && !!this.#tracks.mic;
  }

  get cam() {
    return !!this.#tracks.cam;
  }

  get tracks() {
    return this.#tracks;
  }

  get sharing() {
    return !!this.screen;
  }

  // Both at once where both are wanted: the browser asks one question then.
  async start({ mic, cam }) {
    if (mic && cam && !this.#tracks.mic && !this.#tracks.cam) {
      const both = await this.#get('mic', 'cam').catch(() => null);
      if (both) {
        this.#take('mic', both.getAudioTracks()[0]);
        this.#take('cam', both.getVideoTracks()[0]);
        this.#micOn = true;
        this.emit('change');
        return;
      }
    }
    if (cam) await this.setCam(true);
    if (mic) await this.setMic(true);
  }

  async #get(...kinds) {
    if (!navigator.mediaDevices?.getUserMedia) throw problem('insecure');
    const wanted = {};
    const exact = (kind) => this.devices[kind] && { deviceId: { exact: this.devices[kind] } };
    if (kinds.includes('mic')) wanted.audio = { ...AUDIO, ...exact('mic') };
    if (kinds.includes('cam')) wanted.video = { ...VIDEO, ...exact('cam') };
    try {
      return await navigator.mediaDevices.getUserMedia(wanted);
    } catch (e) {
      // A remembered device that is gone: any other will do.
      if (CODES[e.name] !== 'missing' || !kinds.some((k) => this.devices[k])) throw e;
      for (const k of kinds) this.devices[k] = '';
      return this.#get(...kinds);
    }
  }

  #take(kind, track) {
    this.#drop(kind);
    this.#tracks[kind] = track;
    this.problems[kind] = null;
    this.preview.addTrack(track);
    track.addEventListener('ended', () => {
      if (this.#tracks[kind] !== track) return;
      this.#drop(kind);
      this.problems[kind] = problem(`${kind}_missing`);
      this.emit('change');
    });
  }

  #drop(kind) {
    const track = this.#tracks[kind];
    if (!track) return;
    this.#tracks[kind] = null;
    this.preview.removeTrack(track);
    track.stop();
  }

  // Gets the device, once however often it is asked for meanwhile.
  #open(kind) {
    this.#pending[kind] ||= this.#get(kind)
      .then((stream) => this.#take(kind, stream.getTracks()[0]))
      .catch((e) => { this.problems[kind] = mediaProblem(kind, e); })
      .finally(() => { this.#pending[kind] = null; });
    return this.#pending[kind];
  }

  async setMic(on) {
    this.#micOn = on;
    if (on && !this.#tracks.mic) await this.#open('mic');
    if (this.#tracks.mic) this.#tracks.mic.enabled = this.#micOn;
    this.emit('change');
    return this.mic;
  }

  #camOn = false;

  async setCam(on) {
    this.#camOn = on;
    if (on && !this.#tracks.cam) await this.#open('cam');
    if (!this.#camOn) this.#drop('cam');
    this.emit('change');
    return this.cam;
  }

  // kind: "mic" or "cam"; id: of enumerateDevices.
  async choose(kind, id) {
    this.devices[kind] = id;
    if (!this.#tracks[kind]) return;
    await this.#open(kind);
    if (kind === 'mic' && this.#tracks.mic) this.#tracks.mic.enabled = this.#micOn;
    this.emit('change');
  }

  // given: a stream instead of what the browser's picker yields.
  async startScreen(given) {
    if (this.screen) return;
    let stream = given;
    if (!stream) {
      try {
        stream = await navigator.mediaDevices.getDisplayMedia({
          video: { frameRate: { ideal: 15, max: 30 } }, audio: true,
        });
      } catch (e) {
        throw problem(e.name === 'NotAllowedError' ? 'screen_denied' : 'screen_failed');
      }
    }
    const [video] = stream.getVideoTracks();
    if (!video) throw problem('screen_failed');
    if ('contentHint' in video) video.contentHint = 'detail';
    // The browser's own "stop sharing".
    video.addEventListener('ended', () => {
      if (this.screen === stream) this.stopScreen();
    });
    this.screen = stream;
    this.emit('change');
  }

  stopScreen() {
    const stream = this.screen;
    this.screen = null;
    for (const t of stream?.getTracks() || []) t.stop();
    this.emit('change');
  }

  stop() {
    this.#drop('mic');
    this.#drop('cam');
    this.#micOn = this.#camOn = false;
    this.stopScreen();
  }
}
