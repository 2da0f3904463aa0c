/*
 * SHA-256 of a file, in steps.
 */
#ifndef HEARTH_RECORD_DIGEST_H
#define HEARTH_RECORD_DIGEST_H

#include <stdint.h>

enum { DIGEST_STEP = 1 << 20, DIGEST_HEX = 64 };

struct digest;

/* fd stays the caller's; read by pread from 0. NULL: no memory. */
struct digest *digest_new(int fd);
struct digest *digest_free(struct digest *g); /* returns NULL */
/* Reads at most DIGEST_STEP bytes. 1: more to do; 0: done; -errno. */
int digest_step(struct digest *g);
/* Bytes so far. */
uint64_t digest_bytes(const struct digest *g);
/* After digest_step gave 0, once. */
void digest_hex(struct digest *g, char ret[DIGEST_HEX + 1]);

/* The whole of a file at once. 0, -ENOMEM, -errno. */
int digest_file(int fd, char ret[DIGEST_HEX + 1], uint64_t *ret_bytes);

#endif
