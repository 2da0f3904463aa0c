// The measuring stand: a homeserver, hearth, and Chromium browsers behind links
// that can be made bad while the call goes on.
import { execFileSync } from "node:child_process";
import path from "node:path";
import { BadLink, SERVERS } from "./badlink.mjs";
import { launch } from "./browser.mjs";
import { Client } from "./client.mjs";
import { link as joinLink, roomWithBot, setUp } from "./conference.mjs";
import { sleep, until } from "./net.mjs";
import { difference, frozen } from "./samples.mjs";
import { meter } from "../pages/meter.js";

// More than any row has people, but for the one of fifty.
export const MOST = { pictures: 8, sounds: 4 };
export const CAMERA = { width: 640, height: 360, fps: 15, everyMs: 100 };

// A picture that is never still and hard to encode: an encoder makes use of
// whatever rate it has.
function film(t) {
	const file = path.join(t.scratch, "film.y4m");
	const { width, height, fps } = CAMERA;
	execFileSync("ffmpeg", ["-nostdin", "-y", "-v", "error", "-f", "lavfi", "-i",
		`testsrc2=size=${width}x${height}:rate=${fps},` +
		"noise=alls=24:allf=t:all_seed=1", "-t", "6", "-pix_fmt", "yuv420p",
		file]);
	return file;
}

export class Seat {
	#rows = [];

	constructor(name, link, browser) {
		this.name = name;
		this.link = link;
		this.browser = browser;
	}

	// What the page has noted: rows of meter.js, oldest first.
	async rows() {
		this.#rows.push(...await this.client.page.evaluate(
			() => window.meter.samples()));
		this.#rows.splice(0, Math.max(0, this.#rows.length - 20000));
		return this.#rows;
	}

	async leave(t) {
		await this.client.ask("leave").catch(() => undefined);
		await this.client.page.browserContext().close();
		t.pages.delete(this.name);
		this.#rows = [];
	}
}

// A Chromium for each, behind a link of its own: name -> Seat.
export async function browsers(t, names, seed, trusted) {
	const picture = film(t), seats = {};
	for (const [i, name] of names.entries()) {
		const link = await BadLink.start(t, i + 1, seed + i);
		seats[name] = new Seat(name, link, await launch(t, "chromium", name,
			{ link, film: picture, trusted }));
	}
	return seats;
}

export class Stand {
	// names: users in the room; browsing: those of them who have a browser.
	static async build(t, names, browsing, { seed = 1 } = {}) {
		const self = new Stand();
		self.t = t;
		self.moves = 0;
		self.scene = await setUp(t, { names, homeserver: { address: SERVERS },
			options: { workers: 1, address: SERVERS, most: MOST } });
		self.version = self.scene.hearth.version();
		self.room = await t.must("the bot joins the room", () =>
			roomWithBot(self.scene, names));
		self.seats = await t.must("browsers start behind links", () =>
			browsers(t, browsing, seed,
				[self.scene.hearth.url, self.scene.synapse.url]));
		return self;
	}

	async join(name, camera = true) {
		const seat = this.seats[name];
		seat.client = await Client.join(this.t, seat.browser, name,
			joinLink(this.scene, this.room, name),
			{ prepare: [meter, CAMERA] });
		if (!camera) await seat.client.ask("setCam", false);
		return seat;
	}
}

const last = (rows) => rows.at(-1);

// What a seat received in some seconds: differences of its counters.
export async function measure(seat, seconds) {
	const before = last(await seat.rows());
	const from = before.at;
	await seat.link.order("reset");
	await sleep(seconds * 1000);
	const link = await seat.link.count();
	const rows = (await seat.rows()).filter((r) => r.at >= from);
	return { ...frozen(difference(before, last(rows)), rows), link, rows };
}

// When (ms, by the page's clock, which is this machine's) the seat had decoded
// `frames` more than at the time `from`.
export function framesAfter(seat, from, frames, timeoutMs) {
	return until(`${seat.name} decodes again`, async () => {
		const rows = await seat.rows();
		const then = rows.findLast((r) => r.at <= from);
		const base = then?.in.video?.framesDecoded ?? 0;
		return rows.find((r) => r.at > from &&
			(r.in.video?.framesDecoded ?? 0) >= base + frames)?.at;
	}, timeoutMs, 100);
}

// And the same of sound that was not made up.
export function soundAfter(seat, from, timeoutMs) {
	return until(`${seat.name} hears again`, async () => {
		const rows = await seat.rows();
		const then = rows.findLast((r) => r.at <= from)?.in.audio;
		return rows.find((r) => r.at > from && r.in.audio &&
			r.in.audio.packetsReceived >=
			(then?.packetsReceived ?? 0) + 5)?.at;
	}, timeoutMs, 100);
}
