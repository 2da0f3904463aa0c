// What a page sends and receives, ten times a second. Runs in the page before
// anything else (evaluateOnNewDocument), so it is one function that knows
// nothing of this file. The camera gives no more than asked for here.
export function meter({ width, height, fps, everyMs }) {
	if (!navigator.mediaDevices || !window.RTCPeerConnection) return;
	const peers = [], samples = [];
	let begun = 0;
	Object.defineProperty(window, "meter", { value: {
		samples: () => samples.splice(0),
		peers: () => peers,
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
			peers.push(this);
			begun ||= setInterval(sample, everyMs);
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
		"outbound-rtp": ["framesEncoded", "keyFramesEncoded", "bytesSent",
			"packetsSent", "nackCount", "pliCount", "firCount",
			"retransmittedPacketsSent"],
	};

	async function sample() {
		if (busy) return;
		busy = true;
		const at = now(), row = { at, in: {}, out: {} };
		try {
			for (const pc of peers) {
				if (pc.connectionState === "closed") continue;
				for (const s of (await pc.getStats()).values()) add(row, s);
			}
			samples.push(row);
			if (samples.length > 6000) samples.shift();
		} catch {
			// closed meanwhile
		}
		busy = false;
	}

	function add(row, s) {
		const names = COUNTERS[s.type];
		if (!names) return;
		const sums = (s.type === "inbound-rtp" ? row.in : row.out)[s.kind] ??=
			{ streams: 0, height: 0 };
		if (s.packetsReceived > 0 || s.packetsSent > 0) sums.streams++;
		sums.height = Math.max(sums.height, s.frameHeight ?? 0);
		for (const name of names)
			sums[name] = (sums[name] ?? 0) + (s[name] ?? 0);
		if (s.targetBitrate) sums.target = s.targetBitrate;
	}
}
