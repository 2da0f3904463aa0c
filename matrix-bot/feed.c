#include "matrix-bot/feed_impl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <cjson/cJSON.h>
#include <event2/event.h>
#include <event2/util.h>
#include "http/fetch.h"
#include "matrix-bot/desk.h"
#include "sfu/log.h"

enum { BACKLOG = 16, SOCKET_MASK = 0117 /* leaves 0660 */ };

void feed_conn_free(struct feed_conn *c)
{
	TAILQ_REMOVE(&c->feed->conns, c, entry);
	c->feed->n_conns--;
	if (c->event)
		event_free(c->event);
	if (c->fd >= 0)
		close(c->fd);
	explicit_bzero(c->line, sizeof(c->line));
	free(c);
}

void feed_refuse(struct feed_conn *c, const char *why)
{
	cJSON *json = cJSON_CreateObject();
	char *text;

	c->feed->counters.refused++;
	log_warn("feed_refused", "name=%s what=%s",
		log_value(c->name[0] ? c->name : NULL), log_value(why));
	cJSON_AddStringToObject(json, "error", why);
	text = cJSON_PrintUnformatted(json);
	/* It has said one line: there is room for ours, or it is gone. */
	if (text && send(c->fd, text, strlen(text),
			    MSG_NOSIGNAL | MSG_DONTWAIT) > 0)
		send(c->fd, "\n", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
	cJSON_free(text);
	cJSON_Delete(json);
	feed_conn_free(c);
}

/* Byte by byte: what comes after the newline is for the SFU to read. 1: the
 * line is whole; 0: not yet; -errno. */
static int read_line(struct feed_conn *c)
{
	for (;;) {
		ssize_t n = recv(c->fd, c->line + c->len, 1, MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? 0 : -errno;
		if (n == 0)
			return -EPIPE;
		if (c->line[c->len] == '\n')
			return 1;
		if (++c->len == sizeof(c->line))
			return -E2BIG;
	}
}

/* Until the line is whole or its time is over, however often bytes come. */
static void wait_on(struct feed_conn *c)
{
	uint64_t now_us = fetch_now_us();
	uint64_t left_us = c->until_us > now_us ? c->until_us - now_us : 0;
	struct timeval tv = { (time_t)(left_us / 1000000),
		(suseconds_t)(left_us % 1000000) };

	event_add(c->event, &tv);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct feed_conn *c = arg;
	int r = what & EV_TIMEOUT ? -ETIMEDOUT : read_line(c);

	(void)fd;
	if (r == 0) {
		wait_on(c);
		return;
	}
	event_free(c->event);
	c->event = NULL;
	if (r == 1)
		feed_line(c);
	else if (r == -E2BIG)
		feed_refuse(c, "The first line is too long.");
	else if (r == -ETIMEDOUT)
		feed_refuse(c, "No line came within 5 seconds: write "
			       "{\"token\": \"…\", \"room\": \"!…\"} and a "
			       "newline first.");
	else
		feed_conn_free(c);
}

static void conn_new(struct feed *f, int fd)
{
	struct feed_conn *c = calloc(1, sizeof(*c));

	if (!c) {
		close(fd);
		return;
	}
	c->feed = f;
	c->fd = fd;
	c->serial = ++f->serial;
	TAILQ_INSERT_TAIL(&f->conns, c, entry);
	f->n_conns++;
	f->counters.connections++;
	c->until_us = fetch_now_us() + FEED_LINE_S * 1000000ull;
	c->event = event_new(f->config.base, fd, EV_READ, on_readable, c);
	if (c->event)
		wait_on(c);
	else
		feed_conn_free(c);
}

static void on_pause(evutil_socket_t fd, short what, void *arg)
{
	struct feed *f = arg;

	(void)fd;
	(void)what;
	event_add(f->event, NULL);
}

/* No file descriptor is free, say: the connection stays where it is, and would
 * wake the loop again and again. */
static void pause_listening(struct feed *f, int error)
{
	struct timeval tv = { .tv_sec = 1 };

	log_warn("feed_cannot_accept", "error=%s", strerror(error));
	event_del(f->event);
	event_add(f->pause, &tv);
}

static void on_connection(evutil_socket_t listener, short what, void *arg)
{
	struct feed *f = arg;
	int fd = accept4(
		(int)listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	(void)what;
	if (fd < 0) {
		if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
			pause_listening(f, errno);
		return;
	}
	if (f->n_conns >= FEED_CONNECTIONS_MAX) {
		log_warn("feed_full", "connections=%u", f->n_conns);
		close(fd);
		return;
	}
	conn_new(f, fd);
}

/* True: a process listens there. */
static bool is_alive(const struct sockaddr_un *sa)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool alive = fd >= 0 &&
		     connect(fd, (const struct sockaddr *)sa, sizeof(*sa)) == 0;

	if (fd >= 0)
		close(fd);
	return alive;
}

static int clear_path(const char *path, const struct sockaddr_un *sa)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;
	if (is_alive(sa))
		return -EADDRINUSE;
	return unlink(path) < 0 ? -errno : 0;
}

static int listen_at(int fd, const char *path)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	mode_t mask;
	int r;

	if (strlen(path) >= sizeof(sa.sun_path))
		return -ENAMETOOLONG;
	memcpy(sa.sun_path, path, strlen(path));
	r = clear_path(path, &sa);
	if (r < 0)
		return r;
	mask = umask(SOCKET_MASK);
	r = bind(fd, (const struct sockaddr *)&sa, sizeof(sa)) < 0 ? -errno : 0;
	umask(mask);
	if (r == 0 && listen(fd, BACKLOG) < 0)
		r = -errno;
	return r;
}

static const char *advice(int error)
{
	if (error == -EADDRINUSE)
		return "another program listens there; stop it or choose "
		       "another path";
	if (error == -EEXIST)
		return "a file that is no socket is there; remove it or choose "
		       "another path";
	if (error == -ENAMETOOLONG)
		return "a socket's path has at most 107 bytes";
	return "choose a path in a directory that hearth may write to";
}

static int open_socket(struct feed *f, char ret_error[FEED_ERROR_MAX])
{
	const char *path = f->config.socket;
	int r;

	f->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	r = f->fd < 0 ? -errno : listen_at(f->fd, path);
	if (r < 0) {
		snprintf(ret_error, FEED_ERROR_MAX,
			"feed.socket: cannot listen on %.80s (%.40s): %s", path,
			strerror(-r), advice(r));
		/* What is there is not ours to remove. */
		if (f->fd >= 0)
			close(f->fd);
		f->fd = -1;
	}
	return r;
}

int feed_new(struct feed **ret, const struct feed_config *config,
	char ret_error[FEED_ERROR_MAX])
{
	struct feed *f = calloc(1, sizeof(*f));
	struct feed_tokens tokens;
	uint64_t seed;
	int r;

	if (!f)
		return -ENOMEM;
	f->config = *config;
	f->fd = -1;
	TAILQ_INIT(&f->conns);
	TAILQ_INIT(&f->bars);
	evutil_secure_rng_get_bytes(&seed, sizeof(seed));
	seen_init(&f->seen, seed);
	/* Read again at each connection; here so that it is found out now. */
	r = feed_tokens_load(&tokens, config->tokens_file, ret_error);
	feed_tokens_forget(&tokens);
	if (r == 0)
		r = open_socket(f, ret_error);
	if (r == 0) {
		f->event = event_new(config->base, f->fd, EV_READ | EV_PERSIST,
			on_connection, f);
		f->pause = evtimer_new(config->base, on_pause, f);
		if (!f->event || !f->pause || event_add(f->event, NULL) < 0)
			r = -ENOMEM;
	}
	if (r < 0) {
		feed_free(f);
		return r;
	}
	log_info("feed", "socket=%s", log_value(config->socket));
	*ret = f;
	return 0;
}

struct feed *feed_free(struct feed *f)
{
	struct feed_conn *c;

	if (!f)
		return NULL;
	while ((c = TAILQ_FIRST(&f->conns))) {
		if (c->sfu) {
			desk_program_remove(f->config.desk, c->sfu);
			sfu_leave(f->config.sfu, c->sfu);
		}
		feed_conn_free(c);
	}
	feed_unbar(f, NULL);
	if (f->event)
		event_free(f->event);
	if (f->pause)
		event_free(f->pause);
	if (f->fd >= 0) {
		close(f->fd);
		unlink(f->config.socket);
	}
	free(f);
	return NULL;
}

const struct feed_counters *feed_counted(const struct feed *f)
{
	return &f->counters;
}

unsigned feed_count(const struct feed *f)
{
	const struct feed_conn *c;
	unsigned n = 0;

	TAILQ_FOREACH(c, &f->conns, entry)
	{
		n += c->state == FEED_IN;
	}
	return n;
}
