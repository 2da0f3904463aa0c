// Browsers behind bad links. The test itself runs in a network namespace of its
// own that holds the servers; each BadLink is the way from there to one more
// namespace (tests/net/badlink.c), where a browser lives. All of them end with
// the processes in them, however those end.
import { execFileSync, spawn } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { ROOT, stopChild } from "./synapse.mjs";

// How long a browser that moves has no network at all (MOVE_US of badlink.c).
export const MOVE_MS = 500;

// Where the servers are, for everybody.
export const SERVERS = "10.200.0.1";

// Runs this very program again in a namespace of its own, and gives that one's
// exit code; returns when it is there.
export async function alone() {
	const outside = Object.values(os.networkInterfaces()).flat()
		.some((a) => !a.internal);
	if (!outside) {
		execFileSync("ip", ["link", "set", "lo", "up"]);
		execFileSync("ip", ["address", "replace", `${SERVERS}/32`, "dev", "lo"]);
		return;
	}
	const child = spawn("unshare", ["--net", "--", process.execPath,
		...process.argv.slice(1)], { stdio: "inherit" });
	for (const signal of ["SIGINT", "SIGTERM"])
		process.on(signal, () => child.kill(signal));
	process.exit(await new Promise((done) => {
		child.on("error", () => done(1));
		child.on("exit", (code) => done(code ?? 1));
	}));
}

function program() {
	const hearth = process.env.HEARTH_BIN ||
		path.join(ROOT, "build/ci/sfu/hearth");
	const found = path.resolve(path.dirname(hearth), "..",
		"tests/net/badlink");
	if (!fs.existsSync(found)) throw new Error(`${found} was not built`);
	return found;
}

export class BadLink {
	#child;
	#rest = "";
	#asked = [];

	// number: 0 to 255, one for each link of a test.
	static async start(t, number, seed = 1) {
		const self = new BadLink();
		self.number = number;
		self.host = 2;
		const log = fs.openSync(path.join(t.artifacts,
			`badlink-${number}.log`), "a");
		self.#child = spawn(program(), [String(number), String(seed)],
			{ stdio: ["pipe", "pipe", log] });
		fs.closeSync(log);
		t.cleanup(`link ${number}`, () => stopChild(self.#child, 2000));
		self.#child.stdin.on("error", () => undefined);
		self.#child.stdout.on("data", (data) => self.#heard(data));
		self.#child.on("exit", () => self.#gone());
		const ready = await self.#answer();
		self.enter = ["nsenter", `--net=/proc/${ready.pid}/ns/net`, "--"];
		return self;
	}

	#heard(data) {
		const lines = (this.#rest + data).split("\n");
		this.#rest = lines.pop();
		for (const line of lines) this.#asked.shift()?.done(JSON.parse(line));
	}

	#gone() {
		for (const { failed } of this.#asked.splice(0))
			failed(new Error(`link ${this.number} is gone`));
	}

	#answer() {
		return new Promise((done, failed) =>
			this.#asked.push({ done, failed }));
	}

	// Lines of tests/net/orders.h.
	async order(...lines) {
		for (const line of lines) {
			this.#child.stdin.write(`${line}\n`);
			const said = await this.#answer();
			if (!said.ok) throw new Error(`"${line}": ${said.why}`);
		}
	}

	// Another network: the browser has another address there (host: the last
	// byte), and its TCP connections are reset, as phones do. Without `reset`
	// they hang, as on a Linux desktop.
	async move(host, { reset = true } = {}) {
		const network = `10.201.${this.number}`;
		const old = `${network}.${this.host}`;
		this.host = host;
		await this.order(`address ${network}.${host}`);
		const [program, ...before] = this.enter;
		if (reset)
			execFileSync(program, [...before, "ss", "-K", "-t", "src", old],
				{ stdio: "ignore" });
	}

	// Counters since the last "reset": { seconds, down, up }.
	count() {
		this.#child.stdin.write("count\n");
		return this.#answer();
	}
}
