/*
 * The Matrix Client-Server API as one account sees it: a session (login by
 * password, or a token), and requests that survive a bad network.
 *
 * Requests stand in lanes. A lane is an ordered queue with one request on the
 * wire at a time, so what belongs together (one call, one room) arrives in
 * order; lanes do not wait for each other. A request is sent again, with the
 * same path and therefore the same transaction id, until the homeserver has
 * given an answer that means something:
 *
 *   no reply, 5xx, a 2xx that is not JSON   back-off with jitter
 *   429            waits retry_after_ms, Retry-After, or the back-off
 *   401 M_UNKNOWN_TOKEN   logs in again if there is a password, then again
 *   anything else  is the answer
 *
 * Session:  client_start ──> [logging in] ──session_h──> [in] ──401──> [logging
 * in] └──denied_h──> [denied], for ever
 */
#ifndef HEARTH_MATRIX_BOT_CLIENT_H
#define HEARTH_MATRIX_BOT_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cjson/cJSON.h>

struct event_base;
struct client;

enum {
	CLIENT_ID_MAX = 255,  /* user, room, device ids: bytes without NUL */
	CLIENT_LANE_MAX = 64, /* requests waiting in one lane */
	CLIENT_PATH_MAX = 4096,
	CLIENT_LANES_MAX = 4096,
	CLIENT_PATIENT_MS = 1800000,
	CLIENT_STALLED_S = 120, /* a file that moves no more is sent again */
};

struct client_reply { /* valid until the handler returns */
	int status;   /* HTTP; 0: none, see error */
	int error;    /* -ETIMEDOUT expired, -ECANCELED superseded, or 0 */
	const char *errcode; /* "M_FORBIDDEN", or "" */
	const char *message; /* the server's words, or "" */
	const cJSON *json;   /* of the body, or NULL */
};
typedef void(client_h)(void *arg, uint64_t tag, const struct client_reply *r);

struct client_config {          /* copied */
	const char *homeserver; /* URL, a trailing / is fine */
	const char *user, *password, *token;
	const char *device_id, *device_name; /* may be NULL */
	unsigned backoff_ms;                 /* first wait; doubles; 0: 1000 */
	unsigned backoff_max_ms;             /* 0: 30000 */
};

struct client_handlers {
	/* In; user and device id are known. Again after each new login. */
	void (*session_h)(void *arg);
	/* The homeserver refused user, password or token for good. */
	void (*denied_h)(void *arg, const char *sentence);
	void *arg;
};

/* 0, -ENOMEM, -EINVAL (no URL). */
int client_new(struct client **ret, struct event_base *base,
	const struct client_config *config, const struct client_handlers *h);
/* Drops all requests without calling their handlers. Returns NULL. */
struct client *client_free(struct client *c);

/* Begins to log in: `saved_token` (may be NULL) is tried before the password.
 */
void client_start(struct client *c, const char *saved_token);

bool client_in(const struct client *c); /* a session is there now */
const char *client_homeserver(const struct client *c); /* no trailing / */
const char *client_user_id(const struct client *c);    /* "" before */
const char *client_device_id(const struct client *c);  /* "" before */
const char *client_token(const struct client *c);      /* NULL before */

enum {
	CLIENT_URGENT = 1, /* drops what waits in its lane; first after a 429 */
	CLIENT_PACED = 2,  /* counts for the homeserver's message rate limit */
	CLIENT_PATIENT = 4, /* backs off up to CLIENT_PATIENT_MS */
};

struct client_request {
	const char *lane;     /* NULL: a lane of its own */
	const char *replaces; /* supersedes those of the lane that carry the
			       * same word and were not sent yet; NULL: none */
	const char *method, *path; /* path from /_matrix, escaped */
	const cJSON *body;         /* NULL: none; copied */
	const char *body_path;     /* a file instead, streamed; NULL: none */
	const char *content_type;  /* of the file */
	unsigned flags;
	unsigned timeout_ms; /* of one attempt; 0: 30 s; of a file: none */
	uint64_t expires_us; /* given up then; 0: never */
	client_h *handler;   /* may be NULL */
	void *arg;
	uint64_t tag;
};

/* 0, -ENOBUFS (lane or client full), -E2BIG (path), -ENOMEM. */
int client_request(struct client *c, const struct client_request *q);
/* Supersedes what waits in the lane under this word, if the homeserver cannot
 * have it: not on the wire, and not sent before without an answer. */
void client_cancel(struct client *c, const char *lane, const char *word);
/* Ends everything in the lane, also on the wire, without calling handlers. Not
 * from a handler of that lane. */
void client_drop(struct client *c, const char *lane);
/* Requests that wait or are on the wire, without files and without those of the
 * lane `except` (may be NULL). */
unsigned client_pending(const struct client *c, const char *except);

/* A new transaction id: unique over restarts. */
void client_txn(struct client *c, char ret[48]);
/* Percent-encodes one path segment or query value. 0 or -E2BIG. */
int client_escape(char *ret, size_t cap, const char *value);

struct client_counters {
	uint64_t requests, retries, limited, failures, logins;
};
const struct client_counters *client_counted(const struct client *c);

#endif
