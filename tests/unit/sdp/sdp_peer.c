/*
 * A negotiation on a pipe, for tests/interop/sdp_browsers.mjs: each command is
 * a line, "remote-offer LEN", "remote-answer LEN" (LEN bytes of SDP follow),
 * "answer", "offer", "features" (all are on from then), "unsend INDEX" or "send
 * KIND STREAM TRACK SSRC" (its RTX has the next SSRC); each reply is "LEN\n"
 * and LEN bytes: an SDP, or a line that says what came of it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sfu/sdp/negotiate.h"

static const char *const accepted[] = { "opus", "VP8", "VP9", "H264", "AV1",
	NULL };
static const char *const candidates[] = {
	"candidate:1 1 udp 2130706431 127.0.0.1 7882 typ host"
};
static const struct negotiate_local local = {
	.ufrag = "hrth",
	.pwd = "abcdefghijklmnopqrstuvwx",
	.fingerprint = "AC:70:36:F0:F3:DD:C7:1A:7B:C6:D7:94:7D:A0:C7:C0:"
		       "E5:1A:15:A1:6A:21:6F:48:75:32:85:87:79:3F:9B:B2",
	.candidate = candidates,
	.n_candidates = 1,
	.max_message_size = 262144,
};

static const struct negotiate_features features = {
	.rtx = true, .simulcast = true, .twcc = true, .red = true
};

static void reply(const char *text)
{
	printf("%zu\n%s", strlen(text), text);
	fflush(stdout);
}

static void reply_text(char *text)
{
	reply(text ? text : "no text");
	free(text);
}

static void on_remote(struct negotiation *n, size_t len, bool offer)
{
	char *text = calloc(1, len + 1), error[SDP_ERROR_MAX] = "ok";
	struct negotiate_remote remote;

	if (text && fread(text, 1, len, stdin) == len) {
		if (offer)
			negotiation_remote_offer(n, text, len, &remote, error);
		else
			negotiation_remote_answer(n, text, len, &remote, error);
	}
	reply(error);
	free(text);
}

static void on_send(struct negotiation *n, const char *line)
{
	static const struct negotiate_codec codec[2] = {
		{ .name = "opus", .clock_hz = 48000, .channels = 2 },
		{ .name = "VP8", .clock_hz = 90000, .channels = 1 }
	};
	static const struct negotiate_codec *list[2] = { &codec[0], &codec[1] };
	static const struct transceiver from[2] = {
		{ .recv_exts = 1u << EXT_AUDIO_LEVEL,
			.codec = &list[0],
			.n_codecs = 1 },
		{ .recv_exts = 1u << EXT_DEPENDENCY,
			.codec = &list[1],
			.n_codecs = 1 }
	};
	char kind[16], stream[64], track[64], out[32];
	unsigned ssrc;
	bool video;
	int index;

	if (sscanf(line, "send %15s %63s %63s %u", kind, stream, track,
		    &ssrc) != 4) {
		reply("malformed");
		return;
	}
	video = strcmp(kind, "video") == 0;
	index = negotiation_send(n, video ? SDP_VIDEO : SDP_AUDIO, stream,
		track, stream, ssrc, &from[video], true);
	if (index >= 0 && video)
		negotiation_send_rtx(n, (unsigned)index, ssrc + 1);
	snprintf(out, sizeof(out), "%d", index);
	reply(out);
}

static void on_state(const struct negotiation *n)
{
	char out[4096] = "";
	size_t used = 0;

	for (unsigned i = 0; i < negotiation_count(n); i++) {
		const struct transceiver *t = negotiation_at(n, i);

		used += (size_t)snprintf(out + used, sizeof(out) - used,
			"%u line %d mid %s rids %u twcc %d%d rtx %u red %u "
			"%s%s%s%scodecs %u\n",
			i, t->line, t->mid, t->n_recv_rids, t->recv_twcc,
			t->send_twcc,
			t->n_codecs ? (unsigned)t->codec[0]->rtx_pt : 0,
			t->n_codecs ? (unsigned)t->codec[0]->red_pt : 0,
			t->rejected ? "rejected " : "",
			t->receiving ? "receiving " : "",
			t->sending ? "sending " : "",
			t->cooling ? "cooling " : "", t->n_codecs);
		if (used >= sizeof(out))
			break;
	}
	reply(out);
}

int main(void)
{
	struct negotiation *n = negotiation_new(accepted, 1234567890, 200);
	char line[512];
	unsigned long len;

	while (n && fgets(line, sizeof(line), stdin)) {
		if (sscanf(line, "remote-offer %lu", &len) == 1)
			on_remote(n, len, true);
		else if (sscanf(line, "remote-answer %lu", &len) == 1)
			on_remote(n, len, false);
		else if (strncmp(line, "answer", 6) == 0)
			reply_text(negotiation_answer(n, &local));
		else if (strncmp(line, "offer", 5) == 0)
			reply_text(negotiation_offer(n, &local));
		else if (strncmp(line, "features", 8) == 0) {
			negotiation_set_features(n, &features);
			reply("ok");
		} else if (strncmp(line, "state", 5) == 0)
			on_state(n);
		else if (sscanf(line, "unsend %lu", &len) == 1) {
			negotiation_unsend(n, (unsigned)len);
			reply("ok");
		} else
			on_send(n, line);
	}
	negotiation_free(n);
	return 0;
}
