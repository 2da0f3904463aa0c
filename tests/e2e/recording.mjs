// Three people are recorded, and everything that was promised of it is looked
// at: the notice and the indicator, every track's frames and tones against what
// the browsers say they sent, the composed file, its way into the room.
import fs from "node:fs";
import path from "node:path";
import { launch, openPage } from "./lib/browser.mjs";
import { sha256 } from "./lib/bytes.mjs";
import { roomWithBot, setUp } from "./lib/conference.mjs";
import * as film from "./lib/film.mjs";
import { assert, main, same } from "./lib/harness.mjs";
import { askForLink, playsInPage } from "./lib/member.mjs";
import { sleep, until } from "./lib/net.mjs";
import {
	PEOPLE, TONES, checkFiles, enter, filesOf, meet, noticed, notices, reached,
	recording, sentAt, shelf, shown,
} from "./lib/tape.mjs";
import { BEEP_HZ } from "./pages/fakemedia.js";

const NAMES = ["alice", "bob", "carol", "dave", "erin"];
const RECORD_MS = 25000, AGAIN_MS = 10000, AV_MS = 40, ENDS = 5, COMPOSE_MS = 240000;
const directory = (scene) => path.join(scene.hearth.stateDir, "recordings");

async function starts(t, scene, room, clients) {
	const { synapse, users } = scene;
	await t.step("who may not moderate may not record", async () => {
		await synapse.say(users.bob, room, "record");
		await noticed(scene, room, "bob is refused", /bob|moderat|may not/i);
		await sleep(1000);
		same(shelf(directory(scene)).length, 0, "recordings");
		for (const client of clients)
			same((await client.ask("recording")).state, "off", "state");
	});
	await t.must("`record` starts it and everybody is shown", async () => {
		const before = Date.now();
		await synapse.say(users.alice, room, "record");
		for (const client of clients) {
			const state = await recording(client, "on");
			same(state.started_by, users.alice.user_id, "started by");
			await client.until("shows it", () => shown(client), 5000);
		}
		return `${Date.now() - before} ms`;
	});
	await t.step("only who may control it has the button for it", async () => {
		for (const client of clients) {
			const { may_control: may } = await client.ask("recording");
			same(may, client.name === "alice", `${client.name} may`);
		}
	});
	await t.shoot("recording");
}

async function notice(t, scene, room, manifest) {
	await t.step("the notice stood in the room before the first frame",
		async () => {
			const { users } = scene;
			const said = (await notices(scene, room)).find((n) =>
				/record/i.test(n.text) && ["alice", "bob", "carol"].every((n2) =>
					n.text.includes(n2) ||
					n.text.includes(users[n2].user_id)));
			assert(said, "no notice names all three: " +
				(await notices(scene, room)).map((n) => n.text).join(" | "));
			const first = manifest.started_ms +
				Math.min(...manifest.files.map((f) => f.from_ms));
			assert(said.at <= first, `notice at ${said.at}, frame at ${first}`);
			return `${first - said.at} ms before`;
		});
}

// One participant's file against what the participant says.
async function track(t, entry, manifest, client) {
	const [file, ...more] = filesOf(manifest, client.id);
	same(more.map((f) => f.name), [], `more files of ${client.name}`);
	assert(file, `no file of ${client.name}`);
	const full = path.join(entry.dir, file.name);
	const made = await client.made();
	const info = await film.probe(full);
	const { frames, said } = await film.frames(full);
	const samples = await film.sound(full);
	const of = (kind) => file.tracks.find((tr) => tr.kind === kind);

	await t.step(`${client.name}: ffprobe and the manifest agree`, () => {
		same(info.streams, 2, "streams");
		same(info.video.codec_name, of("video").codec, "video codec");
		same(info.audio.codec_name, of("audio").codec, "audio codec");
		same(frames.length, of("video").frames, "frames");
		same(of("video").damaged, 0, "damaged frames");
		same(said, "", "what ffmpeg complains of");
		const wanted = (file.to_ms - file.from_ms) / 1000;
		assert(Math.abs(info.duration - wanted) < 0.3,
			`${info.duration} s, the manifest says ${wanted}`);
		assert(info.duration > RECORD_MS / 1000 - 3, `${info.duration} s long`);
		return `${of("video").codec} ${info.video.width}x` +
			`${info.video.height}, ${info.duration.toFixed(1)} s`;
	});
	await t.step(`${client.name}: every frame sent is there, in order`, () => {
		const unread = frames.filter((f) => f.counter === null).length;
		assert(unread <= frames.length / 100, `${unread} are not to be read`);
		const seen = frames.filter((f) => f.counter !== null);
		for (let i = 1; i < seen.length; i++)
			assert(seen[i].counter > seen[i - 1].counter,
				`${seen[i].counter} after ${seen[i - 1].counter}`);
		const sent = sentAt(made.samples, seen.at(-1).counter) -
			sentAt(made.samples, seen[0].counter) + 1;
		assert(Math.abs(sent - frames.length) <= ENDS,
			`${frames.length} frames, the browser sent ${sent.toFixed(1)}`);
		return `${frames.length} frames, ${sent.toFixed(0)} sent`;
	});
	await t.step(`${client.name}: the right tone alone`, () => {
		same(film.tones(samples, TONES), [client.person.tone], "tones");
	});
	client.apart = [apart(frames, samples, made.flashes, client)];
}

// Milliseconds between sound and picture, the median. The browser's own share
// is in it: from the moment the page painted and beeped to what it put into
// packets.
function apart(frames, samples, made, client) {
	const found = film.offsets(frames, samples, made, client.person);
	return found.length >= 3 ? film.median(found) : Infinity;
}

// A machine that has no time for browsers tears their sound and picture apart
// before they are sent; what is wrong by itself is so in both recordings.
async function together(t, entry, manifest, client) {
	await t.step(`${client.name}: sound and picture within ${AV_MS} ms`,
		async () => {
			const full = path.join(entry.dir,
				filesOf(manifest, client.id)[0].name);
			const { flashes } = await client.made();
			client.apart.push(apart((await film.frames(full)).frames,
				await film.sound(full), flashes, client));
			const said = client.apart.map((ms) => `${ms.toFixed(1)} ms`)
				.join(" and ");
			assert(client.apart.some((ms) => Math.abs(ms) < AV_MS), said);
			return said;
		});
}

async function composed(t, entry, manifest, clients) {
	const file = path.join(entry.dir, manifest.composed.name);
	await t.step("the composed file shows all three, going on", async () => {
		const info = await film.probe(file);
		same(info.video.codec_name, "h264", "video codec");
		same(info.audio.codec_name, "aac", "audio codec");
		const wanted = manifest.duration_ms / 1000;
		assert(Math.abs(info.duration - wanted) < 2,
			`${info.duration} s of ${wanted}`);
		const at = [0.3, 0.5, 0.7].map((part) => part * info.duration);
		const shots = await film.pictures(file, at);
		const found = [];
		for (const client of clients) {
			const channel = client.person.rgb.indexOf(1);
			const counters = shots.map((shot) => {
				const tile = film.tileOf(shot, channel);
				assert(tile, `${client.name} is nowhere in the picture`);
				return film.counterAt(film.luma(shot), shot.width, tile);
			});
			const read = counters.filter((c) => c !== null);
			assert(read.length >= 2 && read.at(-1) > read[0] + 30,
				`${client.name}: counters ${JSON.stringify(counters)}`);
			found.push(`${client.name} ${read.join(" ")}`);
		}
		return found.join("; ");
	});
	await t.step("the composed file has all three tones", async () => {
		const samples = await film.sound(file);
		same(film.tones(samples, TONES, 5, manifest.duration_ms / 1000 - 5),
			TONES, "tones");
	});
	await t.step("sound and picture of the composed file belong together",
		async () => {
			const heard = film.edges(await film.sound(file), BEEP_HZ);
			const own = filesOf(manifest, clients[0].id)[0];
			const track = await film.sound(path.join(entry.dir, own.name));
			// Both Chromiums beep: each beep of hers is one of the mix.
			const wanted = film.edges(track, BEEP_HZ)
				.map((s) => s + own.from_ms / 1000);
			const off = wanted.flatMap((w) => {
				const near = heard.map((h) => 1000 * (h - w)).sort((a, b) =>
					Math.abs(a) - Math.abs(b))[0];
				return Math.abs(near) < 300 ? [near] : [];
			});
			assert(off.length > 5, `${off.length} beeps found again`);
			assert(Math.abs(film.median(off)) < AV_MS,
				`${film.median(off).toFixed(1)} ms off`);
			return `${film.median(off).toFixed(1)} ms`;
		});
}

async function delivered(t, scene, room, entry, manifest) {
	const { synapse, users } = scene;
	let posted;
	await t.must("the room has the film", async () => {
		posted = await until("an m.video of the bot's", async () =>
			(await notices(scene, room)).find((n) =>
				n.content.msgtype === "m.video"), 60000);
		const { info, "org.hearth.recording": about } = posted.content;
		same(about.id, entry.id, "id");
		same(info.mimetype, "video/mp4", "type");
		same(info.size, manifest.composed.bytes, "size");
		assert(Math.abs(info.duration - manifest.duration_ms) < 2000,
			`duration ${info.duration}`);
		assert(info.w === manifest.composed.width &&
			info.h === manifest.composed.height, `${info.w}x${info.h}`);
		assert(info.thumbnail_url?.startsWith("mxc://"), "no thumbnail");
		same(about.participants.map((p) => p.user_id).sort(),
			["alice", "bob", "carol"].map((n) => users[n].user_id).sort(),
			"participants");
	});
	await t.step("a member who was not there downloads and plays it",
		async () => {
			const bytes = await synapse.media(users.dave, posted.content.url);
			same(sha256(bytes), manifest.composed.sha256, "SHA-256");
			const thumbnail = await synapse.media(users.dave,
				posted.content.info.thumbnail_url);
			same(thumbnail.subarray(0, 2).toString("hex"), "ffd8", "JPEG");
			const browser = await launch(t, "chromium", "dave");
			scene.dave = browser;
			const page = await openPage(t, browser, "dave-film");
			const played = await playsInPage(page, synapse, users.dave,
				posted.content.url);
			same([played.width, played.height], [manifest.composed.width,
				manifest.composed.height], "size");
			return JSON.stringify(played);
		});
}

async function links(t, scene, room, entry, manifest) {
	const { hearth, users } = scene;
	await t.step("a member gets links, and they work", async () => {
		const answer = await askForLink(scene, users.dave, room, entry.id);
		assert(!answer.error, JSON.stringify(answer.error));
		same(answer.files.map((f) => f.name).slice(0, 1),
			[manifest.composed.name], "the first file");
		for (const { name } of manifest.files)
			assert(answer.files.some((f) => f.name === name), `no ${name}`);
		for (const file of answer.files) {
			const reply = await fetch(new URL(file.url, hearth.url));
			same(reply.status, 200, `status of ${file.name}`);
			const bytes = Buffer.from(await reply.arrayBuffer());
			same(bytes.length, file.bytes, `bytes of ${file.name}`);
		}
	});
	await t.step("who is no member gets none", async () => {
		const answer = await askForLink(scene, users.erin, room, entry.id);
		assert(answer.error?.code && !answer.files, JSON.stringify(answer));
		return answer.error.message;
	});
	await t.step("a link that was changed is refused", async () => {
		const answer = await askForLink(scene, users.dave, room, entry.id);
		const url = new URL(answer.files[0].url, hearth.url);
		const expires = url.searchParams.get("expires");
		url.searchParams.set("expires", String(Number(expires) + 3600));
		same((await fetch(url)).status, 403, "status");
	});
}

async function byButton(t, scene, clients) {
	const [alice, bob] = clients;
	let entry, manifest;
	await t.step("the client's own button starts and stops", async () => {
		const before = shelf(directory(scene)).length;
		await bob.ask("startRecording").catch(() => undefined);
		await sleep(500);
		same(shelf(directory(scene)).length, before, "recordings after bob's");
		await alice.ask("startRecording");
		for (const client of clients) await recording(client, "on");
		await sleep(AGAIN_MS);
		await alice.ask("stopRecording");
		for (const client of clients) {
			await recording(client, "off");
			await client.until("shows it no more", async () =>
				!await shown(client), 5000);
		}
		entry = shelf(directory(scene)).at(-1);
		manifest = await reached(entry, "finished");
		same(manifest.stopped_because, "command", "why it stopped");
		checkFiles(entry, manifest);
	});
	for (const client of clients)
		await together(t, entry, manifest, client);
}

async function deleted(t, scene, room) {
	await t.step("`record delete last` takes it away", async () => {
		const entries = shelf(directory(scene));
		await reached(entries.at(-1), "composed", COMPOSE_MS);
		await scene.synapse.say(scene.users.alice, room, "record delete last");
		await until("its files are gone", () =>
			shelf(directory(scene)).length === entries.length - 1, 10000);
		assert(!fs.existsSync(entries.at(-1).dir), "its folder is there");
	});
}

await main("recording", async (t) => {
	const scene = await setUp(t, { names: NAMES, options: { workers: 1,
		config: "recording:\n  compose: grid\n" } });
	const room = await t.must("the bot joins the room", () =>
		roomWithBot(scene, NAMES.slice(0, 4)));
	const clients = [];
	for (const name of Object.keys(PEOPLE)) {
		await t.must(`${name} joins`, async () => {
			clients.push(await enter(t, scene, room, name));
		});
	}
	await t.must("all see and hear all", () => meet(clients));
	await starts(t, scene, room, clients);
	await sleep(RECORD_MS);
	await t.must("`record stop` ends it", async () => {
		await scene.synapse.say(scene.users.alice, room, "record stop");
		for (const client of clients) await recording(client, "off");
	});
	const [entry] = shelf(directory(scene));
	let manifest;
	await t.must("its files are whole", async () => {
		manifest = await reached(entry, "finished");
		checkFiles(entry, manifest);
	});
	await notice(t, scene, room, manifest);
	for (const client of clients)
		await track(t, entry, manifest, client);
	await byButton(t, scene, clients);
	await t.must("it is composed", async () => {
		// Composing gives way to calls: to these browsers, too.
		for (const client of clients) await client.browser.close();
		t.pages.clear();
		manifest = await reached(entry, "composed", COMPOSE_MS);
		checkFiles(entry, manifest);
		const { name, bytes, sha256: sum } = manifest.composed;
		const film = fs.readFileSync(path.join(entry.dir, name));
		same([film.length, sha256(film)], [bytes, sum], "size and sum");
	});
	await composed(t, entry, manifest, clients);
	await delivered(t, scene, room, entry, manifest);
	await links(t, scene, room, entry, manifest);
	await deleted(t, scene, room);
});
