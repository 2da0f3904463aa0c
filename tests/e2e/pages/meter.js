// What a page sends and receives, ten times a second. Runs in the page before
// anything else (evaluateOnNewDocument), so it is one function that knows
// nothing of this file. The camera gives no more than asked for here.
export function meter({ width, height, fps, everyMs }) {
	if (!navigator.mediaDevices || !window.RTCPeerConnection) return;
	const peers = [], samples = [];
	let begun = 0, described = null;
	Object.defineProperty(window, "meter", { value: {
		samples: () => samples.splice(0),
		calls: () => peers.length,
		// When the first description of the other side was there.
		described: () => described,
	} });
	const native = navigator.mediaDevices.getUserMedia.bind(
		navigator.mediaDevices);
	navigator.mediaDevices.getUserMedia = (wanted) => native({ ...wanted,
		...(wanted?.video ? { video: { width, height, frameRate: fps } } : {}),
	});
	const Native = window.RTCPeerConnection;
	window.RTCPeerConnection = class extends Native {
		constructor(...args) {
			super(...args);
			peers.push({ pc: this, seen: { in: {}, out: {} } });
			begun ||= setInterval(sample, everyMs);
		}

		setRemoteDescription(...args) {
			described ??= now();
			return super.setRemoteDescription(...args);
		}
	};
	const now = () => performance.timeOrigin + performance.now();
	let busy = false;

	// Which counters are summed over all streams of that kind and direction.
	const COUNTERS = {
		"inbound-rtp": ["framesDecoded", "framesReceived", "framesDropped",
			"keyFramesDecoded", "freezeCount", "totalFreezesDuration",
			"bytesReceived", "packetsReceived", "packetsLost", "nackCount",
			"pliCount", "firCount", "retransmittedPacketsReceived",
			"concealedSamples", "silentConcealedSamples",
			"totalSamplesReceived", "totalSamplesDuration",
			"jitterBufferDelay", "jitterBufferEmittedCount"],
		"outbound-rtp": ["keyFramesEncoded", "bytesSent",
			"packetsSent", "nackCount", "pliCount", "firCount",
			"retransmittedPacketsSent"],
	};

	async function sample() {
		if (busy) return;
		busy = true;
		const row = { at: now(), in: {}, out: {} };
		for (const peer of peers) {
			await look(peer);
			for (const side of ["in", "out"])
				for (const [kind, sums] of Object.entries(peer.seen[side]))
					join(row[side][kind] ??= {}, sums);
		}
		samples.push(row);
		if (samples.length > 6000) samples.shift();
		busy = false;
	}

	// What a call that is over has had stays counted.
	async function look(peer) {
		if (peer.pc.connectionState === "closed") return;
		const seen = { in: {}, out: {} };
		try {
			for (const s of (await peer.pc.getStats()).values()) add(seen, s);
			peer.seen = seen;
		} catch {
			// closed meanwhile
		}
	}

	function join(all, sums) {
		for (const [name, value] of Object.entries(sums)) {
			if (name === "frames") join(all.frames ??= {}, value);
			else if (["height", "target", "streams"].includes(name))
				all[name] = value;
			else all[name] = (all[name] ?? 0) + value;
		}
	}

	function add(seen, s) {
		const names = COUNTERS[s.type];
		if (!names) return;
		const sums = (s.type === "inbound-rtp" ? seen.in : seen.out)[s.kind] ??=
			{ streams: 0, height: 0 };
		if (s.packetsReceived > 0 || s.packetsSent > 0) sums.streams++;
		sums.height = Math.max(sums.height, s.frameHeight ?? 0);
		for (const name of names)
			sums[name] = (sums[name] ?? 0) + (s[name] ?? 0);
		if (s.targetBitrate) sums.target = s.targetBitrate;
		// By size: the same picture may be sent in several.
		if (s.framesEncoded) {
			const frames = sums.frames ??= {}, rid = s.rid ?? "";
			frames[rid] = (frames[rid] ?? 0) + s.framesEncoded;
		}
	}
}
