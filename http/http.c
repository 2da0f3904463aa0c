#include "http/http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <event2/listener.h>

#include "http/download.h"
#include "http/files.h"
#include "http/guard.h"
#include "http/reply.h"

enum { ROUTES_MAX = 32, HEADERS_MAX = 16384 };

struct route {
	char *path;
	bool post;
	http_handler_h *handler;
	http_files_h *files; /* instead of handler: path is a prefix */
	void *arg;
};

struct http {
	struct evhttp *evhttp;
	struct evconnlistener *listener; /* owned by evhttp */
	struct http_guard guard;
	int root_fd; /* -1: no files */
	struct route route[ROUTES_MAX];
	unsigned n_routes;
	unsigned port;
	struct http_replier replier;
};

static bool is_get(const struct evhttp_request *req)
{
	enum evhttp_cmd_type method = evhttp_request_get_command(req);

	return method == EVHTTP_REQ_GET || method == EVHTTP_REQ_HEAD;
}

static void serve_file(struct http *h, struct evhttp_request *req,
	const char *raw_path, const char *path)
{
	char location[2048];
	struct http_file file;
	int err = h->root_fd < 0 ? -ENOENT
				 : http_files_open(h->root_fd, path, &file);

	if (err == -EISDIR && is_get(req) &&
		strlen(raw_path) + 2 < sizeof(location)) {
		snprintf(location, sizeof(location), "%s/", raw_path);
		http_reply_header(req, "Location", location);
		http_reply_text(
			&h->replier, req, 301, "It is one slash further.\n");
		return;
	}
	if (err < 0) {
		http_reply_not_found(&h->replier, req);
		return;
	}
	if (is_get(req)) {
		http_reply_file(&h->replier, req, &file);
		return;
	}
	close(file.fd);
	http_reply_not_allowed(&h->replier, req, "GET, HEAD");
}

static void run_route(struct http *h, struct evhttp_request *req,
	const struct route *route, const char *path, const char *query)
{
	struct evbuffer *in = evhttp_request_get_input_buffer(req);
	struct http_request request = { .path = path, .query = query };
	struct http_reply reply = { 0 };

	request.method = route->post ? "POST" : "GET";
	request.content_type = evhttp_find_header(
		evhttp_request_get_input_headers(req), "Content-Type");
	request.body_len = evbuffer_get_length(in);
	request.body = evbuffer_pullup(in, -1);
	reply.body = evbuffer_new();
	if (!reply.body) {
		http_reply_text(&h->replier, req, 503, "503: out of memory.\n");
		return;
	}
	route->handler(route->arg, &request, &reply);
	http_reply_header(req, "Cache-Control", "no-store");
	http_reply_send(&h->replier, req, reply.status ? reply.status : 200,
		reply.content_type ? reply.content_type
				   : "text/plain; charset=utf-8",
		reply.body, evbuffer_get_length(reply.body));
	evbuffer_free(reply.body);
}

/* True when some route has the path and the request was answered. */
static bool serve_route(struct http *h, struct evhttp_request *req,
	const char *path, const char *query)
{
	bool post = evhttp_request_get_command(req) == EVHTTP_REQ_POST;
	const char *allow = NULL;

	for (unsigned i = 0; i < h->n_routes; i++) {
		const struct route *route = &h->route[i];

		if (route->files || strcmp(route->path, path) != 0)
			continue;
		if (route->post ? post : is_get(req)) {
			run_route(h, req, route, path, query);
			return true;
		}
		allow = allow         ? "GET, HEAD, POST"
			: route->post ? "POST"
				      : "GET, HEAD";
	}
	if (allow)
		http_reply_not_allowed(&h->replier, req, allow);
	return allow != NULL;
}

/* True when it lies below the prefix of some route and was answered. */
static bool serve_download(struct http *h, struct evhttp_request *req,
	const char *path, const char *query)
{
	for (unsigned i = 0; i < h->n_routes; i++) {
		const struct route *route = &h->route[i];
		struct http_download download = { .fd = -1 };
		struct http_request request = { .query = query };
		size_t len = strlen(route->path);

		if (!route->files || strncmp(route->path, path, len) != 0)
			continue;
		if (!is_get(req)) {
			http_reply_not_allowed(&h->replier, req, "GET, HEAD");
			return true;
		}
		request.path = path + len;
		request.method =
			evhttp_request_get_command(req) == EVHTTP_REQ_HEAD
				? "HEAD"
				: "GET";
		route->files(route->arg, &request, &download);
		http_download_reply(&h->replier, &h->guard, req, &download);
		return true;
	}
	return false;
}

static void handle(struct evhttp_request *req, void *arg)
{
	struct http *h = arg;
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(req);
	const char *raw = uri ? evhttp_uri_get_path(uri) : NULL;
	size_t len = 0;
	char *path;

	http_guard_request(&h->guard, req);
	path = raw ? evhttp_uridecode(raw, 0, &len) : NULL;
	if (!path || strlen(path) != len)
		http_reply_text(
			&h->replier, req, 400, "400: this is no address.\n");
	else if (!serve_route(h, req, path, evhttp_uri_get_query(uri)) &&
		 !serve_download(h, req, path, evhttp_uri_get_query(uri)))
		serve_file(h, req, raw, path);
	free(path);
}

static socklen_t parse_address(
	const char *address, unsigned port, struct sockaddr_storage *ret)
{
	struct sockaddr_in *in = (struct sockaddr_in *)ret;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ret;

	memset(ret, 0, sizeof(*ret));
	if (port > 65535)
		return 0;
	if (inet_pton(AF_INET, address, &in->sin_addr) == 1) {
		in->sin_family = AF_INET;
		in->sin_port = htons((uint16_t)port);
		return sizeof(*in);
	}
	if (inet_pton(AF_INET6, address, &in6->sin6_addr) == 1) {
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons((uint16_t)port);
		return sizeof(*in6);
	}
	return 0;
}

static int listen_at(struct http *h, struct event_base *base,
	const char *address, unsigned port)
{
	struct sockaddr_storage addr;
	socklen_t len = parse_address(address, port, &addr);

	if (len == 0)
		return -EINVAL;
	h->listener = evconnlistener_new_bind(base, NULL, NULL,
		LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC |
			LEV_OPT_REUSEABLE,
		-1, (struct sockaddr *)&addr, (int)len);
	if (!h->listener)
		return errno ? -errno : -ENOMEM;
	len = sizeof(addr);
	if (getsockname(evconnlistener_get_fd(h->listener),
		    (struct sockaddr *)&addr, &len) == 0)
		h->port = ntohs(
			addr.ss_family == AF_INET
				? ((struct sockaddr_in *)&addr)->sin_port
				: ((struct sockaddr_in6 *)&addr)->sin6_port);
	if (!evhttp_bind_listener(h->evhttp, h->listener)) {
		evconnlistener_free(h->listener);
		h->listener = NULL;
		return -ENOMEM;
	}
	return 0;
}

static int set_up(struct http *h, struct event_base *base, const char *address,
	unsigned port, const char *web_root)
{
	int err;

	if (web_root && *web_root) {
		h->root_fd = open(web_root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (h->root_fd < 0)
			return -errno;
	}
	h->evhttp = evhttp_new(base);
	if (!h->evhttp)
		return -ENOMEM;
	evhttp_set_timeout(h->evhttp, HTTP_TIMEOUT_S);
	evhttp_set_max_body_size(h->evhttp, HTTP_BODY_MAX);
	evhttp_set_max_headers_size(h->evhttp, HEADERS_MAX);
	/* All of them, so that a wrong one gets our own answer. */
	evhttp_set_allowed_methods(
		h->evhttp, EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_HEAD |
				   EVHTTP_REQ_PUT | EVHTTP_REQ_DELETE |
				   EVHTTP_REQ_OPTIONS | EVHTTP_REQ_TRACE |
				   EVHTTP_REQ_PATCH);
	evhttp_set_gencb(h->evhttp, handle, h);
	err = listen_at(h, base, address, port);
	if (err < 0)
		return err;
	evhttp_set_bevcb(h->evhttp, http_guard_bev, &h->guard);
	return http_guard_init(&h->guard, base, h->listener, HTTP_TIMEOUT_S);
}

int http_new(struct http **ret, struct event_base *base, const char *address,
	unsigned port, const char *web_root)
{
	struct http *h = calloc(1, sizeof(*h));
	int err;

	if (!h)
		return -ENOMEM;
	h->root_fd = -1;
	err = set_up(h, base, address, port, web_root);
	if (err < 0) {
		http_free(h);
		return err;
	}
	*ret = h;
	return 0;
}

struct http *http_free(struct http *h)
{
	if (!h)
		return NULL;
	if (h->evhttp)
		evhttp_free(h->evhttp);
	http_guard_done(&h->guard);
	if (h->root_fd >= 0)
		close(h->root_fd);
	for (unsigned i = 0; i < h->n_routes; i++)
		free(h->route[i].path);
	free(h);
	return NULL;
}

static int add_route(struct http *h, const struct route *wanted)
{
	struct route *route = &h->route[h->n_routes];

	if (h->n_routes == ROUTES_MAX)
		return -ENOSPC;
	for (unsigned i = 0; i < h->n_routes; i++)
		if (h->route[i].post == wanted->post &&
			strcmp(h->route[i].path, wanted->path) == 0)
			return -EEXIST;
	*route = *wanted;
	route->path = strdup(wanted->path);
	if (!route->path)
		return -ENOMEM;
	h->n_routes++;
	return 0;
}

int http_route(struct http *h, const char *path, bool post,
	http_handler_h *handler, void *arg)
{
	struct route route = { .post = post, .handler = handler, .arg = arg };

	if (*path != '/')
		return -EINVAL;
	route.path = (char *)path;
	return add_route(h, &route);
}

int http_route_files(
	struct http *h, const char *prefix, http_files_h *handler, void *arg)
{
	struct route route = { .files = handler, .arg = arg };

	if (*prefix != '/' || prefix[strlen(prefix) - 1] != '/')
		return -EINVAL;
	route.path = (char *)prefix;
	return add_route(h, &route);
}

void http_allow_connect(struct http *h, const char *origin)
{
	http_reply_allow(&h->replier, origin);
}

unsigned http_port(const struct http *h)
{
	return h->port;
}
