/*
 * The parser, and behind it a negotiation that is told to do anything in any
 * order. The input is a script: a byte that says what to do, and for a text of
 * the peer two bytes of length and the text. 'L' hands our own last text back
 * (as a peer that echoes), so that answers get past the first check. The first
 * byte bounds the m-lines; from 128 on the peer is a local program, else its
 * bits 4 to 6 turn features on.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sfu/sdp/negotiate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const accepted[] = { "opus", "VP8", "VP9", "H264", "AV1",
	NULL };
static const char *const candidates[] = {
	"candidate:1 1 udp 2130706431 192.0.2.1 7882 typ host"
};
static const struct negotiate_local local = { .ufrag = "hrth",
	.pwd = "abcdefghijklmnopqrstuvwx",
	.fingerprint = "00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:"
		       "00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF",
	.candidate = candidates,
	.n_candidates = 1,
	.max_message_size = 65536 };

struct fuzz {
	const uint8_t *data;
	size_t size;
	struct negotiation *n;
	char *last; /* our own last text */
};

static unsigned take(struct fuzz *f)
{
	if (f->size == 0)
		return 0;
	f->size--;
	return *f->data++;
}

static void invariants(const struct negotiation *n)
{
	for (unsigned i = 0; i < negotiation_count(n); i++) {
		const struct transceiver *t = negotiation_at(n, i);

		assert(!(t->rejected && (t->sending || t->receiving)));
		assert(!t->sending || (t->line >= 0 && t->n_codecs > 0));
		assert(!t->receiving || (t->recv_stream[0] && t->n_codecs > 0));
		assert(t->n_codecs <= NEGOTIATE_CODECS);
		assert(t->n_recv_ssrc <= NEGOTIATE_SSRCS);
		assert(t->n_recv_rids <= NEGOTIATE_RIDS);
		assert(t->receiving || !t->n_recv_rids);
		assert(memchr(t->mid, 0, sizeof(t->mid)));
		for (unsigned j = 0; j < t->n_codecs; j++)
			assert(t->codec[j]->name[0] && t->codec[j]->pt < 128);
	}
}

static void remote(struct fuzz *f, bool offer, const char *text, size_t len)
{
	char error[SDP_ERROR_MAX] = "";
	struct negotiate_remote r;
	enum negotiate_state before = negotiation_state(f->n);
	unsigned count = negotiation_count(f->n);
	int result =
		offer ? negotiation_remote_offer(f->n, text, len, &r, error)
		      : negotiation_remote_answer(f->n, text, len, &r, error);

	if (result < 0) {
		assert(memchr(error, 0, sizeof(error)) && error[0]);
		assert(negotiation_state(f->n) == before);
		assert(negotiation_count(f->n) == count);
	}
}

static void remote_text(struct fuzz *f, bool offer)
{
	size_t len = take(f);

	len = len << 8 | take(f);
	if (len > f->size)
		len = f->size;
	remote(f, offer, (const char *)f->data, len);
	f->data += len;
	f->size -= len;
}

static void keep(struct fuzz *f, char *text)
{
	char error[SDP_ERROR_MAX];
	struct sdp *s;

	if (!text)
		return;
	/* Whatever we print we can read. */
	assert(sdp_parse(text, strlen(text), &s, error) == 0);
	sdp_free(s);
	free(f->last);
	f->last = text;
	/* As a peer would say it: one that checks, and takes a role. */
	for (char *p = text; (p = strstr(p, "a=ice-lite"));)
		p[2] = 'x';
	for (char *p = text; (p = strstr(p, "actpass"));)
		memcpy(p, "active ", 7);
}

static void send(struct fuzz *f)
{
	static const struct negotiate_codec audio = {
		.name = "opus", .clock_hz = 48000, .channels = 2
	};
	static const struct negotiate_codec video[] = {
		{ .name = "VP8", .clock_hz = 90000, .channels = 1 },
		{ .name = "H264", .clock_hz = 90000, .channels = 1 }
	};
	static const struct negotiate_codec *list[] = { &audio, &video[0],
		&video[1] };
	static struct transceiver from[2] = { { .codec = list, .n_codecs = 1 },
		{ .codec = list + 1, .n_codecs = 1 } };
	unsigned b = take(f), video_too = 1 + (b >> 2 & 1);
	const struct transceiver *source = &from[!(b & 1)];

	negotiation_send_rtx(f->n, b, b);
	/* The publisher's list changes under those who receive it. */
	if (!(b & 1) && from[1].n_codecs != video_too) {
		from[1].n_codecs = video_too;
		from[1].codecs_revision++;
	}
	negotiation_send(f->n, b & 1 ? SDP_AUDIO : SDP_VIDEO, "s", "t", "c", b,
		b & 8 ? NULL : source, b & 2);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz f = { .data = data, .size = size };

	unsigned how = take(&f);

	f.n = negotiation_new(accepted, 1, how % 16 + 1);
	if (!f.n)
		return 0;
	if (how >= 128)
		negotiation_make_plain(f.n, !(how & 32), !(how & 64));
	else
		negotiation_set_features(f.n,
			&(struct negotiate_features){ .simulcast = how & 16,
				.rtx = how & 32,
				.red = how & 32,
				.twcc = how & 64 });
	while (f.size) {
		switch (take(&f)) {
		case 'O':
			remote_text(&f, true);
			break;
		case 'A':
			remote_text(&f, false);
			break;
		case 'L':
			if (f.last)
				remote(&f, take(&f) & 1, f.last,
					strlen(f.last));
			break;
		case 'a':
			keep(&f, negotiation_answer(f.n, &local));
			break;
		case 'o':
			keep(&f, negotiation_offer(f.n, &local));
			break;
		case 's':
			send(&f);
			break;
		case 'u':
			negotiation_unsend(f.n, take(&f));
			break;
		case 'r':
			negotiation_rollback(f.n);
			break;
		default:
			negotiation_needed(f.n);
		}
		invariants(f.n);
	}
	free(f.last);
	negotiation_free(f.n);
	return 0;
}
