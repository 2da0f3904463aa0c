#include "rtp/sent.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rtp/seq.h"

enum { RTT_WINDOW_US = 10000000 };

int sent_init(struct sent *s, unsigned n)
{
	unsigned size = 1;

	if (n > SENT_MAX)
		return -EINVAL;
	while (size < n)
		size *= 2;
	memset(s, 0, sizeof(*s));
	s->ring = calloc(size, sizeof(*s->ring));
	if (!s->ring)
		return -ENOMEM;
	s->mask = size - 1;
	s->next = s->oldest = s->top = 65536;
	return 0;
}

void sent_done(struct sent *s)
{
	free(s->ring);
	s->ring = NULL;
}

static struct sent_packet *slot(const struct sent *s, uint64_t number)
{
	return &s->ring[number & s->mask];
}

static void land(struct sent *s, struct sent_packet *p, enum sent_state state)
{
	if (p->state == SENT_FLYING)
		s->in_flight -= p->bytes;
	p->state = (uint8_t)state;
}

uint16_t sent_add(struct sent *s, uint64_t now_us, size_t bytes,
	enum sent_kind kind, uint8_t cluster)
{
	struct sent_packet *p = slot(s, s->next);

	land(s, p, SENT_FLYING);
	p->sent_us = now_us;
	p->seq = (uint16_t)s->next;
	p->bytes = bytes > UINT16_MAX ? UINT16_MAX : (uint16_t)bytes;
	p->kind = (uint8_t)kind;
	p->cluster = cluster;
	s->in_flight += p->bytes;
	s->last_sent_us = now_us;
	s->next++;
	if (s->next - s->oldest > s->mask + 1)
		s->oldest = s->next - (s->mask + 1);
	return p->seq;
}

void sent_late(struct sent *s, uint64_t now_us, uint64_t by_us)
{
	for (uint64_t n = s->next; n > s->oldest; n--) {
		struct sent_packet *p = slot(s, n - 1);

		if (p->state != SENT_FLYING || p->sent_us != now_us)
			return;
		p->sent_us += by_us;
		s->last_sent_us = now_us + by_us;
	}
}

static bool remembered(const struct sent *s, uint64_t number)
{
	return number < s->next && s->next - number <= s->mask + 1;
}

static void note_rtt(struct sent *s, uint64_t now_us, uint64_t rtt_us)
{
	if (rtt_us == 0)
		rtt_us = 1;
	s->rtt_us = s->rtt_us ? (s->rtt_us * 7 + rtt_us) / 8 : rtt_us;
	if (now_us - s->rtt_window_us > RTT_WINDOW_US || !s->min_rtt_us) {
		s->min_rtt_us = s->rtt_window_min && s->rtt_window_min < rtt_us
					? s->rtt_window_min
					: rtt_us;
		s->rtt_window_min = rtt_us;
		s->rtt_window_us = now_us;
	}
	if (rtt_us < s->rtt_window_min)
		s->rtt_window_min = rtt_us;
	if (rtt_us < s->min_rtt_us)
		s->min_rtt_us = rtt_us;
}

/* Feedback goes missing too. What it would have told is no longer in flight,
 * and neither lost nor arrived. */
static uint64_t pass_over(struct sent *s, uint64_t base)
{
	uint64_t bytes = 0;

	for (; s->oldest < base; s->oldest++) {
		struct sent_packet *p = slot(s, s->oldest);

		if (p->state == SENT_FLYING) {
			bytes += p->bytes;
			land(s, p, SENT_UNTOLD);
		}
	}
	return bytes;
}

int sent_feedback(struct sent *s, uint64_t now_us, const uint8_t *body,
	size_t len, struct sent_walk *ret)
{
	struct twcc_walk *w = &ret->twcc;
	uint64_t base;

	if (twcc_walk_init(w, body, len) < 0)
		return -EBADMSG;
	base = seq_unwrap(s->next, w->base);
	if (base + w->count > s->next)
		return -EBADMSG;
	s->ref = s->has_ref ? twcc_unwrap_ref(s->ref, w->ref)
			    : UINT64_C(0x1000000) + w->ref;
	s->has_ref = true;
	s->last_feedback_us = now_us;
	ret->untold_bytes = pass_over(s, base);
	if (base + w->count > s->top)
		s->top = base + w->count;
	ret->sent = s;
	ret->base = base;
	ret->base_us = s->ref * TWCC_REF_US;
	return 0;
}

bool sent_next(struct sent_walk *w, struct sent_fate *ret)
{
	struct sent *s = w->sent;
	struct twcc_status status;

	while (twcc_next(&w->twcc, &status)) {
		uint64_t number =
			w->base + (uint16_t)(status.seq - w->twcc.base);
		struct sent_packet *p;
		bool news;

		if (!remembered(s, number))
			continue;
		p = slot(s, number);
		news = status.received ? p->state != SENT_ARRIVED
				       : p->state == SENT_FLYING ||
						 p->state == SENT_UNTOLD;
		if (!news || p->state == SENT_NONE)
			continue;
		ret->packet = *p;
		ret->number = number;
		ret->arrived = status.received;
		ret->revived = p->state == SENT_LOST;
		ret->untold = p->state == SENT_UNTOLD;
		ret->arrival_us =
			w->base_us + (uint64_t)(int64_t)status.arrival_us;
		land(s, p, status.received ? SENT_ARRIVED : SENT_LOST);
		/* The last one waited least for its feedback. */
		if (number + 1 == s->top && status.received)
			note_rtt(s, s->last_feedback_us,
				s->last_feedback_us - p->sent_us);
		return true;
	}
	return false;
}

uint64_t sent_oldest_us(struct sent *s)
{
	for (; s->oldest < s->next; s->oldest++)
		if (slot(s, s->oldest)->state == SENT_FLYING)
			return slot(s, s->oldest)->sent_us;
	return UINT64_MAX;
}
