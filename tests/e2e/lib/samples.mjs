// What rows of pages/meter.js say: sums over the time between them.

// A freeze is counted when it ends: the one that lasts is added.
export function frozen(m, rows) {
	const frames = (row) => row.in.video?.framesDecoded ?? 0;
	const end = rows.at(-1);
	const since = end.at - rows.find((r) => frames(r) === frames(end)).at;
	return since < 500 ? m :
		{ ...m, freezes: m.freezes + 1, frozenMs: m.frozenMs + since };
}

// Frames that were encoded: of several sizes each picture is counted once, by the
// size that was sent most.
function pictures(a, b) {
	const [before, after] = [a, b].map((row) => row.out.video?.frames ?? {});
	return Math.max(0, ...Object.entries(after).map(([rid, count]) =>
		count - (before[rid] ?? 0)));
}

// Of two rows of one page: what came and went between them.
export function difference(a, b) {
	const of = (kind, name, side = "in") =>
		(b[side][kind]?.[name] ?? 0) - (a[side][kind]?.[name] ?? 0);
	const seconds = (b.at - a.at) / 1000;
	const samples = of("audio", "totalSamplesReceived");
	const concealed = of("audio", "concealedSamples") -
		of("audio", "silentConcealedSamples");
	return {
		seconds,
		fps: of("video", "framesDecoded") / seconds,
		height: b.in.video?.height ?? 0,
		freezes: of("video", "freezeCount"),
		frozenMs: of("video", "totalFreezesDuration") * 1000,
		kbps: (of("video", "bytesReceived") + of("audio", "bytesReceived")) *
			8 / 1000 / seconds,
		videoKbps: of("video", "bytesReceived") * 8 / 1000 / seconds,
		concealed: samples > 0 ? 100 * concealed / samples : 100,
		concealedAll: samples > 0 ?
			100 * of("audio", "concealedSamples") / samples : 100,
		nacks: of("video", "nackCount") + of("audio", "nackCount"),
		plis: of("video", "pliCount"),
		// What comes again in a stream of its own (RFC 4588) stays lost to
		// packetsLost; without one it does not.
		lost: Math.max(0, of("video", "packetsLost") -
			of("video", "retransmittedPacketsReceived")),
		packets: of("video", "packetsReceived"),
		jitterMs: 1000 * of("video", "jitterBufferDelay") /
			Math.max(1, of("video", "jitterBufferEmittedCount")),
		out: {
			kbps: of("video", "bytesSent", "out") * 8 / 1000 / seconds,
			plis: of("video", "pliCount", "out"),
			keys: of("video", "keyFramesEncoded", "out"),
			fps: pictures(a, b) / seconds,
			height: b.out.video?.height ?? 0,
		},
	};
}
