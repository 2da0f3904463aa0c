#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "sfu/conference_private.h"
#include "sfu/intake.h"
#include "sfu/quality.h"

/* Asking usrsctp whether anything happened costs more than a packet: those that
 * nobody waits for are asked once a second. */
enum { CHANNEL_TURNS = 1000000 / ASSOC_TICK_US };

struct conference *conference_new(struct env *env, const char *name)
{
	if (strlen(name) > SFU_NAME_MAX)
		return NULL;
	struct conference *c = calloc(1, sizeof(*c));
	if (!c)
		return NULL;
	c->scratch = malloc(ASSOC_MESSAGE_MAX + SFU_LABEL_MAX + 1);
	if (!c->scratch) {
		free(c);
		return NULL;
	}
	c->env = env;
	memcpy(c->name, name, strlen(name));
	c->deadline_us = UINT64_MAX;
	STAILQ_INIT(&c->events);
	STAILQ_INIT(&c->notes);
	return c;
}

struct conference *conference_free(struct conference *c)
{
	struct sfu_event ev;
	if (!c)
		return NULL;
	c->fanout = fanout_free(c->fanout);
	for (unsigned i = 0; i < c->n; i++)
		c->p[i]->gone = true;
	for (unsigned i = 0; i < c->n; i++)
		participant_free(c->p[i]);
	while (conference_next_event(c, &ev))
		;
	relay_notes_done(c);
	free(c->p);
	free(c->quality_share);
	free(c->quality_order);
	free(c->scratch);
	free(c);
	return NULL;
}

const char *conference_name(const struct conference *c)
{
	return c->name;
}

bool conference_empty(const struct conference *c)
{
	return c->n == c->n_far;
}

uint32_t conference_random32(struct conference *c)
{
	uint32_t v = 0;
	/* An id of 0 means none in many places. */
	while (v == 0)
		if (cert_random(c->env->cert, &v, sizeof(v)))
			return 1;
	return v;
}

struct participant *conference_find(struct conference *c, sfu_id id)
{
	for (unsigned i = 0; i < c->n; i++)
		if (c->p[i]->id == id && !c->p[i]->gone)
			return c->p[i];
	return NULL;
}

const char *conference_label(const struct conference *c, sfu_id id)
{
	for (unsigned i = 0; i < c->n; i++)
		if (c->p[i]->id == id)
			return c->p[i]->label;
	return "";
}

sfu_id participant_id(const struct participant *p)
{
	return p->id;
}

const char *participant_ufrag(const struct participant *p, unsigned index)
{
	const struct ice *ice = &p->peer.ice;
	if (p->plain)
		return NULL;
	if (index == 0)
		return ice->local.ufrag;
	if (index == 1 && ice->old_local.ufrag[0])
		return ice->old_local.ufrag;
	return NULL;
}

/* --- entering and leaving the core ------------------------------------------
 */

void conference_enter(struct conference *c, uint64_t now_us, struct outbox *out)
{
	c->env->now_us = now_us;
	c->env->out = out;
}

void conference_exit(struct conference *c)
{
	c->env->out = NULL;
}

/* --- commands ---------------------------------------------------------------
 */

/* Kinds of participants; people, programs, and those of other workers have
 * ceilings of their own: none keeps the others out. */
enum kind { PERSON, PROGRAM, FAR };

static enum kind kind_of(const struct participant *p)
{
	return p->far ? FAR : p->plain ? PROGRAM : PERSON;
}

static bool is_full(const struct conference *c, enum kind kind)
{
	unsigned n = 0, most = c->env->limits.participants;
	if (kind == PROGRAM)
		most = CONFERENCE_PLUGS;
	else if (kind == FAR)
		most += CONFERENCE_PLUGS;
	for (unsigned i = 0; i < c->n; i++)
		n += kind_of(c->p[i]) == kind && !c->p[i]->gone;
	return n >= most;
}

/* May one of that name come in? Makes room for it. */
static int check_join(
	struct conference *c, sfu_id id, const char *label, enum kind kind)
{
	if (strlen(label) > SFU_LABEL_MAX)
		return -E2BIG;
	if (strchr(label, '\n') || conference_find(c, id))
		return -EINVAL;
	if (is_full(c, kind))
		return -EBUSY;
	if (c->n == c->cap) {
		unsigned cap = c->cap ? c->cap * 2 : 8;
		void *v = realloc(c->p, cap * sizeof(*c->p));
		if (!v)
			return -ENOMEM;
		c->p = v;
		c->cap = cap;
	}
	return 0;
}

static int seat(struct conference *c, struct participant *p)
{
	if (!p)
		return -ENOMEM;
	c->p[c->n++] = p;
	c->joins += !p->far;
	c->n_far += p->far != NULL;
	participant_due(p, peer_deadline(&p->peer));
	return 0;
}

int conference_join(struct conference *c, uint64_t now_us, sfu_id id,
	const char *label, const struct sfu_join_options *opt)
{
	int err = check_join(c, id, label, PERSON);
	return err ? err : seat(c, participant_new(c, now_us, id, label, opt));
}

int conference_plug(struct conference *c, uint64_t now_us, sfu_id id,
	const char *label, const struct sfu_plug_options *opt)
{
	int err = check_join(c, id, label, PROGRAM);
	return err ? err
		   : seat(c, participant_new_plain(c, now_us, id, label, opt));
}

int conference_far(
	struct conference *c, uint64_t now_us, sfu_id id, const char *label)
{
	int err = check_join(c, id, label, FAR);
	return err ? err : seat(c, participant_new_far(c, now_us, id, label));
}

void conference_offer(struct conference *c, uint64_t now_us, sfu_id id,
	const char *sdp, size_t len, struct outbox *out)
{
	struct participant *p = conference_find(c, id);
	if (!p)
		return;
	conference_enter(c, now_us, out);
	participant_offer(p, now_us, sdp, len);
	conference_exit(c);
}

void conference_answer(struct conference *c, uint64_t now_us, sfu_id id,
	const char *sdp, size_t len, struct outbox *out)
{
	struct participant *p = conference_find(c, id);
	if (!p)
		return;
	conference_enter(c, now_us, out);
	participant_answer(p, now_us, sdp, len);
	conference_exit(c);
}

void conference_candidate(
	struct conference *c, uint64_t now_us, sfu_id id, const char *line)
{
	struct participant *p = conference_find(c, id);
	(void)now_us;
	if (p)
		peer_candidate(&p->peer, line);
}

void conference_message(struct conference *c, uint64_t now_us, sfu_id id,
	bool binary, const uint8_t *data, size_t len, struct outbox *out)
{
	struct participant *p = conference_find(c, id);
	if (!p)
		return;
	conference_enter(c, now_us, out);
	if (participant_control(p, binary, data, len))
		p->stats.channel_overflows++;
	conference_exit(c);
}

void conference_view(struct conference *c, uint64_t now_us, sfu_id id,
	const char *stream, unsigned height, bool visible)
{
	struct participant *p = conference_find(c, id);
	if (p)
		quality_view(p, now_us, stream, height, visible);
}

void conference_screen(struct conference *c, uint64_t now_us, sfu_id id,
	const char *stream, bool screen)
{
	struct participant *p = conference_find(c, id);
	if (p)
		participant_screen(p, now_us, stream, screen);
}

void conference_leave(struct conference *c, uint64_t now_us, sfu_id id,
	enum sfu_reason reason, struct outbox *out)
{
	struct participant *p = conference_find(c, id);
	if (!p)
		return;
	conference_enter(c, now_us, out);
	participant_leave(p, now_us, reason);
	conference_exit(c);
}

void conference_forward(struct conference *c, uint64_t now_us)
{
	if (!fanout_count(c->fanout))
		return;
	fanout_run(c->fanout, now_us, c->env->out);
	outbox_settle(c->env->out);
}

/* --- datagrams and time ------------------------------------------------------
 */

bool conference_input(struct conference *c, uint64_t now_us,
	struct participant *p, const struct sockaddr *from, uint8_t *buf,
	size_t len, struct outbox *out)
{
	struct intake in = { .n = 0 };
	(void)c;
	bool proven = intake_take(&in, now_us, now_us, p, from, buf, len, out);
	intake_end(&in, now_us, out);
	return proven;
}

void conference_plain_input(struct conference *c, uint64_t now_us,
	struct participant *p, bool rtcp, uint8_t *buf, size_t len,
	struct outbox *out)
{
	if (!p->plain || !participant_ready(p))
		return;
	conference_enter(c, now_us, out);
	if (rtcp)
		participant_rtcp(p, now_us, buf, len);
	else
		participant_rtp(p, now_us, now_us, buf, len);
	conference_forward(c, now_us);
	conference_exit(c);
}

void conference_errand_done(struct conference *c, uint64_t now_us,
	struct errand *e, struct outbox *out)
{
	struct participant *p = conference_find(c, e->handshake->participant);
	if (!p || p->peer.handshake != e->handshake) {
		errand_forget(e);
		return;
	}
	conference_enter(c, now_us, out);
	peer_errand_done(&p->peer, now_us, e);
	participant_settle(p, now_us);
	conference_exit(c);
}

static struct track *loudest_track(struct participant *p, uint64_t now_us)
{
	struct track *best = NULL;
	for (unsigned i = 0; i < p->n_tracks; i++) {
		struct track *t = p->track[i];
		if (t->kind != SDP_AUDIO)
			continue;
		/* A muted microphone may stop sending: it is silent then. */
		if (now_us - t->loud_us > 500000)
			t->loudness = 0;
		if (!best || t->loudness > best->loudness)
			best = t;
	}
	return best;
}

static void choose_speaker(struct conference *c, uint64_t now_us)
{
	sfu_id loudest = 0;
	uint32_t most = 0, current = 0;
	if (c->follows) {
		c->speaker.next_us = now_us + SPEAKER_PERIOD_US;
		return;
	}
	for (unsigned i = 0; i < c->n; i++) {
		struct track *t =
			c->p[i]->gone ? NULL : loudest_track(c->p[i], now_us);
		if (!t)
			continue;
		if (c->p[i]->id == c->speaker.current)
			current = t->loudness;
		if (t->loudness > most) {
			most = t->loudness;
			loudest = c->p[i]->id;
		}
	}
	if (!speaker_choose(&c->speaker, now_us, loudest, most, current))
		return;
	relay_speaker(c);
	conference_speaker_changed(c, now_us);
}

void conference_speaker_changed(struct conference *c, uint64_t now_us)
{
	quality_speaker_changed(c, now_us);
	for (unsigned i = 0; i < c->n; i++) {
		if (c->p[i]->gone || c->p[i]->far)
			continue;
		if (!c->p[i]->opt.renegotiate)
			participant_subscribe(c->p[i], now_us, false);
		conference_emit(c, &(struct sfu_event){ .type = SFU_EV_SPEAKER,
					   .participant = c->p[i]->id,
					   .speaker = c->speaker.current });
	}
}

struct participant *conference_shown(
	struct conference *c, const struct participant *than)
{
	struct participant *first = NULL;
	for (unsigned i = 0; i < c->n; i++) {
		struct participant *p = c->p[i];
		if (p == than || p->gone || !p->n_tracks)
			continue;
		if (p->id == c->speaker.current)
			return p;
		if (!first)
			first = p;
	}
	return first;
}

void conference_tracks_changed(
	struct conference *c, struct participant *p, uint64_t now_us)
{
	relay_describe(p);
	for (unsigned i = 0; i < c->n; i++)
		if (c->p[i] != p && !c->p[i]->gone)
			participant_subscribe(c->p[i], now_us, true);
}

void conference_tick(struct conference *c, uint64_t now_us, struct outbox *out)
{
	conference_enter(c, now_us, out);
	if (c->speaker.next_us <= now_us)
		choose_speaker(c, now_us);
	for (unsigned i = 0; i < c->n; i++) {
		struct participant *p = c->p[i];
		if (p->gone || p->deadline_us > now_us)
			continue;
		participant_tick(p, now_us);
		p->deadline_us = participant_deadline(p);
	}
	c->deadline_us = UINT64_MAX;
	for (unsigned i = 0; i < c->n; i++)
		if (!c->p[i]->gone && c->p[i]->deadline_us < c->deadline_us)
			c->deadline_us = c->p[i]->deadline_us;
	conference_exit(c);
}

void conference_late(struct conference *c, uint64_t now_us, uint64_t by_us)
{
	for (unsigned i = 0; i < c->n; i++)
		if (c->p[i]->down)
			downlink_late(c->p[i]->down, now_us, by_us);
}

uint64_t conference_deadline(const struct conference *c)
{
	return c->deadline_us;
}

void conference_channels(
	struct conference *c, uint64_t now_us, struct outbox *out)
{
	unsigned turn = c->channel_turn++ % CHANNEL_TURNS;
	conference_enter(c, now_us, out);
	for (unsigned i = 0; i < c->n; i++) {
		const struct channels *ch = c->p[i]->peer.channels;
		if (!c->p[i]->gone && ch &&
			(channels_wait(ch) || i % CHANNEL_TURNS == turn))
			participant_channels(c->p[i], now_us);
	}
	conference_exit(c);
}

void conference_sweep(struct conference *c)
{
	unsigned kept = 0;
	for (unsigned i = 0; i < c->n; i++) {
		struct participant *p = c->p[i];
		if (!p->gone) {
			c->p[kept++] = p;
			continue;
		}
		c->n_far -= p->far != NULL;
		if (p->down)
			p->stats.probes += p->down->estimate.probes;
		if (!p->far)
			conference_add_stats(&c->gone, &p->stats);
		for (unsigned k = 0; k < CONFERENCE_DROPS; k++)
			c->drops[k] += p->peer.drops[k];
		c->ice_restarts += p->peer.ice_restarts;
		participant_free(p);
	}
	c->n = kept;
}
