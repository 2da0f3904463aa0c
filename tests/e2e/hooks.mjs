// Every hook that others build on, by the program in examples/ that shows it: a
// program and webhooks at each event, and the live feed: to ffmpeg, from C, and
// back into the call.
import crypto from "node:crypto";
import fs from "node:fs";
import http from "node:http";
import path from "node:path";
import { sha256 } from "./lib/bytes.mjs";
import { roomWithBot, setUp } from "./lib/conference.mjs";
import * as film from "./lib/film.mjs";
import { assert, main, same } from "./lib/harness.mjs";
import { freeTcpPort, sleep, until } from "./lib/net.mjs";
import { Program, example, levels, makeFilm } from "./lib/program.mjs";
import {
	TONES, enter, filesOf, meet, noticed, reached, recording, shelf,
} from "./lib/tape.mjs";

const SECRET = "a secret of this test", JINGLE_HZ = 1200;
const TOKENS = { scribe: "token-of-scribe", meter: "token-of-meter",
	jukebox: "token-of-jukebox" };
const EVENTS = ["started", "track", "stopped", "composed", "delivered"];

// In front of the receiver: refuses each delivery once, so that all that
// arrives has been tried again.
async function unreliable(t, port) {
	const seen = new Map();
	const server = http.createServer(async (request, reply) => {
		const id = request.headers["hearth-delivery"];
		const parts = [];
		for await (const part of request) parts.push(part);
		seen.set(id, (seen.get(id) ?? 0) + 1);
		if (seen.get(id) === 1) {
			reply.writeHead(503).end();
			return;
		}
		const { status } = await fetch(`http://127.0.0.1:${port}/`, {
			method: "POST", body: Buffer.concat(parts),
			headers: Object.fromEntries(Object.entries(request.headers)
				.filter(([name]) => name.startsWith("hearth-"))),
		});
		reply.writeHead(status).end();
	});
	await new Promise((done) => server.listen(0, "127.0.0.1", done));
	t.cleanup("proxy", () => new Promise((done) => {
		server.close(done);
		server.closeAllConnections();
	}));
	return { url: `http://127.0.0.1:${server.address().port}/hearth`, seen };
}

function write(file, text, mode = 0o600) {
	fs.writeFileSync(file, text, { mode });
	return file;
}

// The receiver, the program and the feed's tokens; the sections of hearth.yaml.
async function prepare(t, own) {
	const at = (name) => path.join(t.scratch, name), q = JSON.stringify;
	own.archive = at("archive");
	own.socket = at("feed.sock");
	const secret = write(at("hook.secret"), `${SECRET}\n`);
	const port = await freeTcpPort();
	own.receiver = new Program(t, "receiver", [
		example("webhook/receiver.py"), "--port", String(port),
		"--secret-file", secret]);
	own.receiverUrl = `http://127.0.0.1:${port}/`;
	own.proxy = await unreliable(t, port);
	const program = write(at("hook.sh"), "#!/bin/sh\n" +
		`HEARTH_ARCHIVE='${own.archive}' ` +
		`exec '${example("hook-program/archive.py")}'\n`, 0o700);
	const tokens = write(at("feed.tokens"), Object.entries(TOKENS).map(
		([name, token]) => `${name} ${token} ` +
			`${name === "jukebox" ? "publish" : "listen"}\n`).join(""));
	for (const [name, token] of Object.entries(TOKENS))
		write(at(`${name}.token`), `${token}\n`);
	return `recording:
  compose: grid
  program: ${q(program)}
  webhooks: [${q(own.proxy.url)}]
  webhook_secret_file: ${q(secret)}
feed:
  socket: ${q(own.socket)}
  tokens_file: ${q(tokens)}
`;
}

// One of the Python programs of examples/feed, or the C one.
function start(t, own, room, name, ...argv) {
	const token = path.join(t.scratch, `${name}.token`);
	const common = argv[0].endsWith(".py") ? ["--socket", own.socket,
		"--token-file", token, "--room", room] : [own.socket, token, room];
	return new Program(t, name, [argv[0], ...common, ...argv.slice(1)]);
}

async function refused(t, own, room) {
	await t.step("a program with a wrong token stays out", async () => {
		write(path.join(t.scratch, "thief.token"), "guessed\n");
		const thief = start(t, own, room, "thief",
			example("feed/listen.py"), "--output",
			path.join(t.scratch, "thief"));
		const { code, said } = await thief.ended();
		same(code, 1, "exit code");
		assert(/token/i.test(said), said);
		return said.trim();
	});
}

// What listen.py says of the sources it has handed on.
const sources = (own) => own.scribe.lines.map((line) => JSON.parse(line))
	.filter((line) => line.label);

async function listeners(t, scene, own, room, clients) {
	await t.must("ffmpeg gets the call, and the room is told", async () => {
		own.filmed = path.join(t.scratch, "filmed");
		own.scribe = start(t, own, room, "scribe", example("feed/listen.py"),
			"--output", own.filmed);
		await noticed(scene, room, "the room is told of scribe", /scribe/);
		await until("both sources go to ffmpeg", () => {
			const labels = sources(own).map((s) => s.label);
			if (clients.every((c) => labels.some((l) => l.includes(c.id))))
				return true;
			throw new Error(`${labels} ${own.scribe.said}`);
		});
	});
	await t.must("the C program hears who speaks", async () => {
		own.meter = start(t, own, room, "meter", levels());
		await noticed(scene, room, "the room is told of meter", /meter/);
		for (const client of clients) {
			await until(`${client.name} is measured`, () => {
				const line = own.meter.lines.findLast((l) =>
					l.startsWith(client.id) && l.includes("packets"));
				const [, packets, level] = /(\d+) packets {2}loudest -(\d+)/
					.exec(line ?? "") ?? [];
				if (packets >= 30 && level < 60) return line;
				throw new Error(own.meter.lines.slice(-4).join(" | "));
			});
		}
		return own.meter.lines.at(-1);
	});
	await t.step("every client shows the two programs", async () => {
		for (const client of clients) {
			await client.until("shows them", async () => {
				const names = (await client.ask("recording")).feeds
					.map((f) => f.name).sort();
				if (names.join() === "meter,scribe") return true;
				throw new Error(names.join());
			}, 10000);
		}
	});
}

async function published(t, scene, own, room, clients) {
	const bot = scene.bot.user_id;
	await t.must("a program's film is seen and heard by all", async () => {
		const file = path.join(t.scratch, "jingle.webm");
		makeFilm(file, { hz: JINGLE_HZ, seconds: 60 });
		own.jukebox = start(t, own, room, "jukebox",
			example("feed/play.py"), file);
		await noticed(scene, room, "the room is told of jukebox", /jukebox/);
		const found = [];
		for (const client of clients) {
			await client.until("lists it", async () => {
				const all = await client.ask("participants");
				const it = all.find((p) => p.display_name === "jukebox");
				if (it?.user_id === bot) return true;
				throw new Error(JSON.stringify(all));
			});
			found.push(await client.decodes(bot), await client.hears(bot));
			same(await client.tiles(bot), 1, `tiles at ${client.name}`);
		}
		return found.join("; ");
	});
}

async function unplugged(t, scene, own, room, clients) {
	await t.step("`feed stop` puts a program out", async () => {
		await scene.synapse.say(scene.users.alice, room, "feed stop jukebox");
		const { code, said } = await own.jukebox.ended();
		same(code, 0, `exit code (${said.trim()})`);
		for (const client of clients) {
			await client.until("loses its tile", async () =>
				await client.tiles(scene.bot.user_id) === 0, 10000);
		}
	});
}

async function hookProgram(t, own, entry, manifest) {
	const index = path.join(own.archive, "index.tsv");
	await t.step("the program ran at every event, in order", async () => {
		const rows = await until("delivered is in the index", () => {
			const all = fs.readFileSync(index, "utf8").trim().split("\n")
				.map((line) => line.split("\t"));
			if (all.some((row) => row[1] === "delivered")) return all;
			throw new Error(all.map((row) => row[1]).join(" "));
		}, 60000);
		const order = rows.map((row) => row[1]);
		same([...new Set(order)], EVENTS, "events");
		same(order.filter((e) => e === "track").length,
			manifest.files.length, "tracks");
		assert(rows.every((row) => row[2] === entry.id), "of another id");
		const named = rows.filter((row) => row[1] === "track")
			.map((row) => row[4]).sort();
		same(named, manifest.files.map((f) => f.name).sort(), "files");
		const copy = fs.readFileSync(path.join(own.archive,
			`${entry.id}${path.extname(manifest.composed.name)}`));
		same(sha256(copy), manifest.composed.sha256, "the copy");
		return order.join(" ");
	});
}

async function webhook(t, own, entry, manifest) {
	await t.step("the receiver got every event once, signed", async () => {
		const got = await until("delivered has arrived", () => {
			const all = own.receiver.lines.map((line) => JSON.parse(line));
			if (all.some((e) => e.event === "delivered")) return all;
			throw new Error(`${all.map((e) => e.event).join(" ")}; ` +
				own.receiver.said.split("\n").slice(-4).join(" | "));
		}, 60000);
		same(got.map((e) => e.event).sort(), ["composed", "delivered",
			"started", "stopped", ...manifest.files.map(() => "track")].sort(),
		"events");
		same(new Set(got.map((e) => e.delivery)).size, got.length, "ids");
		assert(got.every((e) => e.id === entry.id), "of another id");
		assert([...own.proxy.seen.values()].every((n) => n >= 2),
			"a delivery came through at once: nothing was tried again");
		return `${got.length} deliveries`;
	});
	await t.step("the receiver refuses what hearth did not sign", async () => {
		const body = JSON.stringify({ event: "deleted", id: entry.id });
		const post = async (timestamp, secret) => (await fetch(
			own.receiverUrl, { method: "POST", body, headers: {
				"Hearth-Event": "deleted", "Hearth-Delivery": `${Math.random()}`,
				"Hearth-Timestamp": String(timestamp),
				"Hearth-Signature": `sha256=${crypto.createHmac("sha256", secret)
					.update(`${timestamp}.${body}`).digest("hex")}` } })).status;
		const now = Math.floor(Date.now() / 1000);
		same(await post(now, "another secret"), 401, "a wrong secret");
		same(await post(now - 3600, SECRET), 401, "an hour ago");
		same(await post(now, SECRET), 204, "the right one, now");
	});
}

async function filmed(t, own, clients) {
	await t.step("what ffmpeg made of the feed plays", async () => {
		await own.scribe.stop();
		const found = [];
		for (const client of clients) {
			const { source } = sources(own).find((s) =>
				s.label.includes(client.id));
			const file = path.join(own.filmed, `${source}.mkv`);
			const { frames } = await film.frames(file);
			const seen = frames.map((f) => f.counter)
				.filter((c) => c !== null);
			for (let i = 1; i < seen.length; i++)
				assert(seen[i] > seen[i - 1],
					`${client.name}: ${seen[i]} after ${seen[i - 1]}`);
			assert(seen.length > 100, `${seen.length} frames`);
			same(film.tones(await film.sound(file), TONES),
				[client.person.tone], `tones of ${client.name}`);
			found.push(`${client.name} ${seen.length} frames`);
		}
		return found.join(", ");
	});
}

async function programsTrack(t, scene, entry, manifest) {
	await t.step("what the program played is in the recording", async () => {
		const found = filesOf(manifest, scene.bot.user_id);
		assert(found.length, "no file of it");
		assert(found.some((f) => f.tracks.some((tr) => tr.kind === "video")),
			"no picture of it");
		for (const { name } of found) {
			const samples = await film.sound(path.join(entry.dir, name));
			same(film.tones(samples, [JINGLE_HZ, ...TONES]), [JINGLE_HZ],
				`tones in ${name}`);
		}
	});
}

await main("hooks", async (t) => {
	const own = {};
	const config = await prepare(t, own);
	const scene = await setUp(t, { names: ["alice", "bob"],
		options: { workers: 1, config } });
	const room = await t.must("the bot joins the room", () =>
		roomWithBot(scene, ["alice", "bob"]));
	const clients = [];
	for (const name of ["alice", "bob"]) {
		await t.must(`${name} joins`, async () => {
			clients.push(await enter(t, scene, room, name,
				clients[0]?.browser));
		});
	}
	await t.must("they see and hear each other", () => meet(clients));
	await refused(t, own, room);
	await listeners(t, scene, own, room, clients);
	await published(t, scene, own, room, clients);
	await t.must("it is recorded for a while", async () => {
		await scene.synapse.say(scene.users.alice, room, "record");
		for (const client of clients) await recording(client, "on");
		await sleep(8000);
		await scene.synapse.say(scene.users.alice, room, "record stop");
		for (const client of clients) await recording(client, "off", 60000);
	});
	await unplugged(t, scene, own, room, clients);
	await filmed(t, own, clients);
	const [entry] = shelf(path.join(scene.hearth.stateDir, "recordings"));
	let manifest;
	await t.must("it is composed", async () => {
		manifest = await reached(entry, "composed", 240000);
	});
	await programsTrack(t, scene, entry, manifest);
	await hookProgram(t, own, entry, manifest);
	await webhook(t, own, entry, manifest);
	await t.step("the last human leaves, and so do programs", async () => {
		for (const client of clients) await client.ask("leave");
		const { code, said } = await own.meter.ended();
		same(code, 0, `exit code (${said.trim()})`);
	});
});
