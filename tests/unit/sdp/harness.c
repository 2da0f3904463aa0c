#include "harness.h"

#include <stdio.h>

static const char *const candidates[] = {
	"candidate:1 1 udp 2130706431 192.0.2.1 7882 typ host",
	"candidate:2 1 udp 2130706175 2001:db8::1 7882 typ host"
};

const struct negotiate_local harness_local = { .ufrag = "hrth",
	.pwd = "hearthhearthhearthhearth",
	.fingerprint = "00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:"
		       "00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF",
	.candidate = candidates,
	.n_candidates = 2,
	.max_message_size = 262144 };

#define AUDIO_LINE                                                             \
	"m=audio 9 UDP/TLS/RTP/SAVPF 111 0\r\nc=IN IP4 0.0.0.0\r\n"            \
	"a=mid:0\r\na=sendrecv\r\na=msid:s1 t1\r\na=rtcp-mux\r\n" TRANSPORT    \
	"a=rtpmap:111 opus/48000/2\r\na=fmtp:111 minptime=10\r\n"              \
	"a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\n"           \
	"a=ssrc:11 cname:c\r\n"

const char plain_audio[] = HEAD "a=group:BUNDLE 0\r\n" AUDIO_LINE;

const char plain_audio_video[] =
	HEAD "a=group:BUNDLE 0 1\r\n" AUDIO_LINE
	     "m=video 9 UDP/TLS/RTP/SAVPF 96 97 102\r\nc=IN IP4 0.0.0.0\r\n"
	     "a=mid:1\r\na=sendrecv\r\na=msid:s1 t2\r\na=rtcp-mux\r\n" TRANSPORT
	     "a=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 nack\r\n"
	     "a=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n"
	     "a=rtpmap:102 H264/90000\r\n"
	     "a=fmtp:102 packetization-mode=1;profile-level-id=42e01f\r\n"
	     "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\n"
	     "a=ssrc:21 cname:c\r\n";

char *vector_read(const char *name)
{
	char path[512], *text;
	FILE *f;
	size_t len;

	snprintf(path, sizeof(path), VECTORS "/sdp/%s", name);
	f = fopen(path, "rb");
	if (!f)
		fail_msg("no vector %s", path);
	text = calloc(1, SDP_TEXT_MAX + 1);
	assert_non_null(text);
	len = fread(text, 1, SDP_TEXT_MAX, f);
	fclose(f);
	assert_true(len > 0);
	return text;
}

struct negotiation *call_new(void)
{
	static const char *const codecs[] = { "opus", "VP8", "VP9", "H264",
		"AV1", NULL };
	struct negotiation *n = negotiation_new(codecs, 4711, 64);

	assert_non_null(n);
	return n;
}

struct negotiate_remote call_offer(struct negotiation *n, const char *text)
{
	char error[SDP_ERROR_MAX] = "";
	struct negotiate_remote remote;

	if (negotiation_remote_offer(n, text, strlen(text), &remote, error) < 0)
		fail_msg("offer refused: %s", error);
	assert_int_equal(negotiation_state(n), NEGOTIATE_HAVE_REMOTE);
	return remote;
}

struct negotiate_remote call_offer_vector(
	struct negotiation *n, const char *name)
{
	char *text = vector_read(name);
	struct negotiate_remote remote = call_offer(n, text);

	free(text);
	return remote;
}

char *call_answer(struct negotiation *n)
{
	char *text = negotiation_answer(n, &harness_local);

	assert_non_null(text);
	assert_int_equal(negotiation_state(n), NEGOTIATE_STABLE);
	return text;
}

void call_accept(struct negotiation *n, const char *text)
{
	call_offer(n, text);
	free(call_answer(n));
}

int call_refused(struct negotiation *n, const char *text)
{
	enum negotiate_state before = negotiation_state(n);
	char error[SDP_ERROR_MAX] = "";
	struct negotiate_remote remote;
	int r = negotiation_remote_offer(n, text, strlen(text), &remote, error);

	if (r < 0) {
		assert_true(strlen(error) > 4);
		assert_int_equal(negotiation_state(n), before);
	}
	return r;
}

const struct transceiver *call_from(
	const struct negotiate_codec *codec, unsigned n)
{
	static struct {
		struct transceiver t;
		const struct negotiate_codec *codec[NEGOTIATE_CODECS];
	} pool[64];
	unsigned i = 0;

	while (pool[i].t.codec &&
		(pool[i].codec[0] != codec || pool[i].t.n_codecs != n))
		i++;
	assert_true(i + 1 < sizeof(pool) / sizeof(*pool));
	for (unsigned j = 0; j < n || j < 1; j++)
		pool[i].codec[j] = &codec[j];
	pool[i].t.codec = pool[i].codec;
	pool[i].t.n_codecs = (uint8_t)n;
	return &pool[i].t;
}

int call_send(struct negotiation *n, enum sdp_kind kind, const char *stream)
{
	static uint32_t ssrc = 9000;
	static const struct negotiate_codec codec[] = {
		{ .name = "opus", .clock_hz = 48000, .channels = 2 },
		{ .name = "VP8", .clock_hz = 90000, .channels = 1 }
	};
	char track[64];

	snprintf(track, sizeof(track), "%s-%s", stream,
		kind == SDP_VIDEO ? "cam" : "mic");
	return negotiation_send(n, kind, stream, track, "cname", ssrc++,
		call_from(&codec[kind == SDP_VIDEO], 1), true);
}

char *replace(const char *text, const char *old, const char *new)
{
	size_t len =
		strlen(text) + 1 + occurrences(text, old) * (strlen(new) + 1);
	char *out = calloc(1, len), *to = out;
	const char *hit;

	assert_non_null(out);
	if (!strstr(text, old))
		fail_msg("nothing to replace: %s", old);
	while ((hit = strstr(text, old))) {
		memcpy(to, text, (size_t)(hit - text));
		to += hit - text;
		memcpy(to, new, strlen(new));
		to += strlen(new);
		text = hit + strlen(old);
	}
	memcpy(to, text, strlen(text) + 1);
	return out;
}

unsigned occurrences(const char *text, const char *part)
{
	unsigned n = 0;

	for (; (text = strstr(text, part)); text += strlen(part))
		n++;
	return n;
}

char *section(const char *text, unsigned i)
{
	const char *end;
	char *out;

	text = strstr(text, "\r\nm=");
	for (; text && i > 0; i--)
		text = strstr(text + 2, "\r\nm=");
	if (!text)
		fail_msg("no such m-line");
	text += 2;
	end = strstr(text, "\r\nm=");
	out = strndup(text, end ? (size_t)(end - text) + 2 : strlen(text));
	assert_non_null(out);
	return out;
}

static const char *turned(const char *direction)
{
	if (strcmp(direction, "a=sendonly") == 0)
		return "a=recvonly";
	if (strcmp(direction, "a=recvonly") == 0)
		return "a=sendonly";
	return direction;
}

/* One line of ours as the peer would have it in its answer; NULL: left out. */
static const char *answer_line(const char *line, const char *direction)
{
	static const char *const ours[] = { "a=ssrc:", "a=msid:", "a=candidate",
		"a=end-of", "a=ice-lite", NULL };

	for (unsigned i = 0; ours[i]; i++)
		if (strncmp(line, ours[i], strlen(ours[i])) == 0)
			return NULL;
	if (strcmp(line, "a=setup:actpass") == 0 ||
		strcmp(line, "a=setup:passive") == 0)
		return "a=setup:active";
	if (strcmp(line, "a=setup:active") == 0)
		return "a=setup:passive";
	if (strstr("a=sendrecv a=sendonly a=recvonly a=inactive", line))
		return direction ? direction : turned(line);
	return line;
}

char *browser_answer(
	const char *offer, const char *const *direction, unsigned n_directions)
{
	char *copy = strdup(offer), *out = calloc(1, strlen(offer) * 2 + 64);
	char *line, *rest = copy, wish[32];
	int media = -1;

	assert_non_null(copy);
	assert_non_null(out);
	while ((line = strtok_r(rest, "\r\n", &rest))) {
		const char *want = NULL, *said;

		if (strncmp(line, "m=", 2) == 0)
			media++;
		if (media >= 0 && media < (int)n_directions)
			want = direction[media];
		if (want && strcmp(want, "reject") == 0) {
			want = "inactive";
			if (strncmp(line, "m=", 2) == 0)
				memcpy(strstr(line, " 9 "), " 0 ", 3);
		}
		snprintf(wish, sizeof(wish), "a=%s", want ? want : "");
		said = answer_line(line, want ? wish : NULL);
		if (said) {
			strcat(out, said);
			strcat(out, "\r\n");
		}
	}
	free(copy);
	return out;
}

void call_renegotiate(struct negotiation *n)
{
	char *offer = negotiation_offer(n, &harness_local), *answer;
	char error[SDP_ERROR_MAX] = "";
	struct negotiate_remote remote;

	assert_non_null(offer);
	answer = browser_answer(offer, NULL, 0);
	if (negotiation_remote_answer(
		    n, answer, strlen(answer), &remote, error) < 0)
		fail_msg("answer refused: %s\n%s", error, answer);
	free(offer);
	free(answer);
}
