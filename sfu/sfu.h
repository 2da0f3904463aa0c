/*
 * THE SEAM. What a front-end (Matrix, WHIP, …) sees of the forwarding unit, and
 * all it sees: conferences by name, participants by id, SDP texts in, events
 * out. No user ids, rooms, tokens or JSON below this line; authorisation is the
 * front's and has happened before it calls sfu_join.
 *
 * Commands go down and return at once; what comes of them arrives later through
 * the participant's handler, from the control process's event loop, never from
 * inside a command. Strings and buffers given to a command are copied; those in
 * an event are valid until the handler returns.
 *
 *   sfu_join ──> sfu_offer ──> EV_ANSWER ──> EV_CONNECTED
 *                    └─> EV_REFUSED
 *   EV_OFFER ──> sfu_answer     whenever the others' streams change
 *   EV_LEFT                     after sfu_leave, or when the transport died;
 *                               the last event of that id
 */
#ifndef HEARTH_SFU_SFU_H
#define HEARTH_SFU_SFU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	SFU_NAME_MAX = 512,   /* conference name, bytes without NUL */
	SFU_LABEL_MAX = 512,  /* participant label; no newline in it */
	SFU_STREAM_MAX = 128, /* msid stream id */
	SFU_STREAMS_MAX = 512,
	SFU_SCREENS_MAX = 4,  /* of one participant */
	SFU_SDP_MAX = 131072, /* an SDP text */
	/* A message on the control channel: an SDP as JSON with the names of
	 * its streams fits, and one SCTP message takes it. */
	SFU_CONTROL_MAX = 262144,
};

/* Data channels with this label end at the front: what a participant sends on
 * it becomes SFU_EV_MESSAGE, sfu_message writes to it. All other labels fan out
 * to the other participants and never reach the front. */
#define SFU_CONTROL_LABEL "hearth"

/* A channel whose DCEP protocol is this one carries the sender: each message
 * that hearth delivers on it begins with the sender's participant label and one
 * newline byte, text and binary alike. Messages toward hearth carry no prefix.
 * A peer that opened any channel with this protocol also gets it on channels
 * that hearth opens toward it. */
#define SFU_FROM_PROTOCOL "hearth-from"

typedef uint32_t sfu_id; /* a participant; 0 is none; never reused */

struct sfu;

/* Why the video of a stream is not sent to a participant. */
enum sfu_paused {
	SFU_NOT_PAUSED,
	SFU_PAUSED_BANDWIDTH, /* its link cannot carry it */
	SFU_PAUSED_LAST_N,    /* too many others come first */
	SFU_PAUSED_HIDDEN,    /* its client does not show it (sfu_view) */
	SFU_PAUSED_REASONS
};
const char *sfu_paused_text(enum sfu_paused why); /* "bandwidth", … */

/* One stream forwarded to a participant, as the SDP of that event names it. */
struct sfu_stream {
	char id[SFU_STREAM_MAX + 1];     /* msid stream id in this SDP */
	sfu_id owner;                    /* who publishes it */
	char source[SFU_STREAM_MAX + 1]; /* the publisher's own stream id */
	bool audio, video;               /* tracks it has at present */
	enum sfu_paused paused;          /* only of SFU_EV_PAUSED */
};

enum sfu_event_type {
	SFU_EV_ANSWER,  /* sdp, streams: answer to sfu_offer */
	SFU_EV_OFFER,   /* sdp, streams: send it, then sfu_answer */
	SFU_EV_REFUSED, /* code, text: the last sdp given was not accepted. Of a
			   first offer: EV_LEFT follows. Else the call goes on.
			 */
	SFU_EV_CONNECTED, /* ICE and DTLS are up (again) */
	SFU_EV_CHANNEL,   /* the control channel opened: sfu_message works */
	SFU_EV_CHANNEL_CLOSED, /* … and is gone */
	SFU_EV_MESSAGE,        /* binary, data: from the control channel */
	SFU_EV_SPEAKER,        /* speaker: who is loudest now, 0 for nobody */
	SFU_EV_PAUSED,         /* streams: all whose video it is not sent now,
				  each with the reason */
	SFU_EV_WATCHED, /* streams: one that it publishes, by its own id; text:
			   the rids of it that anybody is to see, parted by
			   ";". The others need not be sent. Until it is told:
			   all. */
	SFU_EV_AWAY, /* nothing has come from it for 8 s: what it publishes is
			gone for the others */
	SFU_EV_BACK, /* … and something came again: it is back */
	SFU_EV_LEFT, /* reason: this participant is gone */
};

enum sfu_reason {
	SFU_BY_COMMAND,  /* sfu_leave, sfu_close */
	SFU_REFUSED,     /* first offer refused */
	SFU_ICE_FAILED,  /* never connected in time (30 s) */
	SFU_ICE_TIMEOUT, /* consent lost for 30 s */
	SFU_DTLS_FAILED, /* wrong fingerprint, alert, no SRTP */
	SFU_WORKER_DIED,
	SFU_FULL,      /* a configured ceiling was reached */
	SFU_CLOSED,    /* the peer closed DTLS */
	SFU_UNANSWERED /* our offers got no answer, three times */
};
const char *sfu_reason_text(enum sfu_reason r); /* "ice_timeout", … */

struct sfu_event {
	enum sfu_event_type type;
	sfu_id participant; /* whom it is about: the handler's own */
	const char *sdp;
	const struct sfu_stream *streams;
	unsigned n_streams;
	int code; /* negative errno */
	const char *text;
	bool binary;
	const uint8_t *data;
	size_t len;
	sfu_id speaker;
	enum sfu_reason reason;
};

typedef void(sfu_event_h)(void *arg, const struct sfu_event *ev);

struct sfu_join_options {
	/* The peer understands several streams and renegotiation. Without it
	 * the m-lines of its offer are all there ever is: one stream, switched
	 * to who speaks, and no SFU_EV_OFFER. */
	bool renegotiate;
};

/* Puts a participant into a conference, which is made if need be and goes with
 * its last participant. label: opaque, shown to peers only by
 * SFU_FROM_PROTOCOL. handler gets all events of this id. Returns the id, or 0
 * with *ret_error (may be NULL) -E2BIG, -EINVAL, -ENOMEM, -EBUSY (ceiling),
 * -EAGAIN (no worker is up at this moment: try again). */
sfu_id sfu_join(struct sfu *s, const char *conference, const char *label,
	const struct sfu_join_options *opt, sfu_event_h *handler, void *arg,
	int *ret_error);

/* All return 0, -ENOENT (no such participant), -E2BIG, or -ENOMEM. */
int sfu_offer(struct sfu *s, sfu_id id, const char *sdp);
int sfu_answer(struct sfu *s, sfu_id id, const char *sdp);
/* One trickled candidate line, "" for the end of them. */
int sfu_candidate(struct sfu *s, sfu_id id, const char *line);
/* To the participant, on its control channel. */
int sfu_message(
	struct sfu *s, sfu_id id, bool binary, const void *data, size_t len);
/* How its client shows the video of a stream it is sent (by its id in the last
 * SDP's list): in so many lines of its screen (0: not said), or not at all, and
 * then none is sent. Holds until said otherwise; of an unknown stream it is
 * ignored. */
int sfu_view(struct sfu *s, sfu_id id, const char *stream, unsigned height,
	bool visible);
/* The stream that it publishes, or will, under this id of its own is a screen:
 * to be sharp before it is smooth; or is none (so are all that nothing was said
 * of). Of up to SFU_SCREENS_MAX, the last ones said. */
int sfu_screen(struct sfu *s, sfu_id id, const char *stream, bool screen);
int sfu_leave(struct sfu *s, sfu_id id);

struct sfu_plug_options {
	bool listen;  /* is sent the others' tracks that its SDP takes */
	bool publish; /* may publish tracks of its own */
};

/* Puts a local program into a conference: a participant without ICE, DTLS and
 * SRTP, over fd, a connected stream socket on which the frames of feed/frame.h
 * go both ways from now on (descriptions too: of this participant the handler
 * hears SFU_EV_CONNECTED and SFU_EV_LEFT only). It hears and publishes as
 * anybody else; a program that reads too slowly loses packets, nobody else
 * does. It does not keep a conference alive for its front: leaving is the
 * front's or the program's doing. fd is taken over, also on failure. The rest
 * as sfu_join. */
sfu_id sfu_plug(struct sfu *s, const char *conference, const char *label,
	const struct sfu_plug_options *opt, int fd, sfu_event_h *handler,
	void *arg, int *ret_error);
/* Everybody out of a conference. */
int sfu_close(struct sfu *s, const char *conference);

/* --- For the composition root: fronts use nothing below this line. --- */

struct config;
struct event_base;
struct evbuffer;

/* Called from the event loop, once, when a worker cannot begin at all: text
 * says which key of the configuration to change. */
typedef void(sfu_failed_h)(void *arg, const char *text);
/* Called from the event loop when nobody is left. */
typedef void(sfu_stopped_h)(void *arg);

/* Starts config->media.workers processes, or one worker on base itself if that
 * is 0. base should have WORKER_PRIORITIES (worker.h) priorities. A worker that
 * dies later is started again, at once and then with growing pauses up to 30 s.
 * *ret is the caller's. 0 or -errno. */
int sfu_new(struct sfu **ret, struct event_base *base,
	const struct config *config, sfu_failed_h *failed, void *arg);

/* Everybody out, politely; then stopped, after 0.8 s at the latest. Joins are
 * refused from now on (-EBUSY). */
void sfu_stop(struct sfu *s, sfu_stopped_h *stopped, void *arg);

/* Ends the workers, by force where need be. No handler is called any more. Not
 * from inside a handler. Returns NULL; NULL is fine. */
struct sfu *sfu_free(struct sfu *s);

/* At least one worker can take a conference. */
bool sfu_ready(const struct sfu *s);

/* Tells worker processes, also those started later, which lines to log: an enum
 * log_level. The control process's own level is the caller's business. */
void sfu_log_level(struct sfu *s, unsigned level);

/* Prometheus text. Counters are those the workers told last, at most a second
 * ago. */
void sfu_metrics(const struct sfu *s, struct evbuffer *out);

#endif
