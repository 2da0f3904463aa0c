/*
 * What the tests of feeds share: the seam with a worker behind it, and local
 * programs at their ends of the socket.
 */
#ifndef HEARTH_TESTS_UNIT_EDGE_IO_PROGRAM_H
#define HEARTH_TESTS_UNIT_EDGE_IO_PROGRAM_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "feed/frame.h"
#include "sfu/config.h"
#include "sfu/sfu.h"

struct guest_log {
	unsigned n[SFU_EV_LEFT + 1];
	enum sfu_reason reason;
};

/* A program and its end of the socket. */
struct program {
	int fd;
	sfu_id id;
	struct guest_log log;
	uint8_t in[1 << 20];
	size_t len;
	bool ended;
	unsigned n[FEED_TYPES];
	uint64_t last_us;
	char hello[128], sdp[16384], streams[2048], bye[64], refused[256];
	char speaker[16];
	uint8_t rtp[2048];
	size_t rtp_len;
	uint64_t lost;
};

struct fixture {
	struct event_base *base;
	struct sfu *sfu;
	struct config config;
};

/* A seam with so many worker processes, 0: one worker on this loop. */
void stage_begin(struct fixture *f, unsigned workers);
void stage_end(struct fixture *f);
void stage_turn(struct fixture *f, unsigned ms);
/* For whom a struct guest_log keeps count. */
void stage_on_event(void *arg, const struct sfu_event *ev);

/* Plugs one in and waits for its HELLO. */
struct program *program_plug(struct fixture *f, const char *where,
	const char *label, bool listen, bool publish);
void program_unplug(struct program *p);
/* Takes note of what is there; fails the test where the order is wrong. */
void program_read_frames(struct program *p);
void program_say(
	struct program *p, enum feed_type type, const void *data, size_t len);
void program_say_text(struct program *p, enum feed_type type, const char *text);
/* 20 bytes of opus of the SSRC 1234: "music-" and seq. */
void program_send_rtp(struct program *p, uint16_t seq);

#define WAIT_FOR(f, p, what)                                                   \
	do {                                                                   \
		for (int tries_ = 0; tries_ < 1000 && !(what); tries_++) {     \
			stage_turn(f, 5);                                      \
			program_read_frames(p);                                \
		}                                                              \
		assert_true(what);                                             \
	} while (0)

#endif
