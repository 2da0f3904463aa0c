// The same stand with another server: LiveKit's, as bench/run peers builds and
// starts it, and a page of its own client (pages/livekit.js).
import { spawn } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import readline from "node:readline";
import { SERVERS } from "./badlink.mjs";
import { openPage } from "./browser.mjs";
import { bundle, packageVersion, servePage } from "./bundle.mjs";
import { CAMERA, browsers } from "./stand.mjs";
import { ROOT } from "./synapse.mjs";
import { token } from "./token.mjs";
import { meter } from "../pages/meter.js";

const ROOM = "quality";

// Its driver of bench/peers, whose seats are not used: { url, key, secret,
// version }. The driver ends the server when its own input ends.
async function start(t) {
	const built = path.join(ROOT, "build/peers/livekit");
	const driver = path.join(built, "driver");
	if (!fs.existsSync(driver))
		throw new Error("it is not built; bench/peers/build livekit");
	const log = fs.openSync(path.join(t.artifacts, "livekit.log"), "a");
	const child = spawn(driver, [path.join(built, "server"), "-adaptive",
		"-1", SERVERS], { stdio: ["pipe", "pipe", log] });
	fs.closeSync(log);
	const gone = new Promise((done) => child.once("exit", done));
	t.cleanup("livekit", () => {
		child.stdin.end();
		return gone;
	});
	child.stdin.on("error", () => undefined);
	for await (const line of readline.createInterface(child.stdout)) {
		const said = JSON.parse(line);
		if (said.event === "ready") return said;
		throw new Error(said.text);
	}
	throw new Error("its driver ended");
}

export class LivekitStand {
	static async build(t, _, names, { seed = 1 } = {}) {
		const self = new LivekitStand();
		self.t = t;
		self.moves = 0;
		self.server = await t.must("livekit starts", async () => start(t));
		self.url = await servePage(t, "livekit", await bundle(t, "livekit"),
			SERVERS);
		self.seats = await t.must("browsers start behind links", () =>
			browsers(t, names, seed, [new URL(self.url).origin]));
		self.version = `${self.server.version}, ` +
			`client ${packageVersion("livekit-client")}`;
		return self;
	}

	// Who has no camera receives.
	async join(name, camera = true) {
		const seat = this.seats[name];
		const page = await openPage(this.t, seat.browser, name);
		await page.evaluateOnNewDocument(meter, CAMERA);
		await page.goto(this.url);
		seat.client = { page, name, ask: (method) =>
			page.evaluate((m) => window.page[m](), method) };
		await page.evaluate((how) => window.page.join(how), {
			url: this.server.url, token: token(this.server, name, ROOM),
			camera });
		return seat;
	}
}
