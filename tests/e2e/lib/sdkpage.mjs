// A page of an unmodified matrix-js-sdk, bundled and served on loopback.
import fs from "node:fs";
import path from "node:path";
import { bundle, installed, packageVersion, servePage } from "./bundle.mjs";
import { openPage } from "./browser.mjs";
import { sleep, until } from "./net.mjs";

export const sdkVersion = packageVersion;

export async function serveSdk(t, alias) {
	return servePage(t, "sdk",
		await bundle(t, "sdk", { sdk: installed(alias) }));
}

export class SdkClient {
	// As a new device: Synapse keeps what it has answered to /sync for two
	// minutes, so that a second program on the same one would be shown the
	// first one's time step by step before its own.
	static async open(t, browser, url, synapse, user, label = user.name) {
		const self = new SdkClient();
		const device = await synapse.login(user);
		self.name = label;
		self.user = device;
		self.synapse = synapse;
		self.artifacts = t.artifacts;
		self.page = await openPage(t, browser, label);
		await self.page.goto(url);
		await self.until("has loaded the sdk", () =>
			self.page.evaluate(() => Boolean(window.page)));
		await self.ask("login", {
			baseUrl: synapse.url, accessToken: device.access_token,
			userId: device.user_id, deviceId: device.device_id,
		});
		return self;
	}

	ask(method, ...args) {
		return this.page.evaluate(
			(m, a) => window.page[m](...a), method, args);
	}

	async until(what, check, timeoutMs, everyMs) {
		try {
			return await until(`${this.name} ${what}`, check, timeoutMs,
				everyMs);
		} catch (error) {
			await this.keepStats().catch(() => undefined);
			throw error;
		}
	}

	// Twice, a second apart: what still moves is seen.
	async keepStats() {
		const twice = [await this.ask("stats")];
		await sleep(1000);
		twice.push(await this.ask("stats"));
		fs.writeFileSync(path.join(this.artifacts,
			`stats-${this.name}-${Date.now()}.json`),
		JSON.stringify(twice, null, "\t"));
	}

	// What the homeserver has of the call, and when the SDK last heard of it.
	async account(roomId) {
		const room = await this.synapse.timeline(this.user, roomId);
		const sent = room.reverse().filter((e) =>
			e.content.call_id === this.callId).map((e) =>
			`${e.type} ${e.sender.split(":")[0]}`);
		const syncs = await this.ask("syncs");
		return `in the room: ${sent.join(", ")}; ${syncs.n} syncs, ` +
			`the last one ${syncs.state} ${Math.round(syncs.ago_ms)} ms ago`;
	}

	async call(roomId, invitee) {
		this.callId = await this.ask("place", roomId, invitee);
		await this.until("is connected", async () => {
			const now = await this.ask("callState");
			if (now === "connected") return true;
			const events = await this.ask("events");
			throw new Error(`its call is ${now}; ` +
				events.map((e) => `${e.event} ${e.detail}`).join(", "));
		}, 45000).catch(async (error) => {
			const account = await this.account(roomId).catch((e) => e.message);
			throw new Error(`${error.message}; ${account}`);
		});
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
			}, 45000, 250);
		return rows.map((f) => `${f.frames} frames`).join(", ");
	}
}
