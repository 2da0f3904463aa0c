// The page of sdk_call: matrix-js-sdk as published, and the few lines any
// application around it has. `sdk` is whichever version esbuild was pointed at.
import * as sdk from "sdk";

const state = {
	client: null, call: null, events: [],
	syncs: { n: 0, state: "none", at: performance.now() },
};

function note(event, detail = "") {
	state.events.push({ t: performance.now(), event, detail: String(detail) });
}

// Plays what comes, as an application does: audio has energy only when played.
function play() {
	for (const feed of state.call.getRemoteFeeds()) {
		if (document.getElementById(feed.stream.id)) continue;
		const video = document.createElement("video");
		video.id = feed.stream.id;
		video.autoplay = true;
		video.playsInline = true;
		video.srcObject = feed.stream;
		document.body.append(video);
	}
	const live = new Set(state.call.getRemoteFeeds().map((f) => f.stream.id));
	for (const video of document.querySelectorAll("video"))
		if (!live.has(video.id)) video.remove();
}

async function login(options) {
	const client = sdk.createClient({
		...options, useAuthorizationHeader: true, timelineSupport: false,
	});
	state.client = client;
	client.on("sync", (now) => {
		state.syncs = {
			n: state.syncs.n + 1, state: now, at: performance.now(),
		};
	});
	// It is the limit of every sync: of a busy call more than a few come.
	await client.startClient({ initialSyncLimit: 100 });
	await new Promise((resolve, reject) => {
		client.on("sync", (now, _, data) => {
			if (now === "PREPARED") resolve();
			if (now === "ERROR") reject(data?.error ?? new Error("sync"));
		});
	});
}

async function place(roomId, invitee) {
	const call = sdk.createNewMatrixCall(state.client, roomId,
		invitee ? { invitee } : undefined);
	if (!call) throw new Error("createNewMatrixCall gave no call");
	state.call = call;
	call.on("state", (now) => note("state", now));
	call.on("error", (error) => note("error", error));
	call.on("hangup", () => note("hangup", call.hangupReason));
	call.on("feeds_changed", play);
	await call.placeVideoCall();
	return call.callId;
}

// Counters by track: what of each feed is decoded.
async function counters() {
	const rows = new Map();
	for (const row of (await state.call.peerConn.getStats()).values())
		if (row.type === "inbound-rtp") rows.set(row.trackIdentifier, row);
	return rows;
}

async function feeds() {
	const rows = await counters();
	return state.call.getRemoteFeeds().map((feed) => {
		const of = (tracks) => rows.get(tracks[0]?.id) ?? {};
		const video = of(feed.stream.getVideoTracks());
		return {
			id: feed.stream.id, user: feed.userId, purpose: feed.purpose,
			audioMuted: feed.isAudioMuted(), videoMuted: feed.isVideoMuted(),
			frames: video.framesDecoded ?? 0, width: video.frameWidth ?? 0,
			energy: of(feed.stream.getAudioTracks()).totalAudioEnergy ?? 0,
		};
	});
}

const ufrag = (description) => /a=ice-ufrag:(\S+)/.exec(
	description?.sdp ?? "")?.[1];

// All there is to know of the connection, for whoever looks into a failure.
async function stats() {
	const pc = state.call?.peerConn;
	if (!pc) return [];
	return [...(await pc.getStats()).values()].filter((row) => [
		"inbound-rtp", "outbound-rtp", "candidate-pair", "transport",
	].includes(row.type));
}

// The m-lines of a description that have retransmissions.
function repaired(description) {
	return description.sdp.split("\r\nm=").slice(1)
		.filter((line) => line.includes("rtx/90000"))
		.map((line) => /a=mid:(\S+)/.exec(line)[1]);
}

window.page = {
	stats, login, place, feeds,
	callState: () => state.call?.state,
	events: () => state.events,
	syncs: () => ({
		...state.syncs, ago_ms: performance.now() - state.syncs.at,
	}),
	hold: (on) => state.call.setRemoteOnHold(on),
	micMuted: (on) => state.call.setMicrophoneMuted(on),
	camMuted: (on) => state.call.setLocalVideoMuted(on),
	share: (on) => state.call.setScreensharingEnabled(on),
	hangup: () => state.call.hangup("user_hangup", false),
	restartIce: () => state.call.peerConn.restartIce(),
	transport: () => ({
		ice: state.call.peerConn.iceConnectionState,
		signaling: state.call.peerConn.signalingState,
		local: ufrag(state.call.peerConn.currentLocalDescription),
		remote: ufrag(state.call.peerConn.currentRemoteDescription),
	}),
	repaired: () => ["localDescription", "remoteDescription"].map(
		(which) => repaired(state.call.peerConn[which])),
	stop: () => state.client.stopClient(),
};
