/*
 * A file that somebody may have, of any size: ranges, no caching, nothing of it
 * in memory. Internal to http/.
 */
#ifndef HEARTH_HTTP_DOWNLOAD_H
#define HEARTH_HTTP_DOWNLOAD_H

struct evhttp_request;
struct http_download;
struct http_guard;
struct http_replier;

/* Answers a GET or HEAD with what a handler of http_route_files filled in, and
 * closes it. */
void http_download_reply(const struct http_replier *h, struct http_guard *guard,
	struct evhttp_request *req, const struct http_download *download);

#endif
