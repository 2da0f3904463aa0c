/*
 * Counters of the cores and the edge, gathered per worker, summed in the
 * control process, printed as Prometheus text. No name of a person, room or
 * address is ever a label; a conference's stands in it as it does in the log.
 */
#ifndef HEARTH_SFU_STATS_H
#define HEARTH_SFU_STATS_H

#include <stddef.h>
#include <stdint.h>
#include "sfu/conference.h"
#include "sfu/link.h"
#include "sfu/plug.h"
#include "sfu/udp.h"

struct evbuffer;

/* Nothing but uint64_t: it crosses the wire as it lies. Gauges first. */
struct worker_stats {
	uint64_t conferences;
	uint64_t handshakes_waiting;
	struct conference_stats core; /* its first three are gauges too */
	struct udp_stats udp;
	uint64_t unknown_source;  /* datagrams of nobody we know */
	uint64_t handshake_drops; /* too many under way */
	uint64_t address_refused; /* held by another participant */
	uint64_t unsealed;        /* packets that could not be sealed */
	uint64_t turns, busy_us;  /* of the loop: how often, how long */
	uint64_t late_turns;      /* it was not run in the middle of one */
	struct plug_stats plug;   /* its first is a gauge */
	struct link_stats link;   /* likewise */
	uint64_t relay_overflows; /* messages another worker had no room for */
	uint64_t cpu_us;          /* of the loop's thread */
	uint64_t events_lost;     /* the pipe to the control process was full */
};

/* The same of single conferences, of the largest ones of a worker: which
 * numbers are of one call. Nothing but uint64_t. */
enum { STATS_ROOMS = 32 };

struct stats_room {
	uint64_t key; /* stats_room_key of its name */
	uint64_t participants, subscriptions;
	uint64_t downlinks, estimate_bps, estimate_min_bps, wanted_bps;
	uint64_t paused[SFU_PAUSED_REASONS];
	uint64_t layer_switches, plis_out, rtx_out, probes, red_out;
};

struct stats_rooms {
	uint64_t n;
	struct stats_room v[STATS_ROOMS];
};

uint64_t stats_room_key(const char *name);
/* Takes a conference in, if it is large enough or there is room. */
void stats_rooms_note(struct stats_rooms *to, const char *name,
	const struct conference_stats *s);

/* One of them as it is printed. conference: stands for its name and does not
 * tell it. */
struct stats_room_row {
	char conference[16];
	unsigned worker;
	const struct stats_room *room;
};
void stats_print_rooms(
	const struct stats_room_row *v, size_t n, struct evbuffer *out);

/* Adds the counters of b to a; with gauges, those too. */
void stats_add(
	struct worker_stats *a, const struct worker_stats *b, bool gauges);

/* The whole table in Prometheus text format 0.0.4. */
void stats_print(const struct worker_stats *s, struct evbuffer *out);

#endif
