/*
 * A take fed with arbitrary packets, reports and times. Records of the input:
 * a byte that says what, a byte of time, and what belongs to it. Whatever
 * comes: times ascend, the first frame of a codec is a key frame, holes do not
 * run backwards, counters add up, and take_next comes to an end.
 */
#include <stdlib.h>
#include <string.h>

#include "record/take.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum { PT_FIRST = 96, CODECS = 5, FRAMES_PER_PACKET = 4 };

struct input {
	const uint8_t *at;
	size_t left;
};

struct run {
	struct take *take;
	uint64_t now_us;
	uint64_t frames;
	uint16_t seq;
	uint32_t ts;
	int codec;
	int64_t last_us;
	uint8_t sum; /* of all bytes given out: ASan sees them read */
};

static void check(bool ok)
{
	if (!ok)
		abort();
}

static uint64_t get(struct input *in, unsigned n)
{
	uint64_t v = 0;

	for (; n > 0 && in->left > 0; n--, in->left--)
		v = v << 8 | *in->at++;
	return v;
}

static void check_frame(struct run *r, const struct take_frame *f)
{
	check(f->len > 0 && f->len <= TAKE_FRAME_MAX);
	check(f->time_us > r->last_us);
	check(!(f->keyframe && f->damaged));
	if (f->codec != TAKE_OPUS && (int)f->codec != r->codec)
		check(f->keyframe);
	if (f->codec == TAKE_OPUS)
		check(f->duration_us > 0 && f->duration_us <= 120000);
	else
		check(f->duration_us == 0);
	check(!f->setup == !f->setup_len);
	for (size_t i = 0; i < f->len; i++)
		r->sum ^= f->data[i];
	for (size_t i = 0; i < f->setup_len; i++)
		r->sum ^= f->setup[i];
	r->last_us = f->time_us;
	r->codec = (int)f->codec;
	r->frames++;
}

static void drain(struct run *r)
{
	const struct take_counters *c = take_counted(r->take);
	struct take_frame f;
	struct take_gap g;
	unsigned rounds = 0;

	for (;;) {
		switch (take_next(r->take, r->now_us, &f, &g)) {
		case TAKE_FRAME:
			check_frame(r, &f);
			break;
		case TAKE_GAP:
			check(g.packets > 0 && g.from_us <= g.to_us);
			break;
		case TAKE_NOTHING:
			check(c->frames == r->frames);
			check(take_deadline(r->take) > r->now_us);
			take_wants_keyframe(r->take, r->now_us);
			return;
		}
		check(++rounds <= FRAMES_PER_PACKET * TAKE_PACKETS);
	}
}

/* The header is made, so that more than noise gets in; the rest is as it is. */
static void packet(struct run *r, struct input *in, uint8_t what)
{
	size_t len = (size_t)get(in, 1);
	uint8_t *buf;

	if (what & 8)
		r->seq = (uint16_t)(r->seq + get(in, what & 16 ? 2 : 1));
	else
		r->seq++;
	if (what & 32)
		r->ts += (uint32_t)get(in, what & 64 ? 4 : 2);
	if (len > in->left)
		len = in->left;
	buf = calloc(1, len + 12);
	if (!buf)
		abort();
	buf[0] = 0x80;
	buf[1] = (uint8_t)((what & 0x80) | (PT_FIRST + what % 8));
	buf[2] = (uint8_t)(r->seq >> 8);
	buf[3] = (uint8_t)r->seq;
	buf[4] = (uint8_t)(r->ts >> 24);
	buf[5] = (uint8_t)(r->ts >> 16);
	buf[6] = (uint8_t)(r->ts >> 8);
	buf[7] = (uint8_t)r->ts;
	if (len)
		memcpy(buf + 12, in->at, len);
	in->at += len;
	in->left -= len;
	take_rtp(r->take, r->now_us, buf, len + 12);
	free(buf);
}

static void whole(struct run *r, struct input *in)
{
	size_t len = (size_t)get(in, 1);
	uint8_t *buf;

	if (len > in->left)
		len = in->left;
	buf = malloc(len ? len : 1);
	if (!buf)
		abort();
	if (len)
		memcpy(buf, in->at, len);
	in->at += len;
	in->left -= len;
	take_rtp(r->take, r->now_us, buf, len);
	free(buf);
}

static void step(struct run *r, struct input *in)
{
	uint8_t what = (uint8_t)get(in, 1);
	uint64_t time = get(in, 1);

	/* Sometimes seconds, mostly milliseconds. */
	r->now_us += time > 250 ? (time - 250) * 1000000 : time * 300;
	if (what % 8 == 7) {
		uint64_t ntp = get(in, 8);

		take_report(r->take, r->now_us, ntp, (uint32_t)get(in, 4));
	} else if (what % 8 == 6) {
		whole(r, in);
	} else {
		packet(r, in, what);
	}
	drain(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct input in = { data, len };
	struct run r = { .codec = -1, .last_us = INT64_MIN };
	struct take_clock *clock = take_clock_new();

	check(clock &&
		take_new(&r.take, get(&in, 1) & 1 ? 48000 : 90000, clock) == 0);
	for (uint8_t i = 0; i < CODECS; i++)
		take_payload(
			r.take, (uint8_t)(PT_FIRST + i), (enum take_codec)i);
	r.now_us = get(&in, 4) * 1000;
	while (in.left)
		step(&r, &in);
	take_end(r.take);
	drain(&r);
	take_free(r.take);
	take_clock_free(clock);
	return 0;
}
