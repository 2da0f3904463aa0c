#include "http/guard.h"

#include <errno.h>
#include <string.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/listener.h>

static long now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

/* evhttp gave its reference back: bufferevent_free takes the callbacks away,
 * and a live server connection always has some. */
static bool given_up(struct bufferevent *bev)
{
	bufferevent_data_cb read_cb, write_cb;
	bufferevent_event_cb event_cb;
	void *arg;

	bufferevent_getcb(bev, &read_cb, &write_cb, &event_cb, &arg);
	return !read_cb && !write_cb && !event_cb;
}

static void let_go(struct http_guard *g, struct http_guarded *held)
{
	bufferevent_decref(held->bev);
	held->bev = NULL;
	g->n--;
}

static void collect(struct http_guard *g)
{
	for (unsigned i = 0; i < HTTP_CONNECTIONS; i++)
		if (g->held[i].bev && given_up(g->held[i].bev))
			let_go(g, &g->held[i]);
	if (g->paused && g->n < HTTP_CONNECTIONS) {
		g->paused = false;
		evconnlistener_enable(g->listener);
	}
}

/* Bytes of the answer that the client has not acknowledged: the kernel's buffer
 * alone can be minutes of a slow line. */
static uint64_t bytes_left(struct bufferevent *bev)
{
	uint64_t left = evbuffer_get_length(bufferevent_get_output(bev));
	int queued = 0;

	if (ioctl(bufferevent_getfd(bev), SIOCOUTQ, &queued) == 0 && queued > 0)
		left += (uint64_t)queued;
	return left;
}

static bool gets_on(struct http_guard *g, struct http_guarded *held, long now)
{
	uint64_t left;

	if (!held->download)
		return false;
	left = bytes_left(held->bev);
	if (held->left - left < HTTP_STALL_BYTES || held->left < left)
		return false;
	held->left = left;
	held->deadline_s = now + g->stall_s;
	return true;
}

static void sweep(evutil_socket_t fd, short what, void *arg)
{
	struct http_guard *g = arg;
	long now = now_s();

	(void)fd;
	(void)what;
	collect(g);
	for (unsigned i = 0; i < HTTP_CONNECTIONS; i++) {
		struct http_guarded *held = &g->held[i];

		if (!held->bev || gets_on(g, held, now) ||
			now <= held->deadline_s)
			continue;
		/* evhttp sees the end of the stream, or that it cannot write
		 * any more, and cleans up. */
		shutdown(bufferevent_getfd(held->bev), SHUT_RDWR);
	}
}

int http_guard_init(struct http_guard *g, struct event_base *base,
	struct evconnlistener *listener, long timeout_s)
{
	static const struct timeval second = { 1, 0 };

	memset(g, 0, sizeof(*g));
	g->base = base;
	g->listener = listener;
	g->timeout_s = timeout_s;
	g->stall_s = HTTP_STALL_S;
	g->sweep = event_new(base, -1, EV_PERSIST, sweep, g);
	if (!g->sweep || event_add(g->sweep, &second) < 0)
		return -ENOMEM;
	return 0;
}

void http_guard_done(struct http_guard *g)
{
	for (unsigned i = 0; i < HTTP_CONNECTIONS; i++)
		if (g->held[i].bev)
			let_go(g, &g->held[i]);
	if (g->sweep)
		event_free(g->sweep);
	g->sweep = NULL;
}

struct bufferevent *http_guard_bev(struct event_base *base, void *arg)
{
	struct http_guard *g = arg;
	struct bufferevent *bev;

	/* With CLOSE_ON_FREE the socket stays open as long as the reference is
	 * held here: its events are still in the loop, and another socket must
	 * not get its number meanwhile. evhttp has shut it down at once. */
	bev = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
	if (!bev)
		return NULL;
	/* evhttp goes on reading while it answers. */
	bufferevent_setwatermark(bev, EV_READ, 0, HTTP_INPUT_MAX);
	collect(g);
	for (unsigned i = 0; i < HTTP_CONNECTIONS; i++) {
		if (g->held[i].bev)
			continue;
		bufferevent_incref(bev);
		g->held[i] = (struct http_guarded){ .bev = bev,
			.deadline_s = now_s() + g->timeout_s };
		g->n++;
		break;
	}
	if (g->n == HTTP_CONNECTIONS) {
		g->paused = true;
		evconnlistener_disable(g->listener);
	}
	return bev;
}

static struct http_guarded *held_of(
	struct http_guard *g, struct evhttp_request *req)
{
	struct evhttp_connection *connection =
		evhttp_request_get_connection(req);
	struct bufferevent *bev = evhttp_connection_get_bufferevent(connection);

	for (unsigned i = 0; i < HTTP_CONNECTIONS; i++)
		if (g->held[i].bev == bev)
			return &g->held[i];
	return NULL;
}

static void answered(struct evhttp_request *req, void *arg)
{
	struct http_guard *g = arg;
	struct http_guarded *held = held_of(g, req);

	if (!held)
		return;
	held->download = false;
	held->deadline_s = now_s() + g->timeout_s;
}

void http_guard_request(struct http_guard *g, struct evhttp_request *req)
{
	struct http_guarded *held = held_of(g, req);

	if (held)
		held->deadline_s = now_s() + HTTP_SEND_S;
	evhttp_request_set_on_complete_cb(req, answered, g);
}

void http_guard_download(struct http_guard *g, struct evhttp_request *req)
{
	struct http_guarded *held = held_of(g, req);

	if (!held)
		return;
	held->download = true;
	held->left = UINT64_MAX;
	held->deadline_s = now_s() + g->stall_s;
	/* evhttp's own would end it: the client says nothing while it takes,
	 * and the kernel takes nothing while its buffer is full. */
	bufferevent_set_timeouts(held->bev, NULL, NULL);
}
