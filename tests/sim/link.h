/*
 * One direction of a network path: a bottleneck with a drop-tail queue, then a
 * wire with delay, jitter and loss. Plain C over libc, no clock and no socket:
 * the simulation runs it on virtual time, the end-to-end tests between two TUN
 * devices on real time. Everything random comes from one seed.
 *
 *	link_send(&l, now_us, len, handle);
 *	... at link_deadline(&l), or any time:
 *	while (link_take(&l, now_us, &p))
 *		p.lost ? free it : deliver it;
 */
#ifndef HEARTH_TESTS_SIM_LINK_H
#define HEARTH_TESTS_SIM_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LINK_PACKETS = 8192 }; /* in the queue, and again on the wire */

/* From at_us after the trace's start on, the link has this rate; 0: it stands
 * still and the queue waits. */
struct link_step {
	uint64_t at_us, rate_bps;
};

/* All zero: a wire without limit, delay and loss. */
struct link_config {
	uint64_t rate_bps; /* of the bottleneck; 0: none. Not with a trace */
	/* Ascending, the first at 0; borrowed for the link's life. Repeats
	 * after trace_us; 0: the last step lasts. */
	const struct link_step *trace;
	unsigned n_trace;
	uint64_t trace_us;
	/* A packet is dropped that would make the queue longer than either, at
	 * the present rate; 0: not limited so. */
	uint64_t queue_us;
	size_t queue_bytes;
	uint64_t delay_us;
	uint64_t jitter_us; /* evenly 0 to that much more */
	bool reorder;       /* jitter may reorder; else it keeps the order */
	/* This many packets of a million are late_us later than the others,
	 * which overtake them. */
	unsigned late_ppm;
	uint64_t late_us;
	/* Loss on the wire, behind the bottleneck: what is lost has used it.
	 * Gilbert-Elliott: a burst begins at burst_ppm of all packets, lasts
	 * burst_len packets on average and loses burst_loss_ppm of them. */
	unsigned loss_ppm;
	unsigned burst_ppm, burst_len, burst_loss_ppm;
	bool cut; /* what comes in is dropped; the queue stands still */
};

struct link_packet {
	uint64_t handle; /* the caller's */
	uint64_t sent_us, ready_us;
	size_t len;
	bool lost; /* on the wire: only to be given back */
	uint64_t order;
};

struct link {
	struct link_config cfg;
	uint64_t start_us, random;
	/* The bottleneck. served_us: until when its work is done. left: of the
	 * head, in bits times a million. */
	struct link_packet *queue;
	unsigned head, n_queue;
	size_t queued_bytes;
	uint64_t served_us, left;
	/* The wire: a heap by ready_us. */
	struct link_packet *wire;
	unsigned n_wire;
	uint64_t last_ready_us, order;
	bool in_burst;
	uint64_t sent, dropped, lost, delivered, delivered_bytes;
};

/* False: out of memory. link_done frees; the handles still inside are taken
 * first by link_take at UINT64_MAX - 1, by a caller who needs them. */
bool link_init(struct link *l, const struct link_config *cfg, uint64_t seed,
	uint64_t now_us);
void link_done(struct link *l);
/* Other conditions from now on; what is queued stays. A trace begins anew. */
void link_set(struct link *l, uint64_t now_us, const struct link_config *cfg);

/* A packet of len bytes (with all its headers) enters. False: dropped at the
 * queue, the handle stays the caller's. */
bool link_send(struct link *l, uint64_t now_us, size_t len, uint64_t handle);
/* When link_take may have something; UINT64_MAX: nothing is inside, or it
 * stands still for ever. */
uint64_t link_deadline(const struct link *l);
/* The next packet that is through by now_us. Time does not run backwards. */
bool link_take(struct link *l, uint64_t now_us, struct link_packet *ret);

/* How long a byte that comes now waits before it is served, at the present
 * rate. */
uint64_t link_wait_us(const struct link *l, uint64_t now_us);

/* A trace like a phone's in a moving car: steps of 100 ms, around mean_bps, a
 * random walk between an eighth and the double of it, and now and then less
 * than half a second of almost nothing. Writes n steps. */
void link_trace_mobile(
	struct link_step *ret, unsigned n, uint64_t mean_bps, uint64_t seed);

/* The generator behind it all: the next number of a seed. */
uint64_t link_random(uint64_t *seed);

#endif
