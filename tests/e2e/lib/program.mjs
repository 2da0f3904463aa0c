// The programs of examples/, as somebody would start them.
import { execFileSync, spawn } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { until } from "./net.mjs";
import { ROOT, stopChild } from "./synapse.mjs";

export const example = (...parts) => path.join(ROOT, "examples", ...parts);

// The C example, from the build that hearth is of.
export function levels() {
	const hearth = process.env.HEARTH_BIN ||
		path.join(ROOT, "build/ci/sfu/hearth");
	const found = path.resolve(path.dirname(hearth), "..",
		"examples/example_levels");
	if (!fs.existsSync(found)) throw new Error(`${found} was not built`);
	return found;
}

export class Program {
	constructor(t, name, argv, env = {}) {
		this.name = name;
		this.out = this.said = "";
		this.child = spawn(argv[0], argv.slice(1), {
			stdio: ["ignore", "pipe", "pipe"],
			env: { ...process.env, PYTHONDONTWRITEBYTECODE: "1", ...env },
		});
		const log = fs.createWriteStream(
			path.join(t.artifacts, `${name}.log`), { flags: "a" });
		this.child.stdout.on("data", (data) => {
			this.out += data;
			log.write(data);
		});
		this.child.stderr.on("data", (data) => {
			this.said += data;
			log.write(data);
		});
		t.cleanup(name, () => this.stop());
	}

	get lines() {
		return this.out.split("\n").slice(0, -1);
	}

	// Its end: { code, signal }.
	ended(timeoutMs = 15000) {
		return until(`${this.name} ends`, () => {
			const { exitCode: code, signalCode: signal } = this.child;
			return code !== null || signal !== null ?
				{ code, signal, said: this.said } : null;
		}, timeoutMs, 50);
	}

	stop() {
		return stopChild(this.child, 12000);
	}
}

// A film of a colour and a tone, as VP8 and Opus.
export function makeFilm(file, { hz, seconds }) {
	execFileSync("ffmpeg", ["-nostdin", "-v", "error", "-y", "-f", "lavfi",
		"-i", `testsrc2=size=320x240:rate=10:duration=${seconds}`, "-f",
		"lavfi", "-i", `sine=frequency=${hz}:duration=${seconds}`, "-c:v",
		"libvpx", "-deadline", "realtime", "-cpu-used", "8", "-b:v", "400k",
		"-c:a", "libopus", file]);
}
