/*
 * What the tests of sfu/sdp share: vectors, a negotiation that is known to
 * work, and looking things up in texts.
 */
#ifndef HEARTH_TESTS_UNIT_SDP_HARNESS_H
#define HEARTH_TESTS_UNIT_SDP_HARNESS_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <string.h>
#include <stdlib.h>
#include <cmocka.h>

#include "sfu/sdp/negotiate.h"

/* What hearth says of itself in every test. */
extern const struct negotiate_local harness_local;

/* A file of tests/vectors/sdp, the caller's to free. Fails the test. */
char *vector_read(const char *name);

struct negotiation *call_new(void);

/* Each fails the test where the negotiation does not do what is asked. */
struct negotiate_remote call_offer(struct negotiation *n, const char *text);
struct negotiate_remote call_offer_vector(
	struct negotiation *n, const char *name);
char *call_answer(struct negotiation *n); /* the caller frees */
/* Takes the offer and answers it. */
void call_accept(struct negotiation *n, const char *text);
/* The error an offer is met with. */
int call_refused(struct negotiation *n, const char *text);

/* A publisher's transceiver with those codecs, which must stay. Never freed,
 * and the same for the same array. */
const struct transceiver *call_from(
	const struct negotiate_codec *codec, unsigned n);

/* Sends an opus or VP8 track of that name on. */
int call_send(struct negotiation *n, enum sdp_kind kind, const char *stream);

/* text with every old replaced; the caller frees. Fails where there is none. */
char *replace(const char *text, const char *old, const char *new);

/* The answer a willing browser would give to an offer of ours: each m-line's
 * direction turned round, setup active, ids and codecs as offered. Directions
 * may be given by m-line instead, e.g. { NULL, "inactive" }; "reject" makes the
 * port 0. The caller frees. */
char *browser_answer(
	const char *offer, const char *const *direction, unsigned n_directions);

/* Offers, and takes what browser_answer gives. */
void call_renegotiate(struct negotiation *n);

/* How often part stands in text. */
unsigned occurrences(const char *text, const char *part);

/* The text of m-line number i, m= included; the caller frees. */
char *section(const char *text, unsigned i);

/* A small offer of one or two m-lines that works, to be varied. */
extern const char plain_audio[];
extern const char plain_audio_video[];

#define HEAD "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
#define PRINT                                                                  \
	"AC:70:36:F0:F3:DD:C7:1A:7B:C6:D7:94:7D:A0:C7:C0:"                     \
	"E5:1A:15:A1:6A:21:6F:48:75:32:85:87:79:3F:9B:B2"
#define TRANSPORT                                                              \
	"a=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuv\r\n"             \
	"a=fingerprint:sha-256 " PRINT "\r\na=setup:actpass\r\n"

#endif
