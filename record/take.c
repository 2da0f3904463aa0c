#include "record/take.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "record/clock_line.h"
#include "record/depacket.h"
#include "record/order.h"

enum {
	PAYLOAD_TYPES = 128,
	WISH_US = 500000, /* between two wishes for a key frame */
};

struct take {
	struct order order;
	struct depacket depacket;
	struct line line;
	struct take_counters counted;
	int8_t codec_of[PAYLOAD_TYPES]; /* enum take_codec, or -1 */
	bool some, ended;
	bool reported; /* a report is believed: times are to be had */
	bool running;  /* the start's wait is over */
	uint64_t first_us, last_us; /* arrival of the first, the last packet */
	int codec;                  /* of the present frame; -1: none yet */
	uint32_t ts;                /* of the present frame */
	bool marked;                /* its last packet was here */
	bool needs_key;             /* video has not begun */
	bool damaged; /* since the last key frame something is missing */
	unsigned width, height;
	int64_t end_us; /* of the last frame given out */
	bool given;     /* there was one */
	bool wished;
	uint64_t wished_us; /* last wish for a key frame */
};

int take_new(struct take **ret, uint32_t clock_hz, struct take_clock *clock)
{
	struct take *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	memset(t->codec_of, -1, sizeof(t->codec_of));
	order_init(&t->order);
	depacket_init(&t->depacket);
	line_init(&t->line, clock_hz, clock);
	t->codec = -1;
	*ret = t;
	return 0;
}

struct take *take_free(struct take *t)
{
	if (t) {
		order_done(&t->order);
		depacket_done(&t->depacket);
		free(t);
	}
	return NULL;
}

void take_payload(struct take *t, uint8_t pt, enum take_codec codec)
{
	if (pt < PAYLOAD_TYPES)
		t->codec_of[pt] = (int8_t)codec;
}

static void note_arrival(struct take *t, uint64_t now_us, uint32_t ts)
{
	if (!t->some)
		t->first_us = now_us;
	t->some = true;
	t->last_us = now_us;
	if (!t->running)
		line_first(&t->line, now_us, ts);
}

void take_rtp(struct take *t, uint64_t now_us, const uint8_t *buf, size_t len)
{
	uint8_t copy[RTP_PACKET_MAX];
	struct rtp_packet p;
	int codec;

	/* rtp_parse wants what may be changed. */
	if (len > 0 && len <= sizeof(copy))
		memcpy(copy, buf, len);
	if (len > sizeof(copy) || rtp_parse(&p, copy, len) < 0) {
		t->counted.malformed++;
		return;
	}
	codec = t->codec_of[p.pt];
	if (codec < 0)
		t->counted.malformed++;
	switch (order_put(&t->order, now_us, &p, codec)) {
	case ORDER_KEPT:
		t->counted.packets++;
		if (codec >= 0)
			note_arrival(t, now_us, p.ts);
		break;
	case ORDER_DUPLICATE:
		t->counted.duplicates++;
		break;
	case ORDER_LATE:
	case ORDER_NO_MEMORY:
		t->counted.late++;
		break;
	}
}

void take_report(struct take *t, uint64_t now_us, uint64_t ntp, uint32_t rtp_ts)
{
	if (line_report(&t->line, now_us, ntp, rtp_ts))
		t->reported = true;
}

void take_end(struct take *t)
{
	t->ended = true;
}

/* Times are needed before anything can come out. */
static bool may_run(struct take *t, uint64_t now_us)
{
	if (!t->running)
		t->running =
			t->ended ||
			(t->some &&
				(t->reported ||
					now_us >= t->first_us + TAKE_START_US ||
					t->order.waiting > TAKE_PACKETS / 2));
	return t->running;
}

static bool is_video(int codec)
{
	return codec > TAKE_OPUS;
}

static void fill(
	struct take *t, const struct depacket_frame *f, struct take_frame *ret)
{
	int64_t us = line_time(&t->line, t->ts);

	*ret = (struct take_frame){
		.codec = t->depacket.codec,
		.time_us = us,
		.data = f->data,
		.len = f->len,
		.keyframe = f->keyframe && f->whole,
		.damaged = t->damaged || !f->whole,
		.width = t->width,
		.height = t->height,
		.duration_us = f->duration_us,
		.setup = f->setup,
		.setup_len = f->setup_len,
	};
	t->given = true;
	t->end_us = us + f->duration_us;
	t->counted.frames++;
	t->counted.frames_damaged += ret->damaged;
}

/* What a frame means for those that refer to it. false: not to be given. */
static bool judge(struct take *t, const struct depacket_frame *f)
{
	if (!is_video(t->codec))
		return true;
	if (f->keyframe && f->whole) {
		t->needs_key = t->damaged = false;
		t->width = f->width;
		t->height = f->height;
	} else if (t->needs_key) {
		return false;
	}
	if (!f->whole)
		t->damaged = true;
	return true;
}

/* The present frame is over. true: *ret filled. */
static bool finish_frame(struct take *t, struct take_frame *ret)
{
	struct depacket_frame f;
	bool lost;

	t->marked = false;
	if (!depacket_end(&t->depacket, &f, &lost)) {
		if (lost) {
			t->damaged = is_video(t->codec);
			t->counted.frames_dropped++;
		}
		return false;
	}
	if (!judge(t, &f)) {
		t->counted.frames_dropped++;
		return false;
	}
	fill(t, &f, ret);
	return true;
}

static void change_codec(struct take *t, int codec)
{
	t->codec = codec;
	depacket_codec(&t->depacket, (enum take_codec)codec);
	t->needs_key = is_video(codec);
	t->damaged = false;
	t->width = t->height = 0;
}

static void add_packet(struct take *t, const struct order_packet *p)
{
	if (p->codec < 0)
		return;
	line_packet(&t->line, p->arrival_us, p->ts);
	if (p->codec != t->codec)
		change_codec(t, p->codec);
	t->ts = p->ts;
	if (depacket_packet(&t->depacket, p->payload, p->len) < 0)
		t->counted.malformed++;
	t->marked = t->depacket.open && (p->marker || !is_video(t->codec));
}

static bool begins_another(const struct take *t, const struct order_packet *p)
{
	return p->codec >= 0 && t->depacket.open &&
	       (p->codec != t->codec || p->ts != t->ts);
}

static void note_gap(struct take *t, const struct order_packet *behind,
	unsigned missing, struct take_gap *ret)
{
	depacket_lost(&t->depacket);
	if (is_video(t->codec))
		t->damaged = true;
	t->counted.missing += missing;
	ret->packets = missing;
	ret->from_us = t->end_us;
	ret->to_us = t->end_us;
	if (behind && behind->codec >= 0) {
		ret->to_us = line_guess(&t->line, behind->ts);
		if (!t->given || ret->to_us < t->end_us)
			ret->from_us = ret->to_us;
	}
}

/* A frame whose last packet never came; nothing else did either. */
static bool abandoned(const struct take *t, uint64_t now_us)
{
	return t->depacket.open && t->order.waiting == 0 &&
	       (t->ended || now_us >= t->last_us + TAKE_WAIT_US);
}

enum take_got take_next(struct take *t, uint64_t now_us,
	struct take_frame *ret_frame, struct take_gap *ret_gap)
{
	const struct order_packet *p;
	unsigned missing;

	if (!may_run(t, now_us))
		return TAKE_NOTHING;
	for (;;) {
		if (t->marked && finish_frame(t, ret_frame))
			return TAKE_FRAME;
		switch (order_peek(&t->order, now_us, t->ended, &p, &missing)) {
		case ORDER_NOTHING:
			if (!abandoned(t, now_us))
				return TAKE_NOTHING;
			depacket_lost(&t->depacket);
			return finish_frame(t, ret_frame) ? TAKE_FRAME
							  : TAKE_NOTHING;
		case ORDER_GAP:
			note_gap(t, p, missing, ret_gap);
			return TAKE_GAP;
		case ORDER_PACKET:
			if (begins_another(t, p)) {
				if (finish_frame(t, ret_frame))
					return TAKE_FRAME;
				break;
			}
			add_packet(t, p);
			order_pop(&t->order);
		}
	}
}

uint64_t take_deadline(const struct take *t)
{
	uint64_t us;

	if (!t->some)
		return UINT64_MAX;
	if (!t->running)
		return t->first_us + TAKE_START_US;
	us = order_deadline(&t->order);
	if (us == UINT64_MAX && t->depacket.open)
		us = t->last_us + TAKE_WAIT_US;
	return us;
}

bool take_wants_keyframe(struct take *t, uint64_t now_us)
{
	if (!t->running || t->ended || !(t->needs_key || t->damaged))
		return false;
	if (t->wished && now_us < t->wished_us + WISH_US)
		return false;
	t->wished = true;
	t->wished_us = now_us;
	return true;
}

const struct take_counters *take_counted(const struct take *t)
{
	return &t->counted;
}
