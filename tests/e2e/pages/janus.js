// A page that calls through Janus' VideoRoom, as little as it takes: HTTP
// interface, one publisher, or one subscriber of the first publisher there is.
// Runs in the page; one function that knows nothing of this file. Resolves when
// the connection is up.
export async function janus({ url, room, role }) {
	let count = 0;
	const transaction = () => `t${++count}`;
	const post = async (path, body) => {
		const reply = await fetch(`${url}${path}`, { method: "POST",
			body: JSON.stringify({ ...body, transaction: transaction() }) });
		const said = await reply.json();
		if (said.janus === "error") throw new Error(said.error.reason);
		return said;
	};
	const session = (await post("", { janus: "create" })).data.id;
	const handlers = new Map();
	const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
	let heard = 0;
	const listen = async () => {
		for (;;) {
			const reply = await fetch(`${url}/${session}?maxev=10`)
				.then((r) => r.json()).catch(() => null);
			if (reply) heard++;
			else await sleep(200);
			for (const event of [reply ?? []].flat()) {
				const handler = handlers.get(event.sender);
				if (event.janus === "event") handler?.(event);
			}
		}
	};
	listen();

	async function attach(handler) {
		const id = (await post(`/${session}`, { janus: "attach",
			plugin: "janus.plugin.videoroom" })).data.id;
		handlers.set(id, handler);
		return (body, jsep) => post(`/${session}/${id}`,
			{ janus: "message", body, ...(jsep ? { jsep } : {}) });
	}

	// The description with all candidates in it.
	async function local(pc) {
		await pc.setLocalDescription();
		while (pc.iceGatheringState !== "complete")
			await new Promise((done) => setTimeout(done, 20));
		return { type: pc.localDescription.type,
			sdp: pc.localDescription.sdp };
	}

	const pc = new RTCPeerConnection();
	const up = new Promise((done) => {
		pc.addEventListener("connectionstatechange", () =>
			pc.connectionState === "connected" && done());
	});
	const answered = (event) =>
		event.jsep?.type === "answer" && pc.setRemoteDescription(event.jsep);

	if (role === "publish") {
		const media = await navigator.mediaDevices.getUserMedia(
			{ audio: true, video: true });
		for (const track of media.getTracks()) pc.addTrack(track, media);
		const tell = await attach(answered);
		await tell({ request: "joinandconfigure", ptype: "publisher", room,
			audio: true, video: true }, await local(pc));
		return up;
	}

	pc.addEventListener("track", ({ track }) => {
		const element = document.createElement(track.kind);
		element.autoplay = true;
		element.muted = track.kind === "video";
		element.srcObject = new MediaStream([track]);
		document.body.append(element);
	});
	const feed = await new Promise((done, failed) => {
		attach(({ plugindata: { data } }) => data.publishers?.length &&
			done(data.publishers[0].id)).then((tell) =>
			tell({ request: "join", ptype: "publisher", room })).catch(failed);
	});
	const tell = await attach(async ({ jsep }) => {
		if (jsep?.type !== "offer") return;
		await pc.setRemoteDescription(jsep);
		await tell({ request: "start" }, await local(pc));
	});
	// The next event goes to a poll from the old address, which Janus does not
	// know to be dead; and it makes no second offer before it has an answer to
	// the first. So events must arrive again before it is asked for one.
	const restart = async () => {
		for (const before = heard; heard === before; await sleep(100))
			await tell({ request: "configure" }).catch(() => undefined);
		await tell({ request: "configure", restart: true });
	};
	pc.addEventListener("iceconnectionstatechange", () =>
		pc.iceConnectionState === "failed" && restart());
	addEventListener("online", restart);
	await tell({ request: "join", ptype: "subscriber", room,
		streams: [{ feed }] });
	return up;
}
