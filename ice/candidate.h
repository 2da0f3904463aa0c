/*
 * a=candidate lines (RFC 8839 section 5.1): parse, print, filter.
 *
 * A lite agent never dials a candidate; peers' candidates are parsed to be
 * validated, counted and capped, ours are printed into answers.
 */
#ifndef HEARTH_ICE_CANDIDATE_H
#define HEARTH_ICE_CANDIDATE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

enum { CANDIDATE_LINE_MAX = 256, CANDIDATES_PER_PEER_MAX = 64 };

enum candidate_type {
	CANDIDATE_HOST,
	CANDIDATE_SRFLX,
	CANDIDATE_PRFLX,
	CANDIDATE_RELAY
};

/* What a remote candidate is to us. */
enum candidate_got {
	CANDIDATE_OK,
	CANDIDATE_END,       /* the empty candidate: end of candidates */
	CANDIDATE_MDNS,      /* a .local name: fine, we never dial */
	CANDIDATE_TCP,       /* not UDP: ignored */
	CANDIDATE_FORBIDDEN, /* unspecified, multicast, broadcast, v4-mapped, a
				DNS name; port 0; priority 0 */
	CANDIDATE_MALFORMED
};

struct candidate {
	char foundation[33];
	unsigned component; /* 1 or 2 */
	uint32_t priority;
	struct sockaddr_storage addr;
	enum candidate_type type;
};

/* Parses the value with or without "a=" and with or without "candidate:";
 * shorter than CANDIDATE_LINE_MAX. Extensions after the type (raddr,
 * generation, ...) are read over. Loopback and link-local addresses are
 * CANDIDATE_OK: harmless, since never dialled. *ret is written for CANDIDATE_OK
 * only. */
enum candidate_got candidate_parse(const char *line, struct candidate *ret);

/* Writes "candidate:…" (no "a=", no newline) into ret of size bytes for one of
 * our own host UDP addresses; index orders them (0 is preferred). Returns the
 * length, -ENOSPC, or -EINVAL for an address nobody can dial (port 0,
 * unspecified, not IP). Priority per RFC 8445 5.1.2.1. */
int candidate_print(
	const struct sockaddr *addr, unsigned index, char *ret, size_t size);

#endif
