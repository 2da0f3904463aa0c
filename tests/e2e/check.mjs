// deploy/quickstart --check: a three-way call in the room of a running demo.
// HEARTH_LINKS: {"alice": "http://…", …}, the links that a person would open.
import { launch } from "./lib/browser.mjs";
import { Client } from "./lib/client.mjs";
import { assert, main } from "./lib/harness.mjs";

const KINDS = ["chromium", "chromium", "firefox"];

async function enter(t, name, kind, link) {
	const browser = await launch(t, kind, name);
	const client = await Client.join(t, browser, name, link);
	client.id = (await client.ask("participants")).find((p) => p.you)?.user_id;
	assert(client.id, `${name} is not in its own list of participants`);
	return client;
}

await main("check", async (t) => {
	const links = Object.entries(JSON.parse(process.env.HEARTH_LINKS ?? "{}"));
	assert(links.length === KINDS.length, "HEARTH_LINKS names no three links");
	const clients = [];
	for (const [i, [name, link]] of links.entries()) {
		await t.must(`${name} joins with ${KINDS[i]}`, async () => {
			clients.push(await enter(t, name, KINDS[i], link));
		});
	}
	for (const client of clients) {
		for (const other of clients.filter((c) => c !== client)) {
			await t.step(`${client.name} sees and hears ${other.name}`,
				async () => `${await client.decodes(other.id)}, ` +
					`${await client.hears(other.id)}`);
		}
	}
	await t.step("a message reaches the others", async () => {
		const text = `hello ${Date.now()}`;
		await clients[0].ask("sendChat", text);
		for (const client of clients.slice(1)) {
			await client.until("gets it", async () =>
				(await client.ask("chat")).some((m) => m.text === text), 10000);
		}
	});
	for (const client of clients)
		await client.ask("leave").catch(() => undefined);
});
