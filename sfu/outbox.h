/*
 * The batch of datagrams going out: the caller's, filled by the cores, sealed
 * and sent by the worker (see env.h, udp.h). Each packet lies in a slot with
 * room for its tag. Sealing is put off to the end of the batch, so that many
 * packets under many keys can be sealed together; and those of one receiver are
 * chained, so that they can leave as the segments of one send.
 *
 * A batch is as large as is good for lanes and sends, and small enough to stay
 * in the cache from the copy to the kernel; who fans out many packets makes
 * room for one receiver's at a time (outbox_make_room), so that they stay
 * together.
 */
#ifndef HEARTH_SFU_OUTBOX_H
#define HEARTH_SFU_OUTBOX_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include "rtp/crypt.h"
#include "rtp/packet.h"

enum {
	OUTBOX_PACKETS = 256,
	OUTBOX_NONE = 0xffff,
	/* Any payload we accept, behind the longest header we write. */
	OUTBOX_SLOT = RTP_PACKET_MAX + RTP_HEADER_MAX + CRYPT_TRAILER,
};

union outbox_addr {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

struct packet {
	/* Not 0: there is no address and no key; it goes to the local program
	 * that is this participant. */
	uint32_t plug;
	struct crypt *key; /* NULL: goes as it is */
	bool rtcp;         /* seal as SRTCP; to a plug: is RTCP */
	bool relay; /* came from participant `plug`, goes to other workers */
	uint16_t len;
	uint16_t target; /* in the outbox; OUTBOX_NONE: a plug */
	uint16_t next;   /* to the same target; OUTBOX_NONE: it is the last */
	uint8_t *data;   /* OUTBOX_SLOT bytes */
	/* With a key: what follows the first `head` bytes, lent until
	 * outbox_settle; NULL: it stands there. */
	const uint8_t *payload;
	uint16_t head;
};

/* An address, and what goes there, in its order. */
struct outbox_target {
	union outbox_addr to;
	uint16_t first, last;
};

/* A receiver's place in the batch. The receiver's own; zeroed. */
struct outbox_flow {
	uint64_t batch; /* in which it has one */
	uint16_t target;
};

struct outbox {
	unsigned n, n_plug; /* n_plug: of those that go to plugs */
	unsigned lent;      /* how many have a payload that is not ours */
	struct packet v[OUTBOX_PACKETS];
	unsigned n_targets;
	struct outbox_target target[OUTBOX_PACKETS];
	uint64_t batch; /* number of the present one */
	uint8_t (*slots)[OUTBOX_SLOT];
	/* Seals and sends everything and sets n and n_plug to 0: the worker's,
	 * or the simulator's. Called when full; the owner calls it at the end
	 * of a turn. */
	void (*flush)(struct outbox *out);
	void *owner;       /* of flush */
	uint64_t unsealed; /* packets that could not be sealed: counted, not
			      sent */
};

int outbox_init(struct outbox *o, void (*flush)(struct outbox *), void *owner);
void outbox_done(struct outbox *o);

/* Flushes unless n more packets fit the present batch. */
void outbox_make_room(struct outbox *o, unsigned n);

/* A slot for one datagram; never NULL: flushes when full. The caller fills data
 * and len. */
struct packet *outbox_add(struct outbox *o, const struct sockaddr *to);
/* The same, chained to what the flow has in this batch for that address. */
struct packet *outbox_add_flow(
	struct outbox *o, const struct sockaddr *to, struct outbox_flow *flow);
/* The same toward a local program. */
struct packet *outbox_add_plug(struct outbox *o, uint32_t plug);

/* What follows the first `head` bytes of p, a header of RTP, is read from there
 * when it is sealed, which saves the copy. False: p gets no seal, its bytes are
 * needed. Who lends calls outbox_settle before they change. */
bool outbox_lend(struct outbox *o, struct packet *p, size_t head,
	const uint8_t *payload);
/* What was lent may change from now on: it is sealed, with all that waits; or,
 * where it is so little that it should wait for more, copied. */
void outbox_settle(struct outbox *o);

/* Where a packet goes; NULL: to a plug. */
const struct sockaddr *outbox_to(
	const struct outbox *o, const struct packet *p);

/* Seals what has a key. Packets that fail get len 0: not to be sent. */
void outbox_seal(struct outbox *o);

/* A crypt is about to be freed: seals what waits if any of it needs that key.
 */
void outbox_release(struct outbox *o, const struct crypt *key);

#endif
