// Bytes that look random and are the same every time (xorshift32), here and in
// the page.
import crypto from "node:crypto";

export function noise(length, seed) {
	const out = new Uint8Array(length);
	let x = seed >>> 0 || 1;
	for (let i = 0; i < length; i++) {
		x ^= x << 13;
		x >>>= 0;
		x ^= x >>> 17;
		x ^= x << 5;
		x >>>= 0;
		out[i] = x & 255;
	}
	return out;
}

export const sha256 = (bytes) =>
	crypto.createHash("sha256").update(bytes).digest("hex");

export const base64 = (bytes) => Buffer.from(bytes).toString("base64");
