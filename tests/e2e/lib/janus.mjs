// The same stand with another server: Janus' VideoRoom from Debian's package,
// and a page that does no more than call through it (pages/janus.js).
import { execFileSync, spawn } from "node:child_process";
import fs from "node:fs";
import http from "node:http";
import path from "node:path";
import { SERVERS } from "./badlink.mjs";
import { openPage } from "./browser.mjs";
import { until } from "./net.mjs";
import { CAMERA, browsers } from "./stand.mjs";
import { stopChild } from "./synapse.mjs";
import { janus } from "../pages/janus.js";
import { meter } from "../pages/meter.js";

const ROOM = 1234, PORT = 8088, PAGES = 8089;

const plugins = () => {
	const found = execFileSync("dpkg", ["-L", "janus"], { encoding: "utf8" })
		.split("\n").find((f) => f.endsWith("/libjanus_videoroom.so"));
	if (!found) throw new Error("janus is not installed; deploy/setup peers");
	return path.dirname(path.dirname(found));
};

// Whatever is not said here is Janus' own default.
function configure(folder) {
	const only = { plugins: "libjanus_videoroom.so",
		transports: "libjanus_http.so" };
	for (const [kind, file] of Object.entries(only)) {
		fs.mkdirSync(path.join(folder, kind), { recursive: true });
		fs.symlinkSync(path.join(plugins(), kind, file),
			path.join(folder, kind, file));
	}
	const texts = {
		"janus.jcfg": `general: {
  configs_folder = "${folder}"
  plugins_folder = "${folder}/plugins"
  transports_folder = "${folder}/transports"
  debug_level = 3
}
nat: { ice_enforce_list = "10.201." }
`,
		"janus.transport.http.jcfg": `general: {
  json = "compact"
  base_path = "/janus"
  http = true
  port = ${PORT}
  ip = "${SERVERS}"
  https = false
}
admin: { admin_http = false }
`,
		"janus.plugin.videoroom.jcfg": `room-${ROOM}: {
  description = "quality"
  publishers = 6
  bitrate = 0
  videocodec = "vp8"
  record = false
}
`,
	};
	for (const [name, text] of Object.entries(texts))
		fs.writeFileSync(path.join(folder, name), text);
}

async function start(t) {
	const folder = path.join(t.scratch, "janus");
	configure(folder);
	const log = fs.openSync(path.join(t.artifacts, "janus.log"), "a");
	const child = spawn("janus", ["-F", folder],
		{ stdio: ["ignore", log, log] });
	fs.closeSync(log);
	t.cleanup("janus", () => stopChild(child, 5000));
	await until("janus answers", async () =>
		(await fetch(`http://${SERVERS}:${PORT}/janus/info`)).ok, 20000);
	const pages = http.createServer((_, reply) => {
		reply.setHeader("Content-Type", "text/html");
		reply.end("<!doctype html><title>janus</title><body></body>");
	});
	await new Promise((done) => pages.listen(PAGES, SERVERS, done));
	t.cleanup("the pages", () => {
		pages.closeAllConnections();
		pages.close();
	});
}

export class JanusStand {
	static async build(t, _, names, { seed = 1 } = {}) {
		const self = new JanusStand();
		self.t = t;
		self.moves = 0;
		self.version = `janus ${execFileSync("dpkg-query", ["-W", "-f",
			"${Version}", "janus"], { encoding: "utf8" })}`;
		await t.must("janus starts", () => start(t));
		self.seats = await t.must("browsers start behind links", () =>
			browsers(t, names, seed, [`http://${SERVERS}:${PAGES}`]));
		return self;
	}

	// Who has no camera receives.
	async join(name, camera = true) {
		const seat = this.seats[name];
		const page = await openPage(this.t, seat.browser, name);
		await page.evaluateOnNewDocument(meter, CAMERA);
		await page.goto(`http://${SERVERS}:${PAGES}/`);
		seat.client = { page, name, ask: () => Promise.resolve() };
		await page.evaluate(janus, { url: `http://${SERVERS}:${PORT}/janus`,
			room: ROOM, role: camera ? "publish" : "receive" });
		return seat;
	}
}
