// Free loopback ports and small HTTP.
import dgram from "node:dgram";
import net from "node:net";

export function freeTcpPort() {
	return new Promise((resolve, reject) => {
		const server = net.createServer();
		server.on("error", reject);
		server.listen(0, "127.0.0.1", () => {
			const { port } = server.address();
			server.close(() => resolve(port));
		});
	});
}

export function freeUdpPort() {
	return new Promise((resolve, reject) => {
		const socket = dgram.createSocket("udp4");
		socket.on("error", reject);
		socket.bind(0, "127.0.0.1", () => {
			const { port } = socket.address();
			socket.close(() => resolve(port));
		});
	});
}

export const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

// Asks until check() gives something truthy; its last answer or error is the
// reason when it never does.
export async function until(what, check, timeoutMs = 30000, everyMs = 100) {
	const end = Date.now() + timeoutMs;
	let last;
	for (;;) {
		try {
			last = await check();
			if (last) return last;
		} catch (error) {
			last = error;
		}
		if (Date.now() > end) break;
		await sleep(everyMs);
	}
	const why = last instanceof Error ? `: ${last.message}` : "";
	throw new Error(`${what}: not within ${timeoutMs / 1000} s${why}`);
}
