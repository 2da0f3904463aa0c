/*
 * What session.c (streams) and session_disk.c (troubles, manifest) share.
 */
#ifndef HEARTH_RECORD_SESSION_PRIVATE_H
#define HEARTH_RECORD_SESSION_PRIVATE_H

#include "record/session.h"

#include "record/manifest.h"
#include "record/people.h"
#include "record/shelf.h"

struct track { /* one RTP stream */
	TAILQ_ENTRY(track) next;
	struct stream stream;
	struct take *take;
	struct seat *seat;
	struct source *source;
	uint64_t keyframe_us; /* when the last one came */
	uint64_t asked_us;    /* when one was asked for */
	bool touched;         /* got packets since it was pumped */
	bool seen;            /* in the list being applied */
};

struct session {
	struct session_hooks hooks;
	struct disk *disk;
	struct manifest *manifest;
	struct shelf shelf;
	struct people people;
	TAILQ_HEAD(, track) tracks;
	unsigned n_tracks;
	uint64_t keyframe_us; /* how often one is asked for; 0: never */
	char *sdp;
	size_t sdp_len;
	uint64_t save_us;  /* when the manifest is due; 0: soon */
	uint64_t saved_us; /* when it was given to the disk last */
	uint64_t retry_us; /* when the disk is tried again; 0: not */
	uint64_t lost_us;  /* when the feed lost packets last; 0: in order */
	bool stopped;
};

/* session_disk.c */
void session_save(struct session *s, uint64_t now_us);
void session_disk_tick(struct session *s, uint64_t now_us);
void session_lost(struct session *s, uint64_t now_us, uint64_t packets);

#endif
