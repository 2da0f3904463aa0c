/* Inside of desk.h, shared by the desk's files. */
#ifndef HEARTH_MATRIX_BOT_DESK_IMPL_H
#define HEARTH_MATRIX_BOT_DESK_IMPL_H

#include <sys/queue.h>
#include "matrix-bot/client.h"
#include "matrix-bot/desk.h"
#include "matrix-bot/hall.h"
#include "matrix-bot/seen.h"

struct event;

struct desk_call {
	TAILQ_ENTRY(desk_call) entry;
	struct call call;
	uint64_t serial;
	char lane[32];
	bool metadata_due, roster_due; /* at the next flush */
	bool crashed;                  /* thrown out by the end of a worker */
	bool by_matrix;                /* how the peer's last offer came */
	bool away; /* nothing comes from it: the others do not see it */
	/* An SDP too large for Matrix, until the channel opens; heap. */
	char *waiting;
	enum call_act waiting_act; /* CALL_SEND_OFFER or _NEGOTIATED */
};

enum {
	EARLY_MAX = 32,
	EARLY_OF_SENDER_MAX = 4,
	EARLY_LINES_MAX = 64,
	EARLY_KEEP_MS = 60000
};

/* What came before its invite. */
struct early {
	bool used, ended, to_device;
	char sender[EVENT_ID_MAX + 1];
	char call_id[EVENT_ID_MAX + 1];
	char party[EVENT_ID_MAX + 1]; /* or device */
	char *lines[EARLY_LINES_MAX];
	unsigned n_lines;
	uint64_t at_us;
};

struct desk {
	struct event_base *base;
	struct client *client;
	struct sfu *sfu;
	struct hall *hall;
	const struct room_policy *policy;
	struct desk_limits limits;
	char session[24]; /* session id and party id */
	TAILQ_HEAD(, desk_call) calls;
	unsigned n_calls;
	uint64_t serial;
	struct event *flush_timer;
	struct seen seen;
	struct rate rate;
	struct early early[EARLY_MAX];
	struct desk_counters counters;
	struct desk_handlers handlers; /* news_h NULL: none */
	struct desk_program programs[DESK_PROGRAMS_MAX];
	unsigned n_programs;
};

/* desk_early.c */
void early_add(struct desk *d, const struct call_event *e, uint64_t now_us);
/* Gives what is there to the call. True: it has already ended. */
bool early_take(struct desk *d, struct call *c, uint64_t now_us);
void early_done(struct desk *d);

/* desk_run.c */
void desk_run(
	struct desk *d, struct desk_call *dc, const struct call_actions *a);
void desk_sweep(struct desk *d); /* frees ended calls; at the end of a turn */
struct desk_call *desk_by_sfu(const struct desk *d, sfu_id id);
struct desk_call *desk_by_serial(const struct desk *d, uint64_t serial);
bool desk_is_in(const struct desk_call *dc, const char *room); /* in its call */
void desk_on_sfu(void *arg, const struct sfu_event *ev);
/* Everybody in that room is told who is there, in a moment. */
void desk_roster_due(
	struct desk *d, const char *room, const struct desk_call *except);

/* desk_people.c */
void desk_news(struct desk *d, enum desk_news what, const struct desk_call *dc);
const struct desk_program *desk_program_by_sfu(const struct desk *d, sfu_id id);

/* desk_send.c: out to one participant, in the way its call came or on the
 * control channel. */
void desk_send_sdp(struct desk *d, struct desk_call *dc, enum call_act act,
	const char *sdp);
/* What was too large for Matrix goes: the channel is open. */
void desk_send_waiting(struct desk *d, struct desk_call *dc);
/* It is not to go any more. */
void desk_forget_waiting(struct desk_call *dc);
void desk_send_end(struct desk *d, struct desk_call *dc, enum call_act act,
	const char *reason);
void desk_send_metadata(struct desk *d, struct desk_call *dc);
bool desk_send_control(struct desk *d, const struct desk_call *dc,
	const char *type, const cJSON *content);
void desk_send_roster(struct desk *d, struct desk_call *dc);
void desk_send_speaker(struct desk *d, struct desk_call *dc, sfu_id who);
void desk_send_error(struct desk *d, struct desk_call *dc, const char *text);
/* Hands what a client shows to the seam. False: that is not what it says. */
bool desk_view(struct desk *d, const struct desk_call *dc, const char *type,
	const cJSON *content);
/* Tells a client of SFU_EV_PAUSED or SFU_EV_WATCHED. */
void desk_tell_streams(
	struct desk *d, const struct desk_call *dc, const struct sfu_event *ev);
/* Tells the seam which of a caller's streams are screens. */
void desk_screens(struct desk *d, const struct call *c);
void desk_send_ping(struct desk *d, struct desk_call *dc, const char *type);
/* To a caller whose call we do not know (any more). */
void desk_send_stray_hangup(struct desk *d, const struct call_event *e);

#endif
