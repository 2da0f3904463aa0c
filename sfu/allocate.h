/*
 * Who gets which layer: spends one receiver's estimated rate on its
 * subscriptions. A pure function over the caller's arrays, called whenever the
 * estimate, a layer's measured rate, the speaker or a wish of the client
 * changes, and at its own deadline.
 *
 * In this order:
 *
 * 1. Audio. Never paused for video. In big rooms the loudest_n only; who is
 *    being heard yields to somebody clearly louder.
 * 2. Who may be seen: not what the client hides, and of the rest last_n:
 *    speaker, then what the client says it shows (largest first) and screens,
 *    then who spoke last.
 * 3. The speaker's video: up to what is wanted, but beyond ALLOCATE_ENOUGH
 *    lines no more than three quarters of the rate while others need it.
 * 4. The lowest layer of everybody else.
 * 5. Better layers, in the order of 2.
 *
 * What does not fit even in its lowest layer is paused after ALLOCATE_HOLD_US,
 * or at once if it is far from it, not left to freeze; a
 * dear one does not keep those after it from being seen. Cameras give up
 * sharpness before they fall below half of their frame rate for longer than
 * ALLOCATE_THIN_US, screens give up frames first.
 *
 * Down at once. Up when the better layer has fitted with ALLOCATE_MARGIN to
 * spare for ALLOCATE_UP_US; at once when nobody waits for bandwidth: a new
 * subscription, a new speaker, a larger tile.
 *
 * Leaves out: switching itself (key frames, rewriting), measuring rates, and
 * retransmissions, whose share the caller takes off the estimate.
 */
#ifndef HEARTH_SFU_ALLOCATE_H
#define HEARTH_SFU_ALLOCATE_H

#include <stdbool.h>
#include <stdint.h>

enum {
	ALLOCATE_SPATIAL = 4,  /* simulcast encodings or SVC layers */
	ALLOCATE_TEMPORAL = 4, /* temporal layers of each */
	ALLOCATE_MAX = 4096,   /* subscriptions of one call */
	ALLOCATE_ENOUGH = 360, /* lines of the speaker that come first */
	ALLOCATE_MARGIN = 12,  /* percent to spare before going up */
	ALLOCATE_UP_US = 1000000,
	/* The lowest layer goes on for that long when it does not fit any more,
	 * if it costs little more (percent) than there is: an estimate
	 * recovers sooner than a picture that must begin with a key frame. */
	ALLOCATE_HOLD_US = 3000000,
	ALLOCATE_HOLD_PERCENT = 125,
	/* So long a camera goes on with a quarter of its pictures or less: by
	 * then what was only a moment is over. */
	ALLOCATE_THIN_US = 4000000,
	ALLOCATE_HEARD_US = 1000000, /* an audio holds its place so long */
};

/* No end: a receiver whose link is not estimated gets all it wants. */
#define ALLOCATE_UNLIMITED UINT64_MAX

enum allocate_kind { ALLOCATE_AUDIO, ALLOCATE_CAMERA, ALLOCATE_SCREEN };

enum allocate_why {
	ALLOCATE_NEW,     /* not decided yet: what the caller begins with */
	ALLOCATE_FULL,    /* all that is wanted */
	ALLOCATE_LIMITED, /* less, for want of bandwidth */
	ALLOCATE_PAUSED,  /* nothing, for want of bandwidth */
	ALLOCATE_HIDDEN,  /* the client does not show it */
	ALLOCATE_LAST_N,  /* too many others come first; audio: louder ones */
	ALLOCATE_NOTHING, /* the publisher sends no layer of it */
};

/* What a publisher sends; may be shared by the subscriptions of many. */
struct allocate_track {
	enum allocate_kind kind;
	uint8_t n_spatial, n_temporal; /* audio: 1 and 1 */
	uint16_t height[ALLOCATE_SPATIAL];
	/* What forwarding up to this layer costs, measured, or expected of a
	 * layer that is paused at the publisher; 0: there is no such layer.
	 * Simulcast: of that encoding alone; SVC: of all below it too. */
	uint32_t rate_bps[ALLOCATE_SPATIAL][ALLOCATE_TEMPORAL];
	uint32_t loudness; /* audio: as of speaker_smooth */
	uint64_t spoke_us; /* when its owner was the speaker last, 0: never */
	bool speaker;      /* its owner is the speaker now */
};

struct allocate_layer {
	int8_t spatial, temporal; /* both -1: paused */
};

struct allocate_sub {
	const struct allocate_track *track;
	/* The client's wishes. */
	bool hidden;     /* video only: who is not seen is heard all the same */
	uint16_t height; /* lines it shows; 0: it did not say */
	/* In: what goes now. Out: what shall go. */
	struct allocate_layer target;
	enum allocate_why why;
	/* Inner state; zero in the beginning. */
	uint8_t rank;
	uint64_t fits_us; /* since when something better fits, 0: it does not */
	/* Since when its lowest layer does not; 0: it does. quality.c does not
	 * keep it from one call to the next (8 bytes of each subscription):
	 * what is held is held there until it fits or is far from it. */
	uint64_t unfit_us;
	uint64_t thin_us; /* since when it has too few pictures; 0: not */
};

struct allocate_config {
	unsigned last_n;    /* videos at most, 0: all */
	unsigned loudest_n; /* audios at most, 0: all */
	/* The estimate is low for a moment, for the sake of a queue: this is
	 * what there is. 0: it is not. */
	uint64_t hold_bps;
};

struct allocate_result {
	uint64_t audio_bps, video_bps; /* of the targets */
	uint64_t wanted_bps;  /* of all that is wanted: how far to probe */
	unsigned changed;     /* subscriptions with another target */
	uint64_t deadline_us; /* call again then; UINT64_MAX: no need */
};

/* sub: n of them, at most ALLOCATE_MAX, in an order that stays (it breaks
 * ties). order: room for n, overwritten. estimate_bps: of the whole link,
 * audio included, or ALLOCATE_UNLIMITED. Takes O(n log n); allocates nothing.
 */
struct allocate_result allocate(const struct allocate_config *cfg,
	struct allocate_sub *sub, uint16_t *order, unsigned n,
	uint64_t estimate_bps, uint64_t now_us);

/* Bits per second of a target; 0 if paused or not there. */
uint32_t allocate_cost(
	const struct allocate_track *t, struct allocate_layer layer);

#endif
