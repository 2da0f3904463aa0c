import assert from "node:assert/strict";
import test from "node:test";
import { createHmac } from "node:crypto";
import { token } from "../lib/token.mjs";

const KEYS = { key: "bench", secret: "a secret that is long enough for it" };
const NOW = 1_800_000_000_000;

const read = (part) => JSON.parse(Buffer.from(part, "base64url"));

test("head and claims are those that LiveKit reads", () => {
	const [head, claims] = token(KEYS, "alice", "room", NOW).split(".");
	assert.deepEqual(read(head), { alg: "HS256", typ: "JWT" });
	const { exp, nbf, ...rest } = read(claims);
	assert.deepEqual(rest, { iss: "bench", sub: "alice",
		video: { roomJoin: true, room: "room" } });
	assert.ok(nbf < NOW / 1000 && exp > NOW / 1000 + 3600);
	assert.ok(Number.isInteger(nbf) && Number.isInteger(exp));
});

test("the signature is of head and claims, by the secret", () => {
	const [head, claims, signature, ...more] =
		token(KEYS, "alice", "room", NOW).split(".");
	assert.equal(more.length, 0);
	const by = (secret) => createHmac("sha256", secret)
		.update(`${head}.${claims}`).digest("base64url");
	assert.equal(signature, by(KEYS.secret));
	assert.notEqual(signature, by("another"));
});
