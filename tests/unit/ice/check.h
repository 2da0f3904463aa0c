/*
 * The other side of the tests in this folder: a controlling agent that makes
 * checks, right ones and wrong ones, and reads the replies.
 */
#ifndef TESTS_UNIT_ICE_CHECK_H
#define TESTS_UNIT_ICE_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "ice/ice.h"

enum { CHECK_MAX = 2048 };

struct check {
	const char *ours, *theirs; /* halves of USERNAME; ours NULL: none */
	const char *pwd;           /* NULL: no MESSAGE-INTEGRITY */
	bool use_candidate, controlled, no_fingerprint, indication;
	bool no_priority;
	unsigned method;  /* 0: binding */
	unsigned unknown; /* how many unknown comprehension-required ones */
};

/* Writes the message, returns its length. */
size_t check_make(const struct check *check, uint8_t ret[CHECK_MAX]);

struct check_reply {
	int code; /* 0: success */
	bool authentic;
	struct sockaddr_storage mapped; /* family 0: none */
	uint8_t id[12];
};

/* Reads a reply, judged with pwd; fails the test if it is not STUN. */
struct check_reply check_read(const uint8_t *buf, size_t len, const char *pwd);

/* An address of documentation networks; v6 when the text has a colon. */
struct sockaddr_storage check_addr(const char *ip, unsigned port);

/* A check with the right credentials of ice's current generation, from `from`,
 * given to ice; the reply is read and asserted to be authentic. */
enum ice_got check_good(struct ice *ice, uint64_t now_us,
	const struct sockaddr_storage *from, bool use_candidate);

/* ice_input of the check, with the reply put aside; *ret_len may be NULL. */
enum ice_got check_give(struct ice *ice, uint64_t now_us,
	const struct sockaddr_storage *from, const struct check *check,
	size_t *ret_len);

/* 24 bytes that count up from seed. */
const uint8_t *check_random(uint8_t seed);

#define CHECK_UFRAG "peer"
/* After a restart. */
#define CHECK_NEW_UFRAG "anew"
#define CHECK_PWD       "peerpeerpeerpeerpeerpeer"

#endif
