/* A conference on several workers: what leaves this one, and far seats. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "sfu/conference_private.h"
#include "sfu/message.h"

/* --- what the other workers are told -----------------------------------------
 */

static bool tell(struct conference *c, const struct relay_frame *f)
{
	struct conference_note *n = malloc(sizeof(*n) + f->len);
	if (!n)
		return false;
	n->frame = *f;
	n->frame.payload = n->payload;
	if (f->len)
		memcpy(n->payload, f->payload, f->len);
	STAILQ_INSERT_TAIL(&c->notes, n, next);
	return true;
}

bool conference_next_relay(struct conference *c, struct relay_frame *ret)
{
	struct conference_note *n = STAILQ_FIRST(&c->notes);
	free(c->handed_note);
	c->handed_note = n;
	if (!n)
		return false;
	STAILQ_REMOVE_HEAD(&c->notes, next);
	*ret = n->frame;
	return true;
}

void relay_notes_done(struct conference *c)
{
	struct relay_frame f;
	while (conference_next_relay(c, &f))
		;
}

/* FNV-1a; 0 stands for nothing told. */
static uint64_t hash(const char *text)
{
	uint64_t h = 14695981039346656037u;
	for (; *text; text++)
		h = (h ^ (uint8_t)*text) * 1099511628211u;
	return h ? h : 1;
}

static char *published(const struct participant *p)
{
	unsigned n = negotiation_count(p->negotiation) + 1;
	bool *which = calloc((size_t)n * 2, sizeof(*which));
	bool *slides = which + n;
	char *text = NULL;
	if (!which)
		return NULL;
	for (unsigned i = 0; i < p->n_tracks; i++) {
		which[p->track[i]->transceiver] = true;
		slides[p->track[i]->transceiver] = p->track[i]->screen;
	}
	text = negotiation_published(p->negotiation, which, slides);
	free(which);
	return text;
}

static void tell_seat(struct participant *p, const char *sdp)
{
	size_t label = strlen(p->label), len = strlen(sdp);
	uint8_t *payload = malloc(label + 1 + len);
	bool told = false;
	if (payload) {
		memcpy(payload, p->label, label);
		payload[label] = '\n';
		memcpy(payload + label + 1, sdp, len);
		told = tell(p->conference,
			&(struct relay_frame){ .type = RELAY_SEAT,
				.id = p->id,
				.payload = payload,
				.len = label + 1 + len });
	}
	free(payload);
	if (told)
		p->relayed = hash(sdp);
	else
		participant_starve(p);
}

void relay_describe(struct participant *p)
{
	/* It has never published anything, or has no seat there at all. */
	bool nothing = !p->relayed || p->relayed == hash("");
	if (!relay_wanted(p) || p->gone || (!p->n_tracks && nothing))
		return;
	char *sdp = published(p);
	if (!sdp)
		participant_starve(p);
	else if (hash(sdp) != p->relayed)
		tell_seat(p, sdp);
	free(sdp);
}

/* Who never published has a far seat as well once it speaks. */
static bool introduce(struct participant *p)
{
	if (!relay_wanted(p) || p->gone)
		return false;
	if (!p->relayed)
		tell_seat(p, "");
	return p->relayed != 0;
}

void relay_channel(
	struct participant *p, enum relay_type type, const char *label)
{
	if (introduce(p) &&
		!tell(p->conference, &(struct relay_frame){ .type = type,
					     .id = p->id,
					     .payload = (const uint8_t *)label,
					     .len = strlen(label) }))
		participant_starve(p);
}

void relay_message(struct participant *from, const struct channel *ch,
	bool binary, const uint8_t *data, size_t len)
{
	if (!introduce(from))
		return;
	size_t size = RELAY_MESSAGE_HEAD + strlen(ch->label) +
		      strlen(ch->protocol) + len;
	uint8_t *payload = malloc(size);
	int64_t n = payload ? relay_message_write(
				      ch, binary, data, len, payload, size)
			    : -ENOMEM;
	if (n < 0 || !tell(from->conference,
			     &(struct relay_frame){ .type = RELAY_MESSAGE,
				     .id = from->id,
				     .payload = payload,
				     .len = (size_t)n }))
		from->stats.channel_overflows++;
	free(payload);
}

void relay_packet(
	struct participant *p, bool rtcp, const uint8_t *buf, size_t len)
{
	if (len > OUTBOX_SLOT)
		return;
	struct packet *out = outbox_add_plug(p->conference->env->out, p->id);
	out->relay = true;
	out->rtcp = rtcp;
	memcpy(out->data, buf, len);
	out->len = (uint16_t)len;
}

static void tell_everything(struct participant *p)
{
	const struct channel *ch;
	p->relayed = 0;
	relay_describe(p);
	for (unsigned i = 0;
		p->peer.channels && (ch = channels_at(p->peer.channels, i));
		i++)
		if (!ch->ours && !message_is_control(ch))
			relay_channel(p, RELAY_OPEN, ch->label);
}

void conference_relay_gap(struct conference *c, uint64_t now_us)
{
	for (unsigned i = 0; i < c->n; i++) {
		struct participant *p = c->p[i];
		for (unsigned k = 0; k < p->n_tracks && !p->far; k++) {
			track_want_keyframes(p->track[k], now_us);
			participant_due(
				p, track_keyframe_deadline(p->track[k]));
		}
	}
}

void relay_speaker(struct conference *c)
{
	/* Lost for want of memory it is said again when it changes. */
	if (c->others && !c->follows)
		tell(c, &(struct relay_frame){ .type = RELAY_SPEAKER,
				.id = c->speaker.current });
}

void conference_follow(struct conference *c, uint64_t now_us, sfu_id speaker,
	struct outbox *out)
{
	if (!c->follows || c->speaker.current == speaker)
		return;
	c->env->now_us = now_us;
	c->env->out = out;
	c->speaker.current = speaker;
	c->speaker.since_us = now_us;
	conference_speaker_changed(c, now_us);
	c->env->out = NULL;
}

void conference_spread(struct conference *c, unsigned others, bool leads)
{
	bool more = others > c->others;
	c->others = others;
	c->follows = others && !leads;
	if (more)
		relay_speaker(c);
	for (unsigned i = 0; more && i < c->n; i++)
		if (!c->p[i]->far && !c->p[i]->gone)
			tell_everything(c->p[i]);
}

/* --- far seats ---------------------------------------------------------------
 */

static bool copy_label(
	const struct relay_frame *f, char ret[CHANNEL_LABEL_MAX + 1])
{
	if (f->len > CHANNEL_LABEL_MAX ||
		(f->len && memchr(f->payload, 0, f->len)))
		return false;
	if (f->len)
		memcpy(ret, f->payload, f->len);
	ret[f->len] = 0;
	return true;
}

static int label_at(const struct far *far, const char *label)
{
	for (unsigned i = 0; i < far->n_open; i++)
		if (strcmp(far->open[i], label) == 0)
			return (int)i;
	return -1;
}

bool relay_far_has(const struct far *far, const char *label)
{
	return label_at(far, label) >= 0;
}

/* A channel that does not fit is only closed a little early: nobody needs it to
 * be heard. */
static void on_open(struct far *far, const char *label)
{
	char *copy;
	if (far->n_open == CHANNELS_MAX || label_at(far, label) >= 0)
		return;
	copy = strdup(label);
	if (copy)
		far->open[far->n_open++] = copy;
}

static void on_closed(struct participant *p, const char *label)
{
	int at = label_at(p->far, label);
	if (at < 0)
		return;
	/* Label may be this very text. */
	char *own = p->far->open[at];
	p->far->open[at] = p->far->open[--p->far->n_open];
	message_closed(p, own);
	free(own);
}

void relay_far_leave(struct participant *p)
{
	while (p->far->n_open)
		on_closed(p, p->far->open[0]);
}

struct far *relay_far_free(struct far *far)
{
	if (!far)
		return NULL;
	while (far->n_open)
		free(far->open[--far->n_open]);
	free(far);
	return NULL;
}

static void on_channel(struct participant *p, const struct relay_frame *f)
{
	char label[CHANNEL_LABEL_MAX + 1];
	if (!copy_label(f, label))
		peer_drop(&p->peer, DROP_MALFORMED);
	else if (f->type == RELAY_OPEN)
		on_open(p->far, label);
	else
		on_closed(p, label);
}

static void on_message(
	struct participant *p, uint64_t now_us, const struct relay_frame *f)
{
	struct channel ch;
	const uint8_t *data;
	size_t len;
	bool binary;
	/* What is on the control channel is said by the front alone. */
	if (relay_message_read(f->payload, f->len, &ch, &binary, &data, &len) !=
			0 ||
		message_is_control(&ch)) {
		peer_drop(&p->peer, DROP_MALFORMED);
		return;
	}
	on_open(p->far, ch.label);
	message_fan(p, now_us, &ch, binary, data, len);
}

/* Of one of ours: somebody at another worker needs a key frame of it. */
static void on_feedback(
	struct participant *p, uint64_t now_us, const struct relay_frame *f)
{
	struct rtcp_walk walk;
	struct rtcp_item item;
	if (rtcp_walk_init(&walk, f->payload, f->len) != 0) {
		peer_drop(&p->peer, DROP_RTCP);
		return;
	}
	while (rtcp_next(&walk, &item)) {
		if (item.type != RTCP_PLI && item.type != RTCP_FIR)
			continue;
		for (unsigned i = 0; i < p->n_tracks; i++) {
			struct track *t = p->track[i];
			struct encoding *e = track_encoding(t, item.media);
			if (!e)
				continue;
			encoding_want_keyframe(e, now_us);
			participant_due(p, encoding_keyframe_deadline(e));
		}
	}
}

static void far_input(
	struct participant *p, uint64_t now_us, const struct relay_frame *f)
{
	uint8_t *payload = (uint8_t *)(uintptr_t)f->payload;
	bool ready = participant_ready(p);
	if (f->type == RELAY_RTP && ready)
		participant_rtp(p, now_us, now_us, payload, f->len);
	else if (f->type == RELAY_RTCP && ready)
		participant_rtcp(p, now_us, payload, f->len);
	else if (f->type == RELAY_MESSAGE)
		on_message(p, now_us, f);
	else if (f->type == RELAY_OPEN || f->type == RELAY_CLOSED)
		on_channel(p, f);
}

void conference_relay_input(struct conference *c, uint64_t now_us,
	struct participant *p, const struct relay_frame *f, struct outbox *out)
{
	if (p->gone)
		return;
	c->env->now_us = now_us;
	c->env->out = out;
	if (p->far)
		far_input(p, now_us, f);
	else if (f->type == RELAY_RTCP)
		on_feedback(p, now_us, f);
	c->env->out = NULL;
}

void conference_relay_end(
	struct conference *c, uint64_t now_us, struct outbox *out)
{
	c->env->now_us = now_us;
	c->env->out = out;
	conference_forward(c, now_us);
	c->env->out = NULL;
}
