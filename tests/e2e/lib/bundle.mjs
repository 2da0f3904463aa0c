// Pages of packages as published: bundled with the few lines around them, and
// served.
import fs from "node:fs";
import http from "node:http";
import path from "node:path";
import esbuild from "esbuild";
import { ROOT } from "./synapse.mjs";

const E2E = path.join(ROOT, "tests/e2e");

export const installed = (name) => path.join(E2E, "node_modules", name);

export function packageVersion(name) {
	return JSON.parse(fs.readFileSync(
		path.join(installed(name), "package.json"))).version;
}

// pages/NAME.js and all that it imports. alias: of esbuild.
export async function bundle(t, name, alias = {}) {
	const { outputFiles } = await esbuild.build({
		entryPoints: [path.join(E2E, "pages", `${name}.js`)],
		bundle: true, write: false, outdir: t.scratch, format: "esm",
		platform: "browser", logLevel: "error", alias,
		define: { global: "window" }, loader: { ".wasm": "file" },
	});
	return outputFiles.find((f) => f.path.endsWith(`${name}.js`)).contents;
}

// A page of nothing but that script; returns its URL.
export async function servePage(t, name, script, address = "127.0.0.1") {
	const html = `<!doctype html><meta charset=utf-8><title>${name}</title>` +
		`<link rel=icon href=data:,>` +
		`<script type=module src=/${name}.js></script>`;
	const server = http.createServer((request, reply) => {
		const js = request.url === `/${name}.js`;
		reply.setHeader("Content-Type",
			js ? "text/javascript" : "text/html");
		reply.end(js ? script : html);
	});
	await new Promise((done) => server.listen(0, address, done));
	t.cleanup("page server", () => new Promise((done) => {
		server.close(done);
		server.closeAllConnections?.();
	}));
	return `http://${address}:${server.address().port}/`;
}
