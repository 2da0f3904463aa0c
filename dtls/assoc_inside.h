/*
 * The inside of struct assoc, shared by assoc.c (making, sending) and
 * assoc_next.c (events). Only these two name usrsctp.
 */
#ifndef HEARTH_DTLS_ASSOC_INSIDE_H
#define HEARTH_DTLS_ASSOC_INSIDE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <usrsctp.h>
#include "dtls/assoc.h"

enum {
	ASSOC_READ_MIN = 4096, /* a notification never comes in pieces then */
	ASSOC_BUFFER_FIRST = 8192,
	ASSOC_BITMAP_LEN = ASSOC_STREAMS / 8
};

enum assoc_state { ASSOC_IS_OPENING, ASSOC_IS_UP, ASSOC_IS_DOWN };

struct assoc {
	struct socket *so;
	struct assoc_out *out;
	uintptr_t id;
	uint16_t local_port; /* the peer's word for it, in host order */
	enum assoc_state state;
	bool is_down_told;
	bool is_blocked, has_moved;
	bool is_complete; /* buf holds what was handed out already */
	bool is_skipping; /* the rest of a message that is too big */
	uint16_t streams;
	size_t sent; /* bytes since usrsctp's queue was seen empty */
	uint64_t drops;
	uint8_t reset_in[ASSOC_BITMAP_LEN];   /* events to hand out */
	uint8_t reset_done[ASSOC_BITMAP_LEN]; /* events to hand out */
	uint8_t reset_want[ASSOC_BITMAP_LEN]; /* to be asked for */
	uint8_t reset_asked[ASSOC_BITMAP_LEN];
	uint8_t *buf; /* NULL while nothing is being read */
	size_t len, cap;
};

/* Puts a stream on the list of those to be reset and asks for it if nothing
 * else is being asked. */
void assoc_want_reset(struct assoc *a, uint16_t stream);

#endif
