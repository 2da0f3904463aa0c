// A homeserver of the run's own: Synapse on a free loopback port, from the
// virtual environment that deploy/demo/homeserver.py keeps.
import { execFile, spawn } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { freeTcpPort, until } from "./net.mjs";

const run = promisify(execFile);
export const ROOT = path.resolve(
	path.dirname(fileURLToPath(import.meta.url)), "../../..");
const SCRIPT = path.join(ROOT, "deploy/demo/homeserver.py");

async function script(...args) {
	const { stdout } = await run("python3", ["-B", SCRIPT, ...args],
		{ maxBuffer: 1 << 20 });
	return stdout.trim();
}

export class Synapse {
	// settings: keys of its configuration to set beside the usual ones.
	// address: listened to beside loopback, and told to clients.
	static async start(t, { name = "hearth.test", settings = {},
		address } = {}) {
		const self = new Synapse();
		self.dir = path.join(t.scratch, "synapse");
		self.name = name;
		self.url = await script("init", self.dir,
			String(await freeTcpPort()), name);
		const file = path.join(self.dir, "hs.json");
		const usual = JSON.parse(fs.readFileSync(file, "utf8"));
		if (address) {
			self.url = self.url.replace("127.0.0.1", address);
			usual.listeners[0].bind_addresses.push(address);
			usual.public_baseurl = `${self.url}/`;
		}
		fs.writeFileSync(file, JSON.stringify({ ...usual, ...settings }));
		const out = fs.openSync(path.join(t.artifacts, "synapse.log"), "w");
		self.child = spawn("python3", ["-B", SCRIPT, "run", self.dir],
			{ stdio: ["ignore", out, out] });
		fs.closeSync(out);
		t.cleanup("synapse", () => self.stop());
		await until("the homeserver answers", async () => {
			if (self.child.exitCode !== null)
				throw new Error(`it ended: ${self.child.exitCode}`);
			return (await fetch(`${self.url}/_matrix/client/versions`)).ok;
		}, 60000);
		return self;
	}

	// name → { user_id, access_token, device_id, password, name }
	async register(...names) {
		const pairs = names.map((n) => `${n}=secret-${n}`);
		const made = JSON.parse(
			await script("register", this.dir, ...pairs));
		for (const name of names)
			Object.assign(made[name], { name, password: `secret-${name}` });
		return made;
	}

	async call(user, method, where, body) {
		const reply = await fetch(
			`${this.url}/_matrix/client/v3/${where}`, {
				method,
				headers: {
					Authorization: `Bearer ${user.access_token}`,
					"Content-Type": "application/json",
				},
				body: body === undefined ? undefined : JSON.stringify(body),
			});
		const json = await reply.json();
		if (!reply.ok)
			throw new Error(`${method} ${where}: ${reply.status} ` +
				JSON.stringify(json));
		return json;
	}

	// One more device of a user.
	async login(user) {
		const made = await this.call(user, "POST", "login", {
			type: "m.login.password", password: user.password,
			identifier: { type: "m.id.user", user: user.name },
		});
		return { ...made, name: user.name, password: user.password };
	}

	// A plain room of `owner`, the others invited and joined; `guests` are
	// invited only.
	async room(owner, members, guests, options = {}) {
		const { room_id: id } = await this.call(owner, "POST", "createRoom", {
			preset: "private_chat", ...options,
			invite: [...members, ...guests].map((u) => u.user_id),
		});
		for (const user of members)
			await this.call(user, "POST", `join/${encodeURIComponent(id)}`, {});
		return id;
	}

	async membership(user, roomId, of) {
		const { chunk } = await this.call(user, "GET",
			`rooms/${encodeURIComponent(roomId)}/members`);
		return chunk.find((e) => e.state_key === of.user_id)
			?.content.membership;
	}

	async say(user, roomId, text) {
		const id = `t${Date.now()}${Math.random()}`;
		const { event_id } = await this.call(user, "PUT", "rooms/" +
			`${encodeURIComponent(roomId)}/send/m.room.message/${id}`,
			{ msgtype: "m.text", body: text });
		return event_id;
	}

	// The bytes of an mxc: URI, with a user's own right to them.
	async media(user, uri) {
		const reply = await fetch(`${this.url}/_matrix/client/v1/media/` +
			`download/${uri.slice("mxc://".length)}`,
			{ headers: { Authorization: `Bearer ${user.access_token}` } });
		if (!reply.ok) throw new Error(`${uri}: ${reply.status}`);
		return Buffer.from(await reply.arrayBuffer());
	}

	// The room's newest events, newest first.
	async timeline(user, roomId, limit = 100) {
		const { chunk } = await this.call(user, "GET", "rooms/" +
			`${encodeURIComponent(roomId)}/messages?dir=b&limit=${limit}`);
		return chunk;
	}

	stop() {
		return stopChild(this.child, 10000);
	}
}

// SIGTERM, then SIGKILL; resolves to { code, signal, ms }.
export async function stopChild(child, timeoutMs) {
	const begin = Date.now();
	if (child.exitCode === null && child.signalCode === null) {
		const gone = new Promise((done) => child.once("exit", done));
		child.kill("SIGTERM");
		const timer = setTimeout(() => child.kill("SIGKILL"), timeoutMs);
		await gone;
		clearTimeout(timer);
	}
	return {
		code: child.exitCode, signal: child.signalCode,
		ms: Date.now() - begin,
	};
}
