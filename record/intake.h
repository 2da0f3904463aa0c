/*
 * The feed's socket: bytes in to frames, frames out to bytes. Reads as much as
 * there is, so that hearth never has to drop for us; what we send is little
 * and waits in memory if it must.
 */
#ifndef HEARTH_RECORD_INTAKE_H
#define HEARTH_RECORD_INTAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "feed/frame.h"

enum {
	INTAKE_OUT_MAX = 1 << 20, /* bytes toward hearth that wait */
	INTAKE_TURN = 8 << 20,    /* bytes read in one turn */
};

struct event_base;
struct intake;

struct intake_hooks {
	void (*frame)(void *arg, const struct feed_frame *f);
	/* Once, from the loop: err 0 the end of the stream, else errno. */
	void (*ended)(void *arg, int err);
	void *arg;
};

/* fd is taken over. Reads after intake_start. 0, -ENOMEM (fd closed). */
int intake_new(struct intake **ret, struct event_base *base, int fd,
	const struct intake_hooks *hooks);
struct intake *intake_free(struct intake *in); /* closes; returns NULL */
int intake_start(struct intake *in);           /* 0, -ENOMEM */

/* A frame to hearth; one that finds no room is dropped. */
void intake_send(struct intake *in, enum feed_type type, const void *payload,
	size_t len);
/* What has already arrived, at once. */
void intake_drain(struct intake *in);
/* Now on the feed's clock: not behind the last frame, and not ahead of what is
 * still unread. mono_us: CLOCK_MONOTONIC. 0 before the first frame. */
uint64_t intake_now(const struct intake *in, uint64_t mono_us);
/* wall_us of a HELLO: Unix time when the feed's clock was f->time_us. 0: not
 * told. */
uint64_t intake_wall_us(const struct feed_frame *f);

#endif
