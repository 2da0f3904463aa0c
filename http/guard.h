/*
 * Time limits for connections, which evhttp has none of: its timeout starts
 * again with every byte, so a client that drips holds a connection for days.
 * Here a request must be whole HTTP_TIMEOUT_S after the one before was
 * answered, and its answer taken HTTP_SEND_S later, or for downloads of any
 * size a part of it in every HTTP_STALL_S; and there is a ceiling on
 * connections.
 *
 * Internal to http/. libevent 2.1 tells of a new connection only by asking for
 * its bufferevent; we hold a reference to each and look once a second.
 */
#ifndef HEARTH_HTTP_GUARD_H
#define HEARTH_HTTP_GUARD_H

#include <stdbool.h>
#include <stdint.h>

struct bufferevent;
struct event;
struct event_base;
struct evconnlistener;
struct evhttp_request;

enum {
	HTTP_SEND_S = 120,
	HTTP_STALL_S = 60,
	HTTP_STALL_BYTES = 65536, /* to be taken in that time */
	HTTP_INPUT_MAX = 65536,   /* read ahead of what is being answered */
	HTTP_CONNECTIONS = 256
};

struct http_guarded {
	struct bufferevent *bev; /* NULL: free */
	long deadline_s;         /* monotonic */
	bool download;
	uint64_t left; /* of the download when the deadline was set */
};

struct http_guard {
	struct event_base *base;
	struct event *sweep;
	struct evconnlistener *listener;
	struct http_guarded held[HTTP_CONNECTIONS];
	unsigned n;
	bool paused; /* full: the listener waits */
	long timeout_s;
	long stall_s;
};

/* 0 or -ENOMEM. The listener stays the caller's. */
int http_guard_init(struct http_guard *g, struct event_base *base,
	struct evconnlistener *listener, long timeout_s);
/* After evhttp_free. */
void http_guard_done(struct http_guard *g);

/* For evhttp_set_bevcb, with the guard as arg. */
struct bufferevent *http_guard_bev(struct event_base *base, void *arg);

/* The request is whole: time to answer it, then time for the next. */
void http_guard_request(struct http_guard *g, struct evhttp_request *req);

/* The answer is a download: it may take as long as it gets on. After
 * http_guard_request, before the answer is sent. */
void http_guard_download(struct http_guard *g, struct evhttp_request *req);

#endif
