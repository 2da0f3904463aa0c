/*
 * Probing: a short cluster of packets (media as it comes, RTX or padding for
 * the rest) at a rate above the estimate, and what its arrival says about the
 * path. Part of estimate.h.
 */
#ifndef HEARTH_RTP_PROBE_H
#define HEARTH_RTP_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	PROBE_CLUSTERS = 8, /* that wait for their feedback; ids 1 to 255 */
	PROBE_QUEUE = 2,    /* that wait to be sent */
	PROBE_US = 15000,   /* a cluster lasts so long, and */
	PROBE_PACKETS = 5,  /* at least so many packets */
	PROBE_SIZE_MIN = 200,
	PROBE_SIZE_MAX = 1200,
	PROBE_GIVE_UP_US = 2000000,
};

struct probe_cluster {
	uint8_t id; /* 0: free */
	bool judged;
	uint64_t rate_bps;           /* wanted */
	uint64_t begun_us, ended_us; /* of sending; 0: not yet */
	unsigned sent, arrived;      /* packets */
	size_t sent_bytes, arrived_bytes;
	uint64_t sent_first_us, sent_last_us;
	uint64_t arrival_first_us, arrival_last_us;
	size_t first_bytes, last_bytes; /* of the packets at those times */
};

struct probe {
	struct probe_cluster cluster[PROBE_CLUSTERS];
	struct probe_cluster *active; /* being sent */
	uint64_t wish_bps[PROBE_QUEUE];
	unsigned n_wishes;
	uint8_t last_id;
};

struct probe_result {
	uint64_t rate_bps; /* that was wanted */
	uint64_t bps;      /* what the path carried; 0: it cannot be said */
	bool full; /* it carried less than was sent: this is its capacity */
};

void probe_init(struct probe *p);
/* A cluster at rate_bps is to be sent, after those that wait. False: too many
 * wait. */
bool probe_wish(struct probe *p, uint64_t rate_bps);
/* Forgets wishes and what is being sent. */
void probe_cancel(struct probe *p);

/* How large a packet is due now; 0: none. A smaller or a larger one is as good.
 * Begins the next wish, and gives up what could not be sent in
 * PROBE_GIVE_UP_US. */
size_t probe_due(struct probe *p, uint64_t now_us);
/* When probe_due has something; UINT64_MAX: never. */
uint64_t probe_deadline(const struct probe *p, uint64_t now_us);
/* The rate of the cluster being sent, or 0. */
uint64_t probe_rate(const struct probe *p);
/* A packet leaves. Returns the cluster it belongs to, or 0. */
uint8_t probe_sent(struct probe *p, uint64_t now_us, size_t bytes);

void probe_arrived(struct probe *p, uint8_t id, uint64_t sent_us,
	uint64_t arrival_us, size_t bytes);
/* After a feedback: the next cluster that can be judged. False: none. */
bool probe_judge(struct probe *p, uint64_t now_us, struct probe_result *ret);
/* True while clusters are on their way. */
bool probe_busy(const struct probe *p);

#endif
