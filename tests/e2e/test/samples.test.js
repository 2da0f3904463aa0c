import assert from "node:assert/strict";
import test from "node:test";
import { difference, frozen } from "../lib/samples.mjs";

const row = (at, incoming = {}, outgoing = {}, audio = {}) => ({ at,
	in: { video: incoming, audio }, out: { video: outgoing } });

test("a picture that is sent in two sizes is one frame", () => {
	const d = difference(row(1000, {}, { frames: { q: 100, h: 100 } }),
		row(3000, {}, { frames: { q: 130, h: 130 } }));
	assert.equal(d.out.fps, 15);
});

test("the size that was sent most counts, also one that is new", () => {
	const d = difference(row(0, {}, { frames: { q: 100, h: 500 } }),
		row(1000, {}, { frames: { q: 115, h: 505, f: 10 } }));
	assert.equal(d.out.fps, 15);
});

test("who sends nothing has no frames", () => {
	assert.equal(difference(row(0), row(1000)).out.fps, 0);
});

test("rates are of the time between the rows", () => {
	const d = difference(row(0, { framesDecoded: 10, bytesReceived: 1000 }),
		row(4000, { framesDecoded: 70, bytesReceived: 251000, height: 360 }));
	assert.deepEqual([d.fps, d.videoKbps, d.height], [15, 500, 360]);
});

test("what is concealed in silence is not heard", () => {
	const d = difference(row(0), row(1000, {}, {}, {
		totalSamplesReceived: 1000, concealedSamples: 300,
		silentConcealedSamples: 250 }));
	assert.deepEqual([d.concealed, d.concealedAll], [5, 30]);
});

test("without any sound all of it is concealed", () => {
	assert.equal(difference(row(0), row(1000)).concealed, 100);
});

test("lost is what did not come again either", () => {
	const d = difference(row(0), row(1000, { packetsLost: 10,
		retransmittedPacketsReceived: 8 }));
	assert.equal(d.lost, 2);
	assert.equal(difference(row(0), row(1000, { packetsLost: 1,
		retransmittedPacketsReceived: 4 })).lost, 0);
});

test("a freeze that lasts is added", () => {
	const m = { freezes: 1, frozenMs: 200 };
	const moving = [row(0, { framesDecoded: 1 }), row(900, { framesDecoded: 2 }),
		row(1000, { framesDecoded: 3 })];
	assert.deepEqual(frozen(m, moving), m);
	const stands = [...moving, row(2500, { framesDecoded: 3 })];
	assert.deepEqual(frozen(m, stands), { freezes: 2, frozenMs: 1700 });
});
