/*
 * Payloads of one stream in order -> frames, by codec. What is lost is said by
 * depacket_lost; of a frame that is not whole as much is kept as a decoder can
 * use: VP8 up to the hole, H.264 whole NAL units, AV1 whole OBUs, VP9 whole
 * layers. One frame at a time; its bytes stay until the next begins.
 */
#ifndef HEARTH_RECORD_DEPACKET_H
#define HEARTH_RECORD_DEPACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "record/take.h"

enum {
	DEPACKET_SETS = 8,      /* H.264 parameter sets kept */
	DEPACKET_SET_MAX = 256, /* bytes of one, of an AV1 sequence header */
	/* All of them with start codes. */
	DEPACKET_SETUP_MAX = DEPACKET_SETS * (DEPACKET_SET_MAX + 4),
	DEPACKET_LAYERS = 8, /* frames in one VP9 superframe */
};

struct depacket_frame {
	const uint8_t *data;
	size_t len;
	bool keyframe; /* it begins a sequence; true of a damaged one, too */
	bool whole;
	unsigned width, height; /* of a key frame; 0: it does not say */
	unsigned duration_us;
	const uint8_t *setup; /* take_frame; NULL */
	size_t setup_len;
};

/* An H.264 parameter set, or none (len 0). */
struct depacket_set {
	uint8_t type; /* NAL unit type */
	uint32_t id;
	size_t len;
	uint8_t nal[DEPACKET_SET_MAX];
};

struct depacket {
	enum take_codec codec;
	/* The present frame. */
	bool open;   /* it has packets */
	bool lost;   /* something is missing since the last frame's end */
	bool begun;  /* its first packet is here */
	bool broken; /* a part is missing or cannot be read */
	bool key, seen_slice;
	unsigned width, height, duration_us;
	uint8_t *data;
	size_t len, cap;
	/* A unit (NAL unit, OBU, layer) of which not all is here. */
	bool part;
	size_t part_at; /* where it begins in data */
	/* What lasts. */
	uint8_t setup[DEPACKET_SETUP_MAX];
	size_t setup_len;
	unsigned setup_width, setup_height;
	union {
		struct {
			struct depacket_set set[DEPACKET_SETS];
			unsigned next_set;
		} h264;
		struct {
			size_t layer_at[DEPACKET_LAYERS];
			unsigned n_layers;
		} vp9;
		struct {
			bool still; /* sequence header: reduced_still_picture */
		} av1;
	};
};

void depacket_init(struct depacket *d);
void depacket_done(struct depacket *d);

/* Another codec from the next packet on (also the same): all is forgotten. */
void depacket_codec(struct depacket *d, enum take_codec codec);

/* Packets are missing before the next one, or at the present frame's end. */
void depacket_lost(struct depacket *d);

/* The next packet of the present frame, which it opens if need be. 0; -EBADMSG:
 * it cannot be understood (the frame is then broken). Payloads without a byte
 * are no error and nothing. */
int depacket_packet(struct depacket *d, const uint8_t *payload, size_t len);

/* The present frame is over. true: *ret filled. false: there is nothing of it
 * to give; *ret_lost says whether that is a loss. */
bool depacket_end(
	struct depacket *d, struct depacket_frame *ret, bool *ret_lost);

/* For the codecs only. Adds to the frame; a frame longer than TAKE_FRAME_MAX,
 * or one there is no memory for, is broken: false. */
bool depacket_append(struct depacket *d, const uint8_t *bytes, size_t len);
/* A unit begins here (an unfinished one before it is dropped); is whole; is to
 * be dropped with all behind it, the frame is broken. */
void depacket_part_open(struct depacket *d);
void depacket_part_close(struct depacket *d);
void depacket_part_drop(struct depacket *d);

/* What a codec does: packet takes a payload in (0, -EBADMSG), end completes the
 * frame's bytes. */
struct depacket_codec {
	int (*packet)(struct depacket *d, const uint8_t *p, size_t len);
	void (*end)(struct depacket *d); /* or NULL */
};
extern const struct depacket_codec depacket_opus, depacket_vp8, depacket_vp9,
	depacket_h264, depacket_av1;

/* Width and height in an H.264 SPS (the NAL unit with its header byte; H.264
 * 7.3.2.1.1), and its id. false: not understood. */
bool depacket_h264_sps(const uint8_t *nal, size_t len, uint32_t *ret_id,
	unsigned *ret_width, unsigned *ret_height);

/* Width and height in an AV1 sequence header OBU's payload (AV1 5.5). */
bool depacket_av1_sequence(const uint8_t *p, size_t len, bool *ret_still,
	unsigned *ret_width, unsigned *ret_height);

/* AV1 leb128 of at most 5 bytes at *at, moved behind it. */
bool depacket_av1_leb128(const uint8_t *p, size_t len, size_t *at, size_t *ret);

#endif
