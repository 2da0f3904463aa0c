#include "bench/tape.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "sfu/sfu.h"

extern char **environ;

enum { FEED_FD = 3, PATH_CAP = 512, MANIFEST_MAX = 8 << 20 };

struct tape {
	char directory[PATH_CAP], trouble[TAPE_ERROR];
	struct sfu *sfu;
	struct bufferevent *reports;
	int orders;
	pid_t pid;
	sfu_id id;
	unsigned files;
	bool stopped;
	struct tape_report report;
};

static void note(struct tape *t, const char *what)
{
	if (!t->trouble[0])
		snprintf(t->trouble, sizeof(t->trouble), "%s", what);
}

/* Reports. */

static double number(const cJSON *object, const char *name)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);

	return cJSON_IsNumber(item) ? item->valuedouble : 0;
}

static char *read_manifest(const struct tape *t)
{
	char path[PATH_CAP + 16];
	char *text = calloc(1, MANIFEST_MAX + 1);
	FILE *f;

	snprintf(path, sizeof(path), "%s/manifest.json", t->directory);
	f = fopen(path, "re");
	if (f && text && fread(text, 1, MANIFEST_MAX, f) == 0)
		text[0] = '\0';
	if (f)
		fclose(f);
	return text;
}

static void count_frames(struct tape *t)
{
	char *text = read_manifest(t);
	cJSON *manifest = text ? cJSON_Parse(text) : NULL, *file, *track;

	cJSON_ArrayForEach(
		file, cJSON_GetObjectItemCaseSensitive(manifest, "files"))
	{
		cJSON_ArrayForEach(
			track, cJSON_GetObjectItemCaseSensitive(file, "tracks"))
		{
			t->report.frames += (uint64_t)number(track, "frames");
		}
	}
	cJSON_Delete(manifest);
	free(text);
}

static void on_line(struct tape *t, const char *line)
{
	cJSON *report = cJSON_Parse(line);
	const char *type = cJSON_GetStringValue(
		cJSON_GetObjectItemCaseSensitive(report, "type"));
	const char *message = cJSON_GetStringValue(
		cJSON_GetObjectItemCaseSensitive(report, "message"));

	if (!type)
		note(t, "the recorder wrote what is no report");
	else if (strcmp(type, "track") == 0)
		t->files++;
	else if (strcmp(type, "trouble") == 0 || strcmp(type, "failed") == 0)
		note(t, message ? message : type);
	else if (strcmp(type, "stopped") == 0) {
		t->report.bytes = (uint64_t)number(report, "bytes");
		t->report.files = (unsigned)number(report, "files");
		count_frames(t);
		t->stopped = true;
	}
	cJSON_Delete(report);
}

static void on_reports(struct bufferevent *bev, void *arg)
{
	char *line;

	while ((line = evbuffer_readln(
			bufferevent_get_input(bev), NULL, EVBUFFER_EOL_LF))) {
		on_line(arg, line);
		free(line);
	}
}

static void on_end(struct bufferevent *bev, short what, void *arg)
{
	struct tape *t = arg;

	(void)what;
	bufferevent_disable(bev, EV_READ);
	if (!t->stopped)
		note(t, "the recorder ended");
}

static void on_plug(void *arg, const struct sfu_event *ev)
{
	struct tape *t = arg;

	if (ev->type == SFU_EV_LEFT)
		t->id = 0;
}

/* Life. */

static void order(struct tape *t, const char *text)
{
	size_t len = strlen(text);

	if (write(t->orders, text, len) != (ssize_t)len)
		note(t, "the recorder takes no orders");
}

static pid_t spawn(int feed, int in, int out)
{
	char program[] = BENCH_RECORDER, run[] = "run",
	     *argv[] = { program, run, NULL };
	posix_spawn_file_actions_t actions;
	pid_t pid = 0;
	int err;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&actions, feed, FEED_FD);
	err = posix_spawn(&pid, program, &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	errno = err;
	return err ? 0 : pid;
}

/* The descriptors: 0 and 1 the feed's ends, 2 and 3 the pipe of orders, 4 and 5
 * that of reports. All numbers above 3, so that no dup2 meets another. */
static bool descriptors(int fd[6])
{
	int raw[6];
	bool good =
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, raw) == 0 &&
		pipe2(raw + 2, O_CLOEXEC) == 0 &&
		pipe2(raw + 4, O_CLOEXEC) == 0;

	for (int i = 0; good && i < 6; i++) {
		fd[i] = fcntl(raw[i], F_DUPFD_CLOEXEC, 10);
		good = fd[i] >= 0;
		close(raw[i]);
	}
	return good;
}

static bool plug(struct tape *t, const char *conference, int fd)
{
	static const struct sfu_plug_options options = { .listen = true };
	int err = 0;

	t->id = sfu_plug(
		t->sfu, conference, "recorder", &options, fd, on_plug, t, &err);
	if (!t->id)
		note(t, strerror(-err));
	return t->id;
}

static bool launch(
	struct tape *t, struct event_base *base, const char *conference)
{
	char text[PATH_CAP + 256];
	int fd[6];

	if (!descriptors(fd)) {
		note(t, strerror(errno));
		return false;
	}
	t->orders = fd[3];
	t->pid = spawn(fd[1], fd[2], fd[5]);
	close(fd[1]);
	close(fd[2]);
	close(fd[5]);
	t->reports = bufferevent_socket_new(base, fd[4], BEV_OPT_CLOSE_ON_FREE);
	if (!t->pid || !t->reports) {
		note(t, "cannot start " BENCH_RECORDER);
		return false;
	}
	fcntl(fd[4], F_SETFL, O_NONBLOCK);
	bufferevent_setcb(t->reports, on_reports, NULL, on_end, t);
	bufferevent_enable(t->reports, EV_READ);
	snprintf(text, sizeof(text),
		"{\"type\":\"start\",\"id\":\"20260101T000000Z-00000000\","
		"\"directory\":\"%s\",\"room\":\"!bench\",\"about\":{},"
		"\"keyframe_s\":10}\n",
		t->directory);
	order(t, text);
	return plug(t, conference, fd[0]);
}

struct tape *tape_start(struct event_base *base, struct sfu *sfu,
	const char *conference, const char *where, char ret_error[TAPE_ERROR])
{
	struct tape *t = calloc(1, sizeof(*t));

	if (!t) {
		snprintf(ret_error, TAPE_ERROR, "out of memory");
		return NULL;
	}
	t->sfu = sfu;
	t->orders = -1;
	snprintf(t->directory, sizeof(t->directory), "%s/hearth-bench-XXXXXX",
		where);
	if (!mkdtemp(t->directory)) {
		snprintf(ret_error, TAPE_ERROR, "no directory in %.100s: %s",
			where, strerror(errno));
		t->directory[0] = '\0';
		return tape_free(t);
	}
	if (launch(t, base, conference))
		return t;
	snprintf(ret_error, TAPE_ERROR, "%s", t->trouble);
	return tape_free(t);
}

static int remove_one(
	const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

struct tape *tape_free(struct tape *t)
{
	if (!t)
		return NULL;
	if (t->id)
		sfu_leave(t->sfu, t->id);
	if (t->pid) {
		kill(t->pid, SIGKILL);
		waitpid(t->pid, NULL, 0);
	}
	if (t->reports)
		bufferevent_free(t->reports);
	if (t->orders >= 0)
		close(t->orders);
	if (t->directory[0])
		nftw(t->directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(t);
	return NULL;
}

pid_t tape_pid(const struct tape *t)
{
	return t->pid;
}

unsigned tape_files(const struct tape *t)
{
	return t->files;
}

void tape_stop(struct tape *t)
{
	order(t, "{\"type\":\"stop\",\"reason\":\"command\"}\n");
}

bool tape_stopped(const struct tape *t, struct tape_report *ret)
{
	*ret = t->report;
	return t->stopped;
}

const char *tape_trouble(const struct tape *t)
{
	return t->trouble[0] ? t->trouble : NULL;
}
