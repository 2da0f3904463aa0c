/*
 * An errand: one step of a DTLS handshake, which costs up to a millisecond,
 * done elsewhere than on the loop that carries media. The edge lends a struct
 * errands; without one each step is done in place.
 *
 *   peer --take, fill, send--> a thread: errand_run --> the edge:
 *   conference_errand_done --> peer
 *
 * While errands of a session are out, the session belongs to whoever runs them:
 * the peer does not look into it. What must hold: errands of one session are
 * run one after the other and come back in the order they were sent.
 */
#ifndef HEARTH_SFU_ERRAND_H
#define HEARTH_SFU_ERRAND_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include "dtls/dtls.h"
#include "sfu/sfu.h"

enum {
	ERRAND_IN = 2048,     /* longest datagram that goes in */
	ERRAND_OUT = 6144,    /* bytes that one step may send */
	ERRAND_DATAGRAMS = 8, /* … in as many datagrams */
	ERRAND_EACH = 8,      /* of one participant under way */
	/* After one could not be had, for what nobody sends again. */
	ERRAND_RETRY_US = 20000,
};

/* A session from its first step to its keys. */
struct handshake {
	struct dtls *dtls;
	sfu_id participant;
	unsigned out;         /* errands under way; the loop's */
	atomic_bool given_up; /* nobody waits for it any more */
};

enum errand_verb { ERRAND_START, ERRAND_INPUT, ERRAND_TICK };

struct errand {
	struct dtls_out to;   /* first: collects what the step sends */
	struct errands *from; /* whose it is */
	struct handshake *handshake;
	enum errand_verb verb;
	uint64_t now_us; /* when it was sent; whoever runs it may say later */
	size_t len;      /* of ERRAND_INPUT */
	uint8_t in[ERRAND_IN];
	/* What became of it. */
	unsigned sent, lost;
	uint16_t sent_len[ERRAND_DATAGRAMS];
	size_t used;
	uint8_t out[ERRAND_OUT];
};

/* The edge's side, the first member of its own struct. Called by the loop. */
struct errands {
	/* NULL: all of them are under way (the edge counts that). */
	struct errand *(*take)(struct errands *);
	void (*send)(struct errands *, struct errand *);
	/* dtls_out's, of each errand (to, first in it): called by whoever runs
	 * it. NULL: nothing. */
	void (*pause)(struct dtls_out *to);
};

/* A handshake of d, which stays the caller's until errand_give_up. NULL: out of
 * memory. */
struct handshake *handshake_new(struct dtls *d, sfu_id participant);
/* True while the session is out of the caller's hands. */
bool handshake_is_away(const struct handshake *h); /* NULL: false */
/* It is over, its session at home and the caller's again. Returns NULL. */
struct handshake *handshake_free(struct handshake *h);
/* The participant leaves while the session is away: the last errand that comes
 * back frees both. */
void handshake_give_up(struct handshake *h);

/* Sends one step; buf (of ERRAND_INPUT) is copied. False: no errand was to be
 * had, or len is over ERRAND_IN. */
bool errand_send(struct errands *all, struct handshake *h,
	enum errand_verb verb, uint64_t now_us, const uint8_t *buf, size_t len);

/* Does the step, or nothing if it was given up. From any
 * thread, but for one session from one at a time. */
void errand_run(struct errand *e);

/* It came back (or was never run) and nobody waits for its outcome: frees the
 * session if it was the last. For the loop; e itself is the edge's. */
void errand_forget(struct errand *e);

#endif
