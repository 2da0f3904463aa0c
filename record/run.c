#include "record/run.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/event.h>

#include "record/command.h"
#include "record/finish.h"
#include "record/intake.h"
#include "record/mux.h"
#include "record/report.h"
#include "record/session.h"
#include "record/streams.h"

enum {
	TICK_US = 20000,
	HELLO_MS = 10000,     /* a feed that says nothing */
	FEED_END_MS = 1000,   /* the order to stop may come just after it */
	OUT_MAX = 4 << 20,    /* reports that wait; then they are lost */
	LAST_WORDS_MS = 2000, /* stdout is given this long at the end */
};

struct run {
	struct event_base *base;
	struct event *orders, *reports, *tick, *disk, *term, *hello, *feed_end;
	struct evbuffer *in, *out;
	struct intake *intake;
	struct session *session;
	struct command start; /* json NULL: not told yet */
	int dir;
	unsigned n_files; /* open when the end began */
	unsigned percent;
	uint64_t stopped_us; /* on the feed's clock */
	bool stopping;
	int code;
};

static uint64_t clock_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static uint64_t feed_us(const struct run *r)
{
	return r->intake ? intake_now(r->intake, clock_us()) : r->stopped_us;
}

/* --- Reports --- */

static void say(void *arg, cJSON *line)
{
	char *text = line ? cJSON_PrintUnformatted(line) : NULL;
	struct run *r = arg;

	cJSON_Delete(line);
	if (text && evbuffer_get_length(r->out) < OUT_MAX) {
		evbuffer_add_printf(r->out, "%s\n", text);
		event_add(r->reports, NULL);
	}
	free(text);
}

static void on_reports(evutil_socket_t fd, short what, void *arg)
{
	struct run *r = arg;

	(void)what;
	if (evbuffer_write(r->out, fd) < 0 && errno != EAGAIN && errno != EINTR)
		evbuffer_drain(r->out, evbuffer_get_length(r->out));
	if (evbuffer_get_length(r->out))
		event_add(r->reports, NULL);
}

static void last_words(struct run *r)
{
	struct pollfd p = { .fd = STDOUT_FILENO, .events = POLLOUT };
	const uint64_t until_us = clock_us() + LAST_WORDS_MS * 1000;

	while (evbuffer_get_length(r->out) && clock_us() < until_us) {
		if (poll(&p, 1, 100) > 0 &&
			evbuffer_write(r->out, STDOUT_FILENO) < 0 &&
			errno != EAGAIN && errno != EINTR)
			return;
	}
}

static void fail(struct run *r, const char *text)
{
	cJSON *line = report_new("failed");

	manifest_set_text(line, "message", text);
	say(r, line);
	r->code = 1;
	event_base_loopbreak(r->base);
}

static void say_progress(struct run *r, unsigned percent)
{
	cJSON *line;

	if (percent <= r->percent)
		return;
	r->percent = percent;
	line = report_new("progress");
	manifest_set_text(line, "what", "finishing");
	manifest_set(line, "percent", percent);
	say(r, line);
}

/* --- The end --- */

static void on_finished_file(void *arg, unsigned done, unsigned n)
{
	struct run *r = arg;

	say_progress(r, n ? 50 + 50 * done / n : 100);
	on_reports(STDOUT_FILENO, EV_WRITE, r);
}

static void finish(struct run *r)
{
	const char *path = r->start.directory;
	bool unfinished = false;
	char text[200];
	struct manifest *m;
	int err;

	/* The disk's event goes with its descriptor. */
	event_free(r->disk);
	r->disk = NULL;
	m = session_finish(r->session, &unfinished);
	r->session = NULL;
	err = finish_files(r->dir, path, m, on_finished_file, r);
	if (!err) {
		say(r, report_stopped(path, m));
	} else {
		snprintf(text, sizeof(text),
			"The end of the recording could not be written: %s. "
			"It is tried again at the next start.",
			strerror(-err));
		fail(r, text);
	}
	manifest_free(m);
	event_base_loopbreak(r->base);
}

/* All is in the disk's hands: wait until it has closed each file. */
static void watch_end(struct run *r)
{
	const unsigned open = session_open_files(r->session);

	if (r->n_files)
		say_progress(r, 50 * (r->n_files - open) / r->n_files);
	if (!open)
		finish(r);
}

static void stop(struct run *r, const char *reason)
{
	if (r->stopping)
		return;
	r->stopping = true;
	event_del(r->orders);
	if (!r->session) {
		fail(r, "The recording ended before it had begun.");
		return;
	}
	if (r->intake)
		intake_drain(r->intake);
	r->stopped_us = feed_us(r);
	session_stop(r->session, reason[0] ? reason : "command", r->stopped_us);
	r->intake = intake_free(r->intake);
	r->n_files = session_open_files(r->session);
	watch_end(r);
}

static void on_term(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	stop(arg, "failed");
}

/* --- The feed --- */

static void add_timer(struct event *ev, unsigned ms)
{
	const struct timeval tv = { .tv_sec = ms / 1000,
		.tv_usec = ms % 1000 * 1000 };

	event_add(ev, &tv);
}

static void on_send(
	void *arg, enum feed_type type, const void *payload, size_t len)
{
	struct run *r = arg;

	if (r->intake)
		intake_send(r->intake, type, payload, len);
}

static uint64_t on_room(void *arg)
{
	const struct run *r = arg;
	struct statvfs st;

	if (fstatvfs(r->dir, &st) != 0)
		return UINT64_MAX; /* the attempt itself will tell */
	return (uint64_t)st.f_bavail * st.f_frsize;
}

static void on_disk(evutil_socket_t fd, short what, void *arg)
{
	struct run *r = arg;

	(void)fd;
	(void)what;
	session_disk(r->session, feed_us(r));
	if (r->stopping)
		watch_end(r);
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct run *r = arg;

	(void)fd;
	(void)what;
	if (r->session && !r->stopping)
		session_tick(r->session, feed_us(r));
}

static int start_loop(struct run *r)
{
	const struct timeval tv = { .tv_usec = TICK_US };

	r->disk = event_new(r->base, session_fd(r->session),
		EV_READ | EV_PERSIST, on_disk, r);
	if (!r->disk || event_add(r->disk, NULL) != 0 ||
		event_add(r->tick, &tv) != 0)
		return -ENOMEM;
	return 0;
}

static void say_started(struct run *r)
{
	cJSON *line = report_new("started");
	char path[4096];

	snprintf(
		path, sizeof(path), "%s/%s", r->start.directory, DISK_MANIFEST);
	manifest_set_text(line, "manifest", path);
	say(r, line);
}

static void on_hello(struct run *r, const struct feed_frame *f)
{
	const struct session_hooks hooks = {
		.send = on_send, .report = say, .room = on_room, .arg = r
	};
	const struct session_config config = {
		.id = r->start.id,
		.room = r->start.room,
		.about = r->start.about,
		.keyframe_s = r->start.keyframe_s,
	};
	char text[200];
	int err;

	if (r->session)
		return;
	event_del(r->hello);
	err = session_new(&r->session, r->dir, &config, f->time_us,
		intake_wall_us(f), &hooks);
	if (!err)
		err = start_loop(r);
	if (err) {
		snprintf(text, sizeof(text),
			"The recording could not begin: %s.", strerror(-err));
		fail(r, text);
		return;
	}
	on_send(r, FEED_OFFER, streams_offer(), strlen(streams_offer()));
	say_started(r);
	/* Orders that came before. */
	event_add(r->orders, NULL);
	event_active(r->orders, EV_READ, 0);
}

static void on_frame(void *arg, const struct feed_frame *f)
{
	struct run *r = arg;

	if (f->type == FEED_HELLO)
		on_hello(r, f);
	else if (f->type == FEED_REFUSED)
		fail(r, "The call did not take the recorder in: hearth and "
			"hearth-record are not of one version. Install them "
			"together.");
	else if (r->session)
		session_frame(r->session, f);
}

static void on_ended(void *arg, int err)
{
	struct run *r = arg;

	(void)err;
	if (!r->stopping)
		add_timer(r->feed_end, FEED_END_MS);
}

static void on_feed_end(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	stop(arg, "crashed");
}

static void on_silence(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	fail(arg, "The call did not take the recorder in. Try again.");
}

/* --- Orders --- */

static void begin(struct run *r, const struct command *c)
{
	const struct intake_hooks hooks = {
		.frame = on_frame, .ended = on_ended, .arg = r
	};
	char text[256];

	r->start = *c;
	r->dir = open(c->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (r->dir < 0) {
		snprintf(text, sizeof(text),
			"The folder of the recording cannot be used: %s.",
			strerror(errno));
		fail(r, text);
		return;
	}
	if (intake_new(&r->intake, r->base, RUN_FEED_FD, &hooks) != 0 ||
		intake_start(r->intake) != 0) {
		fail(r, "There is no memory for a recording.");
		return;
	}
	add_timer(r->hello, HELLO_MS);
}

/* False: to be read again when the session is there. */
static bool obey(struct run *r, struct command *c)
{
	if (c->type == COMMAND_START && !r->start.json) {
		begin(r, c);
		c->json = NULL; /* kept */
		return true;
	}
	if (c->type == COMMAND_STOP) {
		stop(r, c->reason);
		return true;
	}
	if (!r->session)
		return c->type == COMMAND_OTHER || c->type == COMMAND_START;
	if (c->type == COMMAND_PARTICIPANT)
		session_who(r->session, c->label, c->user_id, c->name);
	else if (c->type == COMMAND_SOURCE)
		session_source(r->session, c->label, c->source, c->purpose,
			c->audio_muted, c->video_muted, feed_us(r));
	return true;
}

static void take_orders(struct run *r)
{
	struct evbuffer_ptr eol;
	struct command c;
	size_t eol_len;

	while (!r->stopping) {
		bool done = true;
		const char *line;

		eol = evbuffer_search_eol(
			r->in, NULL, &eol_len, EVBUFFER_EOL_LF);
		if (eol.pos < 0)
			return;
		line = (const char *)evbuffer_pullup(r->in, eol.pos + 1);
		if (line && command_read(line, (size_t)eol.pos, &c) == 0) {
			done = obey(r, &c);
			command_done(&c);
		}
		if (!done)
			return;
		evbuffer_drain(r->in, (size_t)eol.pos + eol_len);
	}
}

static void on_orders(evutil_socket_t fd, short what, void *arg)
{
	struct run *r = arg;
	int n = 1;

	(void)what;
	if (r->stopping)
		return;
	if (evbuffer_get_length(r->in) < COMMAND_LINE_MAX)
		n = evbuffer_read(r->in, fd, COMMAND_LINE_MAX);
	take_orders(r);
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		stop(r, "crashed");
	else if (evbuffer_get_length(r->in) < COMMAND_LINE_MAX)
		return;
	else if (r->session)
		fail(r, "An order to the recorder was too long.");
	else
		event_del(r->orders);
}

/* --- Frame --- */

static bool open_run(struct run *r)
{
	r->base = event_base_new();
	r->in = evbuffer_new();
	r->out = evbuffer_new();
	if (!r->base || !r->in || !r->out)
		return false;
	evutil_make_socket_nonblocking(STDIN_FILENO);
	evutil_make_socket_nonblocking(STDOUT_FILENO);
	r->orders = event_new(
		r->base, STDIN_FILENO, EV_READ | EV_PERSIST, on_orders, r);
	r->reports = event_new(r->base, STDOUT_FILENO, EV_WRITE, on_reports, r);
	r->tick = event_new(r->base, -1, EV_PERSIST, on_tick, r);
	r->term = evsignal_new(r->base, SIGTERM, on_term, r);
	r->hello = evtimer_new(r->base, on_silence, r);
	r->feed_end = evtimer_new(r->base, on_feed_end, r);
	return r->orders && r->reports && r->tick && r->term && r->hello &&
	       r->feed_end && event_add(r->orders, NULL) == 0 &&
	       event_add(r->term, NULL) == 0;
}

static void close_run(struct run *r)
{
	struct event *const events[] = { r->orders, r->reports, r->tick,
		r->disk, r->term, r->hello, r->feed_end };

	for (size_t i = 0; i < sizeof(events) / sizeof(*events); i++)
		if (events[i])
			event_free(events[i]);
	intake_free(r->intake);
	session_free(r->session);
	command_done(&r->start);
	if (r->in)
		evbuffer_free(r->in);
	if (r->out)
		evbuffer_free(r->out);
	if (r->base)
		event_base_free(r->base);
	if (r->dir >= 0)
		close(r->dir);
}

int run_main(int argc, char **argv)
{
	struct run r = { .dir = -1 };

	(void)argv;
	if (argc != 1)
		return report_failed("Say: hearth-record run");
	mux_quiet();
	if (!open_run(&r)) {
		close_run(&r);
		return report_failed("There is no memory for a recording.");
	}
	event_base_dispatch(r.base);
	last_words(&r);
	close_run(&r);
	return r.code;
}
