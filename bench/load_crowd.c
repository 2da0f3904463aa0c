/* How long packets were under way. */
#include "bench/load_private.h"

#include <string.h>

void load_delay_add(struct load *l, uint64_t sent_us, uint64_t arrived_us)
{
	uint64_t delay = arrived_us - sent_us;

	/* The publisher's clock was read before it sealed and sent. */
	if (arrived_us < sent_us)
		delay = 0;
	l->delays[delay < LOAD_DELAYS ? delay : LOAD_DELAYS]++;
}

void load_crowd_packet(
	struct client *c, const struct client_stream *s, uint64_t sent_us)
{
	struct load_seat *seat = c->user;

	(void)s;
	load_delay_add(seat->load, sent_us, seat->arrived_us);
}

unsigned load_tracks(const struct load *l)
{
	const struct client *c = l->seat[l->n_seats - 1].client;
	unsigned n = 0;

	for (unsigned i = 0; i < CLIENT_STREAMS; i++)
		n += c->stream[i].used && c->stream[i].started;
	return n;
}

void load_delays_reset(struct load *l)
{
	memset(l->delays, 0, (LOAD_DELAYS + 1) * sizeof(*l->delays));
}

/* The delay that `of` packets did not exceed. */
static unsigned reached(const struct load *l, uint64_t of)
{
	uint64_t seen = 0;

	for (unsigned us = 0; us <= LOAD_DELAYS; us++) {
		seen += l->delays[us];
		if (seen >= of)
			return us;
	}
	return LOAD_DELAYS;
}

void load_delays(const struct load *l, struct load_delays *ret)
{
	uint64_t n = 0;

	for (unsigned us = 0; us <= LOAD_DELAYS; us++)
		n += l->delays[us];
	ret->packets = n;
	ret->p50_us = reached(l, (n + 1) / 2);
	ret->p99_us = reached(l, n - n / 100);
	ret->p999_us = reached(l, n - n / 1000);
	ret->max_us = reached(l, n);
}
