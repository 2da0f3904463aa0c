/*
 * What the files of a subscription call each other by: subscription.c knows
 * what is to go out, subscription_forward.c decides over each packet,
 * subscription_out.c writes it.
 */
#ifndef HEARTH_SFU_SUBSCRIPTION_PRIVATE_H
#define HEARTH_SFU_SUBSCRIPTION_PRIVATE_H

#include "rtp/packet.h"
#include "rtp/sent.h"
#include "sfu/subscription.h"

/* How a packet goes out, whatever its publisher's numbers were. */
struct outgoing {
	uint16_t seq;
	uint32_t ts;
	enum sent_kind kind;
	uint64_t in_seq; /* its number in the history, for red */
	/* LAYERS_HEAD bytes, or as many as there are, that go out for those the
	 * payload begins with; NULL: as it came. */
	const uint8_t *head;
	const struct layer_info *layer; /* with head */
	bool lent;      /* the payload may be sealed from where it stands */
	bool ends;      /* its picture, as it goes out: the marker */
	uint8_t red_pt; /* 0: as it came; else with the ones before it */
	uint8_t rtx_pt; /* 0: under its own number; else in the RTX stream */
};

/* Writes a packet into the outbox, with the receiver's payload type, extension
 * ids and the next transport-wide number, and counts it. */
void subscription_emit(struct subscription *s, uint64_t now_us,
	const struct rtp_packet *pkt, const struct outgoing *o);

/* Asks for what the choice of encodings waits for, when its turn comes. */
void subscription_seek(struct subscription *s, uint64_t now_us);

/* A packet of the encoding it is fed from; NULL: it is not kept any more. */
const uint8_t *subscription_kept(
	const struct subscription *s, uint64_t in_seq, size_t *ret_len);

/* The payload type to send audio of that one of ours with redundancy by; 0: not
 * agreed, or not needed. */
uint8_t subscription_red_pt(const struct subscription *s, uint8_t pt);

/* Sends a packet of the history (buf of len bytes, its number in_seq)
 * once more that has gone out before, by RTX where that is agreed. False: it
 * does not belong to the present stretch, or is no codec of the receiver's. */
bool subscription_emit_again(struct subscription *s, uint64_t now_us,
	const uint8_t *buf, size_t len, uint64_t in_seq);

#endif
