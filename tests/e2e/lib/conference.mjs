// The scene of the tests: a homeserver, hearth, a room with the bot in it.
import { until } from "./net.mjs";
import { Hearth } from "./hearth.mjs";
import { Synapse } from "./synapse.mjs";

// homeserver: of Synapse.start.
export async function setUp(t, { names, options = {}, homeserver = {} }) {
	const scene = {};
	await t.must("a homeserver starts and has the users", async () => {
		scene.synapse = await Synapse.start(t, homeserver);
		scene.users = await scene.synapse.register("hearth", ...names);
		scene.bot = scene.users.hearth;
	});
	await t.must("hearth starts and is ready", async () => {
		scene.hearth = await Hearth.start(t, scene.synapse, scene.bot, options);
	});
	return scene;
}

// A room of `names` that the bot was invited to and joined.
export async function roomWithBot(scene, names, options = {}) {
	const { synapse, users, bot } = scene;
	const [owner, ...members] = names.map((n) => users[n]);
	const room = await synapse.room(owner, members, [bot], options);
	await until("the bot joins the room it is invited to", async () => {
		scene.hearth.mustRun();
		return await synapse.membership(owner, room, bot) === "join";
	}, 15000);
	return room;
}

export function link(scene, room, name) {
	const { password } = scene.users[name];
	return `${scene.hearth.url}/#/room/${encodeURIComponent(room)}` +
		`?user=${name}&password=${encodeURIComponent(password)}`;
}
