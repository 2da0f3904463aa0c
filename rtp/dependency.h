/*
 * The dependency descriptor: an RTP header extension that says of every frame
 * which decode targets (pairs of a spatial and a temporal layer) have a use for
 * it, whatever the codec ("RTP Payload Format For AV1" version 1.0, appendix
 * A). VP8, VP9 and H.264 may carry it, too, and it stays readable where frames
 * are end-to-end encrypted.
 *
 * The templates it counts on come with key frames only, so each incoming stream
 * has one struct dependency. Chains are read over: what a frame refers to
 * tells as well whether it can be decoded.
 */
#ifndef HEARTH_RTP_DEPENDENCY_H
#define HEARTH_RTP_DEPENDENCY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "rtp/layer.h"

enum {
	DEPENDENCY_TEMPLATES = 64, /* template ids have six bits */
	DEPENDENCY_TARGETS = 32,
	DEPENDENCY_NONE = 255, /* no decode target */
	/* A structure of a frame so little before the newest one's is late, not
	 * new: it was lost and sent again. */
	DEPENDENCY_LATE = 512,
};

/* Decode target indications. */
enum dependency_dti {
	DTI_NOT_PRESENT,
	DTI_DISCARDABLE,
	DTI_SWITCH,
	DTI_REQUIRED
};

struct dependency_template {
	uint8_t spatial, temporal;
	uint8_t n_refs;
	bool more_refs;
	uint8_t ref[LAYER_REFS]; /* frames back */
	uint64_t dti;            /* two bits a target, target 0 lowest */
};

struct dependency_target {
	uint8_t spatial, temporal; /* highest it has */
};

/* What one stream said last; all zero to begin with. */
struct dependency {
	uint8_t id_offset, n_templates, n_targets, n_chains;
	uint32_t generation; /* counts structures that differ; 0: none came */
	uint16_t number;     /* frame number of the newest structure */
	uint32_t active;     /* bit t: target t is being sent */
	uint16_t lines[LAYER_SIZES]; /* of each spatial layer, 0: not told */
	struct dependency_target target[DEPENDENCY_TARGETS];
	struct dependency_template template[DEPENDENCY_TEMPLATES];
};

/* Reads the extension element of one packet of the stream into *ret, and keeps
 * what it says of the stream. In ret only what the descriptor knows is set, so
 * that the fields of codec->layer() stay: call this after it. False: it cannot
 * be understood, or its templates never came; nothing has changed then. */
bool dependency_read(struct dependency *d, const uint8_t *ext, size_t len,
	struct layer_info *ret);

/* The same of a packet that was read before: what is kept stays. False: the
 * templates that it counts on are gone. */
bool dependency_reread(const struct dependency *d, const uint8_t *ext,
	size_t len, struct layer_info *ret);

/* The best active target of at most these layers, the spatial one counting
 * more; DEPENDENCY_NONE when there is none. */
uint8_t dependency_target(
	const struct dependency *d, uint8_t spatial, uint8_t temporal);

/* Does everybody who gets all frames of target a have all frames of b? Then one
 * may go from a to b at any frame. */
bool dependency_covers(const struct dependency *d, uint8_t a, uint8_t b);

/* The active targets that are left to who gets all frames of target a, and
 * only those: bits as in active. */
uint32_t dependency_within(const struct dependency *d, uint8_t a);

static inline enum dependency_dti dependency_dti(uint64_t dti, uint8_t target)
{
	return (enum dependency_dti)(dti >> 2 * target & 3);
}

/* Sets the frame number in an element that goes out (of at least 3 bytes). */
void dependency_set_number(uint8_t *ext, uint16_t number);

enum { DEPENDENCY_GROWS = 5 }; /* bytes, by dependency_set_active */
/* Sets the active decode targets (A.4) in an element of len bytes that goes
 * out, with room for DEPENDENCY_GROWS more; info is what was read out of it.
 * Returns its length. */
size_t dependency_set_active(uint8_t *ext, size_t len,
	const struct layer_info *info, uint32_t active);

#endif
