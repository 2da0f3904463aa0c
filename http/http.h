/*
 * The HTTP face on libevent's evhttp, loopback by default: static files of the
 * web client, /healthz, /readyz, /metrics, and routes that fronts add. TLS is a
 * reverse proxy's job. Slow and oversized requests are cut off. The process
 * must ignore SIGPIPE: clients go away while they are written to.
 */
#ifndef HEARTH_HTTP_HTTP_H
#define HEARTH_HTTP_HTTP_H

#include <stdbool.h>
#include <stddef.h>

struct event_base;
struct evbuffer;
struct http;

enum { HTTP_BODY_MAX = 1 << 20, HTTP_TIMEOUT_S = 20 };

struct http_request {                      /* valid until the handler returns */
	const char *method, *path, *query; /* path decoded, query raw or NULL */
	const char *content_type;
	const unsigned char *body;
	size_t body_len;
};

struct http_reply {
	int status;               /* 0 means 200 */
	const char *content_type; /* static string */
	struct evbuffer *body;    /* write here */
};

typedef void(http_handler_h)(
	void *arg, const struct http_request *req, struct http_reply *reply);

/* Listens on address:port, an IPv4 or IPv6 literal. 0; -EADDRINUSE, -errno
 * otherwise (-ENOENT, -ENOTDIR: web_root). *ret is the caller's. web_root:
 * directory served under / with index.html for directories, immutable caching
 * for hashed names, a strict Content-Security-Policy, no path out of it, no
 * hidden files, no symbolic links; NULL or "" serves none. */
int http_new(struct http **ret, struct event_base *base, const char *address,
	unsigned port, const char *web_root);
struct http *http_free(struct http *h); /* returns NULL; before its base */

/* Adds GET with HEAD (or POST with post=true) for path, exact match; routes win
 * over files. Answers are never cached. 0; -EINVAL without a leading slash,
 * -EEXIST, -ENOSPC after 32, -ENOMEM. */
int http_route(struct http *h, const char *path, bool post,
	http_handler_h *handler, void *arg);

/* What connect-src the page needs beside 'self': the homeserver's origin. A
 * path behind it is cut off; what is no http(s) origin is ignored. */
void http_allow_connect(struct http *h, const char *origin);

unsigned http_port(
	const struct http *h); /* the real one when 0 was asked for */

#endif
