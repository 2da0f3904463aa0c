/*
 * The inside of a conference, for the files of its floor only.
 */
#ifndef HEARTH_SFU_CONFERENCE_PRIVATE_H
#define HEARTH_SFU_CONFERENCE_PRIVATE_H

#include <sys/queue.h>
#include "sfu/conference.h"
#include "sfu/fanout.h"
#include "sfu/participant.h"
#include "sfu/speaker.h"

enum { CONFERENCE_EVENTS = 16384 }; /* queued at most, drained each turn */

struct conference_event {
	struct sfu_event ev; /* its pointers are owned here */
	STAILQ_ENTRY(conference_event) next;
};

struct conference {
	struct env *env;
	char name[SFU_NAME_MAX + 1];
	struct participant **p;
	unsigned n, cap;
	unsigned n_far;  /* of them: of other workers */
	unsigned others; /* workers with a part of this conference */
	bool follows;    /* one of them says who speaks */
	STAILQ_HEAD(, conference_note) notes; /* for them */
	struct conference_note *handed_note;
	uint64_t deadline_us; /* lower bound */
	struct speaker speaker;
	STAILQ_HEAD(, conference_event) events;
	unsigned n_events;
	struct conference_event *handed_out;
	uint8_t *scratch;      /* a message with its sender prefix */
	struct fanout *fanout; /* NULL until somebody publishes */
	/* What quality.c works on. */
	struct allocate_sub *quality_share;
	uint16_t *quality_order;
	unsigned quality_room;
	unsigned channel_turn;
	uint64_t joins, leaves, dtls_failed;
	uint64_t drops[CONFERENCE_DROPS]; /* of those who left */
	struct participant_stats gone;    /* likewise */
	uint64_t ice_restarts;            /* likewise */
};

/* A frame that waits for conference_next_relay. */
struct conference_note {
	struct relay_frame frame;
	STAILQ_ENTRY(conference_note) next;
	uint8_t payload[];
};

/* Queues a copy of *ev and of everything it points to. Where there is no memory
 * for it its participant leaves instead: SFU_EV_LEFT, the one event that must
 * come, has conference_emit_left. */
void conference_emit(struct conference *c, const struct sfu_event *ev);
/* Queues SFU_EV_LEFT in the node the participant was given when it joined. */
void conference_emit_left(
	struct conference *c, struct participant *p, enum sfu_reason reason);
struct conference_event *conference_event_free(struct conference_event *e);

/* The published track that speaks, or of the first participant but `than`. */
struct participant *conference_shown(
	struct conference *c, const struct participant *than);

/* Around every call from outside: sets, and takes back, what callbacks of
 * usrsctp find in env. */
void conference_enter(
	struct conference *c, uint64_t now_us, struct outbox *out);
void conference_exit(struct conference *c);

/* Forwards what was gathered, into env->out. To be called before anything that
 * decides who gets what, or how, becomes different. */
void conference_forward(struct conference *c, uint64_t now_us);

/* Who speaks is another: tells everybody here. */
void conference_speaker_changed(struct conference *c, uint64_t now_us);

/* The tracks of p changed: everybody else subscribes anew. */
void conference_tracks_changed(
	struct conference *c, struct participant *p, uint64_t now_us);

/* What the files of the floor tell other workers; nothing where there are none,
 * or where p is not from here (conference_relay.c). */
/* What p publishes may have changed. */
void relay_describe(struct participant *p);
void relay_message(struct participant *from, const struct channel *ch,
	bool binary, const uint8_t *data, size_t len);
void relay_channel(
	struct participant *p, enum relay_type type, const char *label);
/* One clear packet of p, as it came. Only where relay_wanted. */
void relay_packet(
	struct participant *p, bool rtcp, const uint8_t *buf, size_t len);
static inline bool relay_wanted(const struct participant *p)
{
	return p->conference->others && !p->far;
}
void relay_speaker(struct conference *c);
void relay_notes_done(struct conference *c);
/* Far seats. */
bool relay_far_has(const struct far *far, const char *label);
void relay_far_leave(struct participant *p); /* its channels close */
struct far *relay_far_free(struct far *far);

uint32_t conference_random32(struct conference *c);

void conference_add_stats(
	struct participant_stats *to, const struct participant_stats *s);

#endif
