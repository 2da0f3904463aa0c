// Participants without browsers: RTP-level clients (tests/net/crowd.c) that call
// through the room as anybody does, each as a user's device of its own. They name
// no streams, so each sees and hears whoever speaks and is never asked again.
import { spawn } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { SERVERS } from "./badlink.mjs";
import { until } from "./net.mjs";
import { ROOT, stopChild } from "./synapse.mjs";

function program() {
	const hearth = process.env.HEARTH_BIN ||
		path.join(ROOT, "build/ci/sfu/hearth");
	const found = path.resolve(path.dirname(hearth), "..",
		"tests/net/crowd");
	if (!fs.existsSync(found)) throw new Error(`${found} was not built`);
	return found;
}

export class Crowd {
	#child;
	#rest = "";
	#asked = [];
	#calls = [];

	// user: a member of the room, as whom all of them call.
	static start(t, stand, user) {
		const self = new Crowd();
		self.scene = stand.scene;
		self.room = stand.room;
		self.user = user;
		const log = fs.openSync(path.join(t.artifacts, "crowd.log"), "a");
		self.#child = spawn(program(), [SERVERS,
			String(stand.scene.hearth.mediaPort)],
		{ stdio: ["pipe", "pipe", log] });
		fs.closeSync(log);
		t.cleanup("the crowd", () => stopChild(self.#child, 2000));
		self.#child.stdin.on("error", () => undefined);
		self.#child.stdout.on("data", (data) => self.#heard(data));
		self.#child.on("exit", () => {
			for (const { failed } of self.#asked.splice(0))
				failed(new Error("the crowd is gone"));
		});
		return self;
	}

	#heard(data) {
		const lines = (this.#rest + data).split("\n");
		this.#rest = lines.pop();
		for (const line of lines) this.#asked.shift()?.done(JSON.parse(line));
	}

	#say(line) {
		return new Promise((done, failed) => {
			this.#asked.push({ done, failed });
			this.#child.stdin.write(`${line}\n`);
		});
	}

	#send(type, content) {
		const id = `c${Date.now()}${Math.random()}`;
		return this.scene.synapse.call(this.user, "PUT", "rooms/" +
			`${encodeURIComponent(this.room)}/send/${type}/${id}`, content);
	}

	// role: "receive" or "publish FPS PACKETS". Until its transport is up.
	async join(id, role) {
		const { synapse, bot } = this.scene;
		const { offer, why } = await this.#say(`join ${id} ${role}`);
		if (!offer) throw new Error(`client ${id}: ${why}`);
		const call = { call_id: `crowd-${id}-${Date.now()}`,
			party_id: `crowd${id}`, version: "1" };
		await this.#send("m.call.invite", { ...call, lifetime: 60000,
			invitee: bot.user_id, offer: { type: "offer", sdp: offer } });
		this.#calls.push(call);
		const answer = await until(`client ${id} is answered`, async () =>
			(await synapse.timeline(this.user, this.room, 40)).find((e) =>
				e.sender === bot.user_id &&
				e.content.call_id === call.call_id &&
				["m.call.answer", "m.call.reject", "m.call.hangup"]
					.includes(e.type)), 30000, 200);
		if (answer.type !== "m.call.answer")
			throw new Error(`client ${id}: ${answer.type} ` +
				`${answer.content.reason ?? ""}`);
		await this.#say(`answer ${id} ` +
			answer.content.answer.sdp.replaceAll(/\r?\n/g, "\x1f"));
		await this.#send("m.call.select_answer", { ...call,
			selected_party_id: answer.content.party_id });
	}

	async count() {
		return (await this.#say("count")).clients;
	}

	connected(n) {
		return until(`${n} clients are connected`, async () => {
			const all = await this.count();
			const up = all.filter((c) => c.connected).length;
			if (up === n) return true;
			throw new Error(`${up} of ${all.length}`);
		}, 30000, 200);
	}

	async leave() {
		for (const call of this.#calls.splice(0))
			await this.#send("m.call.hangup",
				{ ...call, reason: "user_hangup" });
		await stopChild(this.#child, 2000);
	}
}
