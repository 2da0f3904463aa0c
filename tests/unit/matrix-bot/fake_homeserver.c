#include "fake_homeserver.h"
#include "test.h"
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>

enum { REQUESTS = 1024, RULES = 16, SYNCS = 64, WAIT_MS = 8000 };

struct fake_homeserver {
	struct event_base *base;
	struct evhttp *http;
	char url[64];
	struct fake_rule rules[RULES];
	unsigned n_rules;
	struct fake_request requests[REQUESTS];
	unsigned n_requests;
	char *syncs[SYNCS];
	unsigned n_syncs, next_sync, batch;
	struct evhttp_request *poll;
};

static void reply(struct evhttp_request *req, int status, const char *body,
	const char *retry_after)
{
	struct evkeyvalq *headers = evhttp_request_get_output_headers(req);
	struct evbuffer *out = evbuffer_new();

	evhttp_add_header(headers, "Content-Type", "application/json");
	if (retry_after)
		evhttp_add_header(headers, "Retry-After", retry_after);
	evbuffer_add(out, body, strlen(body));
	evhttp_send_reply(req, status, "fake", out);
	evbuffer_free(out);
}

static void lose(struct evhttp_request *req)
{
	struct evhttp_connection *c = evhttp_request_get_connection(req);
	struct bufferevent *bev = evhttp_connection_get_bufferevent(c);

	shutdown(bufferevent_getfd(bev), SHUT_RDWR);
	reply(req, 200, "{}", NULL);
}

static bool apply_rule(struct fake_homeserver *f, struct evhttp_request *req)
{
	const char *uri = evhttp_request_get_uri(req);

	for (unsigned i = 0; i < f->n_rules; i++) {
		struct fake_rule *r = &f->rules[i];

		if (!r->times || !strstr(uri, r->path))
			continue;
		r->times--;
		if (r->way == FAKE_LOSE)
			lose(req);
		else
			reply(req, r->status, r->body, r->retry_after);
		return true;
	}
	return false;
}

static void on_poll_closed(struct evhttp_connection *c, void *arg)
{
	struct fake_homeserver *f = arg;

	(void)c;
	f->poll = NULL;
}

static void try_sync(struct fake_homeserver *f)
{
	struct evhttp_request *req = f->poll;
	char *text;
	size_t n;

	if (!req || f->next_sync == f->n_syncs)
		return;
	f->poll = NULL;
	evhttp_connection_set_closecb(
		evhttp_request_get_connection(req), NULL, NULL);
	n = strlen(f->syncs[f->next_sync]) + 64;
	text = malloc(n);
	snprintf(text, n, "{\"next_batch\":\"s%u\"%s%s}", ++f->batch,
		f->syncs[f->next_sync][0] ? "," : "", f->syncs[f->next_sync]);
	f->next_sync++;
	reply(req, 200, text, NULL);
	free(text);
}

static void keep(struct fake_homeserver *f, struct evhttp_request *req)
{
	struct evbuffer *in = evhttp_request_get_input_buffer(req);
	struct fake_request *r = &f->requests[f->n_requests];
	size_t n = evbuffer_get_length(in);
	static const struct {
		enum evhttp_cmd_type cmd;
		const char *name;
	} names[] = { { EVHTTP_REQ_GET, "GET" }, { EVHTTP_REQ_POST, "POST" },
		{ EVHTTP_REQ_PUT, "PUT" } };

	if (f->n_requests == REQUESTS)
		fail_msg("too many requests");
	for (size_t i = 0; i < COUNT(names); i++) {
		if (evhttp_request_get_command(req) == names[i].cmd)
			strcpy(r->method, names[i].name);
	}
	r->path = strdup(evhttp_request_get_uri(req));
	r->body = calloc(1, n + 1);
	evbuffer_copyout(in, r->body, n);
	f->n_requests++;
}

static void on_request(struct evhttp_request *req, void *arg)
{
	static const char session[] = "{\"user_id\":\"@bot:s\",\"device_id\":"
				      "\"BOTDEV\",\"access_token\":\"tok\"}";
	struct fake_homeserver *f = arg;
	const char *uri = evhttp_request_get_uri(req);

	keep(f, req);
	if (apply_rule(f, req))
		return;
	if (strstr(uri, "/sync?")) {
		f->poll = req;
		evhttp_connection_set_closecb(
			evhttp_request_get_connection(req), on_poll_closed, f);
		try_sync(f);
	} else if (strstr(uri, "/login") || strstr(uri, "/whoami")) {
		reply(req, 200, session, NULL);
	} else if (strstr(uri, "/versions")) {
		reply(req, 200, "{\"versions\":[\"v1.1\",\"v1.12\"]}", NULL);
	} else if (strstr(uri, "/messages?")) {
		reply(req, 200, "{\"chunk\":[]}", NULL);
	} else {
		reply(req, 200, "{\"event_id\":\"$1\"}", NULL);
	}
}

struct fake_homeserver *fake_new(struct event_base *base)
{
	struct fake_homeserver *f = calloc(1, sizeof(*f));
	struct evhttp_bound_socket *bound;
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);

	/* A lost connection is one of the things it does. */
	signal(SIGPIPE, SIG_IGN);
	f->base = base;
	f->http = evhttp_new(base);
	evhttp_set_gencb(f->http, on_request, f);
	bound = evhttp_bind_socket_with_handle(f->http, "127.0.0.1", 0);
	assert_non_null(bound);
	getsockname(evhttp_bound_socket_get_fd(bound), (struct sockaddr *)&ss,
		&len);
	snprintf(f->url, sizeof(f->url), "http://127.0.0.1:%u",
		(unsigned)(((uint8_t *)&ss)[2] << 8 | ((uint8_t *)&ss)[3]));
	return f;
}

void fake_free(struct fake_homeserver *f)
{
	if (f->poll)
		evhttp_connection_set_closecb(
			evhttp_request_get_connection(f->poll), NULL, NULL);
	evhttp_free(f->http);
	for (unsigned i = 0; i < f->n_requests; i++) {
		free(f->requests[i].path);
		free(f->requests[i].body);
	}
	for (unsigned i = 0; i < f->n_syncs; i++)
		free(f->syncs[i]);
	free(f);
}

const char *fake_url(const struct fake_homeserver *f)
{
	return f->url;
}

void fake_add_rule(struct fake_homeserver *f, const struct fake_rule *rule)
{
	assert_true(f->n_rules < RULES);
	f->rules[f->n_rules++] = *rule;
}

void fake_sync(struct fake_homeserver *f, const char *inner)
{
	assert_true(f->n_syncs < SYNCS);
	f->syncs[f->n_syncs++] = strdup(inner);
	try_sync(f);
}

const struct fake_request *fake_find(
	const struct fake_homeserver *f, const char *path, unsigned n)
{
	for (unsigned i = 0; i < f->n_requests; i++) {
		if (strstr(f->requests[i].path, path) && n-- == 0)
			return &f->requests[i];
	}
	return NULL;
}

unsigned fake_count(const struct fake_homeserver *f, const char *path)
{
	unsigned n = 0;

	while (fake_find(f, path, n))
		n++;
	return n;
}

void fake_run(struct event_base *base, unsigned ms)
{
	struct timeval tv = { ms / 1000, (suseconds_t)(ms % 1000 * 1000) };

	event_base_loopexit(base, &tv);
	event_base_dispatch(base);
}

void fake_wait(struct fake_homeserver *f, const char *path, unsigned n)
{
	for (unsigned ms = 0; ms < WAIT_MS; ms += 5) {
		if (fake_count(f, path) >= n)
			return;
		fake_run(f->base, 5);
	}
	fail_msg("%u instead of %u requests to %s", fake_count(f, path), n,
		path);
}

void fake_drain(struct fake_homeserver *f)
{
	for (unsigned ms = 0; ms < WAIT_MS; ms += 5) {
		if (f->poll && f->next_sync == f->n_syncs)
			return;
		fake_run(f->base, 5);
	}
	fail_msg("%u of %u syncs taken", f->next_sync, f->n_syncs);
}

void fake_wait_flag(struct event_base *base, const bool *flag)
{
	for (unsigned ms = 0; ms < WAIT_MS && !*flag; ms += 5)
		fake_run(base, 5);
	assert_true(*flag);
}
