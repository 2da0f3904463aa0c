// A camera is sent in several sizes by another codec than VP8, each size with
// temporal layers: who shows it small is sent the small one, who shows it large
// the large one, and the picture goes on over each change. Chromium, with H.264,
// VP9 and AV1.
import { launch } from "./lib/browser.mjs";
import { Client } from "./lib/client.mjs";
import { link } from "./lib/conference.mjs";
import { assert, main } from "./lib/harness.mjs";
import { CHANGES, bobWaits, fits, goesOn, layered, rows, seen } from
	"./lib/layers.mjs";

// The sizes that she makes, smallest first: what nobody looks at is not sent,
// and has no lines then.
async function sizes(alice) {
	for (const row of await rows(alice, "outbound-rtp"))
		if (row.framesEncoded > 0 && row.frameHeight)
			alice.sizes.set(row.rid, row);
	return [...alice.sizes.values()]
		.sort((a, b) => a.frameHeight - b.frameHeight);
}

// A change takes one key frame; whoever is asked for one of one size may make one
// of each. On a busy machine one may come from before, or be asked for again; to go
// to and fro takes tens.
const KEYS_MADE = 6, KEYS_SHOWN = 4;

const keyFrames = (all) => all.reduce((n, r) => n + r.keyFramesEncoded, 0);

async function changed(bob, alice, window) {
	const made = keyFrames(await sizes(alice));
	const shown = (await seen(bob))?.keyFramesDecoded ?? 0;
	const [said, longest] = await goesOn(bob, () => fits(bob, alice,
		window, async () => (await sizes(alice)).map((r) => r.frameHeight)));
	const keys = {
		made: keyFrames(await sizes(alice)) - made,
		shown: (await seen(bob)).keyFramesDecoded - shown,
	};
	assert(longest() < 3000, `${longest()} ms without a frame`);
	assert(keys.made <= KEYS_MADE && keys.shown <= KEYS_SHOWN,
		`key frames: ${JSON.stringify(keys)}`);
	return `${said}; at most ${longest()} ms without a frame, ` +
		`${keys.shown} key frames of ${keys.made}`;
}

async function scene(t, alice, bob, { codec, mode }) {
	await t.must(`alice sends ${codec} in two sizes with ${mode}`, () =>
		alice.until("sends two sizes", async () => {
			const all = await sizes(alice);
			assert(all.length > 1 && all.every((r) =>
				r.codec === `video/${codec}` && r.rid &&
				r.scalabilityMode === mode), JSON.stringify(all));
			return all.map((r) => `${r.rid}: ${r.frameHeight} lines, ` +
				r.encoderImplementation).join("; ");
		}, 40000, 300));
	for (const [name, window] of CHANGES)
		await t.step(`${codec} ${mode} is seen ${name}`, () =>
			changed(bob, alice, window));
}

const CASES = [
	{ codec: "H264", mode: "L1T2" },
	{ codec: "VP9", mode: "L1T2" },
	{ codec: "AV1", mode: "L1T3" },
];

await main("simulcast", async (t) => {
	const { scene: scene_, room, bob } = await bobWaits(t);
	const browser = await launch(t, "chromium", "alice");
	for (const one of CASES) {
		const alice = await t.must(`alice joins to send ${one.codec}`, () =>
			Client.join(t, browser, `alice-${one.codec}`,
				link(scene_, room, "alice"), { prepare: [layered,
					{ ...one, simulcast: true }] }));
		alice.id = scene_.users.alice.user_id;
		alice.sizes = new Map();
		await scene(t, alice, bob, one);
		await alice.ask("leave");
		await alice.page.close();
	}
});
