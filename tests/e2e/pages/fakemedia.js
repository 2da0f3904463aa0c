// A camera and a microphone that can be checked afterwards. Runs in the page
// before anything else (evaluateOnNewDocument), so it is one function that
// knows nothing of this file.
//
// The picture, 320x240: 20 blocks in two rows above (16 bits of a frame counter
// and 4 bits of a sum, white is 1), below them the participant's colour with a
// square that is white during a flash. Both rows are in one row of superblocks:
// VP9 may leave parts of the next one as they were. The sound: the
// participant's tone, and a beep of another pitch that begins with each flash.
//
// Firefox runs no AudioContext where there is no sound card. There the sound is
// its own made-up microphone's (a preference sets the pitch), and silent while the
// picture flashes.
export const WIDTH = 320, HEIGHT = 240, FPS = 15;
export const FLASH_EVERY_S = 2, FLASH_S = 0.2;
export const COLUMNS = 10, BLOCK_W = 32, BLOCK_H = 32;
export const SQUARE = { x: 200, y: 110, size: 80 };

// person: { tone, beep (both Hz), colour, firefox }
export const settings = (person) => ({
	...person, WIDTH, HEIGHT, FPS, FLASH_EVERY_S, FLASH_S, COLUMNS, BLOCK_W,
	BLOCK_H, SQUARE,
});

export const sum = (n) => (n ^ (n >> 4) ^ (n >> 8) ^ (n >> 12) ^ 5) & 15;

export function fakeMedia(s) {
	if (!navigator.mediaDevices || !window.RTCPeerConnection) return;
	const fake = { peers: [], flashes: [], samples: [], counter: 0 };
	Object.defineProperty(window, "fake", { value: fake });
	const native = navigator.mediaDevices.getUserMedia.bind(
		navigator.mediaDevices);
	const seconds = () => s.firefox ? performance.now() / 1000 :
		audio.currentTime;
	let audio, mix, mic, begun = s.firefox;

	// The peer connections, for their statistics.
	const Native = window.RTCPeerConnection;
	window.RTCPeerConnection = class extends Native {
		constructor(...args) {
			super(...args);
			fake.peers.push(this);
		}
	};

	function begin() {
		if (begun) return;
		begun = true;
		audio = new AudioContext({ sampleRate: 48000, latencyHint: 0 });
		mix = audio.createGain();
		const tone = audio.createOscillator(), low = audio.createGain();
		tone.frequency.value = s.tone;
		low.gain.value = 0.1;
		tone.connect(low).connect(mix);
		tone.start();
		audio.resume();
	}

	function beep(at) {
		const tone = audio.createOscillator(), loud = audio.createGain();
		tone.frequency.value = s.beep;
		loud.gain.value = 0.3;
		tone.connect(loud).connect(mix);
		tone.start(at);
		tone.stop(at + s.FLASH_S);
	}

	async function microphone() {
		if (s.firefox) {
			[mic] = (await native({ audio: true })).getAudioTracks();
			return mic;
		}
		begin();
		const out = audio.createMediaStreamDestination();
		mix.connect(out);
		return out.stream.getAudioTracks()[0];
	}

	// With its picture, in Firefox: as close together as a page can.
	function hush(on) {
		if (mic) mic.enabled = !on;
	}

	function paint(context, flash) {
		const n = fake.counter = (fake.counter + 1) & 0xffff;
		const bits = n << 4 | ((n ^ n >> 4 ^ n >> 8 ^ n >> 12 ^ 5) & 15);
		context.fillStyle = s.colour;
		context.fillRect(0, 0, s.WIDTH, s.HEIGHT);
		for (let i = 0; i < 20; i++) {
			context.fillStyle = bits >> (19 - i) & 1 ? "#fff" : "#000";
			context.fillRect(i % s.COLUMNS * s.BLOCK_W,
				Math.floor(i / s.COLUMNS) * s.BLOCK_H, s.BLOCK_W, s.BLOCK_H);
		}
		context.fillStyle = flash ? "#fff" : "#000";
		context.fillRect(s.SQUARE.x, s.SQUARE.y, s.SQUARE.size, s.SQUARE.size);
		context.fillStyle = "#fff";
		context.font = "40px monospace";
		context.fillText(String(n), 20, 160);
	}

	function camera() {
		begin();
		const canvas = document.createElement("canvas");
		canvas.width = s.WIDTH;
		canvas.height = s.HEIGHT;
		const context = canvas.getContext("2d", { alpha: false });
		paint(context, false);
		const stream = canvas.captureStream(0);
		const [track] = stream.getVideoTracks();
		// Firefox has the method at the stream.
		const request = () => (track.requestFrame ? track : stream)
			.requestFrame();
		let flash = -1, beeped = -1, ended = true, due = performance.now();

		// The sound is promised ahead of time, the picture is painted when the
		// audio clock says so, at once and not with the next frame: what is
		// left between the two is noted.
		function turn() {
			if (track.readyState === "ended") return;
			const now = seconds();
			const next = Math.ceil(now / s.FLASH_EVERY_S);
			if (next > beeped && next * s.FLASH_EVERY_S - now < 0.5) {
				beeped = next;
				if (!s.firefox) beep(next * s.FLASH_EVERY_S);
			}
			const current = Math.floor(now / s.FLASH_EVERY_S);
			const on = current === beeped &&
				now - current * s.FLASH_EVERY_S < s.FLASH_S;
			const begins = on && current !== flash;
			const clock = performance.now();
			if (begins || clock >= due) {
				if (begins || (flash === current && !on && !ended))
					hush(on);
				ended = !on;
				paint(context, on);
				request();
				if (begins) {
					flash = current;
					fake.flashes.push({ counter: fake.counter, late_s:
						s.firefox ? 0 : now - current * s.FLASH_EVERY_S });
				}
				due = Math.max(due + 1000 / s.FPS, clock);
			}
			setTimeout(turn, 5);
		}
		setTimeout(turn, 5);
		return track;
	}

	navigator.mediaDevices.getUserMedia = async (wanted) => new MediaStream([
		...wanted.audio ? [await microphone()] : [],
		...wanted.video ? [camera()] : [],
	]);

	// What the page says of itself, a few times a second: so many frames had
	// been sent when the counter stood there.
	setInterval(async () => {
		const peer = fake.peers.at(-1);
		if (!peer || peer.connectionState !== "connected") return;
		const counter = fake.counter;
		// Of the sizes that could be sent, the one that is.
		const [row] = [...(await peer.getStats()).values()].filter((r) =>
			r.type === "outbound-rtp" && r.kind === "video").sort((a, b) =>
			(b.framesSent ?? 0) - (a.framesSent ?? 0));
		if (row)
			fake.samples.push({ peer: fake.peers.length, counter,
				frames: row.framesSent, packets: row.packetsSent,
				again: row.retransmittedPacketsSent ?? 0 });
	}, 250);
}
