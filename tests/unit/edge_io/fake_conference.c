#include "fake_conference.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SEATS = 8, EVENTS = 64 };

struct participant {
	sfu_id id;
	bool gone;
	char ufrag[9];
};

struct conference {
	struct env *env;
	char name[64];
	struct participant p[SEATS];
	struct sfu_event event[EVENTS];
	unsigned n_events, taken;
};

struct fake fake;
static struct conference *latest;

struct conference *conference_new(struct env *env, const char *name)
{
	struct conference *c = calloc(1, sizeof(*c));

	c->env = env;
	snprintf(c->name, sizeof(c->name), "%s", name);
	latest = c;
	fake.made++;
	return c;
}

struct conference *conference_free(struct conference *c)
{
	if (c)
		fake.freed++;
	free(c);
	return NULL;
}

struct env *fake_env(void)
{
	return latest->env;
}

const char *conference_name(const struct conference *c)
{
	return c->name;
}

bool conference_empty(const struct conference *c)
{
	for (unsigned i = 0; i < SEATS; i++)
		if (c->p[i].id)
			return false;
	return true;
}

static void emit(struct conference *c, const struct sfu_event *ev)
{
	if (c->taken == c->n_events)
		c->taken = c->n_events = 0;
	if (c->n_events < EVENTS)
		c->event[c->n_events++] = *ev;
}

void fake_emit(const struct sfu_event *ev)
{
	emit(latest, ev);
}

int conference_join(struct conference *c, uint64_t now_us, sfu_id id,
	const char *label, const struct sfu_join_options *opt)
{
	(void)now_us;
	(void)label;
	(void)opt;
	if (fake.join_error)
		return fake.join_error;
	for (unsigned i = 0; i < SEATS; i++)
		if (!c->p[i].id) {
			memset(&c->p[i], 0, sizeof(c->p[i]));
			c->p[i].id = id;
			snprintf(c->p[i].ufrag, 9, "ufrag%03u", id % 1000);
			return 0;
		}
	return -EBUSY;
}

int conference_plug(struct conference *c, uint64_t now_us, sfu_id id,
	const char *label, const struct sfu_plug_options *opt)
{
	(void)opt;
	return conference_join(c, now_us, id, label, NULL);
}

void conference_plain_input(struct conference *c, uint64_t now_us,
	struct participant *p, bool rtcp, uint8_t *buf, size_t len,
	struct outbox *out)
{
	struct packet *reply = outbox_add_plug(out, p->id);

	(void)c;
	(void)now_us;
	reply->rtcp = rtcp;
	reply->len = (uint16_t)len;
	memcpy(reply->data, buf, len);
}

const char *conference_label(const struct conference *c, sfu_id id)
{
	(void)c;
	return id == 1 ? "@one:x" : "";
}

int conference_far(
	struct conference *c, uint64_t now_us, sfu_id id, const char *label)
{
	return conference_join(c, now_us, id, label, NULL);
}

void conference_spread(struct conference *c, unsigned others, bool leads)
{
	(void)c;
	fake.others = others;
	fake.leads = leads;
}

void conference_follow(struct conference *c, uint64_t now_us, sfu_id speaker,
	struct outbox *out)
{
	(void)c;
	(void)out;
	(void)now_us;
	fake.speaker = speaker;
}

bool conference_next_relay(struct conference *c, struct relay_frame *ret)
{
	(void)c;
	(void)ret;
	return false;
}

void conference_relay_end(
	struct conference *c, uint64_t now_us, struct outbox *out)
{
	(void)c;
	(void)now_us;
	(void)out;
}

void conference_relay_gap(struct conference *c, uint64_t now_us)
{
	(void)c;
	(void)now_us;
}

void conference_relay_input(struct conference *c, uint64_t now_us,
	struct participant *p, const struct relay_frame *f, struct outbox *out)
{
	(void)c;
	(void)now_us;
	(void)p;
	(void)f;
	(void)out;
}

void conference_offer(struct conference *c, uint64_t now_us, sfu_id id,
	const char *sdp, size_t len, struct outbox *out)
{
	(void)now_us;
	(void)out;
	(void)len;
	emit(c, &(struct sfu_event){ .type = SFU_EV_ANSWER,
			.participant = id,
			.sdp = sdp[0] ? "answer" : "" });
}

void conference_answer(struct conference *c, uint64_t now_us, sfu_id id,
	const char *sdp, size_t len, struct outbox *out)
{
	(void)c;
	(void)now_us;
	(void)id;
	(void)sdp;
	(void)len;
	(void)out;
}

void conference_candidate(
	struct conference *c, uint64_t now_us, sfu_id id, const char *line)
{
	(void)c;
	(void)now_us;
	(void)id;
	(void)line;
}

void conference_view(struct conference *c, uint64_t now_us, sfu_id id,
	const char *stream, unsigned height, bool visible)
{
	(void)c;
	(void)now_us;
	snprintf(fake.view, sizeof(fake.view), "%u %s %u %d", (unsigned)id,
		stream, height, visible);
}

void conference_screen(struct conference *c, uint64_t now_us, sfu_id id,
	const char *stream, bool screen)
{
	(void)c;
	(void)now_us;
	snprintf(fake.screen, sizeof(fake.screen), "%u %s %d", (unsigned)id,
		stream, screen);
}

void conference_message(struct conference *c, uint64_t now_us, sfu_id id,
	bool binary, const uint8_t *data, size_t len, struct outbox *out)
{
	(void)now_us;
	(void)out;
	emit(c, &(struct sfu_event){ .type = SFU_EV_MESSAGE,
			.participant = id,
			.binary = binary,
			.data = data,
			.len = len });
}

void conference_leave(struct conference *c, uint64_t now_us, sfu_id id,
	enum sfu_reason reason, struct outbox *out)
{
	struct participant *p = conference_find(c, id);

	(void)now_us;
	(void)out;
	if (!p)
		return;
	p->gone = true;
	emit(c, &(struct sfu_event){ .type = SFU_EV_LEFT,
			.participant = id,
			.reason = reason });
}

struct participant *conference_find(struct conference *c, sfu_id id)
{
	for (unsigned i = 0; i < SEATS; i++)
		if (c->p[i].id == id && !c->p[i].gone)
			return &c->p[i];
	return NULL;
}

sfu_id participant_id(const struct participant *p)
{
	return p->id;
}

const char *participant_ufrag(const struct participant *p, unsigned index)
{
	return index ? NULL : p->ufrag;
}

bool intake_take(struct intake *in, uint64_t now_us, uint64_t at_us,
	struct participant *p, const struct sockaddr *from, uint8_t *buf,
	size_t len, struct outbox *out)
{
	struct conference *c = latest;
	struct packet *reply = outbox_add(out, from);

	(void)in;
	(void)at_us;
	fake.out_was_set = c->env->now_us == now_us;
	if (fake.n_seen < FAKE_SEEN) {
		fake.seen[fake.n_seen] = len ? buf[0] : 0;
		fake.seen_us[fake.n_seen++] = now_us;
	}
	reply->data[0] = len ? buf[0] : 0;
	reply->len = 1;
	usleep((useconds_t)fake.nap_us);
	for (unsigned i = 0; i < fake.events_of_input; i++)
		emit(c, &(struct sfu_event){ .type = SFU_EV_CONNECTED,
				.participant = p->id });
	return len && buf[0] < 4;
}

void intake_end(struct intake *in, uint64_t now_us, struct outbox *out)
{
	(void)in;
	(void)now_us;
	(void)out;
	for (; fake.events_of_end; fake.events_of_end--)
		emit(latest, &(struct sfu_event){ .type = SFU_EV_CONNECTED,
				     .participant = latest->p[0].id });
}

void conference_errand_done(struct conference *c, uint64_t now_us,
	struct errand *e, struct outbox *out)
{
	(void)out;
	fake.out_was_set = c->env->now_us == now_us;
	fake.errands++;
	errand_forget(e);
}

void conference_tick(struct conference *c, uint64_t now_us, struct outbox *out)
{
	(void)c;
	(void)out;
	fake.ticks++;
	fake.deadline_us = fake.ticks < 3 ? now_us + 5000 : UINT64_MAX;
}

void conference_late(struct conference *c, uint64_t now_us, uint64_t by_us)
{
	(void)c;
	fake.late_at_us = now_us;
	fake.late_us = by_us;
}

uint64_t conference_deadline(const struct conference *c)
{
	(void)c;
	return fake.deadline_us;
}

void conference_channels(
	struct conference *c, uint64_t now_us, struct outbox *out)
{
	(void)c;
	(void)now_us;
	(void)out;
	fake.channels++;
}

bool conference_next_event(struct conference *c, struct sfu_event *ret)
{
	if (c->taken == c->n_events)
		return false;
	*ret = c->event[c->taken++];
	return true;
}

void conference_sweep(struct conference *c)
{
	fake.sweeps++;
	for (unsigned i = 0; i < SEATS; i++)
		if (c->p[i].gone)
			memset(&c->p[i], 0, sizeof(c->p[i]));
}

void conference_stats(const struct conference *c, struct conference_stats *ret)
{
	for (unsigned i = 0; i < SEATS; i++)
		ret->participants += c->p[i].id != 0;
	ret->rtp_in += 10;
}

const char *conference_drop_text(enum conference_drop d)
{
	(void)d;
	return "fake";
}
