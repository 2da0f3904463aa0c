#include "sfu/message.h"
#include <errno.h>
#include <string.h>
#include "sfu/conference_private.h"
#include "sfu/quality_tell.h"

static void to_front(
	struct participant *from, bool binary, const uint8_t *data, size_t len)
{
	if (len > SFU_CONTROL_MAX) {
		from->stats.channel_overflows++;
		return;
	}
	conference_emit(
		from->conference, &(struct sfu_event){ .type = SFU_EV_MESSAGE,
					  .participant = from->id,
					  .binary = binary,
					  .data = data,
					  .len = len });
}

bool message_is_control(const struct channel *ch)
{
	return strcmp(ch->label, SFU_CONTROL_LABEL) == 0;
}

static bool carries_sender(const struct channel *ch)
{
	return strcmp(ch->protocol, SFU_FROM_PROTOCOL) == 0;
}

/* The receiver's channel of that label; opened when it has none. */
static struct channel *channel_toward(
	struct participant *to, const struct channel *like)
{
	struct channel *ch = channels_find(to->peer.channels, like->label);
	if (ch)
		return ch;
	const char *protocol = like->protocol;
	if (to->from_protocol)
		protocol = SFU_FROM_PROTOCOL;
	else if (carries_sender(like))
		/* It would not understand the prefix. */
		protocol = "";
	return channels_open(
		to->peer.channels, like->label, protocol, &like->how);
}

/* data with the sender's label and a newline before it, in the conference's
 * scratch. */
static const uint8_t *with_sender(
	struct participant *from, const uint8_t *data, size_t *len)
{
	uint8_t *scratch = from->conference->scratch;
	size_t n = strlen(from->label);
	memcpy(scratch, from->label, n);
	scratch[n] = '\n';
	memcpy(scratch + n + 1, data, *len);
	*len += n + 1;
	return scratch;
}

static void overflow(
	struct participant *to, struct channel *ch, uint64_t now_us)
{
	/* A reliable channel must not lose a message and go on as if nothing
	 * had happened: the receiver sees it close. */
	channels_close(to->peer.channels, ch);
	to->overflow_until_us = now_us + PARTICIPANT_OVERFLOW_US;
	to->stats.channel_overflows++;
}

static void deliver(struct participant *from, struct participant *to,
	uint64_t now_us, const struct channel *ch, bool binary,
	const uint8_t *data, size_t len)
{
	if (now_us < to->overflow_until_us) {
		to->stats.channel_overflows++;
		return;
	}
	/* It has no association yet: nothing is promised before. */
	if (!channels_is_up(to->peer.channels))
		return;
	struct channel *out = channel_toward(to, ch);
	if (!out) {
		to->stats.channel_overflows++;
		return;
	}
	if (carries_sender(out))
		data = with_sender(from, data, &len);
	int err = channels_send(to->peer.channels, out, binary, data, len);
	if (err == -ENOBUFS)
		overflow(to, out, now_us);
	else if (!err)
		to->stats.messages_out++;
	else
		to->stats.channel_overflows++;
}

void message_route(struct participant *from, uint64_t now_us,
	const struct channel *ch, bool binary, const uint8_t *data, size_t len)
{
	from->stats.messages_in++;
	if (message_is_control(ch)) {
		to_front(from, binary, data, len);
		return;
	}
	if (len > ASSOC_MESSAGE_MAX) {
		from->stats.channel_overflows++;
		return;
	}
	relay_message(from, ch, binary, data, len);
	message_fan(from, now_us, ch, binary, data, len);
}

void message_fan(struct participant *from, uint64_t now_us,
	const struct channel *ch, bool binary, const uint8_t *data, size_t len)
{
	struct conference *c = from->conference;
	for (unsigned i = 0; i < c->n; i++) {
		struct participant *to = c->p[i];
		if (to != from && participant_ready(to) && to->peer.channels)
			deliver(from, to, now_us, ch, binary, data, len);
	}
}

static bool has_own(struct participant *p, const char *label)
{
	if (p->gone)
		return false;
	if (p->far)
		return relay_far_has(p->far, label);
	if (!p->peer.channels)
		return false;
	struct channel *ch = channels_find(p->peer.channels, label);
	return ch && !ch->ours;
}

void message_closed(struct participant *from, const char *label)
{
	struct conference *c = from->conference;
	for (unsigned i = 0; i < c->n; i++)
		if (c->p[i] != from && has_own(c->p[i], label))
			return;
	for (unsigned i = 0; i < c->n; i++) {
		struct participant *to = c->p[i];
		if (to == from || to->gone || !to->peer.channels)
			continue;
		struct channel *ch = channels_find(to->peer.channels, label);
		if (ch && ch->ours)
			channels_close(to->peer.channels, ch);
	}
}

void message_leave(struct participant *from)
{
	const struct channel *ch;
	if (from->far)
		relay_far_leave(from);
	if (!from->peer.channels)
		return;
	for (unsigned i = 0; (ch = channels_at(from->peer.channels, i)); i++)
		if (!ch->ours && !message_is_control(ch))
			message_closed(from, ch->label);
}

static void on_open(
	struct participant *p, uint64_t now_us, const struct channel *ch)
{
	p->any_channel = true;
	participant_due(p, now_us);
	if (carries_sender(ch) && !ch->ours)
		p->from_protocol = true;
	if (!message_is_control(ch) && !ch->ours)
		relay_channel(p, RELAY_OPEN, ch->label);
	if (!message_is_control(ch) || p->control_open)
		return;
	p->control_open = true;
	conference_emit(
		p->conference, &(struct sfu_event){ .type = SFU_EV_CHANNEL,
				       .participant = p->id });
	quality_tell_anew(p, now_us);
}

static void on_closed(struct participant *p, const struct channel *ch)
{
	if (message_is_control(ch) && p->control_open) {
		p->control_open = false;
		conference_emit(p->conference,
			&(struct sfu_event){ .type = SFU_EV_CHANNEL_CLOSED,
				.participant = p->id });
	} else if (!message_is_control(ch) && !ch->ours) {
		message_closed(p, ch->label);
		relay_channel(p, RELAY_CLOSED, ch->label);
	}
}

static void on_down(struct participant *p)
{
	if (p->control_open)
		conference_emit(p->conference,
			&(struct sfu_event){ .type = SFU_EV_CHANNEL_CLOSED,
				.participant = p->id });
	p->control_open = false;
}

void participant_channels(struct participant *p, uint64_t now_us)
{
	struct channel_event ev;
	while (!p->gone && channels_next(p->peer.channels, &ev)) {
		switch (ev.type) {
		case CHANNEL_EV_OPEN:
			on_open(p, now_us, ev.channel);
			break;
		case CHANNEL_EV_MESSAGE:
			message_route(p, now_us, ev.channel, ev.binary, ev.data,
				ev.len);
			break;
		case CHANNEL_EV_CLOSED:
			on_closed(p, ev.channel);
			break;
		case CHANNEL_EV_DOWN:
			on_down(p);
			break;
		}
	}
}

int participant_control(
	struct participant *p, bool binary, const uint8_t *data, size_t len)
{
	if (p->gone || !p->peer.channels)
		return -ENOTCONN;
	struct channel *ch = channels_find(p->peer.channels, SFU_CONTROL_LABEL);
	if (!ch)
		return -ENOTCONN;
	return channels_send(p->peer.channels, ch, binary, data, len);
}
