// One participant: our web client in a page, driven through window.hearth
// (web/README.md).
import { openPage } from "./browser.mjs";
import { until } from "./net.mjs";

export class Client {
	constructor(page, name) {
		this.page = page;
		this.name = name;
	}

	// Opens the link, which joins by itself; resolves once in the call.
	// With `watch`, window.hearthTimes says when the first frames came, by
	// stream.
	// prepare: [function, argument], run in the page before its own scripts.
	static async join(t, browser, name, link,
		{ watch = false, prepare } = {}) {
		const timeoutMs = 45000;
		const client = new Client(await openPage(t, browser, name), name);
		if (watch) {
			await client.page.setBypassCSP(true); // a worker out of a blob
			await client.page.evaluateOnNewDocument(watchFirstFrames);
		}
		if (prepare) await client.page.evaluateOnNewDocument(...prepare);
		await client.goto(link, timeoutMs);
		await client.connected(timeoutMs);
		return client;
	}

	// Opens a link of another kind.
	static async open(t, browser, name, link) {
		const client = new Client(await openPage(t, browser, name), name);
		await client.page.goto(link, { waitUntil: "domcontentloaded" });
		return client;
	}

	async goto(link, timeoutMs = 45000) {
		const joint = link.includes("?") ? "&" : "?";
		await this.page.goto(`${link}${joint}join=1`,
			{ waitUntil: "domcontentloaded", timeout: timeoutMs });
	}

	async connected(timeoutMs = 45000) {
		await this.until("is in the call", async () => {
			const s = await this.ask("state");
			if (s.error)
				throw new Error(`${s.error.code}: ${s.error.message}`);
			if (s.call === "connected") return s;
			throw new Error(`screen ${s.screen}, call ${s.call}`);
		}, timeoutMs);
	}

	// window.hearth.<method>(...args)
	ask(method, ...args) {
		return this.page.evaluate(
			(m, a) => window.hearth[m](...a), method, args);
	}

	until(what, check, timeoutMs, everyMs) {
		return until(`${this.name} ${what}`, check, timeoutMs, everyMs);
	}

	// The entry of that user in this client's list of participants.
	async sees(userId) {
		const all = await this.ask("participants");
		return all.find((p) => p.user_id === userId);
	}

	async stream(userId, purpose = "m.usermedia") {
		const participant = await this.sees(userId);
		return participant?.streams.find((s) => s.purpose === purpose);
	}

	// The statistics of what comes from that user.
	async incoming(userId, purpose = "m.usermedia") {
		const rows = await this.ask("stats");
		return rows.find((r) => r.user_id === userId && r.purpose === purpose);
	}

	// How many tiles of that user the page shows.
	tiles(userId, purpose = "m.usermedia") {
		return this.page.evaluate((u, p) => [...document.querySelectorAll(
			'[data-testid="tile"]')].filter((tile) =>
			tile.dataset.userId === u && tile.dataset.purpose === p).length,
		userId, purpose);
	}

	async log() {
		return this.ask("log").catch(() => []);
	}

	// Frames decoded, of some size, and going on to be decoded.
	async decodes(userId, purpose = "m.usermedia", frames = 15) {
		const first = await this.incoming(userId, purpose);
		const from = first?.framesDecoded ?? 0;
		const row = await this.until(
			`decodes ${purpose} video of ${userId}`, async () => {
				const now = await this.incoming(userId, purpose);
				if (!now) throw new Error("no such stream in its statistics");
				if (now.framesDecoded >= from + frames && now.frameWidth > 0 &&
					now.frameHeight > 0)
					return now;
				throw new Error(`${now.framesDecoded - from} frames of ` +
					`${now.frameWidth}x${now.frameHeight}, ` +
					`${now.videoPackets} packets`);
			}, 45000, 250);
		return `${row.framesDecoded} frames ${row.frameWidth}x` +
			`${row.frameHeight} ${row.videoCodec}`;
	}

	// Audio that carries energy, and more of it as time goes on.
	async hears(userId) {
		const from = (await this.incoming(userId))?.totalAudioEnergy ?? 0;
		const row = await this.until(`hears ${userId}`, async () => {
			const now = await this.incoming(userId);
			if (!now) throw new Error("no such stream in its statistics");
			if (now.totalAudioEnergy > from + 1e-6) return now;
			throw new Error(`energy ${now.totalAudioEnergy}, ` +
				`${now.audioPackets} packets`);
		}, 45000, 250);
		return `audio energy ${row.totalAudioEnergy.toPrecision(3)}`;
	}
}

// In the page: when the answer was applied, and when each remote video stream
// gave its first decoded frame. A worker takes that time: the page's own thread
// draws four people on a busy machine, and would find the frame when it gets to
// look. Chromium only.
function watchFirstFrames() {
	if (!("RTCPeerConnection" in window)) return;
	const seen = { answered: null, frames: {} };
	Object.defineProperty(window, "hearthTimes", { value: seen });
	const clock = () => performance.timeOrigin + performance.now();
	const set = RTCPeerConnection.prototype.setRemoteDescription;
	RTCPeerConnection.prototype.setRemoteDescription = function (...args) {
		if (args[0]?.type === "answer" && seen.answered === null) {
			seen.answered = clock();
			this.addEventListener("track", ({ track, streams }) => {
				if (track.kind === "video" && streams.length)
					watch(track, streams[0].id);
			});
		}
		return set.apply(this, args);
	};
	const source = URL.createObjectURL(new Blob([`onmessage = async (ev) => {
		const { id, readable } = ev.data;
		const reader = readable.getReader();
		const { value, done } = await reader.read();
		const at = performance.timeOrigin + performance.now();
		value?.close();
		reader.cancel();
		if (!done) postMessage({ id, at });
	};`], { type: "text/javascript" }));
	const worker = new Worker(source);
	worker.onmessage = (ev) => { seen.frames[ev.data.id] ??= ev.data.at; };
	// A clone: the page's own track goes on whatever the reader does.
	function watch(track, id) {
		const { readable } = new MediaStreamTrackProcessor(
			{ track: track.clone() });
		worker.postMessage({ id, readable }, [readable]);
	}
}
