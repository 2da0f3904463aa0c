// The scenario grid: each condition on one receiver's link, what is measured
// under it, and the bar. A row's run(stand, how) returns { measured, met } and
// whatever else is worth keeping; the bars are those of the design, whether
// hearth reaches them yet or not.
import { MOVE_MS } from "./badlink.mjs";
import { sleep, until } from "./net.mjs";
import { Crowd } from "./crowd.mjs";
import { difference, frozen } from "./samples.mjs";
import { framesAfter, measure, MOST, soundAfter } from "./stand.mjs";

const SETTLE_MS = 3000, TRIES = 3, CAMERA_FPS = 15;
const RTT50 = ["both clean", "both delay 25"];

const n = (value, digits = 0) => Number(value).toFixed(digits);

const percentile = (values, p) => {
	const sorted = [...values].sort((a, b) => a - b);
	return sorted[Math.min(sorted.length - 1,
		Math.ceil(sorted.length * p / 100) - 1)];
};

// The link is `orders` from now on; what follows is not of the time before.
async function conditions(seat, ...orders) {
	await seat.link.order(...RTT50, ...orders);
	await sleep(SETTLE_MS);
}

async function flows(stand) {
	const { bob } = stand.seats;
	await bob.link.order(...RTT50);
	const from = Date.now();
	await framesAfter(bob, from, 30, 60000);
}

// Both seats at once. A machine whose CPUs are wanted elsewhere makes the sender
// stutter: such a window says nothing of the network and is repeated; the last
// one counts, and is told to be `disturbed`.
async function both(stand, seconds) {
	const { alice, bob } = stand.seats;
	for (let i = 1;; i++) {
		const [a, b] = await Promise.all([measure(alice, seconds),
			measure(bob, seconds)]);
		const disturbed = a.out.fps < 0.85 * CAMERA_FPS;
		if (!disturbed || i === TRIES)
			return { ...b, publisher: a.out, disturbed };
	}
}

// Q1. From the server's description to the first picture and sound.
async function join(stand, { rounds }) {
	const { bob } = stand.seats;
	const video = [], audio = [];
	if (bob.client) await bob.leave(stand.t);
	await bob.link.order(...RTT50);
	for (let i = 0; i < rounds; i++) {
		await stand.join("bob", false);
		const begin = await bob.client.page.evaluate(
			() => window.meter.described());
		const rows = await until("picture and sound come", async () => {
			const all = await bob.rows();
			const first = (test) => all.find(test)?.at;
			const seen = { video: first((r) =>
				r.in.video?.framesDecoded > 0), audio: first((r) =>
				r.in.audio?.jitterBufferEmittedCount > 0) };
			return seen.video && seen.audio && seen;
		}, 20000);
		video.push(rows.video - begin);
		audio.push(rows.audio - begin);
		if (i + 1 < rounds) await bob.leave(stand.t);
	}
	const v = percentile(video, 95), a = percentile(audio, 95);
	return { measured: `audio ${n(a)} ms, video ${n(v)} ms ` +
		`(P95 of ${rounds}, ±100)`, met: a <= 500 && v <= 1000, video, audio };
}

const perMinute = (m) => m.freezes * 60 / m.seconds;
const stutter = (m) => m.disturbed ? " (busy machine: the publisher sent " +
	`${n(m.publisher.fps, 1)} fps)` : "";
const told = (m) => `${n(perMinute(m), 1)} freezes/min (${n(m.frozenMs)} ms), ` +
	`concealed ${n(m.concealed, 1)} %, ${n(m.fps, 1)} fps, ${m.height} lines, ` +
	`${n(m.videoKbps)} kbit/s${stutter(m)}`;

// The same call without loss, once a run: what the others are compared with.
async function clean(stand, { seconds }) {
	if (!stand.clean) {
		await conditions(stand.seats.bob);
		stand.clean = await both(stand, seconds);
	}
	return stand.clean;
}

async function underLoss(stand, how, percent) {
	await clean(stand, how);
	const { bob } = stand.seats;
	await conditions(bob, `down loss ${percent}`);
	return both(stand, how.seconds);
}

async function loss5(stand, how) {
	const m = await underLoss(stand, how, 5);
	return { measured: told(m), met: m.freezes === 0 && m.concealed < 1,
		facts: m };
}

async function loss10(stand, how) {
	const m = await underLoss(stand, how, 10);
	const kept = 100 * m.videoKbps / stand.clean.videoKbps;
	return { measured: `${told(m)}, ${n(kept)} % of the clean rate`,
		// A window is as long as its samples are apart: 59.9 s are a minute.
		met: perMinute(m) < 1.05 && kept >= 80, facts: m };
}

async function loss20(stand, how) {
	const m = await underLoss(stand, how, 20);
	return { measured: told(m), met: m.fps >= 10 && m.concealed < 5,
		facts: m };
}

// The moment that `looked` for; Infinity where it did not come in time.
const orNever = (looked) => looked.catch(() => Infinity);

const within = (ms, patienceMs) =>
	Number.isFinite(ms) ? `after ${n(ms)} ms` :
		`not within ${patienceMs / 1000} s`;

export const callsOf = (seat) => seat.client.page.evaluate(
	() => window.meter.calls());

// Q5. From the moment that the link is back.
async function outage(stand, { rounds }) {
	const { bob } = stand.seats;
	const patience = 20000, took = {};
	await conditions(bob);
	const calls = await callsOf(bob);
	for (const ms of [200, 2000]) {
		took[ms] = [];
		for (let i = 0; i < rounds; i++) {
			const back = Date.now() + ms;
			await bob.link.order(`outage ${ms}`);
			await sleep(ms);
			took[ms].push(await orNever(
				framesAfter(bob, back, 3, patience)) - back);
			if (!Number.isFinite(took[ms].at(-1))) break;
			await sleep(4000);
		}
	}
	const short = Math.max(...took[200]), long = Math.max(...took[2000]);
	const again = await callsOf(bob) - calls;
	return { measured: `200 ms: back ${within(short, patience)}, 2 s: back ` +
		`${within(long, patience)} (worst of ${rounds}), ${again} new calls`,
	met: short <= 1000 && long <= 2000 && again === 0, took };
}

// Q6. The sender's own rate is looked at too: nobody else may lose by it.
async function cap300(stand, how) {
	const { bob } = stand.seats;
	await conditions(bob);
	const before = await both(stand, how.seconds / 2);
	await conditions(bob, "down queue 500", "down rate 300k");
	const m = await both(stand, how.seconds);
	const kept = 100 * m.publisher.kbps / before.publisher.kbps;
	return { measured: `concealed ${n(m.concealed, 1)} %, ${n(m.fps, 1)} fps ` +
		`of ${m.height} lines, queue p95 ${m.link.down.wait_p95_ms} ms, ` +
		`publisher's rate ${n(kept)} %${stutter(m)}`,
	met: m.concealed < 1 && m.fps >= 5 && m.link.down.wait_p95_ms < 200 &&
		kept >= 90, facts: m };
}

// Q7. When the queue is short again (and stays so), and what froze until then.
async function stepDown(stand) {
	const { bob } = stand.seats;
	await conditions(bob, "down queue 500", "down rate 2M");
	await bob.rows();
	const begin = Date.now();
	await bob.link.order("down rate 500k");
	let settled = 0;
	while (Date.now() - begin < 15000) {
		await bob.link.order("reset");
		await sleep(250);
		if ((await bob.link.count()).down.wait_p95_ms >= 200)
			settled = Date.now() - begin;
	}
	const rows = await bob.rows();
	const from = rows.findLast((r) => r.at <= begin);
	const m = frozen(difference(from, rows.at(-1)),
		rows.filter((r) => r.at >= begin));
	const when = settled > 14000 ? "never" : `within ${n(settled)} ms`;
	return { measured: `queue below 200 ms ${when}, frozen ` +
		`${n(m.frozenMs)} ms, then ${m.height} lines`,
	met: settled <= 2000 && m.frozenMs <= 500, facts: m };
}

// Q8. When the best picture is there and moves as it does on a clean link.
async function stepUp(stand, how) {
	const { bob } = stand.seats;
	const good = await clean(stand, how);
	await conditions(bob, "down queue 500", "down rate 500k");
	await sleep(10000);
	const begin = Date.now();
	await bob.link.order("down rate 4M");
	const patience = 30000;
	const top = await orNever(until("the best layer is there", async () => {
		const rows = (await bob.rows()).filter((r) => r.at > begin);
		return rows.find((row) => {
			const then = rows.find((r) => r.at >= row.at - 2000);
			if (row.at - then.at < 1500) return false;
			const d = difference(then, row);
			return d.height >= good.height && d.fps >= 0.8 * good.fps &&
				d.videoKbps >= 0.7 * good.videoKbps;
		})?.at;
	}, patience, 250));
	return { measured: `top layer ${within(top - begin, patience)}`,
	met: top - begin <= 10000 };
}

// Q10. Each lost packet may be asked for, and sent again, once or twice.
async function rtt300(stand, how) {
	const good = await clean(stand, how);
	const { bob } = stand.seats;
	await conditions(bob, "both delay 150", "down loss 2");
	const m = await both(stand, how.seconds);
	const { down } = m.link;
	const asked = m.nacks / Math.max(1, down.lost);
	const more = 100 * (down.bytes / m.seconds) /
		(good.link.down.bytes / good.seconds);
	return { measured: `${told(m)}, ${n(asked, 2)} NACKs per lost packet, ` +
		`${n(more)} % of the clean bytes`,
	met: asked <= 2 && more <= 115 && m.fps >= good.fps / 2, facts: m };
}

// Q12. The browser has another address: nothing of the old one gets through.
// Counted from when it has that address, as an outage is from its end; a call
// that does not come back ends the row.
async function move(stand, { rounds }) {
	const { bob } = stand.seats;
	const patience = 40000, took = [], moves = [];
	await conditions(bob);
	const calls = await callsOf(bob);
	for (let i = 0; i < rounds; i++) {
		const there = Date.now() + MOVE_MS;
		await bob.link.move(10 + stand.moves++);
		const came = await orNever(Promise.all([
			framesAfter(bob, there, 3, patience),
			soundAfter(bob, there, patience)]));
		moves.push({ there, came });
		took.push(Math.max(...[came].flat()) - there);
		if (!Number.isFinite(took.at(-1))) break;
		await sleep(4000);
	}
	const again = await callsOf(bob) - calls;
	return { measured: `media ${took.map((ms) =>
		within(ms, patience)).join(", ")} (and ${MOVE_MS} ms without any ` +
		`network before), ${again} new calls`,
	met: Math.max(...took) <= 3000, took, moves, log: await bob.client.log?.() };
}

// Of several sizes that are sent each of the nine gets one; who gets next to
// nothing loses nothing either.
const LEAST_SHARE = 0.1;

// Nine good receivers and the publisher, while bob's link is good and while it is
// as bad as it gets: nothing of that may reach them.
async function isolation(stand, { seconds }) {
	const { bob } = stand.seats;
	const crowd = Crowd.start(stand.t, stand, stand.scene.users.carol);
	try {
		for (let id = 1; id <= 9; id++) await crowd.join(id, "receive");
		await crowd.connected(9);
		await conditions(bob);
		const good = await withCrowd(stand, crowd, seconds);
		await conditions(bob, "down queue 500", "down rate 200k",
			"down loss 10");
		const bad = await withCrowd(stand, crowd, seconds);
		const more = 60 * (bad.publisher.plis - good.publisher.plis) / seconds;
		const kept = 100 * bad.publisher.kbps / good.publisher.kbps;
		return { measured: `the nine get ${n(100 * bad.share, 1)} % of what ` +
			`is sent (${n(100 * good.share, 1)} % before), publisher: ` +
			`${n(kept)} % of its rate, ${n(more, 1)} more key frame ` +
			`requests/min${stutter(bad)}`,
		met: good.share >= LEAST_SHARE && bad.share >= 0.99 * good.share &&
			kept >= 90 && more <= 1,
		good, bad };
	} finally {
		await crowd.leave();
	}
}

// share: packets that the worst of the crowd got, of those the publisher sent.
async function withCrowd(stand, crowd, seconds) {
	const got = async () => (await crowd.count()).map((c) => c.video_packets);
	const { alice } = stand.seats;
	const sent = async () => (await alice.rows()).at(-1).out.video.packetsSent;
	const [before, from] = [await got(), await sent()];
	const { publisher, disturbed, link } = await both(stand, seconds);
	const [after, to] = [await got(), await sent()];
	return { publisher, disturbed, link, share: Math.min(
		...after.map((v, i) => v - before[i])) / (to - from) };
}

// Q14. The others are made of numbers: nobody could decode 49 films here.
async function fifty(stand, { seconds }) {
	const { bob } = stand.seats;
	const crowd = Crowd.start(stand.t, stand, stand.scene.users.carol);
	try {
		for (let id = 1; id <= 48; id++)
			await crowd.join(id, "publish 15 2");
		await crowd.connected(48);
		await conditions(bob);
		await bob.link.order("reset");
		await sleep(seconds * 1000);
		const { seconds: s, down } = await bob.link.count();
		const mbps = down.bytes * 8 / 1e6 / s;
		// Less than one picture of the crowd: nothing was to be saved.
		return { measured: `${n(mbps, 2)} Mbit/s down`,
			met: mbps <= 2.5 && mbps >= 0.26, down };
	} finally {
		await crowd.leave();
	}
}

// own: what only hearth's own clients can be put into.
export const GRID = [
	{ id: "Q1", what: "join at 50 ms RTT",
		bar: "audio ≤ 500 ms, video ≤ 1 s", run: join },
	{ id: "Q2", what: "5 % loss",
		bar: "0 freezes/min, concealed < 1 %", run: loss5 },
	{ id: "Q3", what: "10 % loss",
		bar: "≤ 1 freeze/min, ≥ 80 % of the clean rate", run: loss10 },
	{ id: "Q4", what: "20 % loss",
		bar: "≥ 10 fps, concealed < 5 %", run: loss20 },
	{ id: "Q5", what: "outage of 200 ms / 2 s",
		bar: "≤ 1 s / ≤ 2 s after it, same call", run: outage },
	{ id: "Q6", what: "cap of 300 kbit/s",
		bar: "concealed < 1 %, ≥ 5 fps, queue p95 < 200 ms, publisher ≥ 90 %",
		run: cap300 },
	{ id: "Q7", what: "2 Mbit/s → 500 kbit/s",
		bar: "settled ≤ 2 s, frozen ≤ 500 ms", run: stepDown },
	{ id: "Q8", what: "500 kbit/s → 4 Mbit/s",
		bar: "top layer ≤ 10 s", run: stepUp },
	{ id: "Q10", what: "RTT 300 ms, 2 % loss",
		bar: "≤ 2 NACKs per loss, ≤ 115 % of the bytes, ≥ half the fps",
		run: rtt300 },
	{ id: "Q12", what: "address change",
		bar: "media ≤ 3 s", run: move },
	{ id: "Q14", own: true,
		what: `one of 50, ${MOST.pictures} pictures, ${MOST.sounds} sounds`,
		bar: "0.26 to 2.5 Mbit/s down", run: fifty },
	{ id: "isolation", own: true, what: "one of ten at 200 kbit/s, 10 % loss",
		bar: "the nine ≥ 99 %, publisher ≥ 90 %, ≤ 1 more PLI/min",
		run: isolation },
];

// A picture comes, within a minute at the latest; a call that the row before has
// broken is made anew.
async function working(stand) {
	try {
		await flows(stand);
	} catch {
		await stand.seats.bob.leave(stand.t);
		await stand.join("bob", false);
		await flows(stand);
	}
}

// One row, from a good link to a good link.
export async function measureRow(stand, row, how) {
	if (row.id !== "Q1") await working(stand);
	const begin = Date.now();
	const found = await row.run(stand, how);
	await stand.seats.bob.link.order(...RTT50);
	return { id: row.id, what: row.what, bar: row.bar,
		lasted_s: Math.round((Date.now() - begin) / 1000), ...found };
}
