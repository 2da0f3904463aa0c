/*
 * Is loss a sign of congestion? Part of estimate.h.
 *
 * Loss that a path has by itself (*inherent*) does not depend on our rate; loss
 * by a full queue or a policer does. When more is lost than the path is known
 * to lose, we send less for a moment and look: if as much is lost, it is the
 * path's own, and the rate returns at once. If not, it was ours.
 *
 * Sending less makes pictures smaller, for nothing where the path has carried
 * clearly more than is sent: the loss is *believed* to be its own then, but
 * only once. If even more is lost after that a trial comes, as always.
 */
#ifndef HEARTH_RTP_ESTIMATE_LOSS_H
#define HEARTH_RTP_ESTIMATE_LOSS_H

#include <stdbool.h>
#include <stdint.h>

enum {
	LOSS_WINDOW_US = 400000, /* a measure lasts that long, and */
	LOSS_WINDOW_PACKETS = 20,
	LOSS_WINDOW_MAX_US = 2000000, /* fewer are enough after that */
	LOSS_DOUBT_WINDOWS = 25,
};

enum loss_phase {
	LOSS_CALM,
	LOSS_SETTLE, /* sending less; what was sent before is still to come */
	LOSS_LOOK,   /* sending less, measuring */
};

enum loss_verdict {
	LOSS_NOTHING,
	LOSS_TRY,    /* send less: a trial begins */
	LOSS_RANDOM, /* it was the path's own: return to the rate before */
	LOSS_OURS,   /* it was ours: stay below */
	LOSS_QUEUE,  /* too much, and a full queue: no trial needed */
};

struct estimate_loss {
	enum loss_phase phase;
	double inherent;   /* 0 to 1 */
	double last;       /* of the last whole window */
	double recent;     /* of the last few */
	double tried;      /* loss that began the trial */
	double doubted;    /* inherent was that before it was believed */
	unsigned doubt;    /* windows left until that is proven; 0: it is */
	unsigned high;     /* windows with too much loss, one after another */
	uint64_t phase_us; /* when it began */
	uint64_t window_us;
	unsigned lost, told;
	bool congested;     /* in this window */
	uint64_t ignore_us; /* what was sent before is not counted */
};

void estimate_loss_init(struct estimate_loss *l);
/* A packet's fate; lost -1 takes back an earlier 1. */
void estimate_loss_packet(struct estimate_loss *l, uint64_t sent_us, int lost);
/* An interval out of a receiver report instead: n packets of which a fraction
 * (in 1/256) was lost. */
void estimate_loss_report(
	struct estimate_loss *l, unsigned n, uint8_t fraction_lost);
/* What else is known of the path. */
struct loss_view {
	uint64_t rtt_us;
	bool queue; /* there is one: no trial is needed */
	bool spare; /* it has carried more than is sent, and without a queue */
};

/* After a feedback. */
enum loss_verdict estimate_loss_update(
	struct estimate_loss *l, uint64_t now_us, const struct loss_view *v);
/* After an outage: what was sent before now_us says nothing. */
void estimate_loss_restart(struct estimate_loss *l, uint64_t now_us);

#endif
