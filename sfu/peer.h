/*
 * One transport of a participant: ICE, DTLS, SRTP and data channels, and
 * nothing of what they carry. The only place that knows all four protocols.
 *
 *   NEW --remote description--> CONNECTING --ICE and DTLS--> CONNECTED
 *    |                              |                            |
 *    +-----------30 s-----------> DEAD <-------------------------+
 *
 * Embedded in its participant. What its packages send by callback goes to
 * env->out, which is set while any call of the core runs.
 */
#ifndef HEARTH_SFU_PEER_H
#define HEARTH_SFU_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "dtls/channel.h"
#include "dtls/dtls.h"
#include "ice/ice.h"
#include "rtp/crypt.h"
#include "sfu/conference.h"
#include "sfu/env.h"
#include "sfu/errand.h"
#include "sfu/outbox.h"
#include "sfu/sdp/negotiate.h"

enum {
	/* To be offered after the join, and to be connected after the offer. */
	PEER_SETUP_US = 30000000,
};

enum peer_state { PEER_NEW, PEER_CONNECTING, PEER_CONNECTED, PEER_DEAD };

/* What a datagram was. */
enum peer_got {
	PEER_NOTHING, /* handled */
	PEER_STUN,    /* handled, and the source address is proven */
	PEER_MOVED,   /* the same, and all goes there from now on */
	PEER_RTP,     /* clear RTP stands in the buffer */
	PEER_RTCP,    /* clear RTCP stands in the buffer */
	PEER_DROPPED  /* counted in drops[] */
};

struct peer {
	/* Down to the first pair of ice: what each packet that goes out needs.
	 */
	struct env *env;
	struct crypt *crypt;
	struct outbox_flow flow;
	sfu_id plug; /* not 0: see peer_init_plain */
	enum peer_state state;
	struct ice ice;
	enum sfu_reason reason; /* of DEAD */
	uint64_t since_us;      /* in NEW or CONNECTING */
	sfu_id id;              /* the participant's, for errands */
	struct dtls *dtls; /* not to be looked into while handshake is away */
	struct handshake *handshake; /* NULL: steps are done in place */
	bool want_start;             /* no errand was to be had for it */
	uint64_t errand_us;          /* not again before */
	struct dtls_out dtls_out;
	struct channels *channels;
	struct assoc_out assoc_out;
	bool want_data; /* an application m-line was agreed */
	uint16_t sctp_port;
	uint32_t max_message;
	uint64_t drops[CONFERENCE_DROPS];
	uint64_t ice_restarts;
	unsigned candidates, bad_candidates;
};

/* Fresh credentials; nothing else is allocated. Without a remote description in
 * PEER_SETUP_US it dies (SFU_ICE_FAILED). Where env has errands, id is to be
 * set before peer_remote. 0 or -EIO. */
int peer_init(struct peer *p, struct env *env, uint64_t now_us);

/* A local program, a participant of that id: no ICE, no keys, no datagrams, no
 * patience; peer_packet gives slots toward its plug. Connected with the first
 * remote description. */
void peer_init_plain(
	struct peer *p, struct env *env, uint64_t now_us, sfu_id plug);

/* Says goodbye if connected, frees everything. Packets of this peer that wait
 * in env->out are sealed first. */
void peer_done(struct peer *p);

/* Takes what a remote description said: the first one makes the DTLS session in
 * the role we answer, a later one may restart ICE. 0, -EINVAL (credentials, a
 * changed fingerprint), -ENOTSUP (weak hash), -ENOMEM, -EIO. */
int peer_remote(
	struct peer *p, uint64_t now_us, const struct negotiate_remote *r);

/* One datagram; clear RTP or RTCP is left in buf with its length in *len. */
enum peer_got peer_input(struct peer *p, uint64_t now_us,
	const struct sockaddr *from, uint8_t *buf, size_t *len);

/* The same in two steps, for many at a time: true if this is media that
 * crypt_open_batch is to open, *ret is filled then (but `got`). Else, and that
 * is a matter for peer_input, nothing was done. */
bool peer_opens(struct peer *p, const struct sockaddr *from, uint8_t *buf,
	size_t len, struct crypt_open *ret);
/* What came of it: PEER_RTP, PEER_RTCP, PEER_DROPPED. */
enum peer_got peer_opened(struct peer *p, uint64_t now_us,
	const struct sockaddr *from, const struct crypt_open *o);

/* A step of its handshake, done elsewhere, came back. */
void peer_errand_done(struct peer *p, uint64_t now_us, const struct errand *e);

/* One trickled candidate line: validated, counted, capped; a lite agent never
 * dials it. */
void peer_candidate(struct peer *p, const char *line);

void peer_tick(struct peer *p, uint64_t now_us);
uint64_t peer_deadline(const struct peer *p); /* UINT64_MAX: nothing due */

/* A slot to the selected address, to be sealed with this peer's key as RTP or
 * RTCP. NULL while there is no address or no key: the packet is not sent. */
struct packet *peer_packet(struct peer *p, bool rtcp);

/* Counts a drop. */
void peer_drop(struct peer *p, enum conference_drop why);

#endif
