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
import { Program, example } from "./lib/program.mjs";
import {
	PEOPLE, TONES, checkFiles, enter, filesOf, meet, noticed, notices, reached,
	recording, sentAt, shelf, shown,
} from "./lib/tape.mjs";

const NAMES = ["alice", "bob", "carol", "dave", "erin"];
const RECORD_MS = 25000, AV_MS = 40, ENDS = 5, COMPOSE_MS = 240000;
// Composed sound is stretched to stay with its sender's clock, as its reports
// tell it; a busy page's reports wander by half a percent.
const WANDER = 0.01;
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
		// A page that has no time to draw is captured as it was; how many
		// frames there are is held against what the browser sent.
		let again = 0;
		for (let i = 1; i < seen.length; i++) {
			assert(seen[i].counter >= seen[i - 1].counter,
				`${seen[i].counter} after ${seen[i - 1].counter}`);
			again += seen[i].counter === seen[i - 1].counter ? 1 : 0;
		}
		assert(again <= seen.length / 50, `${again} frames twice`);
		const sent = sentAt(made.samples, seen.at(-1).counter) -
			sentAt(made.samples, seen[0].counter) + 1;
		assert(Math.abs(sent - frames.length) <= ENDS,
			`${frames.length} frames, the browser sent ${sent.toFixed(1)}`);
		return `${frames.length} frames, ${sent.toFixed(0)} sent`;
	});
	await t.step(`${client.name}: the right tone alone`, () => {
		same(film.tones(samples, TONES), [client.person.tone], "tones");
	});
	client.pairs = film.offsets(frames, samples, made.flashes, client.person);
	client.file = file;
	client.flashes = film.flashes(frames).map((f) => f.pts);
	client.beeps = client.person.firefox ? [] :
		film.edges(samples, client.person.beep);
	client.said = made;
}

// Sound and picture belong together as the page made them, or, where a machine
// that has no time for browsers tore them apart before they were sent, as
// another receiver has them: ffmpeg from the feed, by the same sender reports.
async function together(t, own, client) {
	await t.step(`${client.name}: sound and picture within ${AV_MS} ms`,
		async () => {
			const file = own.heard(client);
			const theirs = new Map(film.offsets(
				(await film.frames(file)).frames, await film.sound(file),
				client.said.flashes, client.person)
				.map((pair) => [pair.counter, pair.ms]));
			assert(client.pairs.length >= 6, `${client.pairs.length} flashes`);
			const page = film.median(client.pairs.map((p) => p.ms));
			const both = client.pairs.filter((p) => theirs.has(p.counter))
				.map((p) => p.ms - theirs.get(p.counter));
			assert(both.length >= 4, `${both.length} flashes at both`);
			const other = film.median(both);
			const said = `${page.toFixed(1)} ms by the page's clock, ` +
				`${other.toFixed(1)} ms from what ffmpeg has`;
			assert(Math.abs(other) < AV_MS || Math.abs(page) < AV_MS, said);
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
			const channel = client.person.channel;
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
		same(film.tones(samples, TONES, 5, manifest.duration_ms / 1000 - 5,
			WANDER), TONES, "tones");
	});
	for (const client of clients.slice(0, 2)) {
		await t.step(`${client.name}: sound and picture still belong ` +
			"together in it", async () => {
			const from = client.file.from_ms / 1000;
			const moved = (times) => times.map((s) => s + from);
			const [shot] = await film.pictures(file, [10]);
			const seen = film.shift(moved(client.flashes),
				await film.flashesIn(file,
					film.tileOf(shot, client.person.channel)));
			const heard = film.shift(moved(client.beeps),
				film.edges(await film.sound(file), client.person.beep));
			const said = `picture ${seen.ms.toFixed(1)} ms, sound ` +
				`${heard.ms.toFixed(1)} ms later than in the track`;
			assert(seen.count > 5 && heard.count > 5,
				`${seen.count} flashes, ${heard.count} beeps found again`);
			assert(Math.abs(seen.ms - heard.ms) < AV_MS, said);
			return said;
		});
	}
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
	await t.step("the client's own button starts and stops", async () => {
		const before = shelf(directory(scene)).length;
		await bob.ask("startRecording").catch(() => undefined);
		await sleep(500);
		same(shelf(directory(scene)).length, before, "recordings after bob's");
		await alice.ask("startRecording");
		for (const client of clients) await recording(client, "on");
		await sleep(3000);
		await alice.ask("stopRecording");
		for (const client of clients) {
			await recording(client, "off", 60000);
			await client.until("shows it no more", async () =>
				!await shown(client), 5000);
		}
		const entry = shelf(directory(scene)).at(-1);
		const manifest = await reached(entry, "finished");
		same(manifest.stopped_because, "command", "why it stopped");
		checkFiles(entry, manifest);
	});
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

// Another receiver of the same packets: ffmpeg, by examples/feed/listen.py.
async function scribe(t, own, room) {
	const token = path.join(t.scratch, "scribe.token");
	const output = path.join(t.scratch, "heard");
	own.scribe = new Program(t, "scribe", [example("feed/listen.py"),
		"--socket", own.socket, "--token-file", token, "--room", room,
		"--output", output]);
	const sources = () => own.scribe.lines.map((line) => JSON.parse(line))
		.filter((line) => line.label);
	own.heard = (client) => path.join(output, `${sources().find((s) =>
		s.label.startsWith(`${client.id} `)).source}.mkv`);
	await until("all three go to ffmpeg", () => {
		if (sources().length >= 3) return true;
		throw new Error(own.scribe.said);
	});
}

function config(t, own) {
	const at = (name) => path.join(t.scratch, name), q = JSON.stringify;
	own.socket = at("feed.sock");
	for (const [name, text] of [["scribe.token", "token-of-scribe\n"],
		["feed.tokens", "scribe token-of-scribe listen\n"]])
		fs.writeFileSync(at(name), text, { mode: 0o600 });
	return `recording:\n  compose: grid\nfeed:\n  socket: ${q(own.socket)}\n` +
		`  tokens_file: ${q(at("feed.tokens"))}\n`;
}

await main("recording", async (t) => {
	const own = {};
	const scene = await setUp(t, { names: NAMES, options: { workers: 1,
		config: config(t, own) } });
	const room = await t.must("the bot joins the room", () =>
		roomWithBot(scene, NAMES.slice(0, 4)));
	const clients = [];
	for (const name of Object.keys(PEOPLE)) {
		await t.must(`${name} joins`, async () => {
			clients.push(await enter(t, scene, room, name));
		});
	}
	await t.must("all see and hear all", () => meet(clients));
	await t.must("ffmpeg gets them by the feed", () => scribe(t, own, room));
	await starts(t, scene, room, clients);
	await sleep(RECORD_MS);
	await t.must("`record stop` ends it", async () => {
		await scene.synapse.say(scene.users.alice, room, "record stop");
		for (const client of clients) await recording(client, "off", 60000);
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
	await own.scribe.stop();
	for (const client of clients) await together(t, own, client);
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
