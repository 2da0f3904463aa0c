// What a member of the room does with a recording afterwards: asks the bot for
// its links, plays it.
import { until } from "./net.mjs";

let count = 0;

// The bot's answer to org.hearth.recording.request (matrix-bot/PROTOCOL.md).
export async function askForLink(scene, user, room, id) {
	const { synapse, bot, hearth } = scene;
	const request = `r${++count}-${Date.now()}`;
	const { bot_device_id: device } =
		await (await fetch(`${hearth.url}/config.json`)).json();
	const from = await synapse.call(user, "GET", "sync?timeout=0");
	await synapse.call(user, "PUT", "sendToDevice/" +
		`org.hearth.recording.request/${request}`, { messages: {
		[bot.user_id]: { [device]: { request_id: request, room_id: room,
			recording_id: id } } } });
	let since = from.next_batch;
	return until("the bot answers for a link", async () => {
		const now = await synapse.call(user, "GET",
			`sync?timeout=2000&since=${encodeURIComponent(since)}`);
		since = now.next_batch;
		return now.to_device?.events.find((e) =>
			e.type === "org.hearth.recording.link" &&
			e.content.request_id === request)?.content;
	}, 20000);
}

// Loads an mxc: URI in the page as a client does, and lets it play.
export async function playsInPage(page, synapse, user, uri) {
	await page.goto(`${synapse.url}/_matrix/client/versions`);
	return page.evaluate(plays, `${synapse.url}/_matrix/client/v1/media/` +
		`download/${uri.slice("mxc://".length)}`, user.access_token);
}

// In the page: how it went after two seconds of playing.
async function plays(url, token) {
	const reply = await fetch(url,
		{ headers: { Authorization: `Bearer ${token}` } });
	if (!reply.ok) throw new Error(`status ${reply.status}`);
	const video = document.createElement("video");
	video.muted = true;
	video.src = URL.createObjectURL(await reply.blob());
	document.body.append(video);
	await new Promise((resolve, reject) => {
		video.oncanplay = resolve;
		video.onerror = () => reject(new Error(
			`${video.error.code} ${video.error.message}`));
	});
	await video.play();
	const end = performance.now() + 15000;
	while (video.currentTime < 2) {
		if (performance.now() > end)
			throw new Error(`it stands at ${video.currentTime} s`);
		await new Promise((done) => setTimeout(done, 100));
	}
	return { width: video.videoWidth, height: video.videoHeight,
		duration: video.duration, time: video.currentTime };
}
