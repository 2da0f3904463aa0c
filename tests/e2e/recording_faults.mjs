// What may go wrong with a recording, and does here: processes are killed, the
// disk is full, people leave and come back, a codec changes, the homeserver takes
// no film. The call goes on, what was written plays, the room is told.
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { launch } from "./lib/browser.mjs";
import { Client } from "./lib/client.mjs";
import { link, roomWithBot, setUp } from "./lib/conference.mjs";
import * as film from "./lib/film.mjs";
import { assert, main, same } from "./lib/harness.mjs";
import { askForLink } from "./lib/member.mjs";
import { sleep, until } from "./lib/net.mjs";
import {
	checkFiles, enter, filesOf, meet, noticed, notices, reached, recording,
	shelf,
} from "./lib/tape.mjs";

const NAMES = ["alice", "bob", "dave", "erin"];
const DISK_MB = 400, ROOM_LEFT = 300000, UPLOAD_MAX = "40K";
// What a killed process may have kept to itself, in frames of the counter.
const LAST_SECOND = 15 + 8;

// A small disk: a tmpfs of the test's own.
function smallDisk(t) {
	const directory = path.join(t.scratch, "disk");
	fs.mkdirSync(directory, { mode: 0o700 });
	execFileSync("mount", ["-t", "tmpfs", "-o",
		`size=${DISK_MB}m,mode=0700`, "hearth-test", directory]);
	t.cleanup("small disk", async () =>
		execFileSync("umount", ["-l", directory]));
	return directory;
}

async function record(scene, room, clients) {
	const before = shelf(scene.directory).map((e) => e.id);
	await scene.synapse.say(scene.users.alice, room, "record");
	for (const client of clients) await recording(client, "on");
	return until("a new recording is on the disk", () =>
		shelf(scene.directory).find((e) => !before.includes(e.id)));
}

async function stop(scene, room, clients) {
	await scene.synapse.say(scene.users.alice, room, "record stop");
	for (const client of clients) await recording(client, "off", 60000);
}

const counterOf = (client) => client.page.evaluate(() => window.fake.counter);

// All files of a recording play: [{ file, counters, frames }].
async function plays(entry, manifest, userId) {
	const found = [];
	for (const file of userId ? filesOf(manifest, userId) : manifest.files) {
		const full = path.join(entry.dir, file.name);
		const info = await film.probe(full);
		const all = info.video ? (await film.frames(full)).frames : [];
		const counters = all.map((f) => f.counter).filter((c) => c !== null);
		for (let i = 1; i < counters.length; i++)
			// Not `>`: a page without time to draw is captured twice.
			assert(counters[i] >= counters[i - 1], `${file.name}: ` +
				`${counters[i]} after ${counters[i - 1]}`);
		found.push({ file, info, counters, frames: all });
	}
	assert(found.length, "no files");
	return found;
}

// Everybody's picture goes on right now, and freezes nowhere for long.
const goesOn = async (clients) => {
	for (const client of clients)
		for (const other of clients.filter((c) => c !== client))
			await client.decodes(other.id, "m.usermedia", 8);
};

async function rejoins(t, scene, room, clients) {
	const [alice, bob] = clients;
	let entry, manifest;
	await t.step("bob leaves, comes back, and is the same participant",
		async () => {
			entry = await record(scene, room, clients);
			await sleep(4000);
			await bob.ask("leave");
			await alice.until("loses bob's tile", async () =>
				await alice.tiles(bob.id) === 0, 10000);
			await sleep(1500);
			await bob.page.click('[data-testid="rejoin"]');
			await bob.until("may join again", async () =>
				(await bob.ask("state")).screen === "prejoin");
			await bob.ask("join");
			await bob.connected();
			await recording(bob, "on");
			await meet(clients);
			await sleep(4000);
		});
	await changes(t, alice);
	await t.must("both recordings of bob play", async () => {
		await stop(scene, room, clients);
		manifest = await reached(entry, "composed", 240000);
		checkFiles(entry, manifest);
		const person = manifest.participants.filter((p) =>
			p.user_id === bob.id);
		same(person.length, 1, "participants that are bob");
		assert(person[0].present.length >= 2,
			`present ${JSON.stringify(person[0].present)}`);
		const parts = await plays(entry, manifest, bob.id);
		assert(parts.length >= 2, `${parts.length} files`);
		assert(parts.at(-1).file.from_ms > parts[0].file.to_ms + 1000,
			"the second begins before the first has ended");
		for (const part of parts)
			assert(part.counters.length > 30,
				`${part.counters.length} frames in ${part.file.name}`);
		return parts.map((p) => `${p.file.name} ${p.counters.length}`).join();
	});
	await t.step("each codec of alice's has a file that plays", async () => {
		const parts = await plays(entry, manifest, alice.id);
		same([...new Set(parts.map((p) => p.info.video.codec_name))],
			["vp8", alice.codec], "codecs");
		same(manifest.codec_changes.map((c) => [c.kind, c.from, c.to]),
			[["video", "vp8", alice.codec]], "codec changes told");
		const [first, second] = parts;
		assert(first.counters.length > 60 && second.counters.length > 60,
			`${first.counters.length} and ${second.counters.length} frames`);
		const hole = second.counters[0] - first.counters.at(-1);
		assert(hole > 0 && hole < 30, `${hole} frames between them`);
		return `${parts.map((p) => p.file.name).join(", ")}, ` +
			`${hole - 1} frames between`;
	});
}

// A codec of those negotiated that is not the one in use. Chromium's VP9 and AV1
// leave blocks of the counter as they were for some frames; its H.264 does not.
async function changes(t, alice) {
	await t.must("alice changes her codec in the middle", async () => {
		alice.codec = await alice.page.evaluate(async () => {
			const sender = window.fake.peers.at(-1).getSenders().find((s) =>
				s.track?.kind === "video");
			const parameters = sender.getParameters();
			const other = ["H264", "VP9", "AV1"].map((name) =>
				parameters.codecs.find((c) => c.mimeType === `video/${name}`))
				.find(Boolean);
			if (!other) throw new Error(JSON.stringify(parameters.codecs));
			for (const encoding of parameters.encodings)
				encoding.codec = other;
			await sender.setParameters(parameters);
			return other.mimeType.slice("video/".length).toLowerCase();
		});
		await until("she sends it", () => alice.page.evaluate(async (name) => {
			const rows = [...(await window.fake.peers.at(-1).getStats())
				.values()];
			const sent = rows.filter((r) => r.type === "outbound-rtp" &&
				r.kind === "video" && r.framesSent > 0);
			return sent.some((row) => rows.find((r) =>
				r.id === row.codecId)?.mimeType.toLowerCase() ===
				`video/${name}`);
		}, alice.codec));
		await sleep(6000);
		return alice.codec;
	});
}

async function diskFull(t, scene, room, clients) {
	const filler = path.join(scene.directory, "filler");
	let entry, at;
	await t.step("a full disk is told, and the call does not notice",
		async () => {
			entry = await record(scene, room, clients);
			await sleep(4000);
			const { bavail, bsize } = fs.statfsSync(scene.directory);
			execFileSync("fallocate", ["-l",
				String(bavail * bsize - ROOM_LEFT), filler]);
			await noticed(scene, room, "the room is told",
				/disk|space|full/i, 40000);
			at = await counterOf(clients[0]);
			for (const client of clients)
				await recording(client, "trouble");
			await goesOn(clients);
		});
	await t.step("when there is room again it goes on", async () => {
		fs.unlinkSync(filler);
		for (const client of clients) await recording(client, "on", 30000);
		await sleep(4000);
		await stop(scene, room, clients);
	});
	await t.step("what was written before and after it plays", async () => {
		const manifest = await reached(entry, "composed", 240000);
		same(manifest.troubles[0].code, "disk_full", "trouble");
		checkFiles(entry, manifest);
		const found = [];
		for (const client of clients) {
			const parts = await plays(entry, manifest, client.id);
			assert(parts.length >= 2, `${parts.length} files`);
			assert(parts[0].counters.length > 45,
				`${parts[0].counters.length} frames before`);
			assert(parts.at(-1).counters.length > 30,
				`${parts.at(-1).counters.length} frames after`);
			found.push(parts.map((p) => p.counters.length).join("+"));
		}
		const first = (await plays(entry, manifest, clients[0].id))[0];
		assert(first.counters.at(-1) <= at, "nothing was full");
		return found.join(", ");
	});
}

// The files of a recording whose writer was killed when alice's counter stood
// at `at`.
async function upToTheEnd(entry, manifest, client, at) {
	const parts = await plays(entry, manifest, client.id);
	const last = Math.max(...parts.flatMap((p) => p.counters));
	assert(last >= at - LAST_SECOND && last <= at + LAST_SECOND,
		`the last frame is ${last}, killed at ${at}`);
	return `last frame ${last}, killed at ${at}`;
}

async function recorderKilled(t, scene, room, clients) {
	let entry, at, manifest;
	await t.step("kill -9 of the recorder: told, and begun again",
		async () => {
			entry = await record(scene, room, clients);
			await sleep(5000);
			at = await counterOf(clients[0]);
			scene.hearth.kill("hearth-record");
			await goesOn(clients);
			scene.next = await until("another recorder writes", () =>
				shelf(scene.directory).find((e) => e.id > entry.id &&
					e.manifest().state === "recording" &&
					e.manifest().files.length), 20000);
			for (const client of clients) await recording(client, "on");
		});
	await t.step("what the killed recorder wrote plays to its end",
		async () => {
			manifest = await until("it is finished", () => {
				const now = entry.manifest();
				return /finished|composed/.test(now.state) && now;
			}, 60000);
			same(manifest.stopped_because, "crashed", "why it stopped");
			checkFiles(entry, manifest);
			return upToTheEnd(entry, manifest, clients[0], at);
		});
}

async function workerKilled(t, scene, room, clients) {
	const entry = scene.next;
	let at;
	await t.step("kill -9 of the worker: people are back, so is the recorder",
		async () => {
			await sleep(3000);
			const before = shelf(scene.directory).map((e) => e.id);
			at = await counterOf(clients[0]);
			scene.hearth.killWorker();
			await sleep(1000);
			for (const client of clients) await client.connected();
			await meet(clients);
			scene.next = await until("it is recorded again", () =>
				shelf(scene.directory).find((e) => !before.includes(e.id) &&
					e.manifest().files.length), 45000);
			for (const client of clients) await recording(client, "on", 30000);
		});
	await t.step("what was recorded before plays to its end", async () => {
		const manifest = await reached(entry, "composed", 240000);
		checkFiles(entry, manifest);
		return upToTheEnd(entry, manifest, clients[0], at);
	});
}

async function daemonKilled(t, scene, room, clients) {
	const entry = scene.next;
	let at, begin;
	await t.step("kill -9 of the daemon: at its next start the room is told",
		async () => {
			await sleep(3000);
			at = await counterOf(clients[0]);
			begin = Date.now();
			await scene.hearth.killSelf();
			await sleep(1500);
			await scene.hearth.run();
			const said = await noticed(scene, room, "the room is told",
				/interrupt|cut off|kept/i, 60000, begin);
			return said.text;
		});
	await t.step("the call is there again", async () => {
		// Nobody tells them: they miss the pings, and call again.
		await until("they have called again", async () => {
			const n = /^hearth_participants (\d+)$/m.exec(
				await scene.hearth.metrics())?.[1];
			if (Number(n) === clients.length) return true;
			throw new Error(`${n} participants`);
		}, 90000, 500);
		for (const client of clients) await client.connected(60000);
		await meet(clients);
		return `${Date.now() - begin} ms after the kill`;
	});
	await t.step("what it recorded plays to its end", async () => {
		const manifest = await reached(entry, "composed", 240000);
		same(manifest.stopped_because, "crashed", "why it stopped");
		checkFiles(entry, manifest);
		return upToTheEnd(entry, manifest, clients[0], at);
	});
	await t.step("it is delivered", async () => {
		const said = await until("the room has it", async () =>
			(await notices(scene, room)).find((n) =>
				n.content["org.hearth.recording"]?.id === entry.id), 60000);
		return said.text;
	});
	scene.last = entry;
}

async function refused(t, scene, room) {
	const { hearth, users, last } = scene;
	const manifest = last.manifest();
	await t.step("too large for the homeserver: a link, for all of them",
		async () => {
			const all = await notices(scene, room);
			assert(!all.some((n) => n.content.msgtype === "m.video"),
				"a film was posted");
			const posted = all.filter((n) => n.content["org.hearth.recording"]);
			for (const entry of shelf(scene.directory))
				assert(posted.some((n) => n.content["org.hearth.recording"]
					.id === entry.id), `nothing about ${entry.id}`);
			assert(posted.every((n) => n.text.includes("#/recording/")),
				"a notice has no link");
		});
	await t.step("the link's file comes whole and in ranges, to members",
		async () => {
			const answer = await askForLink(scene, users.dave, room, last.id);
			assert(!answer.error, JSON.stringify(answer.error));
			const [file] = answer.files;
			const url = new URL(file.url, hearth.url);
			const whole = Buffer.from(await (await fetch(url)).arrayBuffer());
			same(whole.length, manifest.composed.bytes, "bytes");
			const reply = await fetch(url,
				{ headers: { Range: "bytes=1000-1999" } });
			same(reply.status, 206, "status");
			same(reply.headers.get("content-range"),
				`bytes 1000-1999/${whole.length}`, "Content-Range");
			assert(whole.subarray(1000, 2000).equals(
				Buffer.from(await reply.arrayBuffer())), "other bytes");
			const stranger = await askForLink(scene, users.erin, room,
				last.id);
			assert(stranger.error && !stranger.files,
				JSON.stringify(stranger));
		});
	await t.step("its page plays to a member and tells others why not",
		async () => {
			const browser = await launch(t, "chromium", "dave");
			const where = (name) => link(scene, room, name).replace(
				/#\/room\/[^?]*/,
				`#/recording/${encodeURIComponent(room)}/${last.id}`);
			const dave = await Client.open(t, browser, "dave", where("dave"));
			const played = await dave.until("plays it", () =>
				dave.page.evaluate(async () => {
					const video = document.querySelector("video");
					if (!video) throw new Error(document.body.innerText);
					video.muted = true;
					await video.play();
					return video.currentTime > 1 && { time: video.currentTime,
						width: video.videoWidth };
				}), 30000, 500);
			same(played.width, manifest.composed.width, "width");
			const erin = await Client.open(t, browser, "erin", where("erin"));
			await erin.until("is told that only members may", () =>
				erin.page.evaluate(() => {
					const said = document.body.innerText;
					if (/member/i.test(said) &&
						!document.querySelector("video")?.currentSrc)
						return true;
					throw new Error(said);
				}), 30000);
			return JSON.stringify(played);
		});
}

await main("recording_faults", async (t) => {
	const directory = smallDisk(t);
	const scene = await setUp(t, { names: NAMES,
		homeserver: { settings: { max_upload_size: UPLOAD_MAX } },
		options: { workers: 1, config: "recording:\n  compose: grid\n" +
			`  directory: ${JSON.stringify(directory)}\n` } });
	scene.directory = directory;
	const room = await t.must("the bot joins the room", () =>
		roomWithBot(scene, NAMES.slice(0, 3)));
	const clients = [];
	for (const name of ["alice", "bob"]) {
		await t.must(`${name} joins`, async () => {
			clients.push(await enter(t, scene, room, name,
				clients[0]?.browser));
		});
	}
	await t.must("they see and hear each other", () => meet(clients));
	await rejoins(t, scene, room, clients);
	await diskFull(t, scene, room, clients);
	await recorderKilled(t, scene, room, clients);
	await workerKilled(t, scene, room, clients);
	await daemonKilled(t, scene, room, clients);
	await refused(t, scene, room);
});
