#include "sfu/track.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "sfu/participant.h"

int track_new(struct track **ret, struct participant *owner,
	unsigned transceiver, enum sdp_kind kind, unsigned history)
{
	struct track *t = calloc(1, sizeof(*t));
	if (!t)
		return -ENOMEM;
	t->encoding[0] = encoding_new(kind == SDP_VIDEO, history);
	if (!t->encoding[0]) {
		free(t);
		return -ENOMEM;
	}
	t->history = history;
	t->owner = owner;
	t->transceiver = transceiver;
	t->kind = kind;
	t->watched = UINT8_MAX;
	for (unsigned i = 0; i < TRACK_ENCODINGS; i++)
		t->rank[i] = (uint8_t)i;
	track_describe(t);
	*ret = t;
	return 0;
}

struct track *track_free(struct track *t)
{
	if (!t)
		return NULL;
	for (unsigned i = 0; i < TRACK_ENCODINGS; i++)
		encoding_free(t->encoding[i]);
	free(t->sub);
	free(t);
	return NULL;
}

void track_set_codecs(struct track *t, const struct transceiver *tr)
{
	t->simulcast =
		t->kind == SDP_VIDEO && (tr->n_recv_rids > 1 || tr->recv_sim);
	memset(t->codec_of_pt, 0, sizeof(t->codec_of_pt));
	t->fir = false;
	for (unsigned i = 0; i < tr->n_codecs; i++) {
		const struct negotiate_codec *c = tr->codec[i];
		t->codec_of_pt[c->pt & 127] = codec_find(c->name);
		if (c->fir && !c->pli)
			t->fir = true;
	}
}

bool track_open_encoding(struct track *t, unsigned index)
{
	if (!t->encoding[index])
		t->encoding[index] =
			encoding_new(t->kind == SDP_VIDEO, t->history);
	return t->encoding[index] != NULL;
}

/* What the payload says, and of the descriptor the frame's number, that goes on
 * over switches whatever the codec. Returns the descriptor; NULL: it has none,
 * or is not gone by it. */
static const struct rtp_ext *read_payload(const struct track *t,
	const struct rtp_packet *pkt, struct track_packet *p)
{
	const struct codec *codec = p->codec;
	const uint8_t *payload = pkt->payload;
	size_t len = pkt->payload_len;
	p->key = !codec->is_keyframe || codec->is_keyframe(payload, len);
	if (!codec->layer)
		return NULL;
	codec->layer(payload, len, &p->layer);
	const struct rtp_ext *ext = rtp_ext_find(
		pkt, negotiation_ext(t->owner->negotiation, EXT_DEPENDENCY));
	if (!ext || ext->len < 3)
		return NULL;
	p->layer.frame_number = (uint16_t)(ext->data[1] << 8 | ext->data[2]);
	return codec->described ? ext : NULL;
}

void track_read_packet(const struct track *t, const struct rtp_packet *pkt,
	struct track_packet *p)
{
	const struct rtp_ext *ext = read_payload(t, pkt, p);
	const struct encoding_layers *l = t->encoding[p->encoding]->layers;
	if (ext && l)
		dependency_reread(
			&l->dependency, ext->data, ext->len, &p->layer);
}

void track_take_packet(
	struct track *t, const struct rtp_packet *pkt, struct track_packet *p)
{
	struct encoding *e = t->encoding[p->encoding];
	const struct rtp_ext *ext = read_payload(t, pkt, p);
	if (t->kind != SDP_VIDEO)
		return;
	if (ext && encoding_open_layers(e) &&
		dependency_read(
			&e->layers->dependency, ext->data, ext->len, &p->layer))
		e->layers->described = true;
	/* Of several encodings each is taken for one spatial layer, and what
	 * its temporal ones bring is counted with the rest of it. */
	if (t->simulcast)
		return;
	if (e->layers || ((p->layer.spatial || p->layer.temporal) &&
				 encoding_open_layers(e)))
		encoding_layers_add(
			e->layers, &p->layer, pkt->len + DOWNLINK_OVERHEAD);
}

bool track_is_described(const struct track *t)
{
	unsigned n = t->simulcast ? TRACK_ENCODINGS : 1;
	for (unsigned i = 0; i < n; i++) {
		const struct encoding *e = t->encoding[i];
		if (e && e->layers && e->layers->described)
			return true;
	}
	return false;
}

/* --- what it sends -----------------------------------------------------------
 */

/* Is a to stand above b? Where sizes are not told a quarter more of rate is
 * needed, so that equals do not change places all the time. */
static bool is_larger(const struct encoding *a, const struct encoding *b)
{
	if (a->height && b->height)
		return a->height > b->height;
	unsigned top = ENCODING_TEMPORAL - 1;
	return encoding_rate(a, top) / 5 > encoding_rate(b, top) / 4;
}

static bool is_live(const struct track *t, unsigned i)
{
	return t->encoding[i] && t->encoding[i]->live;
}

/* Those that are sent first, from the smallest on. True if any moved. */
static bool put_in_order(struct track *t)
{
	bool moved = false;
	for (unsigned i = 1; i < TRACK_ENCODINGS; i++) {
		for (unsigned k = i; k > 0; k--) {
			uint8_t a = t->rank[k - 1], b = t->rank[k];
			if (!is_live(t, b) ||
				(is_live(t, a) && !is_larger(t->encoding[a],
							  t->encoding[b])))
				break;
			t->rank[k - 1] = b;
			t->rank[k] = a;
			moved = true;
		}
	}
	return moved;
}

enum {
	/* Taken for what is not measured. */
	AUDIO_BPS = 50000,
	VIDEO_BPS = 50000,
	LINES = 720, /* of the largest encoding; each below has half */
};

static unsigned temporals(const struct track *t, unsigned n)
{
	for (unsigned top = ENCODING_TEMPORAL - 1; top > 0; top--)
		for (unsigned i = 0; i < n; i++)
			if (encoding_rate(t->encoding[t->rank[i]], top) >
				encoding_rate(t->encoding[t->rank[i]], top - 1))
				return top + 1;
	return 1;
}

static void describe_encoding(
	struct allocate_track *a, const struct encoding *e, unsigned i)
{
	uint32_t least = e->video ? VIDEO_BPS : AUDIO_BPS;
	a->height[i] = e->height;
	if (!e->height)
		a->height[i] = (uint16_t)(LINES >> (a->n_spatial - 1 - i));
	for (unsigned k = 0; k < a->n_temporal; k++) {
		uint32_t bps = encoding_rate(e, k);
		a->rate_bps[i][k] = bps > least ? bps : least;
	}
}

/* The layers of its only encoding. Whole it may be more than its best layer
 * needs, and until it is cut down it goes whole. */
static void describe_layers(struct track *t)
{
	struct allocate_track *a = &t->sent;
	const struct encoding *e = t->encoding[0];
	const struct encoding_layers *l = e->layers;
	unsigned top = a->n_spatial - 1u, last = a->n_temporal - 1u;
	uint32_t whole = encoding_rate(e, ENCODING_TEMPORAL - 1);
	for (unsigned s = 0; s <= top; s++) {
		a->height[s] = l->lines[s];
		if (!l->lines[s])
			a->height[s] = (uint16_t)(LINES >> (top - s));
		for (unsigned k = 0; k <= last; k++) {
			uint32_t bps = encoding_layers_rate(l, s, k);
			if (bps && bps < VIDEO_BPS)
				bps = VIDEO_BPS;
			a->rate_bps[s][k] = bps;
		}
	}
	if (a->rate_bps[top][last] < whole)
		a->rate_bps[top][last] = whole;
}

/* True if it has others than it had. */
static bool count_layers(struct track *t)
{
	struct allocate_track *a = &t->sent;
	const struct encoding_layers *l = t->encoding[0]->layers;
	uint8_t spatial = a->n_spatial, temporal = a->n_temporal;
	a->n_spatial = l->n_spatial;
	a->n_temporal = l->n_temporal;
	t->layered = l->n_spatial > 1 || l->n_temporal > 1;
	return spatial != a->n_spatial || temporal != a->n_temporal;
}

const struct allocate_track *track_whole(struct track *t)
{
	const struct allocate_track *a = &t->sent;
	unsigned top = a->n_spatial - 1u;
	t->whole = *a;
	t->whole.n_temporal = 1;
	for (unsigned i = 0; t->simulcast && i <= top; i++)
		t->whole.rate_bps[i][0] = a->rate_bps[i][a->n_temporal - 1];
	if (t->simulcast)
		return &t->whole;
	t->whole.n_spatial = 1;
	t->whole.height[0] = a->height[top];
	t->whole.rate_bps[0][0] = a->rate_bps[top][a->n_temporal - 1];
	return &t->whole;
}

bool track_describe(struct track *t)
{
	struct allocate_track *a = &t->sent;
	unsigned n = 0, before = a->n_spatial;
	bool moved = t->simulcast && put_in_order(t);
	while (t->simulcast && n < TRACK_ENCODINGS && is_live(t, t->rank[n]))
		n++;
	/* One that has none to choose from is always there. */
	if (!t->simulcast)
		n = 1;
	memset(a->rate_bps, 0, sizeof(a->rate_bps));
	a->kind = t->screen ? ALLOCATE_SCREEN : ALLOCATE_CAMERA;
	if (t->kind == SDP_AUDIO)
		a->kind = ALLOCATE_AUDIO;
	t->layered = false;
	if (!t->simulcast && t->encoding[0]->layers) {
		moved = count_layers(t);
		if (t->layered) {
			describe_layers(t);
			return moved;
		}
	}
	a->n_spatial = (uint8_t)(n ? n : 1);
	a->n_temporal = (uint8_t)temporals(t, n);
	for (unsigned i = 0; i < n; i++)
		describe_encoding(a, t->encoding[t->rank[i]], i);
	return moved || a->n_spatial != before;
}

bool track_measure(struct track *t, uint64_t now_us)
{
	uint64_t newest = 0;
	bool changed = false;
	for (unsigned i = 0; i < TRACK_ENCODINGS; i++)
		if (t->encoding[i] && t->encoding[i]->last_us > newest)
			newest = t->encoding[i]->last_us;
	for (unsigned i = 0; i < TRACK_ENCODINGS; i++)
		if (t->encoding[i])
			changed |= encoding_measure(
				t->encoding[i], now_us, newest);
	return track_describe(t) || changed;
}

struct encoding *track_encoding(const struct track *t, uint32_t ssrc)
{
	for (unsigned i = 0; i < TRACK_ENCODINGS; i++) {
		struct encoding *e = t->encoding[i];
		if (e && e->started && e->ssrc == ssrc)
			return e;
	}
	return NULL;
}

int track_attach(struct track *t, struct subscription *s)
{
	if (t->n_subs == t->cap_subs) {
		unsigned cap = t->cap_subs ? t->cap_subs * 2 : 8;
		void *v = realloc(t->sub, cap * sizeof(*t->sub));
		if (!v)
			return -ENOMEM;
		t->sub = v;
		t->cap_subs = cap;
	}
	t->sub[t->n_subs++] = s;
	return 0;
}

void track_detach(struct track *t, struct subscription *s)
{
	for (unsigned i = 0; i < t->n_subs; i++) {
		if (t->sub[i] == s) {
			t->sub[i] = t->sub[--t->n_subs];
			return;
		}
	}
}

void track_want_keyframes(struct track *t, uint64_t now_us)
{
	for (unsigned i = 0; i < TRACK_ENCODINGS; i++)
		if (t->encoding[i])
			encoding_want_keyframe(t->encoding[i], now_us);
}

uint64_t track_keyframe_deadline(const struct track *t)
{
	uint64_t at = UINT64_MAX;
	for (unsigned i = 0; i < TRACK_ENCODINGS; i++) {
		uint64_t e = t->encoding[i] ? encoding_keyframe_deadline(
						      t->encoding[i])
					    : UINT64_MAX;
		at = e < at ? e : at;
	}
	return at;
}
