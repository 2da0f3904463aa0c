// Runs one end-to-end test: numbered steps that say what they found, a stack of
// things to clean up, and the artifacts of the run. HEARTH_KEEP=1 keeps its
// temporary files, recordings among them.
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { ROOT } from "./synapse.mjs";

class Run {
	constructor(name) {
		this.name = name;
		this.artifacts = process.env.HEARTH_ARTIFACTS ||
			path.join(ROOT, "build/test-logs/e2e", name);
		fs.rmSync(this.artifacts, { recursive: true, force: true });
		fs.mkdirSync(this.artifacts, { recursive: true });
		this.scratch = fs.mkdtempSync(
			path.join(os.tmpdir(), `hearth-${name}-`));
		this.pages = new Map();
		this.cleanups = [];
		this.passed = 0;
		this.failures = [];
	}

	cleanup(what, action) {
		this.cleanups.push({ what, action });
	}

	// One thing to show. A failed step is told and the run goes on, so that one
	// run shows all that is wrong; `must` ends it, where nothing after makes
	// sense.
	async step(what, action) {
		const begin = Date.now();
		try {
			const said = await action();
			this.passed++;
			const seconds = ((Date.now() - begin) / 1000).toFixed(1);
			console.log(`ok    ${what} (${seconds} s)` +
				(typeof said === "string" ? `: ${said}` : ""));
			return said;
		} catch (error) {
			this.failures.push(what);
			console.log(`FAIL  ${what}: ${error.message}`);
			await this.shoot(`fail-${this.failures.length}`);
			return undefined;
		}
	}

	async must(what, action) {
		const before = this.failures.length;
		const said = await this.step(what, action);
		if (this.failures.length > before) throw new Stop(what);
		return said;
	}

	async shoot(label) {
		for (const [name, page] of this.pages) {
			const file = path.join(this.artifacts, `${label}-${name}.png`);
			await withTimeout(page.screenshot({ path: file }), 5000)
				.catch(() => undefined);
		}
	}

	// What was made since there were `from` things to clean up, newest first.
	async clean(from = 0) {
		while (this.cleanups.length > from) {
			const { what, action } = this.cleanups.pop();
			await withTimeout(Promise.resolve(action()), 20000)
				.catch((error) =>
					console.log(`cleaning up ${what}: ${error.message}`));
		}
	}

	async finish() {
		await this.clean();
		if (process.env.HEARTH_KEEP) console.log(`kept: ${this.scratch}`);
		else fs.rmSync(this.scratch, { recursive: true, force: true });
	}
}

class Stop extends Error {}

function withTimeout(promise, ms) {
	let timer;
	const late = new Promise((_, reject) => {
		timer = setTimeout(() => reject(new Error(`not within ${ms} ms`)), ms);
	});
	return Promise.race([Promise.resolve(promise), late])
		.finally(() => clearTimeout(timer));
}

export async function main(name, body) {
	const t = new Run(name);
	let finishing;
	const finish = () => (finishing ??= t.finish());
	for (const signal of ["SIGINT", "SIGTERM"]) {
		process.on(signal, () => {
			console.log(`FAIL  ${name}: ended by ${signal}`);
			finish().finally(() => process.exit(1));
		});
	}
	try {
		await body(t);
	} catch (error) {
		if (!(error instanceof Stop)) {
			t.failures.push("the test itself");
			console.log(`FAIL  the test itself: ${error.stack}`);
		}
	}
	if (t.failures.length) await t.shoot("end");
	await finish();
	if (t.passed === 0 && t.failures.length === 0)
		t.failures.push("nothing was tested");
	console.log(`${name}: ${t.passed} steps passed, ` +
		`${t.failures.length} failed; artifacts in ${t.artifacts}`);
	process.exit(t.failures.length ? 1 : 0);
}

export function assert(truth, message) {
	if (!truth) throw new Error(message);
}

export function same(found, wanted, what) {
	const a = JSON.stringify(found), b = JSON.stringify(wanted);
	assert(a === b, `${what}: expected ${b}, found ${a}`);
}
