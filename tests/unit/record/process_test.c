/* The real hearth-record: orders, feed, reports, kill -9 at some moment,
 * finish.
 */
#include "stage.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../rtp/check.h"
#include "probe.h"
#include "record/digest.h"
#include "record/manifest.h"

#define ANN "@ann:example.org A"

struct process {
	char dir[64];
	int orders, reports, feed;
	pid_t pid;
	char text[65536]; /* all reports so far */
	size_t len;
	struct stage *stage;
	unsigned plis;
	bool offered;
};

static void write_all(int fd, const void *buf, size_t len)
{
	const uint8_t *p = buf;

	while (len) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EPIPE)
			return;
		assert_true(n > 0);
		p += n;
		len -= (size_t)n;
	}
}

static void order(struct process *p, const char *line)
{
	write_all(p->orders, line, strlen(line));
}

static void on_frame(void *arg, const struct feed_frame *f)
{
	struct process *p = arg;
	uint8_t header[FEED_HEADER];

	feed_header_write(f, header);
	write_all(p->feed, header, sizeof(header));
	write_all(p->feed, f->payload, f->len);
}

static void run_child(int orders, int reports, int feed)
{
	static char program[] = RECORDER;
	static char verb[] = "run";
	char *const argv[] = { program, verb, NULL };

	if (dup2(orders, 0) < 0 || dup2(reports, 1) < 0 || dup2(feed, 3) < 0)
		_exit(126);
	for (int fd = 4; fd < 64; fd++)
		close(fd);
	execv(RECORDER, argv);
	_exit(127);
}

static void spawn(struct process *p)
{
	int orders[2], reports[2], feed[2];

	assert_int_equal(pipe2(orders, O_CLOEXEC), 0);
	assert_int_equal(pipe2(reports, O_CLOEXEC), 0);
	assert_int_equal(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, feed), 0);
	/* The child's end of each out of the way of 0 to 3. */
	for (int i = 0; i < 2; i++) {
		int *pair[] = { orders, reports, feed };

		for (int j = 0; j < 3; j++) {
			int fd = fcntl(pair[j][i], F_DUPFD_CLOEXEC, 20);

			assert_true(fd >= 0);
			close(pair[j][i]);
			pair[j][i] = fd;
		}
	}
	p->pid = fork();
	assert_true(p->pid >= 0);
	if (p->pid == 0)
		run_child(orders[0], reports[1], feed[1]);
	close(orders[0]);
	close(reports[1]);
	close(feed[1]);
	p->orders = orders[1];
	p->reports = reports[0];
	p->feed = feed[0];
}

static void open_process(struct process *p)
{
	char line[512];

	signal(SIGPIPE, SIG_IGN);
	snprintf(p->dir, sizeof(p->dir), "/tmp/hearth-record-XXXXXX");
	assert_non_null(mkdtemp(p->dir));
	p->stage = stage_new(on_frame, NULL, p);
	stage_realtime(p->stage);
	spawn(p);
	snprintf(line, sizeof(line),
		"{\"type\":\"start\",\"id\":\"20261126T110552Z-0badcafe\","
		"\"directory\":\"%s\",\"room\":\"!r:x\",\"about\":{\"by\":1},"
		"\"keyframe_s\":0}\n",
		p->dir);
	order(p, line);
	order(p, "{\"type\":\"participant\",\"label\":\"" ANN "\","
		 "\"user_id\":\"@ann:example.org\",\"name\":\"Ann\"}\n");
	order(p, "{\"type\":\"source\",\"label\":\"" ANN "\",\"source\":"
		 "\"cam\",\"purpose\":\"camera\",\"audio_muted\":false,"
		 "\"video_muted\":false}\n");
	order(p, "{\"type\":\"of a newer daemon\"}\nnot JSON\n");
	stage_hello(p->stage);
}

static void close_process(struct process *p)
{
	char command[128];

	if (p->orders >= 0)
		close(p->orders);
	close(p->reports);
	if (p->feed >= 0)
		close(p->feed);
	stage_free(p->stage);
	snprintf(command, sizeof(command), "rm -r '%s'", p->dir);
	assert_int_equal(system(command), 0);
}

/* Reads reports until one of this type is there. */
static void await(struct process *p, const char *type)
{
	char key[64];

	snprintf(key, sizeof(key), "\"type\":\"%s\"", type);
	while (!strstr(p->text, key)) {
		struct pollfd fd = { .fd = p->reports, .events = POLLIN };
		ssize_t n;

		assert_true(poll(&fd, 1, 15000) == 1);
		n = read(p->reports, p->text + p->len,
			sizeof(p->text) - 1 - p->len);
		if (n <= 0)
			fail_msg("no %s in …%s", type,
				p->text + (p->len > 600 ? p->len - 600 : 0));
		p->len += (size_t)n;
		p->text[p->len] = '\0';
	}
}

static int wait_exit(const struct process *p)
{
	int status;

	assert_int_equal(waitpid(p->pid, &status, 0), p->pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/* Runs `finish` on the directory; its exit code. */
static int run_finish(const struct process *p)
{
	char command[512];
	int status;

	snprintf(command, sizeof(command), RECORDER " finish '%s' >'%s/log'",
		p->dir, p->dir);
	status = system(command);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static struct manifest *load(const struct process *p)
{
	struct manifest *m = NULL;
	int dir = open(p->dir, O_RDONLY | O_DIRECTORY);

	assert_true(dir >= 0);
	assert_int_equal(manifest_load(dir, &m), 0);
	close(dir);
	return m;
}

static void check_private(const struct process *p, const char *name)
{
	char path[256];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", p->dir, name);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

/* Everything that lies there, while it is made and afterwards. */
static unsigned check_all_private(const struct process *p)
{
	DIR *dir = opendir(p->dir);
	struct dirent *e;
	unsigned n = 0;

	assert_non_null(dir);
	while ((e = readdir(dir))) {
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, "..") ||
			strstr(e->d_name, ".new"))
			continue; /* the latter is renamed at any moment */
		check_private(p, e->d_name);
		n++;
	}
	closedir(dir);
	return n;
}

static void read_offer(struct process *p)
{
	uint8_t buf[8192];
	struct feed_frame f;
	ssize_t n = read(p->feed, buf, sizeof(buf));

	assert_true(n > 0);
	assert_true(feed_frame_read(buf, (size_t)n, &f) > 0);
	assert_int_equal(f.type, FEED_OFFER);
	assert_non_null(memmem(f.payload, f.len, "a=recvonly", 10));
	assert_non_null(memmem(f.payload, f.len, "H264/90000", 10));
}

static void test_start_to_stop(void **state)
{
	struct process p = { .orders = -1 };
	struct manifest *m;
	struct probe probe;
	cJSON *root;

	(void)state;
	open_process(&p);
	await(&p, "started");
	read_offer(&p);
	stage_camera(p.stage, "vp8", 1, "cam", ANN);
	stage_announce(p.stage);
	stage_play(p.stage, 3000);
	order(&p, "{\"type\":\"stop\",\"reason\":\"call_ended\"}\n");
	await(&p, "stopped");
	assert_int_equal(wait_exit(&p), 0);
	assert_non_null(strstr(p.text, "\"user_id\":\"@ann:example.org\""));
	assert_non_null(strstr(p.text, "\"file\":\"p1-camera-1.webm\""));
	check_private(&p, "manifest.json");
	check_private(&p, "p1-camera-1.webm");
	m = load(&p);
	root = manifest_root(m);
	assert_string_equal(manifest_text(root, "state"), "finished");
	assert_string_equal(
		manifest_text(root, "stopped_because"), "call_ended");
	assert_in_range(manifest_get(root, "duration_ms", 0), 2900, 3400);
	manifest_free(m);
	probe_file(p.dir, "p1-camera-1.webm", &probe);
	assert_int_equal(probe.audio.packets, p.stage->stream[0].sent);
	assert_int_equal(probe.video.packets, p.stage->stream[1].sent);
	assert_true(probe.seekable);
	/* Once more does no harm. */
	assert_int_equal(run_finish(&p), 0);
	close_process(&p);
}

/* Whatever the umask of who started it: here none, and an odd one. */
static void test_files_are_private(void **state)
{
	static const mode_t masks[] = { 0, 0177 };

	(void)state;
	for (unsigned i = 0; i < COUNT(masks); i++) {
		struct process p = { .orders = -1 };
		mode_t was = umask(masks[i]);

		open_process(&p);
		await(&p, "started");
		stage_camera(p.stage, "vp8", 1, "cam", ANN);
		stage_announce(p.stage);
		stage_play(p.stage, 1500);
		/* Manifest, one file, two reserves. */
		assert_int_equal(check_all_private(&p), 4);
		kill(p.pid, SIGKILL);
		wait_exit(&p);
		umask(077);
		snprintf(p.text, sizeof(p.text), "%s/log", p.dir);
		close(open(p.text, O_CREAT | O_WRONLY, 0600));
		umask(masks[i]);
		assert_int_equal(run_finish(&p), 0);
		assert_int_equal(check_all_private(&p), 3); /* with the log */
		umask(was);
		close_process(&p);
	}
}

/* Nothing can be written any more: the feed is read to its end all the same,
 * and the daemon is told. */
static void test_directory_is_gone(void **state)
{
	struct process p = { .orders = -1 };
	char command[128];
	int queued = -1;

	(void)state;
	open_process(&p);
	await(&p, "started");
	stage_camera(p.stage, "vp8", 1, "cam", ANN);
	stage_announce(p.stage);
	stage_play(p.stage, 500);
	snprintf(command, sizeof(command), "rm -r '%s'", p.dir);
	assert_int_equal(system(command), 0);
	stage_play(p.stage, 7000);
	await(&p, "trouble");
	assert_int_equal(ioctl(p.feed, TIOCOUTQ, &queued), 0);
	assert_in_range(queued, 0, 20000);
	order(&p, "{\"type\":\"stop\",\"reason\":\"command\"}\n");
	await(&p, "failed");
	assert_int_equal(wait_exit(&p), 1);
	assert_int_equal(mkdir(p.dir, 0700), 0);
	close_process(&p);
}

static int64_t first_from_ms(const struct process *p)
{
	struct manifest *m = load(p);
	int64_t from_ms = manifest_get(
		cJSON_GetArrayItem(manifest_list(manifest_root(m), "files"), 0),
		"from_ms", -1);

	manifest_free(m);
	return from_ms;
}

static void tear_manifest(const struct process *p)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/manifest.json", p->dir);
	assert_int_equal(truncate(path, 100), 0);
}

/* After a kill at `ms`: what was there up to a second (and a cluster) before
 * plays, before and after `finish`. */
static void check_kill(
	unsigned ms, const char *codec, const char *name, bool torn)
{
	struct process p = { .orders = -1 };
	struct probe before, after;
	struct manifest *m;
	int64_t from_ms;
	cJSON *file;

	open_process(&p);
	await(&p, "started");
	/* So that the file does not begin with the recording. */
	stage_play(p.stage, 300);
	stage_camera(p.stage, codec, 1, "cam", ANN);
	stage_announce(p.stage);
	stage_play(p.stage, ms);
	kill(p.pid, SIGKILL);
	assert_int_equal(wait_exit(&p), -SIGKILL);
	probe_file(p.dir, name, &before);
	assert_true(before.audio.last_ms >= (int64_t)ms - 1000);
	assert_true(before.video.last_ms >= (int64_t)ms - 1000);
	from_ms = first_from_ms(&p);
	assert_in_range(from_ms, 290, 400);
	if (torn)
		tear_manifest(&p);
	assert_int_equal(run_finish(&p), 0);
	assert_int_equal(first_from_ms(&p), from_ms);
	probe_file(p.dir, name, &after);
	assert_int_equal(after.audio.packets, before.audio.packets);
	assert_int_equal(after.video.packets, before.video.packets);
	assert_int_equal(after.video.decoded, after.video.packets);
	assert_in_range(after.duration_ms, ms - 1000, ms);
	m = load(&p);
	file = cJSON_GetArrayItem(manifest_list(manifest_root(m), "files"), 0);
	assert_string_equal(
		manifest_text(manifest_root(m), "state"), "finished");
	assert_string_equal(
		manifest_text(manifest_root(m), "stopped_because"), "crashed");
	assert_string_equal(manifest_text(file, "name"), name);
	assert_int_equal(strlen(manifest_text(file, "sha256")), DIGEST_HEX);
	assert_true(manifest_get(manifest_root(m), "duration_ms", 0) >=
		    (int64_t)ms - 1000);
	manifest_free(m);
	check_private(&p, name);
	close_process(&p);
}

static void test_killed(void **state)
{
	struct timespec ts;

	(void)state;
	clock_gettime(CLOCK_REALTIME, &ts);
	/* Any moment, and both containers. */
	check_kill(3000 + (unsigned)(ts.tv_nsec / 1000 % 2500), "vp8",
		"p1-camera-1.webm", false);
	check_kill(3000 + (unsigned)(ts.tv_nsec / 7000 % 2500), "h264",
		"p1-camera-1.mkv", true);
}

static void test_ends_of_others(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		struct process p = { .orders = -1 };
		struct manifest *m;

		open_process(&p);
		await(&p, "started");
		stage_camera(p.stage, "vp8", 1, "cam", ANN);
		stage_announce(p.stage);
		stage_play(p.stage, 1500);
		if (i == 0) {
			close(p.orders);
			p.orders = -1;
		} else if (i == 1) {
			stage_text(p.stage, FEED_BYE, "closed");
			close(p.feed);
			p.feed = -1;
		} else {
			write_all(
				p.feed, "\xff\xff\xff\xff garbage garbage", 20);
		}
		await(&p, "stopped");
		assert_int_equal(wait_exit(&p), 0);
		m = load(&p);
		assert_string_equal(
			manifest_text(manifest_root(m), "stopped_because"),
			"crashed");
		assert_string_equal(
			manifest_text(manifest_root(m), "state"), "finished");
		manifest_free(m);
		close_process(&p);
	}
}

static void test_nothing_to_record(void **state)
{
	struct process p = { .orders = -1 };
	struct manifest *m;

	(void)state;
	open_process(&p);
	await(&p, "started");
	order(&p, "{\"type\":\"stop\",\"reason\":\"command\"}\n");
	await(&p, "stopped");
	assert_int_equal(wait_exit(&p), 0);
	m = load(&p);
	assert_int_equal(
		cJSON_GetArraySize(manifest_list(manifest_root(m), "files")),
		0);
	manifest_free(m);
	close_process(&p);
}

/* 100 tracks take well under half a core (a sanitizer needs more). */
static void test_many_tracks(void **state)
{
	static char names[50][2][32];
	struct process p = { .orders = -1 };
	struct rusage use;
	int status;
	double cpu_s;

	(void)state;
	open_process(&p);
	await(&p, "started");
	for (int i = 0; i < 50; i++) {
		snprintf(names[i][0], sizeof(names[i][0]), "cam%d", i);
		snprintf(names[i][1], sizeof(names[i][1]), "@u%d:x D", i);
		stage_camera(p.stage, i & 1 ? "vp8" : "h264", 1 + (uint32_t)i,
			names[i][0], names[i][1]);
	}
	stage_announce(p.stage);
	stage_play(p.stage, 6000);
	order(&p, "{\"type\":\"stop\",\"reason\":\"command\"}\n");
	await(&p, "stopped");
	assert_non_null(strstr(p.text, "\"files\":50"));
	assert_null(strstr(p.text, "trouble"));
	assert_int_equal(wait4(p.pid, &status, 0, &use), p.pid);
	cpu_s = (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
		(double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6;
	print_message("%.2f s of CPU for 6 s of 100 tracks, %ld MB\n", cpu_s,
		use.ru_maxrss / 1024);
#ifndef __SANITIZE_ADDRESS__
	assert_true(cpu_s < 3);
#endif
	close_process(&p);
}

static void test_refused(void **state)
{
	struct process p = { .orders = -1 };

	(void)state;
	open_process(&p);
	await(&p, "started");
	stage_text(p.stage, FEED_REFUSED, "no");
	await(&p, "failed");
	assert_int_equal(wait_exit(&p), 1);
	close_process(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_start_to_stop),
		cmocka_unit_test(test_files_are_private),
		cmocka_unit_test(test_directory_is_gone),
		cmocka_unit_test(test_killed),
		cmocka_unit_test(test_ends_of_others),
		cmocka_unit_test(test_nothing_to_record),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_many_tracks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
