/*
 * A server that is not hearth, behind a driver of its own: a small program that
 * starts it and speaks its signalling (bench/peers/README.md has the lines of
 * JSON between driver and generator).
 */
#ifndef HEARTH_BENCH_PEERS_FOREIGN_H
#define HEARTH_BENCH_PEERS_FOREIGN_H

#include <stdbool.h>
#include <sys/types.h>

enum { FOREIGN_TEXT = 128 };

struct foreign;
struct load_way;
struct stage;

/* What its driver says when the server is up. */
struct foreign_about {
	pid_t pid; /* the server itself */
	char version[FOREIGN_TEXT], settings[FOREIGN_TEXT];
};

/* Starts the driver of that name and waits for its server, which runs on CPU
 * stage->cpu[0] (-1: anywhere). The stage is open, and outlives it. NULL, and
 * the stage has its error. */
struct foreign *foreign_start(struct stage *b, const char *name);
const struct foreign_about *foreign_about(const struct foreign *f);
/* For load_new_foreign; what the server says goes to stage->load. */
struct load_way *foreign_way(struct foreign *f);
/* Ends server and driver. Returns NULL; NULL is fine. Before stage_stop. */
struct foreign *foreign_stop(struct foreign *f);

#endif
