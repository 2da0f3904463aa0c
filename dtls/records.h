/*
 * Decrypted records on their way from dtls_input to dtls_read: a flat, bounded
 * first-in-first-out buffer. Pure. Not for use outside this folder.
 */
#ifndef HEARTH_DTLS_RECORDS_H
#define HEARTH_DTLS_RECORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { RECORDS_SIZE = 2 + 16384 };

/* All zero is empty. */
struct records {
	size_t from, to; /* in buf: length (2 bytes), record, ... */
	uint64_t added;  /* since ever */
	uint8_t buf[RECORDS_SIZE];
};

/* Where the next record may be written, *ret_size bytes (at least 1); NULL
 * when the buffer is full. */
uint8_t *records_room(struct records *r, size_t *ret_size);

/* Keeps the len bytes written there. */
void records_commit(struct records *r, size_t len);

bool records_is_empty(const struct records *r);

/* Copies the oldest record to ret and forgets it: its length, 0 when there is
 * none. Records longer than size are forgotten and added to *drops. */
size_t records_take(
	struct records *r, uint8_t *ret, size_t size, uint64_t *drops);

#endif
