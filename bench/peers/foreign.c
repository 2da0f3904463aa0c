#include "bench/peers/foreign.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "bench/stage.h"

enum { START_MS = 60000, STEP_MS = 20, STOP_MS = 10000 };

struct foreign {
	struct load_way way; /* first: what the load holds */
	struct stage *stage;
	struct bufferevent *lines;
	pid_t driver;
	bool ready;
	struct foreign_about about;
};

/* From the driver. */

static const char *text_of(const cJSON *line, const char *name)
{
	const char *text =
		cJSON_GetStringValue(cJSON_GetObjectItem(line, name));

	return text ? text : "";
}

static unsigned number_of(const cJSON *line, const char *name)
{
	const cJSON *item = cJSON_GetObjectItem(line, name);

	return cJSON_IsNumber(item) && item->valueint > 0
		       ? (unsigned)item->valueint
		       : 0;
}

static void on_ready(struct foreign *f, const cJSON *line)
{
	struct foreign_about *a = &f->about;

	a->pid = (pid_t)number_of(line, "pid");
	snprintf(
		a->version, sizeof(a->version), "%s", text_of(line, "version"));
	snprintf(a->settings, sizeof(a->settings), "%s",
		text_of(line, "settings"));
	f->ready = a->pid > 0;
}

static void on_line(struct foreign *f, const char *text)
{
	cJSON *line = cJSON_Parse(text);
	const char *event = text_of(line, "event"), *sdp = text_of(line, "sdp");
	struct load *l = f->stage->load;

	if (strcmp(event, "ready") == 0)
		on_ready(f, line);
	else if (strcmp(event, "failed") == 0)
		stage_fail(f->stage, text_of(line, "text"));
	else if (strcmp(event, "offer") == 0 && l)
		load_remote_offer(l, number_of(line, "seat"), sdp);
	else if (strcmp(event, "answer") == 0 && l)
		load_remote_answer(l, number_of(line, "seat"), sdp);
	else
		stage_fail(f->stage, "the driver says what nobody understands");
	cJSON_Delete(line);
}

static void on_lines(struct bufferevent *lines, void *arg)
{
	struct evbuffer *in = bufferevent_get_input(lines);
	char *text;

	while ((text = evbuffer_readln(in, NULL, EVBUFFER_EOL_LF))) {
		on_line(arg, text);
		free(text);
	}
}

static void on_end(struct bufferevent *lines, short what, void *arg)
{
	struct foreign *f = arg;

	(void)lines;
	(void)what;
	stage_fail(f->stage, "the driver has ended");
}

/* To the driver. */

static int tell(
	struct load_way *way, const char *what, unsigned seat, const char *sdp)
{
	struct foreign *f = (struct foreign *)way;
	cJSON *line = cJSON_CreateObject();
	char *text = NULL;
	int err = -ENOMEM;

	if (cJSON_AddStringToObject(line, "do", what) &&
		cJSON_AddNumberToObject(line, "seat", seat) &&
		(!sdp || cJSON_AddStringToObject(line, "sdp", sdp)))
		text = cJSON_PrintUnformatted(line);
	if (text && bufferevent_write(f->lines, text, strlen(text)) == 0 &&
		bufferevent_write(f->lines, "\n", 1) == 0)
		err = 0;
	cJSON_free(text);
	cJSON_Delete(line);
	return err;
}

static int join(struct load_way *way, unsigned seat, const char *offer)
{
	return tell(way, "join", seat, offer);
}

static int answer(struct load_way *way, unsigned seat, const char *sdp)
{
	return tell(way, "answer", seat, sdp);
}

/* Life. */

/* In the child: what the driver starts is in its group, and ends with it. */
static void be_driver(int fd, const char *name, int cpu)
{
	char number[16];

	setpgid(0, 0);
	snprintf(number, sizeof(number), "%d", cpu);
	if (dup2(fd, STDIN_FILENO) >= 0 && dup2(fd, STDOUT_FILENO) >= 0)
		execl(BENCH_PEERS "/drive", "drive", name, number,
			(char *)NULL);
	_exit(127);
}

static bool spawn(struct foreign *f, const char *name)
{
	struct stage *b = f->stage;
	int fd[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd) != 0)
		return stage_fail(b, "no socket for the driver");
	f->driver = fork();
	if (f->driver == 0)
		be_driver(fd[1], name, b->cpu[0]);
	close(fd[1]);
	fcntl(fd[0], F_SETFL, O_NONBLOCK);
	f->lines =
		bufferevent_socket_new(b->base, fd[0], BEV_OPT_CLOSE_ON_FREE);
	if (!f->lines)
		close(fd[0]);
	if (f->driver < 0 || !f->lines)
		return stage_fail(b, "the driver cannot be started");
	bufferevent_setcb(f->lines, on_lines, NULL, on_end, f);
	bufferevent_enable(f->lines, EV_READ | EV_WRITE);
	return true;
}

struct foreign *foreign_start(struct stage *b, const char *name)
{
	struct foreign *f = calloc(1, sizeof(*f));

	if (!f) {
		stage_fail(b, "out of memory");
		return NULL;
	}
	f->way.join = join;
	f->way.answer = answer;
	f->stage = b;
	if (!spawn(f, name))
		return foreign_stop(f);
	for (unsigned ms = 0; !f->ready && ms < START_MS; ms += STEP_MS)
		if (!stage_run_ms(b, STEP_MS))
			return foreign_stop(f);
	if (!f->ready) {
		stage_fail(b, "the server does not start");
		return foreign_stop(f);
	}
	return f;
}

const struct foreign_about *foreign_about(const struct foreign *f)
{
	return &f->about;
}

struct load_way *foreign_way(struct foreign *f)
{
	return &f->way;
}

struct foreign *foreign_stop(struct foreign *f)
{
	unsigned ms = 0;

	if (!f)
		return NULL;
	/* The end of its input tells a driver to end. libevent closes the
	 * socket in a later turn of the loop. */
	if (f->lines) {
		shutdown(bufferevent_getfd(f->lines), SHUT_RDWR);
		bufferevent_free(f->lines);
		event_base_loop(f->stage->base, EVLOOP_NONBLOCK);
	}
	while (f->driver > 0 && waitpid(f->driver, NULL, WNOHANG) == 0) {
		usleep(STEP_MS * 1000);
		ms += STEP_MS;
		if (ms == STOP_MS)
			kill(-f->driver, SIGKILL);
	}
	free(f);
	return NULL;
}
