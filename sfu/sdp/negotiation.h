/*
 * The inside of struct negotiation, and what its files call each other by.
 * Private to sfu/sdp.
 *
 * A slot is a transceiver's place in the caller's count; its m-line is another
 * number: a slot that is planned has none until the peer answers our offer, so
 * that a rollback needs to move nothing.
 */
#ifndef HEARTH_SFU_SDP_NEGOTIATION_H
#define HEARTH_SFU_SDP_NEGOTIATION_H

#include <stdbool.h>
#include <stdint.h>
#include "sfu/sdp/codecs.h"
#include "sfu/sdp/extensions.h"
#include "sfu/sdp/negotiate.h"
#include "sfu/sdp/sdp.h"

enum {
	NEGOTIATION_ACCEPTED_MAX = 16,
	/* Of an m-line's kind, protocol, first format, with the NUL. */
	NEGOTIATION_WORD_MAX = 32,
};

struct line {
	struct transceiver t;
	/* For the answer to what we reject, and to keep the peer's dialect. */
	const char *kind_text, *protocol, *format;
	char *words; /* those of them nobody else keeps; heap */
	/* Where the wanted track comes from; NULL: anything. */
	const struct transceiver *from;
	uint32_t base; /* bit i: table[kind].codec[i] is agreed on here */
	uint32_t exts; /* bit e: enum negotiate_ext e is agreed on here */
	/* Bit i: table[kind].codec[i] was wanted when the peer last heard of
	 * it, from's list being in that revision. */
	uint32_t said;
	unsigned said_revision;
	/* Of our offer that is out. */
	uint32_t offered_said;
	unsigned offered_revision;
	bool offered, offered_send, offered_recv;
	bool ours;    /* the m-line is of our making */
	uint8_t room; /* of t.codec */
};

struct negotiation {
	char accepted_text[NEGOTIATION_ACCEPTED_MAX][16];
	const char *accepted[NEGOTIATION_ACCEPTED_MAX + 1];
	uint64_t session_id, version;
	unsigned media_max;
	struct negotiate_features features;
	enum negotiate_state state;

	struct line **slot;
	unsigned n_slots, slots_size;
	/* m-line i of the peer's last text, or of ours it answered. */
	uint16_t slot_of_line[SDP_MEDIA_MAX];
	unsigned n_lines;
	unsigned next_mid;

	/* The peer's number spaces, by SDP_AUDIO and SDP_VIDEO. */
	struct codec_table table[2];
	bool known[2]; /* it offered that kind once; else table is defaults */
	bool pt_used[128];
	struct ext_table ext;
	uint32_t ext_agreed; /* bit e: the peer said so itself */
	bool ext_used[256];

	bool bundle, extmap_mixed;
	bool rigid; /* see negotiation_is_rigid() */
	bool plain; /* see negotiation_make_plain() */
	bool may_listen, may_publish;
	bool have_remote;
	struct negotiate_remote remote;
	enum sdp_setup role; /* ours: SDP_ACTIVE, SDP_PASSIVE, or NONE yet */
};

static inline bool kind_is_rtp(enum sdp_kind kind)
{
	return kind == SDP_AUDIO || kind == SDP_VIDEO;
}

static inline bool direction_sends(enum sdp_direction d)
{
	return d == SDP_SENDRECV || d == SDP_SENDONLY;
}

static inline bool direction_receives(enum sdp_direction d)
{
	return d == SDP_SENDRECV || d == SDP_RECVONLY;
}

/* m-line number i, which must exist. */
static inline struct line *negotiation_line(
	const struct negotiation *n, unsigned i)
{
	return n->slot[n->slot_of_line[i]];
}

/* -- transceivers.c -- */

/* Makes room for n more slots. 0, or -ENOMEM. */
int slots_reserve(struct negotiation *n, unsigned more);
/* A fresh slot out of what was reserved. */
struct line *slots_add(struct negotiation *n);
/* Makes room for the codecs of all slots, when so many come to the tables. 0,
 * or -ENOMEM. */
int slots_reserve_codecs(struct negotiation *n, const unsigned more[2]);
void line_reset(struct line *l); /* as fresh; frees what it holds */
void line_free(struct line *l);  /* NULL is fine */
/* Wanted, let by the peer, and of a codec it takes here. */
bool line_can_send(const struct negotiation *n, const struct line *l);
/* Bit i: table[kind].codec[i] may come from where the line gets its track. */
uint32_t line_wanted(const struct negotiation *n, const struct line *l);
/* The codecs to print, best first. Returns how many. */
unsigned line_codecs(const struct negotiation *n, const struct line *l,
	bool send, bool recv,
	const struct negotiate_codec *ret[NEGOTIATE_CODECS]);
/* Makes them the transceiver's; there must be room. */
void line_agree(
	const struct negotiation *n, struct line *l, bool send, bool recv);
/* Notes what is wanted as what an offer of ours says. */
void line_note_offered(const struct negotiation *n, struct line *l);
/* The peer has taken it in. */
void line_note_said(struct line *l);
/* Fills the tables for a kind the peer never offered. 0, -ENOMEM. */
int negotiation_defaults(struct negotiation *n, enum sdp_kind kind);

/* -- transport.c -- */

/* Which m-lines of a description may live, by transport alone: BUNDLE, mux,
 * protocol. Bit set: accepted. Codecs are looked at, too. Returns how many. */
struct verdict {
	bool accept[SDP_MEDIA_MAX];
	char *words[SDP_MEDIA_MAX]; /* see words.c */
	int master;                 /* m-line whose transport counts, or -1 */
	bool muxless;               /* some were refused for want of rtcp-mux */
};
void transport_judge(
	const struct negotiation *n, const struct sdp *s, struct verdict *ret);
/* What the master says; -EINVAL with the sentence. */
int transport_read(const struct negotiation *n, const struct sdp *s,
	const struct verdict *v, bool answer, struct negotiate_remote *ret,
	enum sdp_setup *ret_role, char ret_error[SDP_ERROR_MAX]);

/* -- words.c: the strings of m-lines -- */

/* Sets aside what the lines will keep of a description. 0, or -ENOMEM. */
int words_reserve(struct verdict *v, const struct sdp *s);
/* What is left of it. */
void words_done(struct verdict *v, const struct sdp *s);
/* Gives a line what was set aside for it. */
void words_take(struct line *l, const struct sdp_media *m, char **words);

/* -- check.c: may this description follow what is agreed? Changes nothing. --
 */

int check_offer(const struct negotiation *n, const struct sdp *s,
	const struct verdict *v, char ret_error[SDP_ERROR_MAX]);
int check_answer(const struct negotiation *n, const struct sdp *s,
	const struct verdict *v, char ret_error[SDP_ERROR_MAX]);
/* Number of m-lines of the offer that is out. */
unsigned negotiation_offered(const struct negotiation *n);
/* The line our offer has at m-line i. */
struct line *negotiation_offered_line(const struct negotiation *n, unsigned i);

/* -- remote.c -- */

/* Takes m-line i of an offer over. */
void offer_line(struct negotiation *n, struct line *l,
	const struct sdp_media *m, unsigned i, bool accepted, char **words);
void line_reject(struct line *l);

/* -- repair.c: what goes with a codec -- */

/* The payload types of an m-line that go with the codec c of it: those of rtx
 * and red, as far as the features say. */
void repair_read(struct negotiate_codec *c, const struct sdp_media *m,
	const struct negotiate_features *features);
/* Before a description is read: what was known of rtx and red is of the past.
 */
void repair_forget(struct codec_table *t);
/* Notes whether the codec at `at` of the table has rtx or red here. */
void repair_note(struct transceiver *t, unsigned at, bool has);
/* Is c the rtx or red of a feature that is on? */
bool repair_is_ours(
	const struct sdp_codec *c, const struct negotiate_features *features);
/* The SSRCs of an m-line: what the peer sends, in what layers, and which one
 * repairs which. */
void repair_ssrcs(struct transceiver *t, const struct sdp_media *m,
	const struct negotiate_features *features);

/* -- simulcast.c -- */

/* The layers the peer would send on an m-line, of what a=simulcast and a=rid
 * say; none where agreed is false. */
void simulcast_read(
	struct transceiver *t, const struct sdp_media *m, bool agreed);

/* -- plain.c -- */

/* Do the m-lines of a plain peer's offer fit those that are? */
int plain_check(const struct negotiation *n, const struct sdp *s,
	char ret_error[SDP_ERROR_MAX]);
/* Takes them over; slots were reserved. */
void plain_apply(struct negotiation *n, const struct sdp *s, struct verdict *v);

/* Agrees to our offer in the peer's place, in every point. */
void plain_settle(struct negotiation *n);

/* -- print.c -- */

/* Is e printed on that m-line? Where it is of our making: what the peer has for
 * that kind. */
bool line_has_ext(const struct negotiation *n, const struct line *l,
	enum negotiate_ext e);

/* The whole text; NULL: out of memory, or too long. */
char *print_description(const struct negotiation *n,
	const struct negotiate_local *local, bool offer);

#endif
