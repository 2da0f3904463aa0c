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

enum {
	HTTP_BODY_MAX = 1 << 20,
	HTTP_TIMEOUT_S = 20,
	HTTP_DOWNLOAD_NAME_MAX = 128
};

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

struct http_download {
	int fd; /* a regular file, open for reading; closed by http/. -1: there
		   is none, see status and text */
	int status;       /* without fd: 403, 404, 410, …; 0 means 404 */
	const char *text; /* without fd: a sentence for people, static */
	const char *content_type;          /* static; NULL: octet-stream */
	char name[HTTP_DOWNLOAD_NAME_MAX]; /* to save it as, or "" */
};

/* Fills *ret, which has fd -1 and is zero otherwise; req->path is what comes
 * after the prefix, decoded and not to be trusted, req->method GET or HEAD. */
typedef void(http_files_h)(
	void *arg, const struct http_request *req, struct http_download *ret);

/* Adds GET and HEAD for everything below prefix, which has a slash at both
 * ends: files of any size for whom the handler lets in, with byte ranges (RFC
 * 9110, section 14: one range; several are answered with the whole), ETag and
 * If-Range, never cached. Nothing of a file is held in memory; who
 * takes less than 64 KiB in 60 s is cut off and may ask for the rest. Routes of
 * http_route win over it. Errors as http_route. */
int http_route_files(
	struct http *h, const char *prefix, http_files_h *handler, void *arg);

/* What connect-src the page needs beside 'self': the homeserver's origin. A
 * path behind it is cut off; what is no http(s) origin is ignored. */
void http_allow_connect(struct http *h, const char *origin);

unsigned http_port(
	const struct http *h); /* the real one when 0 was asked for */

#endif
