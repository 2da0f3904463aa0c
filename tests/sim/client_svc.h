/*
 * A stream with layers in it, as the simulated client sends one and judges one.
 * Pictures of 30 or so a second, in turn of temporal layer 0 2 1 2, each of
 * three layer frames (180, 360 and 720 lines) or one; or each size in a stream
 * of its own, with temporal layers alone (simulcast). What a packet is of
 * stands in its payload, beside what its codec says: so the judge need not
 * believe the descriptors, and can tell when they lie.
 */
#ifndef HEARTH_TESTS_SIM_CLIENT_SVC_H
#define HEARTH_TESTS_SIM_CLIENT_SVC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "rtp/dependency.h"
#include "rtp/packet.h"

enum client_svc {
	CLIENT_NO_SVC,
	CLIENT_VP8_L1T3,
	CLIENT_VP9_L3T3,     /* each layer frame needs the one below */
	CLIENT_VP9_L3T3_KEY, /* in key pictures alone */
	CLIENT_AV1_L1T3,
	CLIENT_AV1_L3T3,
	CLIENT_AV1_L3T3_KEY,
	CLIENT_H264_L1T3,
};

enum {
	CLIENT_SVC_SPATIAL = 3,
	CLIENT_SVC_PICTURES = 256, /* remembered, of 64 at least 2 s */
	CLIENT_SVC_LATE = 45,      /* pictures later one is judged */
	CLIENT_SVC_BODY = 6,       /* bytes of its own, behind the descriptor */
	CLIENT_SVC_HEAD = 32,      /* of a descriptor, at most */
};

/* What of a picture has come. */
struct client_svc_picture {
	bool used, judged, key;
	uint32_t counter;
	uint8_t temporal, svc;
	uint16_t got[CLIENT_SVC_SPATIAL]; /* packets, by index */
	uint8_t n[CLIENT_SVC_SPATIAL];    /* of how many */
	uint8_t marks, mark_spatial, mark_index;
	bool decoded[CLIENT_SVC_SPATIAL];
	uint16_t id;   /* PictureID */
	uint8_t tl0;   /* TL0PICIDX */
	uint16_t seen; /* bits of spatial layers, any packet */
	/* Of its descriptors: whether they told well of it. */
	bool lies;
};

/* Counts since it was begun. */
struct client_svc_judge {
	struct client_svc_picture picture[CLIENT_SVC_PICTURES];
	bool begun;
	uint32_t newest, next; /* next: to be judged */
	struct dependency dependency;
	bool described;
	uint16_t number; /* frame number less that of the counter's frame */
	uint16_t newest_number;
	/* Pictures judged, those shown (complete and decodable), and by the
	 * highest spatial and temporal layer of it. */
	uint64_t pictures, shown;
	uint64_t by_spatial[CLIENT_SVC_SPATIAL], by_temporal[3];
	uint64_t switches; /* of the spatial layer shown */
	uint8_t last_spatial;
	/* Faults: layer frames in part, or that refer to what did not come; a
	 * marker elsewhere than at the end; numbers that do not go on; a
	 * descriptor that tells other than what comes. */
	uint64_t broken, undecodable, marks, numbering, lies;
};

struct client;
struct client_send;

bool client_svc_is_vp9(enum client_svc svc);
/* Its layers are told by dependency descriptors: AV1, H.264. */
bool client_svc_is_described(enum client_svc svc);
/* One picture of all its packets. */
void client_svc_send(struct client *c, struct client_send *s);
/* The descriptor's length of a packet that came, for what is judged of every
 * stream; *ret_key: it begins a key picture. 0: it is none of ours. */
size_t client_svc_take(struct client_svc_judge *j, const struct rtp_packet *pkt,
	uint8_t dependency_ext);
/* Faults in all. */
uint64_t client_svc_faults(const struct client_svc_judge *j);

#endif
