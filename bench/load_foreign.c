/* Signalling toward a server that is not hearth, through its driver. */
#include "bench/load_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void load_foreign_join(struct load_seat *s)
{
	struct load *l = s->load;
	unsigned seat = (unsigned)(s - l->seat);
	char *offer = s->publishes ? client_offer(s->client, false) : NULL;
	int err = -ENOMEM;

	s->id = seat;
	if (offer || !s->publishes)
		err = l->way->join(l->way, seat, offer);
	free(offer);
	if (err)
		load_fail(l, "seat %u cannot join: %s", seat, strerror(-err));
	s->state = SEAT_JOINED;
	l->joining++;
}

bool load_foreign_may(const struct load_seat *s)
{
	return s->publishes || s->load->seat[0].state == SEAT_CONNECTED;
}

void load_foreign_tick(struct load *l)
{
	for (unsigned i = 0; i < l->n_seats; i++) {
		struct load_seat *s = &l->seat[i];

		if (s->state != SEAT_JOINED || !s->client->connected)
			continue;
		s->state = SEAT_CONNECTED;
		l->joining--;
	}
}

/* Which m-lines there are is the server's to say. */
static void want_data(struct load_seat *s, const char *sdp)
{
	s->client->cfg.data = strstr(sdp, "m=application ") != NULL;
}

void load_remote_offer(struct load *l, unsigned seat, const char *sdp)
{
	struct load_seat *s;
	char *answer;
	int err;

	if (seat >= l->n_seats) {
		load_fail(l, "an offer for seat %u, which is not", seat);
		return;
	}
	s = &l->seat[seat];
	want_data(s, sdp);
	answer = client_negotiate(s->client, load_clock_us(), sdp);
	err = answer ? load_reach(s, sdp) : -EBADMSG;
	if (!err)
		err = l->way->answer(l->way, seat, answer);
	if (err)
		load_fail(l, "seat %u: bad offer: %s", seat, strerror(-err));
	free(answer);
}

void load_remote_answer(struct load *l, unsigned seat, const char *sdp)
{
	struct load_seat *s;
	int err;

	if (seat >= l->n_seats) {
		load_fail(l, "an answer for seat %u, which is not", seat);
		return;
	}
	s = &l->seat[seat];
	err = load_reach(s, sdp);
	if (!err)
		err = client_answer(s->client, load_clock_us(), sdp);
	if (err)
		load_fail(l, "seat %u: bad answer: %s", seat, strerror(-err));
}

uint64_t load_least(const struct load *l)
{
	uint64_t least = UINT64_MAX;

	for (unsigned i = 0; i < l->n_seats; i++) {
		const struct client_stream *own = l->seat[i].client->stream;
		uint64_t n = own[0].packets + own[1].packets;

		if (l->seat[i].receives && n < least)
			least = n;
	}
	return least;
}
