/* Payload descriptors as Chromium sends them (tests/vectors/rtp/payload_*), and
 * what is forwarded by them alone. VP9 in flexible mode says what each frame
 * refers to (P_DIFF, which the code under test does not read): that is what its
 * verdicts are held against. VP8's are held against the rule of its temporal
 * layers, and the numbers that go out against what a receiver expects. */
#include "check.h"

#include <inttypes.h>
#include <stdio.h>

#include "rtp/codec.h"
#include "rtp/layer_choice.h"
#include "rtp/layer_rewrite.h"

enum { LINES = 400, PREFIX = 12 };

struct line {
	uint32_t ts;
	bool marker;
	uint8_t payload[PREFIX];
	size_t len;
	struct layer_info info;
};

struct recording {
	unsigned n;
	struct line line[LINES];
};

static struct recording rec;

static void recording_read(const struct codec *c, const char *name)
{
	char path[512], hex[64];
	unsigned marker, byte;
	FILE *f;

	memset(&rec, 0, sizeof(rec));
	snprintf(path, sizeof(path), VECTORS "/rtp/payload_%s.txt", name);
	f = fopen(path, "r");
	if (!f)
		fail_msg("no vector %s", path);
	while (fscanf(f, "%" SCNu32 " %u %*u %63s", &rec.line[rec.n].ts,
		       &marker, hex) == 3) {
		struct line *l = &rec.line[rec.n++];

		assert_true(rec.n < LINES);
		l->marker = marker;
		for (const char *p = hex;
			l->len < PREFIX && sscanf(p, "%2x", &byte) == 1; p += 2)
			l->payload[l->len++] = (uint8_t)byte;
		assert_true(c->layer(l->payload, l->len, &l->info));
	}
	fclose(f);
	assert_true(rec.n > 200);
}

static void aim_at_random(struct layer_choice *c, unsigned i, uint64_t *seed)
{
	if (i == 0)
		layer_choice_aim(c, 0, 7, 7);
	else if (next_random(seed) % 20 == 0)
		layer_choice_aim(c, i, 7, (uint8_t)(next_random(seed) % 3));
}

static bool is_sent(enum layer_verdict v)
{
	return v == LAYER_FORWARD || v == LAYER_SWITCH;
}

/* --- VP9 ---------------------------------------------------------------- */

/* Layer frames that were forwarded, by spatial layer and PictureID. */
static bool vp9_sent[8][32768];

/* P_DIFF of flexible mode, RFC 9628 4.2: up to three, N says that one follows;
 * and D: the lower spatial layer of the same picture. */
static void vp9_check(const struct line *l)
{
	const struct layer_info *i = &l->info;
	size_t at = 1u + i->picture_id_len;
	unsigned d = l->payload[at++] & 1, diff;

	assert_true(l->payload[0] & 0x10); /* F */
	if (d)
		assert_true(vp9_sent[i->spatial - 1][i->picture_id]);
	if (!(l->payload[0] & 0x40)) /* P */
		return;
	do {
		diff = l->payload[at] >> 1;
		assert_true(
			vp9_sent[i->spatial][(i->picture_id - diff) & 0x7fff]);
	} while (l->payload[at++] & 1);
}

static void vp9_play(
	uint8_t spatial, int temporal, uint64_t *seed, unsigned reached[2])
{
	struct layer_choice c;
	unsigned markers = 0, pictures = 0;
	uint32_t last = 0;

	memset(vp9_sent, 0, sizeof(vp9_sent));
	layer_choice_init(&c, false);
	for (unsigned i = 0; i < rec.n; i++) {
		const struct line *l = &rec.line[i];

		if (temporal < 0)
			aim_at_random(&c, i, seed);
		else
			layer_choice_aim(&c, i, spatial, (uint8_t)temporal);
		if (!is_sent(layer_choice_packet(&c, i, 0, l->ts, &l->info)))
			continue;
		vp9_check(l);
		vp9_sent[l->info.spatial][l->info.picture_id] = true;
		reached[0] |= 1u << l->info.spatial;
		reached[1] |= 1u << l->info.temporal;
		pictures += l->ts != last;
		last = l->ts;
		markers += layer_choice_marker(&c, l->ts, &l->info, l->marker);
	}
	/* Each picture ends once; the recording may end within the last. */
	assert_in_range(markers, pictures - 1, pictures);
}

static void vp9_decodes(void **state)
{
	static const char *const names[] = { "vp9_l3t3_key", "vp9_l2t2" };
	uint64_t seed = 15;

	(void)state;
	for (unsigned k = 0; k < COUNT(names); k++) {
		recording_read(&codec_vp9, names[k]);
		for (uint8_t s = 0; s < 2; s++)
			for (int t = 0; t < 3 - (int)k; t++) {
				unsigned reached[2] = { 0, 0 };

				vp9_play(s, t, &seed, reached);
				assert_int_equal(reached[0], (2u << s) - 1);
				assert_int_equal(reached[1], (2u << t) - 1);
			}
		for (unsigned round = 0; round < 200; round++) {
			unsigned reached[2] = { 0, 0 };

			vp9_play(0, -1, &seed, reached);
			assert_int_equal(reached[0], 3);
		}
	}
}

/* --- VP8 ---------------------------------------------------------------- */

/* What the receiver has seen of a stream, by the numbers sent to it. */
struct vp8_receiver {
	bool started;
	uint16_t picture;
	uint8_t tl0;
};

static void vp8_receive(
	struct vp8_receiver *r, const uint8_t *payload, size_t len)
{
	struct layer_info i;

	assert_true(codec_vp8.layer(payload, len, &i));
	if (r->started && i.picture_id != r->picture) {
		assert_int_equal(i.picture_id, (r->picture + 1) & 0x7fff);
		assert_int_equal(i.tl0, (uint8_t)(r->tl0 + (i.temporal == 0)));
	}
	r->started = true;
	r->picture = i.picture_id;
	r->tl0 = i.tl0;
}

/* Everything since the newest picture of layer 0 that this one may refer to. */
static void vp8_check(const bool *sent, unsigned at)
{
	const struct layer_info *i = &rec.line[at].info;

	if (i->key || i->temporal == 0)
		return;
	for (unsigned k = at; k-- > 0;) {
		const struct layer_info *o = &rec.line[k].info;

		if (o->temporal == 0) {
			assert_true(sent[k]);
			return;
		}
		if (!i->up_temporal && o->temporal <= i->temporal)
			assert_true(sent[k]);
	}
}

static void vp8_play(int temporal, uint64_t *seed, unsigned *reached)
{
	struct vp8_receiver to = { .started = false };
	bool sent[LINES] = { false };
	struct layer_rewrite w;
	struct layer_choice c;

	layer_choice_init(&c, true);
	layer_rewrite_init(&w);
	for (unsigned i = 0; i < rec.n; i++) {
		const struct line *l = &rec.line[i];
		uint8_t out[PREFIX], again[PREFIX];
		enum layer_verdict v;

		if (temporal < 0)
			layer_choice_aim(&c, i, 0,
				i && next_random(seed) % 9 ? c.aim_temporal
							   : (uint8_t)(i % 3));
		else
			layer_choice_aim(&c, i, 0, (uint8_t)temporal);
		v = layer_choice_packet(&c, i, 0, l->ts, &l->info);
		sent[i] = is_sent(v);
		if (!sent[i]) {
			layer_rewrite_drop(&w, &l->info);
			continue;
		}
		vp8_check(sent, i);
		memcpy(out, l->payload, PREFIX);
		memcpy(again, l->payload, PREFIX);
		assert_true(layer_rewrite_packet(&w, &l->info, out));
		vp8_receive(&to, out, l->len);
		assert_true(layer_rewrite_packet(&w, &l->info, again));
		assert_memory_equal(out, again, PREFIX);
		*reached |= 1u << l->info.temporal;
	}
}

static void vp8_decodes_and_counts(void **state)
{
	uint64_t seed = 16;
	unsigned all = 0;

	(void)state;
	recording_read(&codec_vp8, "vp8_l1t3");
	for (int t = 0; t < 3; t++) {
		unsigned reached = 0;

		vp8_play(t, &seed, &reached);
		assert_int_equal(reached, (2u << t) - 1);
	}
	for (unsigned round = 0; round < 200; round++)
		vp8_play(-1, &seed, &all);
	assert_int_equal(all, 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vp9_decodes),
		cmocka_unit_test(vp8_decodes_and_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
