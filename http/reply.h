/*
 * What goes back: status, security headers, pages in plain words, files with
 * their caching. Internal to http/.
 */
#ifndef HEARTH_HTTP_REPLY_H
#define HEARTH_HTTP_REPLY_H

#include <stdint.h>

struct evbuffer;
struct evhttp_request;
struct http_file;

enum { HTTP_ORIGINS_BYTES = 1024 };

struct http_replier {
	char origins[HTTP_ORIGINS_BYTES]; /* each with a blank before it */
};

/* See http_allow_connect. */
void http_reply_allow(struct http_replier *h, const char *origin);

void http_reply_header(
	struct evhttp_request *req, const char *name, const char *value);

/* size: bytes of body, told to HEAD as well. body may be NULL; it is emptied.
 */
void http_reply_send(const struct http_replier *h, struct evhttp_request *req,
	int status, const char *type, struct evbuffer *body, uint64_t size);
void http_reply_text(const struct http_replier *h, struct evhttp_request *req,
	int status, const char *text);
void http_reply_not_found(
	const struct http_replier *h, struct evhttp_request *req);
void http_reply_not_allowed(const struct http_replier *h,
	struct evhttp_request *req, const char *allow);

/* Answers with the file, or 304, and closes it. */
void http_reply_file(const struct http_replier *h, struct evhttp_request *req,
	const struct http_file *file);

#endif
