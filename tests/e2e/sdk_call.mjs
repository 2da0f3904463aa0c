// An unmodified matrix-js-sdk calls the bot: in a group room with `invitee`, and
// in a direct room. The newest version, and 34.0.0.
import { launch } from "./lib/browser.mjs";
import { roomWithBot, setUp } from "./lib/conference.mjs";
import { assert, main, same } from "./lib/harness.mjs";
import { sleep } from "./lib/net.mjs";
import { SdkClient, sdkVersion, serveSdk } from "./lib/sdkpage.mjs";

const VERSIONS = ["matrix-js-sdk-newest", "matrix-js-sdk-34"];
const NAMES = ["alice", "bob", "carol"];

async function group(t, scene, browser, url, version) {
	const { synapse, users, bot } = scene;
	const room = await roomWithBot(scene, NAMES);
	const pages = [];
	for (const name of NAMES) {
		await t.must(`${version}: ${name} calls with invitee`, async () => {
			const page = await SdkClient.open(t, browser, url, synapse,
				users[name], `${version}-${name}`);
			await page.call(room, bot.user_id);
			pages.push(page);
		});
	}
	await t.step(`${version}: each has the others as feeds`, async () => {
		for (const page of pages) await page.decodes(NAMES.length - 1);
		for (const page of pages)
			for (const feed of await page.feeds())
				same(feed.user, bot.user_id, "the user of a feed");
	});
	await t.step(`${version}: each hears the others`, async () => {
		for (const page of pages) {
			await page.until("hears two", async () => {
				const loud = (await page.feeds()).filter((f) => f.energy > 0);
				if (loud.length === NAMES.length - 1) return true;
				throw new Error(JSON.stringify(await page.feeds()));
			});
		}
	});
	const [alice, bob, carol] = pages;
	await hold(t, version, alice, [bob, carol]);
	await mute(t, version, alice, [bob, carol]);
	await share(t, version, alice, [bob, carol]);
	await restart(t, version, alice, [bob, carol]);
	await hangup(t, scene, version, room, alice, [bob, carol]);
	for (const page of [bob, carol]) await page.ask("hangup");
	for (const page of pages) await close(t, page);
}

async function close(t, page) {
	await page.ask("stop");
	t.pages.delete(page.name);
	await page.page.browserContext().close();
}

async function hold(t, version, alice, others) {
	await t.step(`${version}: hold stops what alice gets, resume brings it back`,
		async () => {
			try {
				await held(alice, others);
			} finally {
				// What follows is not about hold.
				await alice.ask("hold", false);
			}
			await alice.decodes(2);
			for (const other of others) await other.decodes(2);
		});
}

async function held(alice, others) {
	await alice.ask("hold", true);
	await alice.until("is stable after hold", async () =>
		(await alice.ask("transport")).signaling === "stable");
	await sleep(1000);
	const frames = async () => (await alice.feeds())
		.reduce((sum, f) => sum + f.frames, 0);
	const before = await frames();
	await sleep(1500);
	same(await frames() - before, 0, "frames decoded while on hold");
	for (const other of others) await other.decodes(2);
}

async function mute(t, version, alice, others) {
	for (const [method, flag] of [["micMuted", "audioMuted"],
		["camMuted", "videoMuted"]]) {
		await t.step(`${version}: alice's ${method} shows at the others`,
			async () => {
				for (const [on, count] of [[true, 1], [false, 0]]) {
					await alice.ask(method, on);
					for (const other of others)
						await flagged(other, flag, count);
				}
			});
	}
}

const flagged = (page, flag, count) => page.until(
	`has ${count} feeds with ${flag}`, async () => {
		const feeds = await page.feeds();
		if (feeds.filter((f) => f[flag]).length === count) return true;
		throw new Error(JSON.stringify(feeds.map((f) => f[flag])));
	}, 30000);

async function share(t, version, alice, others) {
	await t.step(`${version}: alice's screen comes and goes`, async () => {
		assert(await alice.ask("share", true), "the sdk did not share");
		for (const other of others) {
			await other.decodes(1, "m.screenshare", 3);
			await other.decodes(2);
		}
		// The SDK's screen goes without: that is no reason for the others.
		const [local, remote] = await alice.ask("repaired");
		same(remote, local, "m-lines with retransmissions");
		assert(remote.length >= 2, "there are hardly any");
		await alice.ask("share", false);
		for (const other of others) {
			await other.until("loses the screen", async () =>
				(await other.feeds("m.screenshare")).length === 0, 30000);
			await other.decodes(2);
		}
	});
}

async function restart(t, version, alice, others) {
	await t.step(`${version}: an ICE restart keeps the call`, async () => {
		const before = await alice.ask("transport");
		await alice.ask("restartIce");
		await alice.until("has new credentials", async () => {
			const now = await alice.ask("transport");
			if (now.local !== before.local && now.remote !== before.remote &&
				now.signaling === "stable" &&
				["connected", "completed"].includes(now.ice))
				return true;
			throw new Error(JSON.stringify({ before, now }));
		}, 45000);
		await alice.decodes(2);
		for (const other of others) await other.decodes(2);
	});
}

async function hangup(t, scene, version, room, alice, others) {
	await t.step(`${version}: alice hangs up and is gone`, async () => {
		await alice.ask("hangup");
		same(await alice.ask("callState"), "ended", "alice's call");
		for (const other of others) {
			await other.until("has one feed left", async () => {
				const { length } = await other.feeds();
				if (length === 1) return true;
				throw new Error(`${length} feeds`);
			}, 30000);
			await other.decodes(1);
			same(await other.ask("callState"), "connected", "the other call");
		}
		const types = (await scene.synapse.timeline(scene.users.alice, room))
			.filter((e) => e.content.call_id === alice.callId)
			.map((e) => `${e.type} ${e.sender.split(":")[0]}`);
		for (const wanted of ["m.call.invite @alice", "m.call.answer @hearth",
			"m.call.select_answer @alice", "m.call.hangup @alice"])
			assert(types.includes(wanted), `no ${wanted} in ${types}`);
		same(types.filter((x) => x === "m.call.answer @hearth").length, 1,
			"answers of the bot");
	});
}

// Two devices of one user in a room with the bot alone: no `invitee`.
async function direct(t, scene, browser, url, version) {
	const { synapse, users } = scene;
	const room = await roomWithBot(scene, ["alice"], {
		preset: "trusted_private_chat", is_direct: true,
	});
	const pages = [];
	for (const i of [1, 2]) {
		await t.must(`${version}: a direct room, device ${i} calls`,
			async () => {
				const page = await SdkClient.open(t, browser, url, synapse,
					users.alice, `${version}-direct-${i}`);
				await page.call(room);
				pages.push(page);
			});
	}
	await t.step(`${version}: both devices see each other`, async () => {
		for (const page of pages) await page.decodes(1);
	});
	await t.step(`${version}: hangup in the direct room`, async () => {
		await pages[0].ask("hangup");
		await pages[1].until("has no feed left that moves", async () => {
			const before = await pages[1].feeds();
			await sleep(500);
			const after = await pages[1].feeds();
			return after.every((f) => f.frames ===
				before.find((b) => b.id === f.id)?.frames);
		}, 30000);
		await pages[1].ask("hangup");
		same(await pages[1].ask("callState"), "ended", "the other call");
	});
	for (const page of pages) await close(t, page);
}

await main("sdk_call", async (t) => {
	const scene = await setUp(t, { names: NAMES });
	const browser = await launch(t, "chromium", "sdk");
	for (const alias of VERSIONS) {
		const version = sdkVersion(alias);
		const url = await serveSdk(t, alias);
		await group(t, scene, browser, url, version);
		await direct(t, scene, browser, url, version);
	}
	await t.step("hearth is still well", () => scene.hearth.mustRun());
});
