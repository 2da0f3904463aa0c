/*
 * The packets of one stream put in order: they come in any order, late, twice
 * or never, and leave by sequence number, with the holes that were given up in
 * between. A hole is given up when it was noticed TAKE_WAIT_US ago, or when
 * TAKE_PACKETS wait behind it. Memory is made when more packets wait than ever
 * before, and kept.
 */
#ifndef HEARTH_RECORD_ORDER_H
#define HEARTH_RECORD_ORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rtp/packet.h"

enum {
	ORDER_SLOTS_MIN = 256,
	ORDER_SEEN = 2048, /* numbers given out that are told from lost ones */
};

/* What is kept of an RTP packet. */
struct order_packet {
	uint64_t arrival_us;
	uint32_t ts;
	int codec; /* enum take_codec; -1: not for us, but its number counts */
	bool marker;
	uint16_t len;
	struct order_packet *next_free;
	uint8_t payload[RTP_PACKET_MAX];
};

struct order_slot {
	struct order_packet *packet; /* NULL: has not come */
	uint64_t noticed_us;         /* since when it is missing */
};

struct order {
	bool started;
	bool popped;       /* something was given out: next cannot go back */
	uint64_t next;     /* number given out next */
	uint64_t end;      /* above the newest number here */
	uint64_t last_raw; /* newest number as received, unwrapped */
	uint64_t shift;    /* number = as received + shift, modulo 2^64 */
	bool pressed;      /* a packet found no place: wait for no hole */
	bool far;          /* a packet from far away came; far_seq follows it */
	uint16_t far_seq;
	unsigned waiting; /* packets here */
	struct order_slot *slot;
	size_t n_slots; /* a power of two */
	struct order_packet *free;
	uint64_t seen[ORDER_SEEN / 64];
};

enum order_put {
	ORDER_KEPT,
	ORDER_LATE, /* its hole was given up, or it is from far away */
	ORDER_DUPLICATE,
	ORDER_NO_MEMORY, /* it is a hole now */
};

enum order_got { ORDER_NOTHING, ORDER_GAP, ORDER_PACKET };

void order_init(struct order *o);
/* Frees what waits. */
void order_done(struct order *o);

/* Takes in one parsed packet (its payload is copied). A single packet whose
 * number is more than TAKE_PACKETS away is LATE; when the number after it comes
 * next, the stream began anew (RFC 3550 A.1) and is taken on from there. */
enum order_put order_put(struct order *o, uint64_t now_us,
	const struct rtp_packet *p, int codec);

/* What comes next at now_us. PACKET: *ret_packet stays the order's and is the
 * answer until order_pop. GAP: *ret_missing numbers were given up and the order
 * stands behind them; *ret_packet is the packet there. give_up: wait no
 * longer. */
enum order_got order_peek(struct order *o, uint64_t now_us, bool give_up,
	const struct order_packet **ret_packet, unsigned *ret_missing);
/* Lets go of the packet order_peek answered. */
void order_pop(struct order *o);

/* When the present hole is given up; UINT64_MAX: there is none. */
uint64_t order_deadline(const struct order *o);

#endif
