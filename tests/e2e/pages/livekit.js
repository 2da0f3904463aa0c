// A page that calls through LiveKit with its own client, as its documentation
// has an application do it: adaptive stream and dynacast on, the rest as the
// client has it (simulcast, RED, reconnecting). Who has no camera receives.
import { Room, RoomEvent, version } from "livekit-client";

let room = null;

// As large as what is published: adaptive stream asks for what is shown.
function show(track) {
	const element = track.attach();
	element.style.cssText = "width:640px;height:360px";
	document.body.append(element);
}

// Resolves when the connection is up.
async function join({ url, token, camera }) {
	room = new Room({ adaptiveStream: true, dynacast: true });
	room.on(RoomEvent.TrackSubscribed, show);
	room.on(RoomEvent.TrackUnsubscribed, (track) =>
		track.detach().forEach((element) => element.remove()));
	for (const what of ["Reconnecting", "SignalReconnecting", "Reconnected",
		"Disconnected"])
		room.on(RoomEvent[what], (detail) => console.log(what, detail));
	// No STUN servers of the public Internet, which the server would name.
	await room.connect(url, token, { rtcConfig: { iceServers: [] } });
	if (camera) await room.localParticipant.enableCameraAndMicrophone();
}

window.page = { join, leave: () => room?.disconnect(), version };
