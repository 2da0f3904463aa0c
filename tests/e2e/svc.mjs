// A camera is sent as one stream with layers in it (SVC): who shows it small is
// sent the small layers of it, who shows it large all, and the picture goes on
// over each change. Chromium, with VP9 and with AV1.
import { launch } from "./lib/browser.mjs";
import { Client } from "./lib/client.mjs";
import { link } from "./lib/conference.mjs";
import { assert, main } from "./lib/harness.mjs";
import { CHANGES, bobWaits, film, fits, goesOn, layered, rows } from
	"./lib/layers.mjs";

async function sent(alice) {
	const all = await rows(alice, "outbound-rtp");
	const row = all.find((r) => r.framesEncoded > 0);
	assert(row, `it sends nothing: ${JSON.stringify(all)}`);
	return row;
}

// Lines of the layers that a picture of so many has in that mode. Chromium leaves
// the smallest out where it would have fewer than 180.
function layers({ scalabilityMode, frameHeight: lines }) {
	const n = Number(scalabilityMode[1]);
	return Array.from({ length: n }, (_, i) => lines / 2 ** (n - 1 - i));
}

async function scene(t, alice, bob, { codec, mode, size, number }) {
	await t.must(`${number}: alice sends ${codec} with ${mode}`, () =>
		alice.until(`sends ${mode}`, async () => {
			const row = await sent(alice);
			const now = row.scalabilityMode ?? "";
			assert(row.codec === `video/${codec}` &&
				now[1] >= (size ? 3 : 2) &&
				now.slice(2) === mode.slice(2), JSON.stringify(row));
			return `${now}, ${row.frameHeight} lines, ` +
				row.encoderImplementation;
		}, 40000, 500));
	for (const [name, window] of CHANGES) {
		await t.step(`${codec} ${mode} is seen ${name}`, async () => {
			const [said, longest] = await goesOn(bob, () =>
				fits(bob, alice, window,
					async () => layers(await sent(alice))));
			assert(longest() < 3000, `${longest()} ms without a frame`);
			return `${said}; at most ${longest()} ms without a frame`;
		});
	}
}

// The first large enough for three spatial layers, at few pictures a second: it is
// all made and shown by the processor.
const CASES = [
	{ codec: "VP9", mode: "L3T3_KEY", size: "960x540" },
	{ codec: "VP9", mode: "L3T3_KEY" },
	{ codec: "VP9", mode: "L3T3" },
	{ codec: "AV1", mode: "L3T3" },
	{ codec: "AV1", mode: "L3T3_KEY" },
];

await main("svc", async (t) => {
	const { scene: scene_, room, bob } = await bobWaits(t);
	for (const [i, one] of CASES.entries()) {
		const browser = await launch(t, "chromium", `alice-${i}`,
			one.size ? { film: film(t, one.size) } : {});
		const alice = await t.must(`alice joins to send ${one.mode}`, () =>
			Client.join(t, browser, `alice-${i}`,
				link(scene_, room, "alice"), { prepare: [layered, one] }));
		alice.id = scene_.users.alice.user_id;
		await scene(t, alice, bob, { ...one, number: i + 1 });
		await alice.ask("leave");
		await browser.close();
	}
});
