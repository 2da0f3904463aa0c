// What scenes about layers have in common: a camera that is sent by a certain
// codec with certain layers, and how its picture goes on.
import { execFileSync } from "node:child_process";
import path from "node:path";
import { launch } from "./browser.mjs";
import { Client } from "./client.mjs";
import { link, roomWithBot, setUp } from "./conference.mjs";
import { assert } from "./harness.mjs";

// Bob's windows.
export const LARGE = { width: 1000, height: 700 };
export const SMALL = { width: 300, height: 420 };
export const CHANGES = [["large", LARGE], ["small", SMALL],
	["large again", LARGE], ["small again", SMALL]];
// That many more frames, and the picture goes on.
const FRAMES = 25;

// A camera of that size, of ten pictures a second.
export function film(t, size) {
	const file = path.join(t.scratch, `${size}.y4m`);
	execFileSync("ffmpeg", ["-v", "error", "-f", "lavfi", "-i",
		`testsrc2=size=${size}:rate=10`, "-t", "4", "-pix_fmt", "yuv420p",
		file]);
	return file;
}

// In the page, before its own scripts: its connections stand in window.peers,
// and the camera is sent by that codec, with those layers (mode): in one stream,
// or in each of those that our client sends it in (simulcast). most: bits of a
// second, of each at most.
export function layered({ codec, mode, simulcast, most }) {
	const Native = window.RTCPeerConnection;
	const add = Native.prototype.addTransceiver;
	const peers = window.peers = [];
	window.RTCPeerConnection = class extends Native {
		constructor(...args) {
			super(...args);
			peers.push(this);
		}
	};
	Native.prototype.addTransceiver = function (what, options = {}) {
		const camera = what === "video" && options.sendEncodings && mode;
		const streams = simulcast ? options.sendEncodings : [{}];
		const transceiver = add.call(this, what, camera ? { ...options,
			sendEncodings: streams.map((one) =>
				({ ...one, scalabilityMode: mode })) } : options);
		if (camera) {
			const { codecs } = RTCRtpReceiver.getCapabilities("video");
			transceiver.setCodecPreferences(codecs.filter((c) =>
				[`video/${codec}`, "video/rtx"].includes(c.mimeType)));
		}
		return transceiver;
	};
	const set = RTCRtpSender.prototype.setParameters;
	RTCRtpSender.prototype.setParameters = function (p, ...rest) {
		for (const one of most ? p.encodings : [])
			one.maxBitrate = Math.min(one.maxBitrate ?? most, most);
		return set.call(this, p, ...rest);
	};
}

// The statistics of one kind of the page's connection: of its video, that goes
// on now.
export const rows = (client, type) => client.page.evaluate(async (wanted) => {
	const all = [];
	for (const pc of window.peers) {
		if (pc.connectionState !== "connected") continue;
		const stats = await pc.getStats();
		for (const s of stats.values()) {
			if (s.type === wanted && s.kind === "video")
				all.push({ ...s, codec: stats.get(s.codecId)?.mimeType });
		}
	}
	return all;
}, type);

const tileOf = (client, id) => client.page.evaluate((user) =>
	document.querySelector(`[data-testid="tile"][data-user-id="${user}"]`)
		.clientHeight, id);

// The longest time between two looks at which no other frame had been decoded.
export async function goesOn(bob, what) {
	let decoded = -1, at = Date.now(), longest = 0, over = false;
	const watch = (async () => {
		while (!over) {
			const row = await seen(bob);
			const now = Date.now();
			if (row && row.framesDecoded !== decoded) {
				if (decoded >= 0) longest = Math.max(longest, now - at);
				decoded = row.framesDecoded;
				at = now;
			}
			await new Promise((r) => setTimeout(r, 100));
		}
	})();
	try {
		return [await what(), () => longest];
	} finally {
		over = true;
		await watch;
	}
}

// The stream that bob is shown, if any.
export const seen = async (bob) => (await rows(bob, "inbound-rtp"))
	.find((r) => r.framesDecoded > 0);

// Bob's window is so large: he gets the fewest lines that fill the tile, of those
// that made() says alice's picture is to be had with, and it goes on. A browser
// that has too much to do makes all of them smaller.
export async function fits(bob, alice, window, made) {
	await bob.page.setViewport(window);
	let from, was;
	return bob.until("gets what fits", async () => {
		const tile = await tileOf(bob, alice.id);
		const all = await made();
		const wanted = all.find((h) => h >= tile) ?? all.at(-1);
		const row = await seen(bob);
		if (row?.frameHeight !== wanted || was !== wanted) {
			from = undefined;
			was = wanted;
			throw new Error(`${row?.frameHeight} lines of ${all} in a ` +
				`tile of ${tile}`);
		}
		from ??= row.framesDecoded;
		assert(row.framesDecoded > from + FRAMES, "it stands still");
		return `${wanted} lines of ${all} in a tile of ${tile}, ` +
			`${Math.round(row.framesPerSecond ?? 0)} frames a second`;
	}, 60000, 300);
}

// A room with bob in it, who sends no picture.
export async function bobWaits(t) {
	const scene = await setUp(t, { names: ["alice", "bob"],
		options: { workers: 1 } });
	const room = await t.must("the bot joins the room", () =>
		roomWithBot(scene, ["alice", "bob"]));
	const watcher = await launch(t, "chromium", "bob");
	const bob = await t.must("bob joins", () => Client.join(t, watcher, "bob",
		`${link(scene, room, "bob")}&cam=0`, { prepare: [layered, {}] }));
	return { scene, room, bob };
}
