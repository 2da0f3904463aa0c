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
	uint64_t in_seq; /* its number in the history */
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

/* Why a packet was not sent, if that is to be counted; else CONFERENCE_DROPS.
 */
enum conference_drop subscription_forward_one(
	struct subscription *s, uint64_t now_us, const struct track_packet *p);
/* Makes of number p->seq of encoding p->encoding's history what it was when it
 * came; copy: HISTORY_SLOT bytes that it lies in. False: it is not kept. */
bool subscription_recall(
	const struct subscription *s, struct track_packet *p, uint8_t *copy);

/* Sends what came since the last key frame, if it waits for one and that may be
 * done (subscription_replay.c). True if so: it waits no more. To be called when
 * all that the history has was forwarded. */
bool subscription_replay(struct subscription *s, uint64_t now_us);
/* Has it begin with that, with its track's next packet or SUBSCRIPTION_SOON_US
 * from now. False: it cannot, or not with the encoding that is wanted, for
 * which a key frame must be asked. */
bool subscription_plan_replay(struct subscription *s, uint64_t now_us);

/* Asks for what the choice of encodings waits for, when its turn comes. */
void subscription_seek(struct subscription *s, uint64_t now_us);

/* A packet of the encoding it is fed from; NULL: it is not kept any more. */
const uint8_t *subscription_kept(
	const struct subscription *s, uint64_t in_seq, size_t *ret_len);

/* The payload type to send audio of that one of ours with redundancy by; 0: not
 * agreed, or not needed. */
uint8_t subscription_red_pt(const struct subscription *s, uint8_t pt);

/* A picture's last packet (number in_seq of the history) has gone out
 * to a receiver that loses many: without it nobody sees that it is missing
 * until the next picture comes. It goes out a second time where there is room
 * and a stream of retransmissions. */
void subscription_guard(
	struct subscription *s, uint64_t now_us, uint64_t in_seq);

/* Sends a packet of the history (buf of len bytes, its number in_seq)
 * once more that has gone out before, by RTX where that is agreed. False: it
 * does not belong to the present stretch, or is no codec of the receiver's. */
bool subscription_emit_again(struct subscription *s, uint64_t now_us,
	const uint8_t *buf, size_t len, uint64_t in_seq);
/* The payload type of retransmissions of the receiver's payload type pt; 0:
 * there is none. */
uint8_t subscription_rtx_pt(const struct subscription *s, uint8_t pt);

#endif
