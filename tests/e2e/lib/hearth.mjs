// hearth itself, on free loopback ports, with a configuration of the run's own.
import { execFileSync, spawn } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { freeTcpPort, freeUdpPort, until } from "./net.mjs";
import { ROOT, stopChild } from "./synapse.mjs";

function program() {
	const places = [process.env.HEARTH_BIN,
		...["sfu/hearth", "hearth", "bin/hearth"].map((p) =>
			path.join(ROOT, "build/ci", p))].filter(Boolean);
	const found = places.find((p) => fs.existsSync(p));
	if (!found)
		throw new Error("hearth is not built: tests/run builds it, or " +
			"name it in HEARTH_BIN");
	return found;
}

// Loopback, and this machine's own address: Firefox pairs no candidate of its
// own with a 127.0.0.1 of the other side. The packets stay in the machine.
function mediaAddresses() {
	const own = Object.values(os.networkInterfaces()).flat().find((a) =>
		!a.internal && a.family === "IPv4");
	return own ? [own.address, "127.0.0.1"] : ["127.0.0.1"];
}

function configText(self, synapse, bot, passwordFile, workers, most, more) {
	const q = JSON.stringify;
	return `matrix:
  homeserver: ${q(synapse.url)}
  user: ${q(bot.user_id)}
  password_file: ${q(passwordFile)}
  join_url: ${q(`${self.url}/`)}
media:
  port: ${self.mediaPort}
  listen: ${q(self.media)}
  advertise: ${q(self.media)}
  workers: ${workers}
  split_load: ${workers > 1 ? 0 : 60}
  last_n: ${most.pictures}
  audio_n: ${most.sounds}
http:
  listen: ${q(self.address)}
  port: ${self.httpPort}
  web_root: ${q(process.env.HEARTH_WEB_ROOT ||
		path.join(ROOT, "web/dist"))}
log:
  level: debug
  pii: true
state_dir: ${q(self.stateDir)}
${more}`;
}

export class Hearth {
	// config: sections of hearth.yaml beside those above, as text. Over several
	// workers every conference is spread.
	// address: of its HTTP and media, where that is not this machine's own.
	// most: that one person is sent; 0: all.
	static async start(t, synapse, bot, { workers = 0, config = "",
		address, most = { pictures: 0, sounds: 0 } } = {}) {
		const self = new Hearth();
		self.address = address ?? "127.0.0.1";
		self.media = address ? [address] : mediaAddresses();
		self.httpPort = await freeTcpPort();
		self.mediaPort = await freeUdpPort();
		self.url = `http://${self.address}:${self.httpPort}`;
		self.logPath = path.join(t.artifacts, "hearth.log");
		self.stateDir = path.join(t.scratch, "hearth-state");
		self.config = path.join(t.scratch, "hearth.yaml");
		const passwordFile = path.join(t.scratch, "bot.password");
		fs.mkdirSync(self.stateDir, { mode: 0o700 });
		fs.writeFileSync(passwordFile, `${bot.password}\n`, { mode: 0o600 });
		fs.writeFileSync(self.config, configText(self, synapse, bot,
			passwordFile, workers, most, config), { mode: 0o600 });
		t.cleanup("hearth", () => self.stop());
		await self.run();
		return self;
	}

	// Also once more, after its end.
	async run() {
		const out = fs.openSync(this.logPath, "a");
		this.child = spawn(program(), ["--config", this.config],
			{ stdio: ["ignore", out, out] });
		fs.closeSync(out);
		await until("hearth says it is ready", async () => {
			this.mustRun();
			return (await fetch(`${this.url}/readyz`)).ok;
		}, 30000);
	}

	mustRun() {
		const { exitCode, signalCode } = this.child;
		if (exitCode === null && signalCode === null) return;
		const log = fs.readFileSync(this.logPath, "utf8").trimEnd();
		throw new Error(`hearth ended (${signalCode ?? exitCode}); its log:\n` +
			log.split("\n").slice(-15).join("\n"));
	}

	// Of the processes it has started: [{ pid, name }].
	children() {
		return fs.readFileSync(
			`/proc/${this.child.pid}/task/${this.child.pid}/children`, "utf8")
			.trim().split(" ").filter(Boolean).map((pid) => ({
				pid: Number(pid),
				name: fs.readFileSync(`/proc/${pid}/comm`, "utf8").trim(),
			}));
	}

	// kill -9 of the one child of that name.
	kill(name) {
		const all = this.children();
		const found = all.filter((c) => c.name === name);
		if (found.length !== 1)
			throw new Error(`children: ${JSON.stringify(all)}`);
		process.kill(found[0].pid, "SIGKILL");
		return found[0].pid;
	}

	// The one worker process (options.workers: 1).
	killWorker() {
		return this.kill("hearth-worker");
	}

	// Every worker process there is.
	killWorkers() {
		for (const { pid, name } of this.children())
			if (name === "hearth-worker") process.kill(pid, "SIGKILL");
	}

	// kill -9 of the daemon itself; its children are left to themselves.
	async killSelf() {
		const gone = new Promise((done) => this.child.once("exit", done));
		this.child.kill("SIGKILL");
		await gone;
	}

	async metrics() {
		return (await fetch(`${this.url}/metrics`)).text();
	}

	// As it names itself.
	version() {
		return execFileSync(program(), ["--version"], { encoding: "utf8" })
			.trim();
	}

	stop() {
		return this.child && stopChild(this.child, 10000);
	}
}
