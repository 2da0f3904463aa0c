/* What a conference came to. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tests/sim/sim.h"

struct conference_stats sim_stats(const struct sim *s)
{
	struct conference_stats st;
	memset(&st, 0, sizeof(st));
	for (unsigned i = 0; i < s->n_parts; i++)
		if (s->part[i].conference)
			conference_stats(s->part[i].conference, &st);
	return st;
}

unsigned sim_missing(const struct sim *s)
{
	unsigned missing = 0;
	for (unsigned i = 0; i < s->n_seats; i++) {
		for (unsigned k = 0; k < s->n_seats; k++) {
			const struct client *a = s->seat[i].client,
					    *b = s->seat[k].client;
			if (!a || !b || a == b)
				continue;
			unsigned want = b->cfg.audio + b->cfg.video;
			if (client_live(a, b->cfg.id, s->now_us) != want)
				missing++;
		}
	}
	return missing;
}

uint64_t sim_faults(const struct sim *s)
{
	uint64_t faults = 0;
	for (unsigned i = 0; i < s->n_seats; i++) {
		const struct client *c = s->seat[i].client;
		const struct sim_link *down = &s->seat[i].down;
		bool clean = !down->loss_ppm && !down->jitter_us;
		if (!c)
			continue;
		faults += c->count.corrupt;
		if (c->count.corrupt)
			fprintf(stderr, "seat %u: %u corrupt\n", i,
				(unsigned)c->count.corrupt);
		for (unsigned k = 0; k < CLIENT_STREAMS; k++) {
			const struct client_stream *st = &c->stream[k];
			if (!st->used)
				continue;
			/* Where the key frame may be lost or late, something
			 * else may well come first. */
			uint64_t early = clean ? st->before_key : 0;
			faults += st->foreign + early;
			if (st->foreign || early)
				fprintf(stderr,
					"seat %u, stream %u: %u foreign, "
					"%u before the key frame\n",
					i, k, (unsigned)st->foreign,
					(unsigned)early);
		}
	}
	return faults;
}

struct client_stream *sim_video(const struct sim_seat *seat, uint32_t from)
{
	struct client *c = seat->client;
	for (unsigned i = 0; i < CLIENT_STREAMS; i++)
		if (c->stream[i].used && c->stream[i].kind == CLIENT_VIDEO &&
			c->stream[i].from == from)
			return &c->stream[i];
	fprintf(stderr, "no video of %u\n", (unsigned)from);
	abort();
}

void sim_view(
	struct sim *s, struct sim_seat *seat, unsigned height, bool visible)
{
	conference_view(seat->conference, s->now_us, seat->id,
		sim_video(seat, 1)->stream, height, visible);
	sim_settle(s);
}
