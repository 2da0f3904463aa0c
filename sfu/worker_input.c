#include "sfu/worker_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "ice/ice.h"

/* Per wake-up of one socket, so that timers, commands and handshakes get their
 * turn. What costs most is what goes out: of a batch that came in, many times
 * as much. */
enum { BATCHES_PER_TURN = 8, SENT_PER_TURN = 1024 };

struct handshake {
	sfu_id id;
	uint64_t since_us;
	struct sockaddr_storage from;
	struct udp_path path;
	size_t len;
	uint8_t buf[UDP_DATAGRAM_MAX];
};

struct handshakes {
	struct event *turn;
	unsigned head, n;
	struct handshake v[WORKER_HANDSHAKES];
};

uint64_t worker_handshakes(const struct worker *w)
{
	return w->handshakes ? w->handshakes->n : 0;
}

static void hand_over(struct worker *w, struct seat *s,
	const struct sockaddr *from, const struct udp_path *path, uint8_t *buf,
	size_t len)
{
	struct worker_room *r = s->room;
	bool proven = conference_gather(r->conference, w->now_us,
		s->participant, from, buf, len, &w->outbox);

	/* The proof first: its reply may ask for the path at the flush. */
	if (proven && !demux_prove(w->demux, w->now_us, &s->owner, from, path))
		w->stats.address_refused++;
	worker_room_after(r);
}

/* The second queue. */

static void next_turn(struct handshakes *q)
{
	static const struct timeval at_once = { 0, 0 };

	/* A timer and not event_active: the loop looks at the sockets before it
	 * comes back, and they have the higher priority. */
	if (q->n)
		event_add(q->turn, &at_once);
}

static void handle_one(struct worker *w)
{
	struct handshakes *q = w->handshakes;
	struct handshake *h = &q->v[q->head];
	struct seat *s = worker_seat_find(w, h->id);

	q->head = (q->head + 1) % WORKER_HANDSHAKES;
	q->n--;
	if (!s)
		return;
	s->handshakes--;
	hand_over(w, s, (const struct sockaddr *)&h->from, &h->path, h->buf,
		h->len);
}

static void on_quiet(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;

	(void)fd;
	(void)what;
	if (!w->handshakes->n)
		return;
	worker_turn_begin(w);
	handle_one(w);
	worker_turn_end(w);
	next_turn(w->handshakes);
}

static void put_off(
	struct worker *w, struct seat *s, const struct udp_datagram *d)
{
	struct handshakes *q = w->handshakes;
	struct handshake *h;

	if (q->n == WORKER_HANDSHAKES ||
		s->handshakes == WORKER_HANDSHAKES_EACH) {
		w->stats.handshake_drops++;
		return;
	}
	h = &q->v[(q->head + q->n++) % WORKER_HANDSHAKES];
	h->id = s->id;
	h->since_us = w->now_us;
	memset(&h->from, 0, sizeof(h->from));
	memcpy(&h->from, d->from, ice_addr_len(d->from));
	h->path = d->path;
	h->len = d->len;
	memcpy(h->buf, d->buf, d->len);
	s->handshakes++;
	next_turn(q);
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
	else if (participant_expensive(s->participant, d->buf, d->len))
		put_off(w, s, d);
	else
		hand_over(w, s, d->from, &d->path, d->buf, d->len);
}

/* One batch. Its buffers are those of the next one, too. */
static unsigned take_batch(struct worker *w, unsigned index)
{
	const struct udp_datagram *v = NULL;
	unsigned n = udp_receive(&w->udp, index, &v);
	struct worker_room *r;

	for (unsigned i = 0; i < n; i++)
		take(w, &v[i]);
	SLIST_FOREACH(r, &w->touched, next_touched)
	conference_gathered(r->conference, w->now_us, &w->outbox);
	return n;
}

static void read_socket(struct worker *w, unsigned index)
{
	struct handshakes *q = w->handshakes;
	uint64_t sent = w->udp.stats.out;

	worker_turn_begin(w);
	for (int b = 0; b < BATCHES_PER_TURN; b++) {
		unsigned n = take_batch(w, index);

		if (n < UDP_BATCH || w->udp.stats.out - sent > SENT_PER_TURN)
			break;
	}
	if (q->n &&
		w->now_us - q->v[q->head].since_us > WORKER_HANDSHAKE_WAIT_US)
		handle_one(w);
	worker_turn_end(w);
}

static void on_socket(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;

	(void)what;
	for (unsigned i = 0; i < w->udp.n; i++)
		if (w->udp.v[i].fd == fd)
			read_socket(w, i);
}

int worker_input_init(struct worker *w)
{
	int last = event_base_get_npriorities(w->base) - 1;
	struct handshakes *q = calloc(1, sizeof(*q));

	if (!q)
		return -ENOMEM;
	w->handshakes = q;
	q->turn = evtimer_new(w->base, on_quiet, w);
	if (!q->turn)
		return -ENOMEM;
	event_priority_set(q->turn, last);
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
	if (w->handshakes && w->handshakes->turn)
		event_free(w->handshakes->turn);
	free(w->handshakes);
	w->handshakes = NULL;
}
