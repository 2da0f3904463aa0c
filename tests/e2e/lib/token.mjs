// Tokens as LiveKit's server takes them: JSON Web Tokens (RFC 7519) with HS256.
import { createHmac } from "node:crypto";

const SECONDS = 6 * 3600;

const part = (value) =>
	Buffer.from(JSON.stringify(value)).toString("base64url");

// For one participant in one room.
export function token({ key, secret }, identity, room, nowMs = Date.now()) {
	const now = Math.floor(nowMs / 1000);
	const signed = `${part({ alg: "HS256", typ: "JWT" })}.` + part({
		iss: key, sub: identity, nbf: now - 60, exp: now + SECONDS,
		video: { roomJoin: true, room },
	});
	return `${signed}.` +
		createHmac("sha256", secret).update(signed).digest("base64url");
}
