// Headless Chromium and Firefox with made-up cameras and microphones.
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import puppeteer from "puppeteer-core";

const CHROMIUM_ARGS = [
	"--no-sandbox",
	"--disable-dev-shm-usage",
	"--disable-gpu",
	"--use-fake-ui-for-media-stream",
	"--use-fake-device-for-media-stream=display-media-type=browser",
	"--autoplay-policy=no-user-gesture-required",
	"--disable-features=WebRtcHideLocalIpsWithMdns,Translate," +
		"OptimizationHints,MediaRouter,DialMediaRouteProvider",
	"--allow-loopback-in-peer-connection",
	"--auto-accept-this-tab-capture",
	"--disable-background-networking",
	"--disable-component-update",
	"--disable-default-apps",
	"--disable-domain-reliability",
	"--disable-sync",
	"--no-first-run",
	"--no-pings",
	"--metrics-recording-only",
	"--disable-background-timer-throttling",
	"--disable-backgrounding-occluded-windows",
	"--disable-renderer-backgrounding",
	"--window-size=800,600",
];

const FIREFOX_PREFS = {
	"media.navigator.streams.fake": true,
	"media.navigator.permission.disabled": true,
	"media.autoplay.default": 0,
	"media.autoplay.blocking_policy": 0,
	"media.peerconnection.ice.loopback": true,
	"media.peerconnection.ice.obfuscate_host_addresses": false,
	"media.getusermedia.insecure.enabled": true,
	// The made-up camera gives this much; more only costs time here.
	"media.navigator.video.default_width": 640,
	"media.navigator.video.default_height": 480,
	"media.navigator.video.default_fps": 15,
	// OpenH264 would be fetched from the network.
	"media.gmp-manager.updateEnabled": false,
	"media.gmp-manager.url": "",
	"network.connectivity-service.enabled": false,
	"network.captive-portal-service.enabled": false,
	"app.update.enabled": false,
	"app.normandy.enabled": false,
	"browser.safebrowsing.malware.enabled": false,
	"browser.safebrowsing.phishing.enabled": false,
	"datareporting.healthreport.uploadEnabled": false,
	"toolkit.telemetry.enabled": false,
	"dom.min_background_timeout_value": 10,
	"extensions.getAddons.cache.enabled": false,
	"services.settings.server": "data:,#remote-settings-dummy/v1",
};

function find(...names) {
	for (const name of names) {
		try {
			return execFileSync("sh", ["-c", 'command -v "$0"', name],
				{ encoding: "utf8" }).trim();
		} catch {
			// the next one, then
		}
	}
	throw new Error(`no ${names.join(" or ")} here; deploy/setup check`);
}

// The picture that Chromium's made-up camera shows. Its own one gives as much as
// it is asked for; 720p from every page, encoded and decoded by the processor,
// is more than two cores have.
function camera(t) {
	const file = path.join(t.scratch, "camera.y4m");
	if (!fs.existsSync(file)) {
		execFileSync(find("ffmpeg"), ["-v", "error", "-f", "lavfi", "-i",
			"testsrc2=size=640x360:rate=15", "-t", "4", "-pix_fmt", "yuv420p",
			file]);
	}
	return `--use-file-for-fake-video-capture=${file}`;
}

// Firefox will not run as root in a home that is somebody else's.
function ownHome(t, name) {
	const home = path.join(t.scratch, `home-${name}`);
	fs.mkdirSync(home, { recursive: true, mode: 0o700 });
	return { ...process.env, HOME: home, XDG_RUNTIME_DIR: home,
		XDG_CONFIG_HOME: home, XDG_CACHE_HOME: home, DBUS_SESSION_BUS_ADDRESS:
		"disabled:", MOZ_HEADLESS: "1", MOZ_CRASHREPORTER_DISABLE: "1" };
}

// prefs: of Firefox, beside those above. link: the BadLink whose namespace a
// Chromium lives in. trusted: origins that count as secure without TLS. film:
// a Y4M file that its made-up camera plays.
export async function launch(t, kind, name,
	{ prefs = {}, link, trusted = [], film } = {}) {
	const common = {
		headless: true,
		env: ownHome(t, name),
		protocolTimeout: 120000,
		timeout: 60000,
		defaultViewport: { width: 800, height: 600 },
	};
	const browser = kind === "firefox"
		? await puppeteer.launch({
			...common, browser: "firefox",
			executablePath: find("firefox-esr", "firefox"),
			extraPrefsFirefox: { ...FIREFOX_PREFS, ...prefs },
		})
		: await puppeteer.launch({
			...common, browser: "chrome",
			executablePath: inside(t, link,
				find("chromium", "google-chrome")),
			// Its debugging port would be in the other namespace.
			pipe: !!link,
			args: [...CHROMIUM_ARGS, film ?
				`--use-file-for-fake-video-capture=${film}` : camera(t),
			...(trusted.length ? [
				"--unsafely-treat-insecure-origin-as-secure=" +
				trusted.join(",")] : [])],
		});
	browser.kind = kind;
	t.cleanup(`${kind} ${name}`, () => close(browser));
	return browser;
}

function inside(t, link, program) {
	if (!link) return program;
	const script = path.join(t.scratch, `enter-${link.number}`);
	fs.writeFileSync(script, `#!/bin/sh\nexec ${link.enter.join(" ")} ` +
		`${program} "$@"\n`, { mode: 0o700 });
	return script;
}

// A browser that hangs at its end is killed: it is our own child.
async function close(browser) {
	const child = browser.process();
	const timer = setTimeout(() => child?.kill("SIGKILL"), 8000);
	try {
		await browser.close();
	} finally {
		clearTimeout(timer);
		if (child && child.exitCode === null) child.kill("SIGKILL");
	}
}

// A page in a context of its own (no cookies or storage shared), with what it
// logs going to a file.
export async function openPage(t, browser, name) {
	const context = await browser.createBrowserContext();
	const page = await context.newPage();
	const log = fs.createWriteStream(
		path.join(t.artifacts, `console-${name}.log`), { flags: "a" });
	const line = (text) => log.write(
		`${new Date().toISOString()} ${text}\n`);
	page.on("console", (m) => line(`${m.type()} ${m.text()}`));
	page.on("pageerror", (e) => line(`PAGE ERROR ${e.stack ?? e}`));
	page.on("requestfailed", (r) => line(
		`FAILED ${r.url().split("#")[0]} ${r.failure()?.errorText}`));
	t.pages.set(name, page);
	return page;
}
