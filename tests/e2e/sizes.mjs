// A camera is sent in several sizes: each gets the one that fits its tile, and
// what nobody looks at is not sent. One publisher is a Chromium, one a Firefox.
import { launch } from "./lib/browser.mjs";
import { Client } from "./lib/client.mjs";
import { link, roomWithBot, setUp } from "./lib/conference.mjs";
import { assert, main } from "./lib/harness.mjs";

const LARGE = { width: 1000, height: 700 }, SMALL = { width: 300, height: 420 };

async function sends(client, rids) {
	const before = new Map((await client.ask("sizes"))
		.map((s) => [s.rid, s.framesEncoded]));
	return client.until(`sends ${rids}`, async () => {
		const now = await client.ask("sizes");
		const on = now.filter((s) => s.active &&
			s.framesEncoded > (before.get(s.rid) ?? 0) + 5);
		assert(on.map((s) => s.rid).sort().join() === rids,
			JSON.stringify(now));
		return on.map((s) => `${s.rid} ${s.frameHeight}`).join(", ");
	}, 40000, 500);
}

// Of a size, and going on to come.
async function gets(client, publisher, height) {
	const { id } = publisher;
	let from;
	return await client.until(`gets ${height} lines of ${id}`, async () => {
		const row = await client.incoming(id);
		if (row?.frameHeight !== height) {
			from = undefined;
			throw new Error(`${row?.frameHeight} lines; ` +
				JSON.stringify(await publisher.ask("sizes")));
		}
		from ??= row.framesDecoded;
		assert(row.framesDecoded > from + 10, "it stands still");
		return `${row.frameWidth}x${row.frameHeight}`;
	}, 40000, 300);
}

async function sized(t, publisher, bob, best) {
	const { name } = publisher;
	await t.step(`${name} is seen large`, async () => {
		await bob.page.setViewport(LARGE);
		return gets(bob, publisher, best);
	});
	await t.step(`${name} is seen small`, async () => {
		await bob.page.setViewport(SMALL);
		return gets(bob, publisher, best / 2);
	});
	await t.step(`${name} does not send what nobody sees`,
		() => sends(publisher, "q"));
	await t.step(`${name} is seen large again`, async () => {
		await bob.page.setViewport(LARGE);
		return gets(bob, publisher, best);
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
	bob.page.setViewport(LARGE);
	for (const [kind, best] of [["chromium", 360], ["firefox", 360]]) {
		const browser = await launch(t, kind, `alice-${kind}`);
		const alice = await t.must(`alice joins with ${kind}`, () =>
			Client.join(t, browser, "alice", link(scene, room, "alice")));
		alice.id = scene.users.alice.user_id;
		alice.name = kind;
		await t.step(`${kind} sends two sizes`, () => sends(alice, "h,q"));
		await sized(t, alice, bob, best);
		await alice.ask("leave");
		await browser.close();
	}
});
