/*
 * HTTP requests on the event loop: libcurl's multi interface driven by
 * libevent. The only files that name libcurl. Knows nothing of what is fetched
 * and never retries.
 *
 * No redirects are followed, only http and https are spoken, the reply's size
 * is bounded. Handlers run from the event loop, never from inside fetch_start.
 */
#ifndef HEARTH_HTTP_FETCH_H
#define HEARTH_HTTP_FETCH_H

#include <stddef.h>
#include <stdint.h>

struct event_base;
struct fetch;
struct fetch_transfer;

enum {
	FETCH_REPLY_MAX = 32 << 20, /* bytes; more ends the transfer */
	FETCH_CONNECT_TIMEOUT_MS = 10000,
	FETCH_LOW_SPEED_BPS = 512,
};

struct fetch_request {
	const char *method; /* "GET", "POST", "PUT" */
	const char *url;
	const char *bearer; /* access token or NULL */
	const char *body;   /* text or NULL */
	/* A file whose content is the body: read while it is sent, never held
	 * in memory as a whole. NULL: body. */
	const char *body_path;
	const char *content_type;   /* of either body; NULL: application/json */
	const char *const *headers; /* NULL-ended "Name: value"; or NULL */
	unsigned timeout_ms;        /* of all of it; 0: none */
	/* Ends a transfer that moves less than FETCH_LOW_SPEED_BPS bytes per
	 * second for so long, so that a stalled one ends while a slow one may
	 * take hours. 0: never. */
	unsigned low_speed_s;
};

struct fetch_reply {       /* valid until the handler returns */
	int status;        /* HTTP status; 0: no complete reply came */
	const char *error; /* why status is 0, in words; else "" */
	const char *body;  /* always NUL-terminated */
	size_t len;
	uint64_t retry_after_ms; /* of the header, in whole seconds; 0: none */
	int64_t date_s;          /* Date header as Unix time; -1: none */
};

typedef void(fetch_h)(void *arg, const struct fetch_reply *r);

/* 0 or -ENOMEM. *ret is the caller's; base must outlive it. */
int fetch_new(struct fetch **ret, struct event_base *base);
/* Ends all transfers without calling their handlers. Not from a handler.
 * Returns NULL. */
struct fetch *fetch_free(struct fetch *f);

/* Starts a transfer; everything in q is copied; a file is read as long as it
 * was at the start. 0 or -ENOMEM, -EINVAL (URL),
 * -errno of opening body_path. ret_transfer may be NULL; it is valid until the
 * handler is called. */
int fetch_start(struct fetch *f, const struct fetch_request *q,
	fetch_h *handler, void *arg, struct fetch_transfer **ret_transfer);
/* Ends it without calling the handler. NULL is fine. */
void fetch_cancel(struct fetch_transfer *t);

uint64_t fetch_now_us(void); /* the monotonic clock of all that fetches */

#endif
