// A page of an unmodified matrix-js-sdk, bundled and served on loopback.
import fs from "node:fs";
import http from "node:http";
import path from "node:path";
import esbuild from "esbuild";
import { openPage } from "./browser.mjs";
import { until } from "./net.mjs";
import { ROOT } from "./synapse.mjs";

const E2E = path.join(ROOT, "tests/e2e");

export function sdkVersion(alias) {
	return JSON.parse(fs.readFileSync(
		path.join(E2E, "node_modules", alias, "package.json"))).version;
}

export async function serveSdk(t, alias) {
	const { outputFiles } = await esbuild.build({
		entryPoints: [path.join(E2E, "pages/sdk.js")],
		bundle: true, write: false, outdir: t.scratch, format: "esm",
		platform: "browser", logLevel: "error",
		alias: { sdk: path.join(E2E, "node_modules", alias) },
		define: { global: "window" }, loader: { ".wasm": "file" },
	});
	const script = outputFiles.find((f) => f.path.endsWith("sdk.js"));
	const html = "<!doctype html><meta charset=utf-8><title>sdk</title>" +
		"<link rel=icon href=data:,><script type=module src=/sdk.js></script>";
	const server = http.createServer((request, reply) => {
		const js = request.url === "/sdk.js";
		reply.setHeader("Content-Type",
			js ? "text/javascript" : "text/html");
		reply.end(js ? script.contents : html);
	});
	await new Promise((done) => server.listen(0, "127.0.0.1", done));
	t.cleanup("page server", () => new Promise((done) => {
		server.close(done);
		server.closeAllConnections?.();
	}));
	return `http://127.0.0.1:${server.address().port}/`;
}

export class SdkClient {
	static async open(t, browser, url, synapse, user, label = user.name) {
		const self = new SdkClient();
		self.name = label;
		self.user = user;
		self.page = await openPage(t, browser, label);
		await self.page.goto(url);
		await self.until("has loaded the sdk", () =>
			self.page.evaluate(() => Boolean(window.page)));
		await self.ask("login", {
			baseUrl: synapse.url, accessToken: user.access_token,
			userId: user.user_id, deviceId: user.device_id,
		});
		return self;
	}

	ask(method, ...args) {
		return this.page.evaluate(
			(m, a) => window.page[m](...a), method, args);
	}

	until(what, check, timeoutMs, everyMs) {
		return until(`${this.name} ${what}`, check, timeoutMs, everyMs);
	}

	async call(roomId, invitee) {
		this.callId = await this.ask("place", roomId, invitee);
		await this.until("is connected", async () => {
			const now = await this.ask("callState");
			if (now === "connected") return true;
			const events = await this.ask("events");
			throw new Error(`its call is ${now}; ` +
				events.map((e) => `${e.event} ${e.detail}`).join(", "));
		}, 30000);
		await this.until("has ICE up", async () => {
			const { ice } = await this.ask("transport");
			if (ice === "connected" || ice === "completed") return true;
			throw new Error(ice);
		});
	}

	async feeds(purpose = "m.usermedia") {
		return (await this.ask("feeds")).filter((f) => f.purpose === purpose);
	}

	// `count` feeds of that purpose, each decoding on and on.
	async decodes(count, purpose = "m.usermedia", frames = 10) {
		const from = new Map((await this.feeds(purpose))
			.map((f) => [f.id, f.frames]));
		const rows = await this.until(`decodes ${count} ${purpose} feeds`,
			async () => {
				const now = await this.feeds(purpose);
				if (now.length === count && now.every((f) => f.width > 0 &&
					f.frames >= (from.get(f.id) ?? 0) + frames))
					return now;
				throw new Error(JSON.stringify(now));
			}, 20000, 250);
		return rows.map((f) => `${f.frames} frames`).join(", ");
	}
}
