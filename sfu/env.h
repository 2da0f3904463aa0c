/*
 * What the worker lends its conferences: the engines and limits the cores need
 * and must not reach for themselves.
 */
#ifndef HEARTH_SFU_ENV_H
#define HEARTH_SFU_ENV_H

#include <stdint.h>
#include "dtls/cert.h"
#include "ice/ice.h"

enum { ENV_CANDIDATES = 16 };

struct limits {
	unsigned participants;    /* per conference */
	unsigned tracks;          /* published per participant */
	unsigned media_lines;     /* m-lines per peer */
	uint64_t video_max_bps;   /* REMB told to publishers, per video track */
	size_t channel_queue;     /* bytes waiting per slow receiver */
	unsigned last_n, audio_n; /* videos, audios sent to one; 0: all */
	unsigned history_video, history_audio; /* packets kept per track */
	uint64_t resend_bps; /* retransmission budget per subscription */
};

struct outbox;
struct errands;

struct env {
	struct ice_engine *ice;
	struct cert *cert;
	struct errands *errands; /* NULL: handshakes are done in place */
	struct limits limits;
	const char *const *codecs; /* NULL-terminated, in order of preference */
	uint64_t wall_offset_us;   /* wall clock = now_us + this */
	const char *candidate[ENV_CANDIDATES]; /* our lines, "candidate:…" */
	unsigned n_candidates;
	/* The batch that anything sent during the present call goes to, and its
	 * time: set by conference_* entry points and by the worker around
	 * assoc_global_tick, NULL otherwise. Only for callbacks of usrsctp. */
	struct outbox *out;
	uint64_t now_us;
};

#endif
