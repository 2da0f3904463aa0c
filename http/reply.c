#include "http/reply.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/http.h>

#include "http/files.h"

static const char *reason(int status)
{
	switch (status) {
	case 200:
		return "OK";
	case 201:
		return "Created";
	case 204:
		return "No Content";
	case 206:
		return "Partial Content";
	case 301:
		return "Moved Permanently";
	case 304:
		return "Not Modified";
	case 400:
		return "Bad Request";
	case 403:
		return "Forbidden";
	case 404:
		return "Not Found";
	case 405:
		return "Method Not Allowed";
	case 410:
		return "Gone";
	case 416:
		return "Range Not Satisfiable";
	case 503:
		return "Service Unavailable";
	default:
		return status < 400 ? "OK" : "Error";
	}
}

void http_reply_header(
	struct evhttp_request *req, const char *name, const char *value)
{
	evhttp_add_header(evhttp_request_get_output_headers(req), name, value);
}

static void add_policy(const struct http_replier *h, struct evhttp_request *req)
{
	char csp[HTTP_ORIGINS_BYTES + 512];

	snprintf(csp, sizeof(csp),
		"default-src 'none'; script-src 'self'; style-src 'self'; "
		"font-src 'self'; img-src 'self' blob: data:; "
		"media-src 'self' blob:; worker-src 'self' blob:; "
		"manifest-src 'self'; connect-src 'self'%s; "
		"base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
		h->origins);
	http_reply_header(req, "Content-Security-Policy", csp);
	http_reply_header(req, "X-Content-Type-Options", "nosniff");
	http_reply_header(req, "Referrer-Policy", "no-referrer");
	http_reply_header(req, "Cross-Origin-Opener-Policy", "same-origin");
	http_reply_header(req, "Permissions-Policy",
		"camera=(self), microphone=(self), display-capture=(self)");
}

/* evhttp would send a body to HEAD if it were given one. */
void http_reply_send(const struct http_replier *h, struct evhttp_request *req,
	int status, const char *type, struct evbuffer *body, uint64_t size)
{
	char length[32];

	add_policy(h, req);
	if (status != 304 && status != 204) {
		snprintf(length, sizeof(length), "%llu",
			(unsigned long long)size);
		http_reply_header(req, "Content-Length", length);
		http_reply_header(req, "Content-Type", type);
	}
	if (evhttp_request_get_command(req) == EVHTTP_REQ_HEAD)
		body = NULL;
	evhttp_send_reply(req, status, reason(status), body);
}

void http_reply_text(const struct http_replier *h, struct evhttp_request *req,
	int status, const char *text)
{
	struct evbuffer *body = evbuffer_new();

	if (body)
		evbuffer_add(body, text, strlen(text));
	http_reply_header(req, "Cache-Control", "no-store");
	http_reply_send(h, req, status, "text/plain; charset=utf-8", body,
		body ? evbuffer_get_length(body) : 0);
	if (body)
		evbuffer_free(body);
}

void http_reply_not_found(
	const struct http_replier *h, struct evhttp_request *req)
{
	http_reply_text(h, req, 404,
		"404: there is nothing at this address.\n"
		"Go to the start page, or use the link the bot gave you.\n");
}

void http_reply_not_allowed(const struct http_replier *h,
	struct evhttp_request *req, const char *allow)
{
	http_reply_header(req, "Allow", allow);
	http_reply_text(h, req, 405,
		"405: this address exists, but not for this kind of "
		"request.\n");
}

/* The segment has a descriptor of its own, as it may outlive the file's. */
static bool add_file(struct evbuffer *body, const struct http_file *file)
{
	struct evbuffer_file_segment *segment;
	int fd, err;

	if (file->size == 0)
		return true;
	fd = fcntl(file->fd, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		return false;
	segment = evbuffer_file_segment_new(
		fd, 0, (ev_off_t)file->size, EVBUF_FS_CLOSE_ON_FREE);
	if (!segment) {
		close(fd);
		return false;
	}
	err = evbuffer_add_file_segment(body, segment, 0, (ev_off_t)file->size);
	evbuffer_file_segment_free(segment);
	return err == 0;
}

void http_reply_file(const struct http_replier *h, struct evhttp_request *req,
	const struct http_file *file)
{
	const char *have = evhttp_find_header(
		evhttp_request_get_input_headers(req), "If-None-Match");
	bool head = evhttp_request_get_command(req) == EVHTTP_REQ_HEAD;
	bool same = have && strstr(have, file->etag);
	struct evbuffer *body = evbuffer_new();

	if (!body || (!same && !head && !add_file(body, file))) {
		http_reply_text(h, req, 503, "503: out of memory.\n");
	} else {
		http_reply_header(req, "ETag", file->etag);
		http_reply_header(req, "Cache-Control",
			file->immutable ? "public, max-age=31536000, immutable"
					: "no-cache");
		http_reply_send(
			h, req, same ? 304 : 200, file->type, body, file->size);
	}
	if (body)
		evbuffer_free(body);
	close(file->fd);
}

void http_reply_allow(struct http_replier *h, const char *origin)
{
	size_t scheme = strncmp(origin, "https://", 8) == 0  ? 8
			: strncmp(origin, "http://", 7) == 0 ? 7
							     : 0;
	size_t used = strlen(h->origins), len;

	len = scheme + strspn(origin + scheme, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
					       "abcdefghijklmnopqrstuvwxyz"
					       "0123456789.-:[]");
	/* A path is cut off; anything else could end the directive. */
	if (!scheme || len == scheme || !strchr("/?#", origin[len]) ||
		used + 1 + len >= sizeof(h->origins))
		return;
	h->origins[used] = ' ';
	memcpy(h->origins + used + 1, origin, len);
	h->origins[used + 1 + len] = '\0';
}
