/*
 * One receiver's media over a simulated path: a source that follows the
 * estimate, our pacer and estimator, and at the far end our feedback. What
 * goes over the path is numbers and sizes; the feedback is real bytes.
 */
#ifndef HEARTH_TESTS_SIM_FLOW_H
#define HEARTH_TESTS_SIM_FLOW_H

#include <stdbool.h>
#include <stdint.h>
#include "rtp/arrival.h"
#include "rtp/estimate.h"
#include "rtp/pace.h"
#include "tests/sim/link.h"

enum {
	FLOW_LAYERS = 4,
	FLOW_FEEDBACKS = 64, /* on their way back */
	FLOW_ASLEEP = 2048,  /* packets kept for who sleeps */
	FLOW_HELD = 2048,    /* made by a server that sleeps, sent by none */
	FLOW_SECONDS = 200,
	FLOW_DELAYS = 4000, /* ms */
};

struct flow_config {
	uint64_t begin_us;
	/* Rates a layered source can choose from, rising; none: any rate. */
	uint64_t layer_bps[FLOW_LAYERS];
	unsigned n_layers;
	bool no_twcc;
	/* The far end's program is not run for up to sleep_us, every up to
	 * awake_us: what arrives meanwhile it takes for arrived thereafter. */
	uint64_t sleep_us, awake_us;
	/* The same of the program that sends: it is put to sleep in the middle
	 * of a turn, so that what it has made leaves when it wakes. */
	uint64_t server_sleep_us, server_awake_us;
};

struct flow {
	struct flow_config cfg;
	unsigned id;
	uint64_t random;
	struct estimate estimate;
	struct pace pace;
	struct pace_queue queue;
	struct arrival arrival;
	uint64_t next_frame_us, next_audio_us;
	uint64_t frames, packet;
	unsigned layer; /* 0: none */
	uint8_t feedback[FLOW_FEEDBACKS][1200];
	size_t feedback_len[FLOW_FEEDBACKS];
	unsigned next_feedback;
	uint64_t sleeps_us, wakes_us; /* the next or present sleep */
	struct {
		uint16_t seq;
		size_t len;
	} asleep[FLOW_ASLEEP];
	unsigned n_asleep;
	/* The server's. What it made last was in the turn that it fell asleep
	 * in; what came back meanwhile waits in its socket. */
	uint64_t server_sleeps_us, server_wakes_us, turn_us;
	struct {
		uint64_t handle;
		size_t len;
	} held[FLOW_HELD];
	unsigned n_held;
	uint64_t came[FLOW_FEEDBACKS];
	unsigned n_came;
	/* What the far end saw. */
	uint64_t got_bytes, got_packets, media_bytes, padding_bytes;
	uint32_t second_bytes[FLOW_SECONDS * 10]; /* in tenths */
	uint64_t estimate_bps[FLOW_SECONDS * 10];
	uint32_t delay_ms[FLOW_DELAYS]; /* above the path's own, histogram */
	uint64_t feedback_bytes;
};

bool flow_init(struct flow *f, const struct flow_config *cfg, unsigned id,
	uint64_t now_us, uint64_t seed);
void flow_done(struct flow *f);

/* Sends what is due: media, queued packets, probes. */
void flow_run(struct flow *f, uint64_t now_us, struct link *down);
uint64_t flow_deadline(const struct flow *f, uint64_t now_us);
/* A packet came through to the far end. */
void flow_receive(struct flow *f, uint64_t now_us, const struct link_packet *p,
	uint64_t path_us);
/* The far end's feedback, if it is due. */
void flow_reply(struct flow *f, uint64_t now_us, struct link *up);
/* It is back. */
void flow_feedback(struct flow *f, uint64_t now_us, uint64_t handle);

/* Mean of what arrived, media and padding, between two times in tenths of a
 * second. */
uint64_t flow_got_bps(const struct flow *f, unsigned from, unsigned to);
/* The first tenth from which on, for a second, share percent of bps arrive. */
unsigned flow_reaches(
	const struct flow *f, unsigned from, uint64_t bps, unsigned percent);
/* The same of the estimate at that time. */
unsigned flow_estimates(
	const struct flow *f, unsigned from, uint64_t bps, unsigned percent);
/* A quantile of the delay above the path's own, in ms. */
unsigned flow_delay_ms(const struct flow *f, double quantile);

#endif
