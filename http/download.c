#include "http/download.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/http.h>

#include "http/files.h"
#include "http/guard.h"
#include "http/http.h"
#include "http/range.h"
#include "http/reply.h"

static const char *asked(struct evhttp_request *req, const char *name)
{
	return evhttp_find_header(evhttp_request_get_input_headers(req), name);
}

/* Takes fd over. The flag lets libevent use sendfile(2): without it the file
 * would be mapped into memory whole. */
static struct evbuffer *body_of(int fd, const struct http_range *range)
{
	struct evbuffer *body = evbuffer_new();
	struct evbuffer_file_segment *segment = NULL;
	int err = -1;

	if (body && range->length > 0)
		segment = evbuffer_file_segment_new(fd, (ev_off_t)range->from,
			(ev_off_t)range->length, EVBUF_FS_CLOSE_ON_FREE);
	if (!segment)
		close(fd);
	if (body && range->length == 0)
		return body;
	if (segment) {
		evbuffer_set_flags(body, EVBUFFER_FLAG_DRAINS_TO_FD);
		err = evbuffer_add_file_segment(
			body, segment, 0, (ev_off_t)range->length);
		evbuffer_file_segment_free(segment);
	}
	if (err == 0)
		return body;
	if (body)
		evbuffer_free(body);
	return NULL;
}

static void add_name(struct evhttp_request *req, const char *name)
{
	char value[HTTP_DOWNLOAD_NAME_MAX + 32], *p;
	int n = snprintf(value, sizeof(value), "inline; filename=\"");

	p = value + n;
	for (; *name && p < value + sizeof(value) - 2; name++)
		*p++ = (char)(isalnum((unsigned char)*name) ||
					      strchr("._- ", *name)
				      ? *name
				      : '_');
	memcpy(p, "\"", 2);
	http_reply_header(req, "Content-Disposition", value);
}

static void add_headers(struct evhttp_request *req,
	const struct http_download *download, const struct http_file *file)
{
	http_reply_header(req, "ETag", file->etag);
	http_reply_header(req, "Accept-Ranges", "bytes");
	http_reply_header(req, "Cache-Control", "private, no-store");
	http_reply_header(req, "Cross-Origin-Resource-Policy", "same-origin");
	if (download->name[0])
		add_name(req, download->name);
}

static void reply_unsatisfiable(
	const struct http_replier *h, struct evhttp_request *req, uint64_t size)
{
	char value[64];

	snprintf(
		value, sizeof(value), "bytes */%llu", (unsigned long long)size);
	http_reply_header(req, "Content-Range", value);
	http_reply_text(h, req, 416, "416: the file has no such part.\n");
}

static void send_part(const struct http_replier *h, struct http_guard *guard,
	struct evhttp_request *req, const struct http_download *download,
	const struct http_file *file, const struct http_range *range,
	int status)
{
	struct evbuffer *body = body_of(file->fd, range);
	char value[96];

	if (!body) {
		http_reply_text(h, req, 503, "503: out of memory.\n");
		return;
	}
	add_headers(req, download, file);
	if (status == 206) {
		snprintf(value, sizeof(value), "bytes %llu-%llu/%llu",
			(unsigned long long)range->from,
			(unsigned long long)(range->from + range->length - 1),
			(unsigned long long)file->size);
		http_reply_header(req, "Content-Range", value);
	}
	http_guard_download(guard, req);
	http_reply_send(h, req, status,
		download->content_type ? download->content_type
				       : "application/octet-stream",
		body, range->length);
	evbuffer_free(body);
}

static void reply_none(const struct http_replier *h, struct evhttp_request *req,
	const struct http_download *download)
{
	if (!download->text && (!download->status || download->status == 404))
		http_reply_not_found(h, req);
	else
		http_reply_text(h, req,
			download->status ? download->status : 404,
			download->text ? download->text
				       : "This may not be had.\n");
}

void http_download_reply(const struct http_replier *h, struct http_guard *guard,
	struct evhttp_request *req, const struct http_download *download)
{
	/* RFC 9110, 14.2: Range is of GET alone. */
	bool get = evhttp_request_get_command(req) == EVHTTP_REQ_GET;
	struct http_range range = { 0 };
	struct http_file file;
	int status;

	if (download->fd < 0) {
		reply_none(h, req, download);
		return;
	}
	if (http_files_stat(download->fd, &file) < 0) {
		close(download->fd);
		http_reply_not_found(h, req);
		return;
	}
	status = http_range_parse(get ? asked(req, "Range") : NULL,
		asked(req, "If-Range"), file.etag, file.size, &range);
	if (status == 416) {
		close(download->fd);
		reply_unsatisfiable(h, req, file.size);
		return;
	}
	if (status == 200)
		range.length = file.size;
	send_part(h, guard, req, download, &file, &range, status);
}
