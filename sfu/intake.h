/*
 * The datagrams of one receive batch, on their way in, of any conferences of a
 * worker. Media waits, to be opened in one batch and handed over in its order;
 * whatever else comes has all before it handed over first, so that nobody sees
 * an order that was not that of arrival.
 *
 * Embedded in its owner; zeroed is empty. Nothing of it outlives the batch.
 */
#ifndef HEARTH_SFU_INTAKE_H
#define HEARTH_SFU_INTAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "rtp/crypt.h"
#include "sfu/conference.h"

enum { INTAKE_PACKETS = 64 };

struct intake {
	unsigned n;
	struct crypt_open open[INTAKE_PACKETS];
	struct intake_packet {
		struct participant *to; /* who sent it to us */
		const struct sockaddr *from;
		uint64_t at_us;
	} v[INTAKE_PACKETS];
	/* Those whose fan-out waits for the end. */
	unsigned n_gathered;
	struct conference *gathered[INTAKE_PACKETS];
};

/* Takes one datagram of a participant, which came at at_us: not long before
 * now_us, when it is looked at, but feedback must not tell our own lateness as
 * the network's. buf is changed in place; buf and from
 * must stay as they are until intake_end, which must come before any other verb
 * of the conference and before its sweep. Returns true when `from` was proven
 * to be this participant's (a good ICE check): the demultiplexer may then map
 * the address to it. */
bool intake_take(struct intake *in, uint64_t now_us, uint64_t at_us,
	struct participant *p, const struct sockaddr *from, uint8_t *buf,
	size_t len, struct outbox *out);

/* The batch is complete: hands over what waits, and forwards it. */
void intake_end(struct intake *in, uint64_t now_us, struct outbox *out);

#endif
