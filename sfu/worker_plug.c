/* Local programs: between a plug's frames and its participant. */
#include "sfu/worker_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include "sfu/sdp/negotiate.h"

/* Frames of one program per turn, so that everybody else gets theirs. */
enum { FRAMES_PER_TURN = 64 };

_Static_assert((int)OUTBOX_SLOT <= (int)FEED_PACKET_MAX, "any packet fits");
_Static_assert((int)NEGOTIATE_PLAIN_TEXT_MAX <= (int)FEED_PAYLOAD_MAX,
	"any description fits");

static void leave(struct seat *s, enum sfu_reason reason)
{
	struct worker *w = s->room->worker;

	conference_leave(
		s->room->conference, w->now_us, s->id, reason, &w->outbox);
}

/* --- from the program --------------------------------------------------------
 */

static void take(struct seat *s, const struct feed_frame *f)
{
	struct worker *w = s->room->worker;
	struct conference *c = s->room->conference;

	if (f->type == FEED_OFFER)
		conference_offer(c, w->now_us, s->id, (const char *)f->payload,
			f->len, &w->outbox);
	else
		/* The plug's own buffer, of which this frame has been read. */
		conference_plain_input(c, w->now_us, s->participant,
			f->type == FEED_RTCP, (uint8_t *)(uintptr_t)f->payload,
			f->len, &w->outbox);
}

static void on_readable(void *arg)
{
	struct seat *s = arg;
	struct worker_room *r = s->room;
	struct worker *w = r->worker;
	sfu_id id = s->id;
	struct feed_frame f = { .type = FEED_RTP };
	int got = 1;

	worker_turn_begin(w);
	/* An OFFER costs as much as many packets. */
	for (int i = 0; i < FRAMES_PER_TURN && s && f.type != FEED_OFFER; i++) {
		got = plug_next(s->plug, &f);
		if (got <= 0)
			break;
		take(s, &f);
		worker_room_after(r);
		/* It may have been refused. */
		s = worker_seat_find(w, id);
	}
	if (s && got > 0)
		plug_again(s->plug);
	if (s && got < 0) {
		leave(s, got == -ENOMEM ? SFU_FULL : SFU_CLOSED);
		worker_room_after(r);
	}
	worker_turn_end(w);
}

int worker_plug_new(struct seat *s, int fd)
{
	struct worker *w = s->room->worker;
	char text[96];
	int err = plug_new(&s->plug, &w->plugs, fd, on_readable, s);

	if (err)
		return err;
	snprintf(text, sizeof(text), "version=%d id=%u wall_us=%llu",
		FEED_VERSION, (unsigned)s->id,
		(unsigned long long)(w->now_us + w->env.wall_offset_us));
	return plug_put_text(s->plug, FEED_HELLO, w->now_us, text);
}

/* --- toward the program ------------------------------------------------------
 */

static size_t list_streams(const struct seat *s, const struct sfu_event *ev,
	char *ret, size_t size)
{
	const struct conference *c = s->room->conference;
	size_t len = 0;

	for (unsigned i = 0; i < ev->n_streams; i++) {
		const struct sfu_stream *from = &ev->streams[i];
		struct feed_stream to = { .owner = from->owner,
			.audio = from->audio,
			.video = from->video };
		int n;

		snprintf(to.id, sizeof(to.id), "%s", from->id);
		snprintf(to.source, sizeof(to.source), "%s", from->source);
		snprintf(to.label, sizeof(to.label), "%s",
			conference_label(c, from->owner));
		n = feed_stream_write(&to, ret + len, size - len);
		if (n == -EINVAL) {
			snprintf(to.source, sizeof(to.source), "-");
			n = feed_stream_write(&to, ret + len, size - len);
		}
		if (n > 0)
			len += (size_t)n;
	}
	return len;
}

static int describe(struct seat *s, const struct sfu_event *ev)
{
	uint64_t now_us = s->room->worker->now_us;
	char *text = malloc(FEED_PAYLOAD_MAX);
	struct feed_frame f = { .type = FEED_STREAMS, .time_us = now_us };
	int err = text ? 0 : -ENOMEM;

	if (!err)
		err = plug_put_text(s->plug, FEED_SDP, now_us, ev->sdp);
	if (!err) {
		f.payload = (const uint8_t *)text;
		f.len = list_streams(s, ev, text, FEED_PAYLOAD_MAX);
		err = plug_put(s->plug, &f);
	}
	free(text);
	return err;
}

static void say_goodbye(struct seat *s, enum sfu_reason reason)
{
	struct plug *p = s->plug;

	s->plug = NULL;
	plug_put_text(
		p, FEED_BYE, s->room->worker->now_us, sfu_reason_text(reason));
	plug_end(p);
}

bool worker_plug_event(struct seat *s, const struct sfu_event *ev)
{
	uint64_t now_us = s->room->worker->now_us;
	char number[16];
	int err = 0;

	switch (ev->type) {
	case SFU_EV_ANSWER:
	case SFU_EV_OFFER:
		err = describe(s, ev);
		break;
	case SFU_EV_SPEAKER:
		snprintf(number, sizeof(number), "%u", (unsigned)ev->speaker);
		err = plug_put_text(s->plug, FEED_SPEAKER, now_us, number);
		break;
	case SFU_EV_REFUSED:
		err = plug_put_text(s->plug, FEED_REFUSED, now_us, ev->text);
		break;
	case SFU_EV_LEFT:
		say_goodbye(s, ev->reason);
		return true;
	default:
		return ev->type == SFU_EV_CONNECTED;
	}
	/* It would go on by a description that is not true any more. */
	if (err)
		leave(s, SFU_FULL);
	return false;
}

void worker_plug_route(struct worker *w, struct outbox *out)
{
	for (unsigned i = 0; i < out->n; i++) {
		struct packet *p = &out->v[i];
		struct feed_frame f = { .type = FEED_RTP,
			.time_us = w->now_us,
			.payload = p->data,
			.len = p->len };
		struct seat *s;

		if (!p->plug)
			continue;
		if (p->rtcp)
			f.type = FEED_RTCP;
		s = f.len ? worker_seat_find(w, p->plug) : NULL;
		if (s && (p->relay || s->relay))
			worker_relay_packet(s, p);
		else if (s && s->plug)
			plug_put(s->plug, &f);
		p->len = 0;
	}
}
