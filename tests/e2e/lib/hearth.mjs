// hearth itself, on free loopback ports, with a configuration of the run's own.
import { spawn } from "node:child_process";
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

function configText(self, synapse, bot, passwordFile, stateDir, workers) {
	const q = JSON.stringify;
	return `matrix:
  homeserver: ${q(synapse.url)}
  user: ${q(bot.user_id)}
  password_file: ${q(passwordFile)}
  join_url: ${q(`${self.url}/`)}
media:
  port: ${self.mediaPort}
  listen: ${q(mediaAddresses())}
  advertise: ${q(mediaAddresses())}
  workers: ${workers}
http:
  listen: "127.0.0.1"
  port: ${self.httpPort}
  web_root: ${q(process.env.HEARTH_WEB_ROOT ||
		path.join(ROOT, "web/dist"))}
log:
  level: debug
  pii: true
state_dir: ${q(stateDir)}
`;
}

export class Hearth {
	static async start(t, synapse, bot, { workers = 0 } = {}) {
		const self = new Hearth();
		self.httpPort = await freeTcpPort();
		self.mediaPort = await freeUdpPort();
		self.url = `http://127.0.0.1:${self.httpPort}`;
		self.logPath = path.join(t.artifacts, "hearth.log");
		const stateDir = path.join(t.scratch, "hearth-state");
		const passwordFile = path.join(t.scratch, "bot.password");
		const config = path.join(t.scratch, "hearth.yaml");
		fs.mkdirSync(stateDir, { mode: 0o700 });
		fs.writeFileSync(passwordFile, `${bot.password}\n`, { mode: 0o600 });
		fs.writeFileSync(config, configText(self, synapse, bot,
			passwordFile, stateDir, workers), { mode: 0o600 });
		const out = fs.openSync(self.logPath, "w");
		self.child = spawn(program(), ["--config", config],
			{ stdio: ["ignore", out, out] });
		fs.closeSync(out);
		t.cleanup("hearth", () => self.stop());
		await until("hearth says it is ready", async () => {
			self.mustRun();
			return (await fetch(`${self.url}/readyz`)).ok;
		}, 30000);
		return self;
	}

	mustRun() {
		const { exitCode, signalCode } = this.child;
		if (exitCode === null && signalCode === null) return;
		const log = fs.readFileSync(this.logPath, "utf8").trimEnd();
		throw new Error(`hearth ended (${signalCode ?? exitCode}); its log:\n` +
			log.split("\n").slice(-15).join("\n"));
	}

	// kill -9 of the one worker process (options.workers: 1).
	killWorker() {
		const children = fs.readFileSync(
			`/proc/${this.child.pid}/task/${this.child.pid}/children`, "utf8");
		const [pid, ...more] = children.trim().split(" ").map(Number);
		if (!pid || more.length) throw new Error(`children: "${children}"`);
		process.kill(pid, "SIGKILL");
	}

	async metrics() {
		return (await fetch(`${this.url}/metrics`)).text();
	}

	stop() {
		return stopChild(this.child, 10000);
	}
}
