// What tests of recordings share: people whose picture and sound can be checked,
// what the bot says, and the files on the disk.
import fs from "node:fs";
import path from "node:path";
import { fakeMedia, settings } from "../pages/fakemedia.js";
import { launch } from "./browser.mjs";
import { sha256 } from "./bytes.mjs";
import { Client } from "./client.mjs";
import { link } from "./conference.mjs";
import { assert, same } from "./harness.mjs";
import { until } from "./net.mjs";

// Colours whose channels tell them apart in a small picture.
export const PEOPLE = {
	alice: { kind: "chromium", tone: 440, beep: 3000, colour: "#d01010",
		channel: 0 },
	bob: { kind: "chromium", tone: 660, beep: 3700, colour: "#10b010",
		channel: 1 },
	carol: { kind: "firefox", tone: 880, colour: "#1010d0", channel: 2 },
};
for (const person of Object.values(PEOPLE))
	person.firefox = person.kind === "firefox";
export const TONES = Object.values(PEOPLE).map((p) => p.tone);

// A client with the made-up media of that person, in a browser of its own or in
// the given one.
export async function enter(t, scene, room, name, browser) {
	const person = PEOPLE[name];
	const own = browser ?? await launch(t, person.kind, name, { prefs: {
		"media.navigator.audio.fake_frequency": person.tone,
	} });
	const client = await Client.join(t, own, name, link(scene, room, name), {
		prepare: [fakeMedia, settings(person)],
	});
	client.browser = own;
	client.person = person;
	client.id = scene.users[name].user_id;
	client.made = () => client.page.evaluate(() => ({
		flashes: window.fake.flashes, samples: window.fake.samples }));
	return client;
}

// All see and hear all.
export async function meet(clients) {
	for (const client of clients) {
		for (const other of clients.filter((c) => c !== client)) {
			await client.decodes(other.id, "m.usermedia", 5);
			await client.hears(other.id);
		}
	}
}

// What the bot has said in the room, oldest first; edits as they are now.
export async function notices(scene, room) {
	const events = await scene.synapse.timeline(scene.users.alice, room, 200);
	return events.reverse().filter((e) => e.sender === scene.bot.user_id &&
		e.type === "m.room.message").map((e) => ({
		at: e.origin_server_ts, id: e.event_id, content: e.content,
		text: e.content["m.new_content"]?.body ?? e.content.body ?? "",
	}));
}

// since: no notice from before.
export function noticed(scene, room, what, pattern, timeoutMs = 20000,
	since = 0) {
	return until(what, async () => {
		const all = await notices(scene, room);
		const found = all.findLast((n) => n.at >= since &&
			pattern.test(n.text));
		if (found) return found;
		throw new Error(all.slice(-6).map((n) => n.text).join(" | "));
	}, timeoutMs, 250);
}

// Waits until the client's page says so; how it looks to a person is `shown`.
export function recording(client, state, timeoutMs = 20000) {
	return client.until(`is told that recording is ${state}`, async () => {
		const now = await client.ask("recording");
		if (now?.state === state) return now;
		throw new Error(JSON.stringify(now));
	}, timeoutMs, 100);
}

export const shown = (client) => client.page.evaluate(() => {
	const found = document.querySelector('[data-testid="recording-sign"]');
	const box = found?.getBoundingClientRect();
	return Boolean(found && !found.hidden && box.width > 0 && box.height > 0);
});

// The recordings below a directory, oldest first: { id, dir, manifest() }.
export function shelf(directory) {
	if (!fs.existsSync(directory)) return [];
	return fs.readdirSync(directory).filter((id) =>
		/^\d{8}T\d{6}Z-[0-9a-f]{8}$/.test(id)).sort().map((id) => {
		const dir = path.join(directory, id);
		return { id, dir, manifest: () => JSON.parse(
			fs.readFileSync(path.join(dir, "manifest.json"), "utf8")) };
	});
}

// Composed is finished, too.
export const reached = (entry, state, timeoutMs = 60000) => until(
	`recording ${entry.id} is ${state}`, () => {
		const manifest = entry.manifest();
		if ([state, "composed"].includes(manifest.state)) return manifest;
		throw new Error(`it is ${manifest.state}, ` +
			JSON.stringify(manifest.troubles));
	}, timeoutMs, 250);

// The manifest and the disk agree, and nobody else can read it.
export function checkFiles(entry, manifest) {
	same(fs.statSync(entry.dir).mode & 0o777, 0o700, "mode of the folder");
	for (const file of manifest.files) {
		assert(/^p\d+-(camera|screen|other)-\d+\.(webm|mkv)$/.test(file.name),
			`a file called ${file.name}`);
		const full = path.join(entry.dir, file.name);
		const bytes = fs.readFileSync(full);
		same(bytes.length, file.bytes, `bytes of ${file.name}`);
		same(sha256(bytes), file.sha256, `SHA-256 of ${file.name}`);
		same(fs.statSync(full).mode & 0o777, 0o600, `mode of ${file.name}`);
	}
}

export const filesOf = (manifest, userId) => {
	const numbers = manifest.participants.filter((p) => p.user_id === userId)
		.map((p) => p.number);
	return manifest.files.filter((f) => numbers.includes(f.participant));
};

// How many frames the publisher had sent when its counter stood at `counter`.
export function sentAt(samples, counter) {
	const i = samples.findIndex((s) => s.counter >= counter);
	if (i < 1) return samples[Math.max(i, 0)]?.frames;
	const a = samples[i - 1], b = samples[i];
	if (b.counter === a.counter) return b.frames;
	return a.frames + (b.frames - a.frames) * (counter - a.counter) /
		(b.counter - a.counter);
}
