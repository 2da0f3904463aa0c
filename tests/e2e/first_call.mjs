// Three people in one room hold a conference through hearth, with our client:
// two Chromium and one Firefox; a fourth comes late, five times. With
// HEARTH_WORKERS=2 it has a part in each of two workers.
import { base64, noise, sha256 } from "./lib/bytes.mjs";
import { launch } from "./lib/browser.mjs";
import { Client } from "./lib/client.mjs";
import { link, roomWithBot, setUp } from "./lib/conference.mjs";
import { assert, main, same } from "./lib/harness.mjs";
import { until } from "./lib/net.mjs";

const WORKERS = Number(process.env.HEARTH_WORKERS ?? 1);
const FILE_SIZE = 10_000_000;
const LATE_JOINS = 5, LATE_SERIES = 5, LATE_MS = 1000, LEAVE_MS = 2000;

const others = (clients, me) => clients.filter((c) => c !== me);

async function joinAll(t, scene, room) {
	const browsers = {
		alice: await launch(t, "chromium", "alice"),
		bob: await launch(t, "chromium", "bob"),
		carol: await launch(t, "firefox", "carol"),
	};
	const clients = [];
	for (const [name, browser] of Object.entries(browsers)) {
		await t.must(`${name} joins with ${browser.kind}`, async () => {
			const client = await Client.join(t, browser, name,
				link(scene, room, name));
			client.id = scene.users[name].user_id;
			client.browser = browser;
			clients.push(client);
		});
	}
	return clients;
}

async function media(t, clients) {
	for (const client of clients) {
		for (const other of others(clients, client)) {
			await t.step(`${client.name} sees ${other.name}`,
				() => client.decodes(other.id));
			await t.step(`${client.name} hears ${other.name}`,
				() => client.hears(other.id));
		}
		await t.step(`${client.name}'s page has a tile for each`, async () => {
			for (const other of clients)
				same(await client.tiles(other.id), 1, `tiles of ${other.name}`);
		});
	}
}

const received = async (client, label, from) =>
	(await client.ask("raw")).filter((m) =>
		m.label === label && m.from.startsWith(`${from.id} `));

async function messages(t, clients) {
	const texts = ["hello", "", "žluťoučký 🐎\nsecond line", "x".repeat(60000)];
	const blobs = [Uint8Array.from({ length: 256 }, (_, i) => i),
		new Uint8Array(0), noise(50000, 7)].map(base64);
	for (const sender of clients) {
		const label = `test-${sender.name}`;
		await t.step(`${sender.name}'s text and binary messages arrive`,
			async () => {
				for (const text of texts)
					await sender.ask("sendRaw", label, text);
				for (const blob of blobs)
					await sender.ask("sendRaw", label, { base64: blob });
				for (const other of others(clients, sender))
					await compare(other, label, sender, texts, blobs);
				same(await received(sender, label, sender), [],
					"what comes back to the sender");
			});
	}
	await t.step("chat reaches the others with the sender's name", async () => {
		await clients[0].ask("sendChat", "good morning");
		for (const other of clients.slice(1)) {
			await other.until("gets the chat line", async () =>
				(await other.ask("chat")).some((line) =>
					line.text === "good morning" &&
					line.from.startsWith(clients[0].id)), 10000);
		}
	});
}

async function compare(receiver, label, sender, texts, blobs) {
	const count = texts.length + blobs.length;
	await receiver.until(`gets ${count} messages of ${sender.name}`,
		async () => {
			const { length } = await received(receiver, label, sender);
			if (length >= count) return true;
			throw new Error(`${length} came`);
		}, 15000);
	const got = await received(receiver, label, sender);
	same(got.length, count, `messages at ${receiver.name}`);
	texts.forEach((text, i) => assert(got[i].text === text,
		`text ${i} at ${receiver.name} differs: ` +
		JSON.stringify(got[i]).slice(0, 200)));
	blobs.forEach((blob, i) => assert(got[texts.length + i].base64 === blob,
		`binary ${i} at ${receiver.name} differs: ` +
		JSON.stringify(got[texts.length + i]).slice(0, 200)));
}

async function file(t, sender, receivers) {
	const wanted = sha256(noise(FILE_SIZE, 42));
	await t.step(`a ${FILE_SIZE / 1e6} MB file arrives whole`, async () => {
		const begin = Date.now();
		const id = await sender.page.evaluate(sendNoise, noise.toString(),
			FILE_SIZE);
		for (const receiver of receivers) {
			await receiver.until("has the whole file", async () => {
				const f = (await receiver.ask("files"))
					.find((entry) => entry.id === id);
				if (f?.state === "done") return true;
				throw new Error(f ? `${f.state}, ${f.bytes} bytes, ` +
					`${f.error ?? ""}` : "no such transfer");
			}, 120000, 250);
			same(await receiver.page.evaluate(sumOfFile, id), wanted,
				`SHA-256 at ${receiver.name}`);
		}
		return `${receivers.length} receivers, ` +
			`${((Date.now() - begin) / 1000).toFixed(1)} s`;
	});
}

// These two run in the page.
async function sendNoise(source, length) {
	const make = new Function(`return (${source})`)();
	return window.hearth.sendFile(new File([make(length, 42)], "noise.bin",
		{ type: "application/octet-stream" }));
}

async function sumOfFile(id) {
	const blob = await window.hearth.fileBlob(id);
	const sum = await crypto.subtle.digest("SHA-256",
		await blob.arrayBuffer());
	return [...new Uint8Array(sum)]
		.map((b) => b.toString(16).padStart(2, "0")).join("");
}

async function mute(t, clients) {
	for (const client of clients) {
		for (const [method, flag] of [["setMic", "audio_muted"],
			["setCam", "video_muted"]]) {
			await t.step(`${client.name}'s ${method}(false) shows`,
				async () => {
					for (const on of [false, true]) {
						await client.ask(method, on);
						for (const other of others(clients, client))
							await showsMute(other, client, flag, !on);
					}
				});
		}
	}
	await t.step("video goes on after it", () =>
		clients[1].decodes(clients[0].id));
}

const showsMute = (viewer, who, flag, value) => viewer.until(
	`sees ${who.name} with ${flag} ${value}`, async () => {
		const stream = await viewer.stream(who.id);
		const shown = await viewer.page.evaluate((user, name) =>
			[...document.querySelectorAll('[data-testid="tile"]')]
				.find((tile) => tile.dataset.userId === user &&
					tile.dataset.purpose === "m.usermedia")
				?.getAttribute(`data-${name.replace("_", "-")}`),
		who.id, flag);
		if (stream?.[flag] === value && shown === String(value)) return true;
		throw new Error(`list says ${stream?.[flag]}, tile says ${shown}`);
	}, 10000);

async function screen(t, clients, sharer) {
	const viewers = others(clients, sharer);
	await t.step(`${sharer.name}'s screen is seen by all`, async () => {
		await sharer.ask("setScreen", true);
		for (const viewer of viewers)
			await viewer.decodes(sharer.id, "m.screenshare", 3);
		for (const viewer of viewers)
			same(await viewer.tiles(sharer.id, "m.screenshare"), 1,
				`screen tiles at ${viewer.name}`);
	});
	await t.step(`${sharer.name}'s screen stops for all`, async () => {
		await sharer.ask("setScreen", false);
		for (const viewer of viewers) {
			await viewer.until("no longer shows the screen", async () =>
				await viewer.tiles(sharer.id, "m.screenshare") === 0 &&
				!await viewer.stream(sharer.id, "m.screenshare"), 10000);
			await viewer.decodes(sharer.id);
		}
	});
}

// Milliseconds from the answer to the first decoded frame of each.
async function firstFrames(viewer, clients) {
	const { answered, frames } =
		await viewer.page.evaluate(() => window.hearthTimes);
	const after = [];
	for (const client of clients) {
		const stream = await viewer.stream(client.id);
		const at = frames[stream?.stream_id];
		if (!at)
			throw new Error(`answer applied: ${answered !== null}, no frame ` +
				`of ${client.name} (stream ${stream?.stream_id})`);
		after.push(at - answered);
	}
	return after;
}

async function lateJoin(t, scene, room, clients, round, times) {
	const id = scene.users.dave.user_id;
	await t.step(`dave comes late and leaves (${round + 1})`, async () => {
		const dave = await Client.join(t, clients[0].browser,
			"dave", link(scene, room, "dave"), { watch: true });
		const after = await until("dave decodes video of everybody",
			() => firstFrames(dave, clients), 20000, 100);
		times.push(Math.max(...after));
		for (const client of clients)
			await client.decodes(id, "m.usermedia", 3);
		const begin = Date.now();
		await dave.ask("leave");
		await Promise.all(clients.map((client) => client.until(
			"loses dave's tile", async () =>
				await client.tiles(id) === 0 && !await client.sees(id),
			LEAVE_MS, 50)));
		const gone = Date.now() - begin;
		t.pages.delete("dave");
		await dave.page.browserContext().close();
		return `video of all ${Math.max(...after).toFixed(0)} ms after the ` +
			`answer, tile gone after ${gone} ms`;
	});
}

const quantile = (times, of) =>
	[...times].sort((a, b) => a - b)[Math.floor(times.length * of)];

// Four browsers share the test machine's cores: a series that something else
// disturbed may be followed by another. Where all are, it is the machine; but
// what waits for something waits every time, so that not even the quick ones
// are quick (bench/run quality measures joins on a machine that has the time).
async function late(t, scene, room, clients) {
	const all = [], medians = [];
	for (let series = 0; series < LATE_SERIES; series++) {
		const times = [];
		for (let round = 0; round < LATE_JOINS; round++)
			await lateJoin(t, scene, room, clients,
				series * LATE_JOINS + round, times);
		all.push(...times);
		medians.push(times.length === LATE_JOINS ?
			quantile(times, 1 / 2) : Infinity);
		if (medians.at(-1) <= LATE_MS) break;
	}
	await t.step(`late video within ${LATE_MS} ms (median of ` +
		`${LATE_JOINS}, or a quarter of ${LATE_SERIES * LATE_JOINS})`, () => {
		const quick = quantile(all, 1 / 4);
		const said = medians.map((m) => `${m.toFixed(0)} ms`).join(", ") +
			`; a quarter within ${quick?.toFixed(0)} ms`;
		assert(medians.at(-1) <= LATE_MS ||
			all.length === LATE_SERIES * LATE_JOINS && quick <= LATE_MS,
		`medians: ${said}`);
		return said;
	});
}

async function participants(scene) {
	const text = await scene.hearth.metrics();
	return Number(/^hearth_participants (\d+)$/m.exec(text)[1]);
}

async function worker(t, scene, clients) {
	await t.step("a worker is killed, and everybody is back", async () => {
		const begin = Date.now();
		scene.hearth.killWorkers();
		await until("the killed worker's people are gone", async () =>
			await participants(scene) === 0, 10000, 20);
		await until("they have called again", async () =>
			await participants(scene) === clients.length, 30000, 100);
		for (const client of clients)
			for (const other of others(clients, client))
				await client.decodes(other.id);
		return `${Date.now() - begin} ms`;
	});
}

async function emptyRoom(t, scene) {
	await t.step("the bot leaves with the last human", async () => {
		const { synapse, users, bot } = scene;
		const room = await roomWithBot(scene, ["dave", "carol"]);
		const leave = (user) => synapse.call(user, "POST",
			`rooms/${encodeURIComponent(room)}/leave`, {});
		const joined = async () => (await synapse.call(bot, "GET",
			"joined_rooms")).joined_rooms.includes(room);
		await leave(users.carol);
		await until("carol is gone", async () =>
			await synapse.membership(users.dave, room, users.carol) ===
			"leave", 5000);
		assert(await joined(), "the bot left while dave was there");
		await leave(users.dave);
		await until("the bot has left", async () => !await joined(), 10000);
	});
}

async function end(t, scene, clients) {
	await t.step("carol leaves and her tile is gone within 2 s",
		async () => {
			const gone = clients[2];
			await gone.ask("leave");
			for (const client of clients.slice(0, 2))
				await client.until(`loses ${gone.name}'s tile`, async () =>
					await client.tiles(gone.id) === 0, LEAVE_MS, 50);
		});
	await t.step("SIGTERM hangs up and ends within 2 s", async () => {
		scene.hearth.mustRun();
		const { code, signal, ms } = await scene.hearth.stop();
		assert(code === 0, `exit code ${code}, signal ${signal}`);
		assert(ms <= 2000, `it took ${ms} ms`);
		await clients[0].until("is told that the call is over", async () => {
			const { call } = await clients[0].ask("state");
			if (call === "left" || call === "failed") return true;
			throw new Error(`its call is ${call}`);
		}, 15000);
		return `${ms} ms`;
	});
}

await main("first_call", async (t) => {
	const scene = await setUp(t,
		{ names: ["alice", "bob", "carol", "dave"],
			options: { workers: WORKERS } });
	const room = await t.must("the bot joins the room", () =>
		roomWithBot(scene, ["alice", "bob", "carol", "dave"]));
	const clients = await joinAll(t, scene, room);
	await media(t, clients);
	await t.shoot("call");
	await messages(t, clients);
	await file(t, clients[0], clients.slice(1));
	await mute(t, clients);
	await screen(t, clients, clients[0]);
	await screen(t, clients, clients[1]);
	await late(t, scene, room, clients);
	await emptyRoom(t, scene);
	await worker(t, scene, clients);
	await end(t, scene, clients);
});
