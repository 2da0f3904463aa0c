/*
 * The batch of datagrams going out: the caller's, filled by the cores, sealed
 * and sent by the worker (see env.h, udp.h). Each packet lies in a slot with
 * room for its tag. Sealing is put off to the end of the batch, so that many
 * packets under many keys can be sealed together; and those of one receiver are
 * chained, so that they can leave as the segments of one send.
 */
#ifndef HEARTH_SFU_OUTBOX_H
#define HEARTH_SFU_OUTBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include "rtp/crypt.h"
#include "rtp/packet.h"

enum {
	/* A picture's packets for some hundred receivers, or there is nothing
	 * to put together. */
	OUTBOX_PACKETS = 2048,
	OUTBOX_NONE = 0xffff,
	/* Any payload we accept, behind the longest header we write. */
	OUTBOX_SLOT = RTP_PACKET_MAX + RTP_HEADER_MAX + CRYPT_TRAILER,
};

struct packet {
	struct sockaddr_storage to;
	/* Not 0: there is no address and no key; it goes to the local program
	 * that is this participant. */
	uint32_t plug;
	struct crypt *key; /* NULL: goes as it is */
	bool rtcp;         /* seal as SRTCP; to a plug: is RTCP */
	uint16_t len;
	uint16_t next; /* of the same flow; OUTBOX_NONE: it is the last */
	bool head;     /* first of its flow, or of none */
	uint8_t *data; /* OUTBOX_SLOT bytes */
};

/* What goes to one receiver, in its order. The receiver's own; zeroed. */
struct outbox_flow {
	uint64_t batch; /* in which there is a last one */
	uint16_t last;
};

struct outbox {
	unsigned n, n_plug; /* n_plug: of those that go to plugs */
	struct packet v[OUTBOX_PACKETS];
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

/* A slot for one datagram; never NULL: flushes when full. The caller fills data
 * and len. */
struct packet *outbox_add(struct outbox *o, const struct sockaddr *to);
/* The same, chained to what the flow has in this batch. */
struct packet *outbox_add_flow(
	struct outbox *o, const struct sockaddr *to, struct outbox_flow *flow);
/* The same toward a local program. */
struct packet *outbox_add_plug(struct outbox *o, uint32_t plug);

/* Seals what has a key. Packets that fail get len 0: not to be sent. */
void outbox_seal(struct outbox *o);

/* A crypt is about to be freed: seals what waits if any of it needs that key.
 */
void outbox_release(struct outbox *o, const struct crypt *key);

#endif
