/* A conference on several workers: their parts, and the frames between them. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include "sfu/conference_private.h"
#include "tests/sim/sim.h"

bool sim_is_far(const struct participant *p)
{
	return p->far != NULL;
}

void sim_spread(struct sim *s, unsigned n)
{
	assert(n <= SIM_PARTS && s->n_parts == 1);
	for (; s->n_parts < n; s->n_parts++) {
		s->part[s->n_parts].conference = conference_new(&s->env, "sim");
		assert(s->part[s->n_parts].conference);
	}
	for (unsigned i = 0; i < n; i++)
		conference_spread(s->part[i].conference, n - 1, i == 0);
}

/* In bytes, so that what does not read as it was written is seen. */
static void send_to(struct sim_part *to, const struct relay_frame *f)
{
	size_t need = to->len + RELAY_HEADER + f->len;
	if (!to->conference)
		return;
	if (need > to->size) {
		to->size = need * 2;
		to->wire = realloc(to->wire, to->size);
		assert(to->wire);
	}
	relay_header_write(f, to->wire + to->len);
	if (f->len)
		memcpy(to->wire + to->len + RELAY_HEADER, f->payload, f->len);
	to->len = need;
}

static void send_others(
	struct sim *s, unsigned from, const struct relay_frame *f)
{
	for (unsigned i = 0; i < s->n_parts; i++)
		if (i != from)
			send_to(&s->part[i], f);
}

/* The part in which a participant is at home, or n_parts. */
static unsigned home_of(const struct sim *s, sfu_id id)
{
	for (unsigned i = 0; i < s->n_parts; i++) {
		struct conference *c = s->part[i].conference;
		struct participant *p = c ? conference_find(c, id) : NULL;
		if (p && !p->far)
			return i;
	}
	return s->n_parts;
}

bool sim_cross(struct sim *s, const struct packet *p)
{
	struct relay_frame f = { .type = p->rtcp ? RELAY_RTCP : RELAY_RTP,
		.id = p->plug,
		.payload = p->data,
		.len = p->len };
	unsigned home;
	if (s->n_parts == 1)
		return false;
	home = home_of(s, p->plug);
	if (p->relay)
		send_others(s, home, &f);
	else if (home < s->n_parts &&
		 conference_find(s->part[home].conference, p->plug)->plain)
		return false; /* a program hears something */
	else if (home < s->n_parts)
		send_to(&s->part[home], &f);
	return true;
}

static void seat(struct sim *s, struct conference *c, struct participant *p,
	const struct relay_frame *f)
{
	char label[SFU_LABEL_MAX + 1];
	const char *sdp;
	size_t len;
	assert(relay_seat_read(f->payload, f->len, label, &sdp, &len) == 0);
	if (!p)
		assert(conference_far(c, s->now_us, f->id, label) == 0);
	if (len)
		conference_offer(c, s->now_us, f->id, sdp, len, &s->out);
}

static void take(struct sim *s, struct sim_part *part, struct relay_frame *f)
{
	struct conference *c = part->conference;
	struct participant *p = conference_find(c, f->id);
	part->frames++;
	if (f->type == RELAY_SPEAKER)
		conference_follow(c, s->now_us, f->id, &s->out);
	else if (f->type == RELAY_SEAT)
		seat(s, c, p, f);
	else if (f->type == RELAY_LEFT)
		conference_leave(c, s->now_us, f->id, SFU_BY_COMMAND, &s->out);
	else if (p)
		conference_relay_input(c, s->now_us, p, f, &s->out);
}

static bool take_all(struct sim *s, struct sim_part *part)
{
	uint8_t *wire = part->wire;
	size_t len = part->len, at = 0;
	struct relay_frame f;
	part->wire = NULL;
	part->len = part->size = 0;
	while (at < len && part->conference) {
		int64_t n = relay_frame_read(wire + at, len - at, &f);
		assert(n > 0);
		at += (size_t)n;
		take(s, part, &f);
	}
	if (len && part->conference)
		conference_relay_end(part->conference, s->now_us, &s->out);
	free(wire);
	return len > 0;
}

bool sim_parts_settle(struct sim *s)
{
	struct relay_frame f;
	bool any = false;
	for (unsigned i = 0; i < s->n_parts; i++) {
		struct conference *c = s->part[i].conference;
		while (c && conference_next_relay(c, &f))
			send_others(s, i, &f);
	}
	for (unsigned i = 0; i < s->n_parts; i++)
		any |= take_all(s, &s->part[i]);
	return any;
}

void sim_event(struct sim *s, unsigned part, const struct sfu_event *ev)
{
	struct conference *c = s->part[part].conference;
	struct relay_frame left = { .type = RELAY_LEFT, .id = ev->participant };
	for (unsigned i = 0; i < c->n; i++)
		if (c->p[i]->id == ev->participant && c->p[i]->far)
			return;
	if (ev->type == SFU_EV_LEFT)
		send_others(s, part, &left);
	sim_on_event(s, ev);
}

void sim_kill_part(struct sim *s, unsigned index)
{
	struct sim_part *dead = &s->part[index];
	assert(index > 0 && dead->conference);
	for (unsigned i = 0; i < s->n_parts; i++) {
		struct conference *c = s->part[i].conference;
		for (unsigned k = 0; c && i != index && k < c->n; k++)
			if (c->p[k]->far && home_of(s, c->p[k]->id) == index)
				conference_leave(c, s->now_us, c->p[k]->id,
					SFU_WORKER_DIED, &s->out);
	}
	for (unsigned i = 0; i < s->n_seats; i++)
		if (s->seat[i].client &&
			s->seat[i].conference == dead->conference)
			sim_vanish(s, &s->seat[i]);
	s->env.out = &s->out;
	dead->conference = conference_free(dead->conference);
	s->env.out = NULL;
	sim_settle(s);
}
