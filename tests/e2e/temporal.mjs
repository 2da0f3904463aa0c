// A camera is sent with temporal layers: who has a narrow path is sent fewer
// pictures of the same size, and all of them again when the path is wide. With
// Chromium: H.264 as one stream, H.264 and AV1 in several sizes (simulcast).
import { BadLink, SERVERS, alone } from "./lib/badlink.mjs";
import { launch } from "./lib/browser.mjs";
import { Client } from "./lib/client.mjs";
import { link, roomWithBot, setUp } from "./lib/conference.mjs";
import { assert, main } from "./lib/harness.mjs";
import { LARGE, layered, rows, seen } from "./lib/layers.mjs";
import { sleep } from "./lib/net.mjs";
import { CAMERA } from "./lib/stand.mjs";

// Bits of a second: what the one stream may take, and what of that or of our
// client's large size is enough to begin with. It begins with less.
const MOST = 1_000_000;
// What a narrow path carries, in kbit: with headers and sound all is more than
// that. Without the highest layer, half of the pictures, it is six tenths or so.
const NARROW = { single: 1080, simulcast: 640 };
const ENOUGH = { single: 850_000, simulcast: 480_000 };
const LOOK_MS = 2000;

async function shown(bob) {
	const row = await seen(bob);
	assert(row, "he sees nothing");
	return row;
}

// Frames and bits of a second.
async function look(bob) {
	const a = await shown(bob);
	await sleep(LOOK_MS);
	const b = await shown(bob);
	assert(a.id === b.id, "it was another stream");
	const seconds = (b.timestamp - a.timestamp) / 1000;
	const rate = (key) => (b[key] - a[key]) / seconds;
	return { lines: b.frameHeight, keys: b.keyFramesDecoded,
		whole: a.frameHeight === b.frameHeight,
		fps: rate("framesDecoded"), bps: rate("bytesReceived") * 8 };
}

const told = ({ lines, fps, bps }) => `${lines} lines, ${fps.toFixed(1)} ` +
	`frames and ${Math.round(bps / 1000)} kbit a second`;

// Looks until the frames of a second are so many parts of what the camera makes.
function thinned(bob, what, least, most, right = () => true) {
	return bob.until(what, async () => {
		const now = await look(bob);
		const part = now.fps / CAMERA.fps;
		assert(now.whole && now.lines === CAMERA.height && part > least &&
			part < most && right(now), told(now));
		return now;
	}, 40000, 100);
}

async function sent(alice, { codec, mode, simulcast }) {
	const all = (await rows(alice, "outbound-rtp"))
		.filter((r) => r.framesEncoded > 0);
	assert(all.length === (simulcast ? 2 : 1) && all.every((r) =>
		r.codec === `video/${codec}` && r.scalabilityMode === mode),
	JSON.stringify(all));
	return all.map((r) => `${r.frameHeight} lines, ` +
		r.encoderImplementation).join("; ");
}

async function scene(t, alice, bob, path, one) {
	const kind = one.simulcast ? "simulcast" : "single";
	const name = `${one.codec} ${one.mode}` +
		(one.simulcast ? " in two sizes" : "");
	await t.must(`alice sends ${name}`, () =>
		alice.until("sends it", () => sent(alice, one), 40000, 300));
	const all = await t.must(`${name} is seen whole`, () =>
		thinned(bob, "sees all", 0.8, 1.2,
			({ bps }) => bps > ENOUGH[kind]));
	await t.step(`${name}: fewer pictures on a narrow path`, async () => {
		await path.order("down queue 300",
			`down rate ${NARROW[kind]}k`);
		const few = await thinned(bob, "sees half", 0.4, 0.6);
		return `${told(few)} of ${told(all)}`;
	});
	await t.step(`${name}: all of them on a wide one`, async () => {
		const { keyFramesDecoded } = await shown(bob);
		await path.order("down clean");
		const again = await thinned(bob, "sees all again", 0.8, 1.2);
		assert(again.keys === keyFramesDecoded, "it took a key frame");
		return told(again);
	});
}

const CASES = [
	{ codec: "H264", mode: "L1T3", most: MOST },
	{ codec: "H264", mode: "L1T3", simulcast: true },
	{ codec: "AV1", mode: "L1T3", simulcast: true },
];

await alone();
await main("temporal", async (t) => {
	const names = ["alice", "bob", "carol"];
	const scene_ = await setUp(t, { names, homeserver: { address: SERVERS },
		options: { workers: 1, address: SERVERS } });
	const room = await t.must("the bot joins the room", () =>
		roomWithBot(scene_, names));
	const trusted = [scene_.hearth.url, scene_.synapse.url];
	const paths = [await BadLink.start(t, 1), await BadLink.start(t, 2)];
	const watcher = await launch(t, "chromium", "bob",
		{ link: paths[0], trusted });
	const browser = await launch(t, "chromium", "alice",
		{ link: paths[1], trusted });
	const watches = (from, name) => Client.join(t, from, name,
		`${link(scene_, room, name)}&cam=0`, { prepare: [layered, {}] });
	const bob = await t.must("bob joins", () => watches(watcher, "bob"));
	await bob.page.setViewport(LARGE);
	// Whose path is wide: with bob alone the one stream would be made smaller.
	const carol = await t.must("carol joins", () =>
		watches(browser, "carol"));
	for (const [i, one] of CASES.entries()) {
		const alice = await t.must(`alice joins to send ${one.codec}`, () =>
			Client.join(t, browser, `alice-${i}`,
				link(scene_, room, "alice"),
				{ prepare: [layered, one] }));
		await scene(t, alice, bob, paths[0], one);
		await alice.ask("leave");
		await alice.page.close();
		if (i === 0) await carol.ask("leave");
	}
});
