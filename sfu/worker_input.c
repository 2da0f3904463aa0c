#include "sfu/worker_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "ice/ice.h"

/* Per wake-up of one socket, so that timers, commands and handshakes get their
 * turn. What costs most is what goes out: of a batch that came in, many times
 * as much. */
enum { BATCHES_PER_TURN = 8, SENT_PER_TURN = 1024 };

static void hand_over(
	struct worker *w, struct seat *s, const struct udp_datagram *d)
{
	struct worker_room *r = s->room;
	bool proven = intake_take(&w->intake, w->now_us, d->at_us,
		s->participant, d->from, d->buf, d->len, &w->outbox);

	/* The proof first: its reply may ask for the path at the flush. */
	if (proven &&
		!demux_prove(w->demux, w->now_us, &s->owner, d->from, &d->path))
		w->stats.address_refused++;
	worker_room_after(r);
}

/* Whose datagram. A binding request by its username, for a new address is what
 * it may be about; everything else by the address that was proven. */
static struct seat *route(const struct worker *w, const struct udp_datagram *d)
{
	const struct demux_address *a;
	char ufrag[ICE_UFRAG_LEN + 1];

	if (d->len && d->buf[0] < 4 &&
		ice_peek_ufrag(d->buf, d->len, ufrag, sizeof(ufrag)))
		return (struct seat *)demux_find_ufrag(w->demux, ufrag);
	a = demux_find_address(w->demux, d->from);
	return a ? (struct seat *)a->owner : NULL;
}

static void take(struct worker *w, const struct udp_datagram *d)
{
	struct seat *s = route(w, d);

	if (!s)
		w->stats.unknown_source++;
	else
		hand_over(w, s, d);
}

/* One batch. Its buffers are those of the next one, too. */
static unsigned take_batch(struct worker *w, unsigned index)
{
	const struct udp_datagram *v = NULL;
	unsigned n = udp_receive(&w->udp, index, &v);
	struct worker_room *r;

	for (unsigned i = 0; i < n; i++)
		take(w, &v[i]);
	intake_end(&w->intake, w->now_us, &w->outbox);
	/* What media that waited brought about is told now. */
	SLIST_FOREACH(r, &w->touched, next_touched)
	worker_room_after(r);
	return n;
}

static void read_socket(struct worker *w, unsigned index)
{
	static const struct timeval at_once = { 0, 0 };
	uint64_t sent = w->udp.stats.out;

	worker_turn_begin(w);
	for (int b = 0; b < BATCHES_PER_TURN; b++) {
		unsigned n = take_batch(w, index);

		if (n < UDP_BATCH || w->udp.stats.out - sent > SENT_PER_TURN)
			break;
	}
	/* A timer and not event_active: the loop looks at the other sockets
	 * before it comes back. */
	if (udp_has_more(&w->udp))
		event_add(w->again, &at_once);
	worker_turn_end(w);
}

static void on_again(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	/* What is left comes first, whichever socket is asked. */
	read_socket(arg, 0);
}

static void on_socket(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;

	(void)what;
	for (unsigned i = 0; i < w->udp.n; i++)
		if (w->udp.v[i].fd == fd)
			read_socket(w, i);
}

static void errand_done(struct worker *w, struct errand *e)
{
	struct seat *s = worker_seat_find(w, e->handshake->participant);

	if (!s) {
		errand_forget(e);
		return;
	}
	conference_errand_done(s->room->conference, w->now_us, e, &w->outbox);
	worker_room_after(s->room);
}

static void on_errands(void *arg)
{
	struct worker *w = arg;
	struct errand *e;

	worker_turn_begin(w);
	/* One in a turn: that is where keys and SCTP are made. */
	e = helper_next(w->helper);
	if (e) {
		errand_done(w, e);
		helper_put(w->helper, e);
	}
	worker_turn_end(w);
}

static int start_helper(struct worker *w)
{
	int fds[UDP_SOCKETS], err;

	err = helper_new(&w->helper, w->base, on_errands, w);
	if (err)
		return err;
	for (unsigned i = 0; i < w->udp.n; i++)
		fds[i] = w->udp.v[i].fd;
	return helper_watch(w->helper, fds, w->udp.n);
}

int worker_input_init(struct worker *w)
{
	int err = start_helper(w);

	if (err)
		return err;
	w->env.errands = helper_errands(w->helper);
	w->again = evtimer_new(w->base, on_again, w);
	if (!w->again)
		return -ENOMEM;
	for (unsigned i = 0; i < w->udp.n; i++) {
		w->socket_event[i] = event_new(w->base, w->udp.v[i].fd,
			EV_READ | EV_PERSIST, on_socket, w);
		if (!w->socket_event[i])
			return -ENOMEM;
		event_add(w->socket_event[i], NULL);
	}
	return 0;
}

void worker_input_done(struct worker *w)
{
	for (unsigned i = 0; i < UDP_SOCKETS; i++) {
		if (w->socket_event[i])
			event_free(w->socket_event[i]);
		w->socket_event[i] = NULL;
	}
	if (w->again)
		event_free(w->again);
	w->again = NULL;
}
