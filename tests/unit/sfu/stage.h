/*
 * What the tests of the core share: a conference of simulated clients that are
 * connected but send no media of their own, so that each packet in the outbox
 * comes of what the test just did.
 *
 * Packets are looked at before they are sealed: whom they go to is told by the
 * key they wait for.
 */
#ifndef HEARTH_TESTS_UNIT_SFU_STAGE_H
#define HEARTH_TESTS_UNIT_SFU_STAGE_H

#include "tests/sim/cmocka_sim.h"
#include "sfu/conference_private.h"
#include "tests/sim/sim.h"

enum {
	STAGE_SEATS = 16,
	STAGE_AUDIO_PT = 111,
	STAGE_VIDEO_PT = 96,
	STAGE_HELD = 64,
};

struct stage {
	struct sim sim;
	struct sim_seat *seat[STAGE_SEATS];
	struct participant *p[STAGE_SEATS]; /* NULL once it left */
	unsigned n;
	bool hold; /* what stage_rtp brings waits for stage_let_go */
	uint8_t *held[STAGE_HELD];
	unsigned n_held;
};

/* n usual clients, ids 1 to n, see each other. */
void stage_init(struct stage *s, unsigned n);
void stage_done(struct stage *s);
/* One more, at once; its index. Run the stage to see it connected. */
unsigned stage_join(struct stage *s, const struct client_config *cfg);
/* Time passes; then the outbox is empty and set for the test's own calls. */
void stage_run(struct stage *s, uint64_t for_us);

/* A clear packet of client i, as if it had come in and been opened. Forwarded
 * at once, or, while `hold` is set, with its batch. */
void stage_rtp(struct stage *s, unsigned i, const struct rtp_header *h,
	const uint8_t *payload, size_t len);
/* The batch ends: it is forwarded, and its buffers are gone. */
void stage_let_go(struct stage *s);
/* stage_rtp in short: VP8 (a key frame or not) or opus under i's own SSRC. */
void stage_video(struct stage *s, unsigned i, uint16_t seq, bool key);
void stage_audio(struct stage *s, unsigned i, uint16_t seq, int level);
uint32_t stage_ssrc(unsigned i, enum client_kind kind);
/* A feedback packet of client i about what it receives. */
void stage_pli(struct stage *s, unsigned i, uint32_t media);
void stage_nack(struct stage *s, unsigned i, uint32_t media, uint16_t seq);

void stage_clear(struct stage *s); /* the outbox; nothing is sent */
/* RTP packets in the outbox that go to client i. */
unsigned stage_sent(const struct stage *s, unsigned i);
/* The last of them. Fails the test when there is none. */
struct rtp_packet stage_last(const struct stage *s, unsigned i);
/* RTCP items of one type that go to client i; *ret (may be NULL) the last. */
unsigned stage_rtcp(const struct stage *s, unsigned i, enum rtcp_type type,
	struct rtcp_item *ret);
/* i's subscription to the track of that kind of client `of`, or NULL. */
struct subscription *stage_sub(
	const struct stage *s, unsigned i, unsigned of, enum sdp_kind kind);
struct track *stage_track(
	const struct stage *s, unsigned i, enum sdp_kind kind);
uint64_t stage_drops(const struct stage *s, unsigned i, enum conference_drop d);

#endif
