// Calls on bad networks: alice publishes, bob's link is made bad
// (tests/net/README.md). Two faces:
//
//   node quality.mjs                    a test of what hearth promises today
//   node quality.mjs --grid [--only Q3,Q5] [--seconds N] [--rounds N]
//                    [--servers hearth,janus,livekit] [--json FILE]
//                                       measures the whole grid and judges
//                                       nothing but itself
//
// and a third without any network: node quality.mjs --grid --table FILE...
// prints what --json has written, all files as one table.
import fs from "node:fs";
import os from "node:os";
import { parseArgs } from "node:util";
import { alone } from "./lib/badlink.mjs";
import { Crowd } from "./lib/crowd.mjs";
import { GRID, callsOf, measureRow } from "./lib/grid.mjs";
import { assert, main } from "./lib/harness.mjs";
import { JanusStand } from "./lib/janus.mjs";
import { LivekitStand } from "./lib/livekit.mjs";
import { sleep } from "./lib/net.mjs";
import { Stand, framesAfter, measure, soundAfter } from "./lib/stand.mjs";
import { summary, table } from "./lib/table.mjs";

const { values: options, positionals } = parseArgs({ options: {
	grid: { type: "boolean", default: false },
	table: { type: "boolean", default: false },
	only: { type: "string" }, json: { type: "string" },
	seconds: { type: "string" }, rounds: { type: "string" },
	seed: { type: "string", default: "1" },
	servers: { type: "string", default: "hearth" },
}, allowPositionals: true });
if (!options.table && positionals.length) {
	console.error(`what is ${positionals.join(" ")}?`);
	process.exit(2);
}

const wanted = options.only?.split(",").map((id) => id.trim());
const unknown = wanted?.filter((id) => !GRID.some((row) => row.id === id));
if (unknown?.length) {
	console.error(`there is no ${unknown.join(", ")}; ` +
		GRID.map((row) => row.id).join(", "));
	process.exit(2);
}

const STANDS = { hearth: Stand, janus: JanusStand, livekit: LivekitStand };
const servers = options.servers.split(",");
if (!servers.every((name) => name in STANDS)) {
	console.error(`servers: ${Object.keys(STANDS)}`);
	process.exit(2);
}

const print = (rows) =>
	console.log(`\n${table(GRID, rows)}\n\n${summary(rows)}\n`);

async function stand(t, server) {
	const made = await STANDS[server].build(t, ["alice", "bob", "carol"],
		["alice", "bob"], { seed: Number(options.seed) });
	await t.must("alice and bob are in a call", async () => {
		await made.join("alice");
		await made.join("bob", false);
		await framesAfter(made.seats.bob, 0, 15, 60000);
	});
	return made;
}

// One row; one that cannot be measured is in the table as well.
async function measured(made, server, row, how) {
	const of = { server, version: made.version };
	try {
		return { ...await measureRow(made, row, how), ...of };
	} catch (error) {
		const [why] = error.message.split("\n");
		return { id: row.id, what: row.what, bar: row.bar, error,
			measured: `not measured: ${why}`, met: false, ...of };
	}
}

async function gridOf(t, server, how, rows) {
	const made = await stand(t, server);
	for (const row of GRID) {
		if (wanted && !wanted.includes(row.id)) continue;
		if (row.own && server !== "hearth") continue;
		await t.step(`${server}, ${row.id}: ${row.what}`, async () => {
			const { error, ...found } = await measured(made, server, row,
				how);
			rows.push(found);
			if (error) throw error;
			return `${found.measured} (${found.met ? "met" : "not met"})`;
		});
	}
}

async function grid(t) {
	const about = { date: new Date().toISOString(), machine: {
		cpu: os.cpus()[0].model, cpus: os.cpus().length,
		kernel: `${os.type()} ${os.release()}`, load: os.loadavg()[0] } };
	const how = { seconds: Number(options.seconds ?? 40),
		rounds: Number(options.rounds ?? 5) };
	const rows = [];
	for (const server of servers) {
		const before = t.cleanups.length;
		await gridOf(t, server, how, rows);
		// The next one has the machine to itself.
		await t.clean(before);
	}
	print(rows);
	if (options.json)
		fs.writeFileSync(options.json, JSON.stringify({ ...about,
			seed: options.seed, ...how, rows: rows.map(shortened) }, null, 1));
}

// Without the samples themselves.
const shortened = ({ facts, ...row }) =>
	facts ? { ...row, facts: { ...facts, rows: undefined } } : row;

// What holds today, on any machine: a busy one stutters at the sender, but loses
// no packet of its own.
async function promises(t) {
	const made = await stand(t, "hearth");
	const { bob } = made.seats;
	const crowd = await t.must("three more join", async () => {
		const all = Crowd.start(t, made, made.scene.users.carol);
		for (let id = 1; id <= 3; id++) await all.join(id, "receive");
		await all.connected(3);
		return all;
	});
	await t.step("10 % loss: what is lost is won back", () =>
		lossy(made, crowd));
	await t.step("an outage of 2 s does not end the call", async () => {
		const calls = await callsOf(bob);
		const back = Date.now() + 2000;
		await bob.link.order("both clean", "outage 2000");
		const at = await framesAfter(bob, back, 15, 30000);
		assert(await callsOf(bob) === calls, "it called again");
		return `15 frames ${(at - back).toFixed(0)} ms after its end`;
	});
	await t.step("300 kbit/s do not end the call", async () => {
		const calls = await callsOf(bob);
		await bob.link.order("down queue 500", "down rate 300k");
		await sleep(15000);
		await bob.link.order("both clean");
		await framesAfter(bob, Date.now(), 30, 30000);
		assert(await callsOf(bob) === calls, "it called again");
	});
	await t.step("another address: media come back", async () => {
		const begin = Date.now();
		await bob.link.move(77);
		const at = await Promise.all([framesAfter(bob, begin + 500, 15, 60000),
			soundAfter(bob, begin + 500, 60000)]);
		return `picture after ${(at[0] - begin).toFixed(0)} ms, sound after ` +
			`${(at[1] - begin).toFixed(0)} ms`;
	});
	await t.step("35 s without a network: gone for the others, back by itself",
		() => offline(made));
	await crowd.leave();
}

// The server forgets him after 30 s; what is seen before that is its doing, too.
async function offline(made) {
	const { alice, bob } = made.seats;
	const begin = Date.now(), id = made.scene.users.bob.user_id;
	assert(await alice.client.tiles(id) === 1, "bob is not shown");
	await bob.link.order("outage 35000");
	const away = await alice.client.until("bob is not shown any more",
		async () => await alice.client.tiles(id) === 0 &&
			!await alice.client.sees(id) && Date.now(), 25000, 100);
	await sleep(begin + 35000 - Date.now());
	const at = await framesAfter(bob, begin + 35000, 15, 60000);
	const seen = await alice.client.until("bob is shown again",
		async () => await alice.client.tiles(id) === 1 && Date.now(), 30000,
		100);
	return `gone after ${away - begin} ms; from its end his picture took ` +
		`${(at - begin - 35000).toFixed(0)} ms, he was seen after ` +
		`${seen - begin - 35000} ms`;
}

// What the worst of the crowd gets of all that alice sends (which is several
// sizes, of which each gets one) while `during` goes on.
async function shareOf(alice, crowd, during) {
	const sent = async () => (await alice.rows()).at(-1).out.video.packetsSent;
	const got = async () => (await crowd.count()).map((c) => c.video_packets);
	const [from, before] = [await sent(), await got()];
	const result = await during();
	const [to, after] = [await sent(), await got()];
	return { share: Math.min(...after.map((v, i) => v - before[i])) /
		(to - from), result };
}

async function lossy(made, crowd) {
	const { alice, bob } = made.seats;
	await bob.link.order("both clean", "both delay 25");
	const clean = await shareOf(alice, crowd, () => measure(bob, 10));
	await bob.link.order("down loss 10");
	const { share, result: m } = await shareOf(alice, crowd,
		() => measure(bob, 15));
	const { down } = m.link;
	assert(down.lost > 0.05 * down.sent,
		`the link lost ${down.lost} of ${down.sent}`);
	assert(m.nacks > 0, "no NACK was sent");
	const missing = 100 * m.lost / (m.packets + m.lost);
	assert(missing < 3, `${missing.toFixed(1)} % stay lost`);
	const kept = 100 * share / clean.share;
	assert(kept > 97, `the others get ${kept.toFixed(1)} % of before`);
	assert(m.fps > 2, `${m.fps.toFixed(1)} fps`);
	return `${down.lost} of ${down.sent} lost, ${missing.toFixed(2)} % stay ` +
		`lost, ${m.fps.toFixed(1)} fps; the others get ` +
		`${kept.toFixed(1)} % of before (${clean.result.fps.toFixed(1)} fps)`;
}

if (options.table) {
	print(positionals.flatMap((file) =>
		JSON.parse(fs.readFileSync(file, "utf8")).rows));
	process.exit();
}
await alone();
await main("quality", async (t) => {
	if (options.grid) await grid(t);
	else await promises(t);
});
