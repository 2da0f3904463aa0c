#include "sfu/sdp/extensions.h"

#include <string.h>

/* wish: the id we would give it where the choice is ours. */
static const struct ext_known {
	const char *uri;
	bool audio, video;
	uint8_t wish;
} known[EXT_MAX] = {
	[EXT_MID] = { "urn:ietf:params:rtp-hdrext:sdes:mid", true, true, 4 },
	[EXT_RID] = { "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id", false,
		true, 10 },
	[EXT_RRID] = { "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id",
		false, true, 11 },
	[EXT_AUDIO_LEVEL] = { "urn:ietf:params:rtp-hdrext:ssrc-audio-level",
		true, false, 1 },
	[EXT_ABS_SEND_TIME] = { "http://www.webrtc.org/experiments/rtp-hdrext/"
				"abs-send-time",
		true, true, 2 },
	/* Not agreed to: a phone that may not say which way is up turns the
	 * picture itself, and every receiver and recording has it right. */
	[EXT_ORIENTATION] = { "urn:3gpp:video-orientation", false, false, 13 },
	[EXT_PLAYOUT_DELAY] = { "http://www.webrtc.org/experiments/rtp-hdrext/"
				"playout-delay",
		false, true, 5 },
	[EXT_COLOR] = { "http://www.webrtc.org/experiments/rtp-hdrext/"
			"color-space",
		false, true, 8 },
	[EXT_ABS_CAPTURE_TIME] = { "http://www.webrtc.org/experiments/"
				   "rtp-hdrext/abs-capture-time",
		true, true, 9 },
	[EXT_DEPENDENCY] = { "https://aomediacodec.github.io/av1-rtp-spec/"
			     "#dependency-descriptor-rtp-header-extension",
		false, true, 12 },
	[EXT_VIDEO_LAYERS] = { "http://www.webrtc.org/experiments/rtp-hdrext/"
			       "video-layers-allocation00",
		false, true, 14 },
	[EXT_TRANSPORT_CC] = { "http://www.ietf.org/id/draft-holmer-rmcat-"
			       "transport-wide-cc-extensions-01",
		true, true, 3 },
};

enum negotiate_ext ext_by_uri(const char *uri)
{
	int ext = 0;

	while (ext < EXT_MAX && strcmp(known[ext].uri, uri) != 0)
		ext++;
	return (enum negotiate_ext)ext;
}

const char *ext_uri(enum negotiate_ext ext)
{
	return known[ext].uri;
}

static bool feature_has(
	const struct negotiate_features *features, enum negotiate_ext ext)
{
	switch (ext) {
	case EXT_RID:
	case EXT_RRID:
		return features->simulcast;
	case EXT_TRANSPORT_CC:
		return features->twcc;
	default:
		return true;
	}
}

bool ext_fits(enum negotiate_ext ext, enum sdp_kind kind,
	const struct negotiate_features *features)
{
	if (!feature_has(features, ext))
		return false;
	return (kind == SDP_AUDIO && known[ext].audio) ||
	       (kind == SDP_VIDEO && known[ext].video);
}

enum negotiate_ext ext_table_find(const struct ext_table *t, unsigned id)
{
	int ext = 0;

	while (ext < EXT_MAX && t->id[ext] != id)
		ext++;
	return (enum negotiate_ext)ext;
}

void ext_defaults(struct ext_table *t, enum sdp_kind kind,
	const struct negotiate_features *features, bool used[256])
{
	for (int i = 0; i < EXT_MAX; i++) {
		unsigned id = known[i].wish;

		if (t->id[i] ||
			!ext_fits((enum negotiate_ext)i, kind, features))
			continue;
		/* One-byte headers have the ids 1 to 14. */
		if (used[id])
			for (id = 1; id < 15 && used[id]; id++)
				;
		if (id == 15)
			continue;
		used[id] = true;
		t->id[i] = (uint8_t)id;
		t->direction[i] = SDP_SENDRECV;
	}
}
