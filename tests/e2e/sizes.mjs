// A camera is sent in several sizes: each gets the one that fits its tile, and
// what nobody looks at is not sent. One publisher is a Chromium, one a Firefox.
import { launch } from "./lib/browser.mjs";
import { Client } from "./lib/client.mjs";
import { link, roomWithBot, setUp } from "./lib/conference.mjs";
import { assert, main } from "./lib/harness.mjs";

const LARGE = { width: 1000, height: 700 }, SMALL = { width: 300, height: 420 };

async function sends(client, what, right) {
	const before = new Map((await client.ask("sizes"))
		.map((s) => [s.rid, s.framesEncoded]));
	return client.until(what, async () => {
		const now = (await client.ask("sizes")).filter((s) => s.active &&
			s.framesEncoded > (before.get(s.rid) ?? 0) + 5);
		assert(right(now), JSON.stringify(now));
		return now;
	}, 40000, 500);
}

// The lines of that publisher's tile.
const tileOf = (client, id) => client.page.evaluate((user) =>
	document.querySelector(`[data-testid="tile"][data-user-id="${user}"]`)
		.clientHeight, id);

const heights = (rows) => rows.map((s) => s.frameHeight)
	.sort((a, b) => a - b);

// Bob's window is so large: of the heights that are sent he gets the one that
// fills the tile, and it goes on. A browser that has too much to do makes all of
// them smaller.
async function fits(bob, publisher, window) {
	await bob.page.setViewport(window);
	let from, was;
	return bob.until(`gets what fits of ${publisher.id}`, async () => {
		const lines = await tileOf(bob, publisher.id);
		const sent = heights((await publisher.ask("sizes"))
			.filter((s) => s.active));
		const wanted = sent.find((h) => h >= lines) ?? sent.at(-1);
		const row = await bob.incoming(publisher.id);
		if (row?.frameHeight !== wanted || was !== wanted) {
			from = undefined;
			was = wanted;
			throw new Error(`${row?.frameHeight} lines of ${sent} in a ` +
				`tile of ${lines}`);
		}
		from ??= row.framesDecoded;
		assert(row.framesDecoded > from + 10, "it stands still");
		return `${wanted} lines of ${sent} in a tile of ${lines}`;
	}, 40000, 300);
}

async function sized(t, publisher, bob) {
	const { name } = publisher;
	const all = await t.must(`${name} sends several sizes`, () =>
		sends(publisher, "sends several", (now) => now.length > 1));
	await t.step(`${name} is seen large`, () => fits(bob, publisher, LARGE));
	await t.step(`${name} is seen small`, () => fits(bob, publisher, SMALL));
	await t.step(`${name} does not send what nobody sees`, async () => {
		const now = await sends(publisher, "stops some",
			(on) => on.length > 0 && on.length < all.length);
		return `${heights(now)} of ${heights(all)}`;
	});
	await t.step(`${name} is seen large again`, async () => {
		const fit = await fits(bob, publisher, LARGE);
		assert((await publisher.ask("sizes")).filter((s) => s.active)
			.length > 1, "it sends one size");
		return fit;
	});
}

await main("sizes", async (t) => {
	const scene = await setUp(t, { names: ["alice", "bob"],
		options: { workers: 1 } });
	const room = await t.must("the bot joins the room", () =>
		roomWithBot(scene, ["alice", "bob"]));
	const watcher = await launch(t, "chromium", "bob");
	const bob = await t.must("bob joins", () => Client.join(t, watcher, "bob",
		`${link(scene, room, "bob")}&cam=0`));
	for (const kind of ["chromium", "firefox"]) {
		const browser = await launch(t, kind, `alice-${kind}`);
		const alice = await t.must(`alice joins with ${kind}`, () =>
			Client.join(t, browser, "alice", link(scene, room, "alice")));
		alice.id = scene.users.alice.user_id;
		alice.name = kind;
		await sized(t, alice, bob);
		await alice.ask("leave");
		await browser.close();
	}
});
