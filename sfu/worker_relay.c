/* Conferences that other workers have a part of: between links and far seats.
 */
#include "sfu/worker_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "sfu/sdp/negotiate.h"

/* Frames of one link per turn, so that everybody else gets theirs. What costs
 * most is what goes out: of a frame that came in, many times as much. */
enum { FRAMES_PER_TURN = 256, SENT_PER_TURN = 1024 };

_Static_assert((int)OUTBOX_SLOT <= (int)RELAY_PACKET_MAX, "any packet fits");
_Static_assert(
	(int)NEGOTIATE_TEXT_MAX + SFU_LABEL_MAX + 1 <= (int)RELAY_PAYLOAD_MAX,
	"any description fits");

/* One other worker's part of a room. */
struct relay {
	LIST_ENTRY(relay) of_room;
	SLIST_ENTRY(relay) of_dirty;
	struct worker_room *room;
	sfu_id id;     /* by which the control process knows it */
	unsigned rank; /* the other worker's number */
	struct link *link;
	bool dirty; /* something is queued */
	/* After a message had no room: none goes, as to any slow receiver. */
	uint64_t overflow_until_us;
};

static void tell_end(struct worker *w, sfu_id id)
{
	struct wire_message m = { .type = WIRE_EVENT, .id = id };

	m.u.event.type = SFU_EV_LEFT;
	m.u.event.participant = id;
	m.u.event.reason = SFU_CLOSED;
	worker_tell(w, &m);
}

/* --- toward the other worker -------------------------------------------------
 */

static void message_overflow(
	struct relay *l, const struct relay_frame *f, uint64_t now_us)
{
	struct relay_frame closed = { .type = RELAY_CLOSED, .id = f->id };
	struct channel ch;
	const uint8_t *data;
	size_t len;
	bool binary;

	l->room->worker->stats.relay_overflows++;
	if (now_us < l->overflow_until_us ||
		relay_message_read(
			f->payload, f->len, &ch, &binary, &data, &len) != 0)
		return;
	/* A reliable channel must not lose a message and go on as if nothing
	 * had happened: its receivers see it close. */
	l->overflow_until_us = now_us + WORKER_RELAY_OVERFLOW_US;
	closed.payload = (const uint8_t *)ch.label;
	closed.len = strlen(ch.label);
	link_put(l->link, &closed);
}

static void put(struct relay *l, const struct relay_frame *f)
{
	struct worker *w = l->room->worker;
	int err = -ENOBUFS;

	if (f->type != RELAY_MESSAGE || w->now_us >= l->overflow_until_us)
		err = link_put(l->link, f);
	if (err == -ENOBUFS && f->type == RELAY_MESSAGE)
		message_overflow(l, f, w->now_us);
	/* There is a hole in what the other worker has. */
	if (err == 1)
		conference_relay_gap(l->room->conference, w->now_us);
	if (l->dirty)
		return;
	l->dirty = true;
	SLIST_INSERT_HEAD(&w->relays_dirty, l, of_dirty);
}

static void put_all(struct worker_room *r, const struct relay_frame *f)
{
	struct relay *l;

	LIST_FOREACH(l, &r->relays, of_room)
	put(l, f);
}

void worker_relay_notes(struct worker_room *r)
{
	struct relay_frame f;

	while (conference_next_relay(r->conference, &f))
		put_all(r, &f);
}

void worker_relay_left(struct worker_room *r, sfu_id id)
{
	struct relay_frame f = { .type = RELAY_LEFT, .id = id };

	put_all(r, &f);
}

void worker_relay_packet(struct seat *s, const struct packet *p)
{
	struct relay_frame f = { .type = p->rtcp ? RELAY_RTCP : RELAY_RTP,
		.id = s->id,
		.payload = p->data,
		.len = p->len };

	/* What a far seat sends is for its own worker. */
	if (s->relay)
		put(s->relay, &f);
	else
		put_all(s->room, &f);
}

void worker_relay_flush(struct worker *w)
{
	struct relay *l;

	while ((l = SLIST_FIRST(&w->relays_dirty))) {
		SLIST_REMOVE_HEAD(&w->relays_dirty, of_dirty);
		l->dirty = false;
		link_flush(l->link);
	}
}

/* Does this worker say who speaks? Else it is the relay of the lowest rank. */
static bool leads(const struct worker_room *r)
{
	const struct relay *l;

	LIST_FOREACH(l, &r->relays, of_room)
	if (l->rank < r->worker->options.index)
		return false;
	return true;
}

static bool is_led_by(const struct worker_room *r, const struct relay *by)
{
	const struct relay *l;

	LIST_FOREACH(l, &r->relays, of_room)
	if (l->rank < by->rank)
		return false;
	return by->rank < r->worker->options.index;
}

/* --- from the other worker ---------------------------------------------------
 */

/* The seat of who is new there, or NULL. */
static struct seat *make_seat(
	struct relay *l, const struct relay_frame *f, const char *label)
{
	struct worker_room *r = l->room;
	struct worker *w = r->worker;
	struct seat *s;

	if (conference_far(r->conference, w->now_us, f->id, label) != 0)
		return NULL;
	s = worker_seat_new(r, f->id);
	if (!s)
		conference_leave(
			r->conference, w->now_us, f->id, SFU_FULL, &w->outbox);
	else
		s->relay = l;
	return s;
}

static void take_seat(
	struct relay *l, struct seat *s, const struct relay_frame *f)
{
	struct worker *w = l->room->worker;
	char label[SFU_LABEL_MAX + 1];
	const char *sdp;
	size_t len;

	if (relay_seat_read(f->payload, f->len, label, &sdp, &len) != 0)
		return;
	if (!s)
		s = make_seat(l, f, label);
	if (s && len)
		conference_offer(l->room->conference, w->now_us, s->id, sdp,
			len, &w->outbox);
}

static void take(struct relay *l, const struct relay_frame *f)
{
	struct worker *w = l->room->worker;
	struct conference *c = l->room->conference;
	struct seat *s = worker_seat_find(w, f->id);
	/* Another worker speaks of its own participants, and gives feedback to
	 * those that are here; no more. */
	bool far = s && s->relay == l;
	bool here = s && !s->relay && s->room == l->room;

	if (f->type == RELAY_SEAT) {
		if (far || !s)
			take_seat(l, s, f);
	} else if (f->type == RELAY_LEFT) {
		if (far)
			conference_leave(c, w->now_us, f->id, SFU_BY_COMMAND,
				&w->outbox);
	} else if (f->type == RELAY_SPEAKER) {
		if (is_led_by(l->room, l))
			conference_follow(c, w->now_us, f->id, &w->outbox);
	} else if (far || (here && f->type == RELAY_RTCP)) {
		conference_relay_input(
			c, w->now_us, s->participant, f, &w->outbox);
	}
}

/* Everybody of that worker leaves. */
static void empty(struct relay *l)
{
	struct worker_room *r = l->room;
	struct worker *w = r->worker;
	struct seat *s;

	for (unsigned i = 0; i < WORKER_IDS; i++)
		LIST_FOREACH(s, &w->ids[i], by_id)
	if (s->relay == l)
		conference_leave(r->conference, w->now_us, s->id,
			SFU_WORKER_DIED, &w->outbox);
	worker_room_after(r);
}

static void relay_free(struct relay *l)
{
	struct worker *w = l->room->worker;

	LIST_REMOVE(l, of_room);
	l->room->n_relays--;
	if (l->dirty)
		SLIST_REMOVE(&w->relays_dirty, l, relay, of_dirty);
	link_free(l->link);
	tell_end(w, l->id);
	free(l);
}

static void end(struct relay *l)
{
	struct worker_room *r = l->room;

	empty(l);
	relay_free(l);
	conference_spread(r->conference, r->n_relays, leads(r));
}

/* Frames of what was read, as one batch: the conference keeps views of it.
 * Returns link_next's last. */
static int take_batch(struct relay *l, unsigned *left)
{
	struct worker_room *r = l->room;
	struct worker *w = r->worker;
	struct relay_frame f;
	int got = 1;

	while (*left && (got = link_next(l->link, &f)) > 0) {
		take(l, &f);
		--*left;
	}
	conference_relay_end(r->conference, w->now_us, &w->outbox);
	worker_room_after(r);
	return got;
}

static void on_readable(void *arg)
{
	struct relay *l = arg;
	struct worker *w = l->room->worker;
	uint64_t sent = w->udp.stats.out;
	unsigned left = FRAMES_PER_TURN;
	int got;

	worker_turn_begin(w);
	do
		got = take_batch(l, &left);
	while (got == 0 && w->udp.stats.out - sent <= SENT_PER_TURN &&
		(got = link_read(l->link)) > 0);
	if (got < 0)
		end(l);
	else if (!left)
		link_again(l->link);
	worker_turn_end(w);
}

void worker_relay_new(struct worker_room *r, sfu_id id, unsigned rank, int fd)
{
	struct worker *w = r->worker;
	struct relay *l = calloc(1, sizeof(*l));

	if (!l) {
		close(fd);
		tell_end(w, id);
		return;
	}
	l->room = r;
	l->id = id;
	l->rank = rank;
	if (link_new(&l->link, w->base, fd, &w->links, on_readable, l) != 0) {
		free(l);
		tell_end(w, id);
		return;
	}
	LIST_INSERT_HEAD(&r->relays, l, of_room);
	r->n_relays++;
	conference_spread(r->conference, r->n_relays, leads(r));
	worker_room_after(r);
}

void worker_relay_done(struct worker_room *r)
{
	struct relay *l;

	while ((l = LIST_FIRST(&r->relays)))
		relay_free(l);
}
