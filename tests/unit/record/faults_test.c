/* Disks that fail: what was written stays and plays, the trouble is told once,
 * writing goes on when it can. */
#include "room.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "probe.h"
#include "record/finish.h"

static atomic_int write_err, sync_err, open_err;
static atomic_long write_room; /* bytes until ENOSPC; < 0: no end */
static atomic_bool stalled, sync_stalled;

static int fail_openat(int dir, const char *name, int flags, mode_t mode)
{
	if (open_err && (flags & O_CREAT)) {
		errno = open_err;
		return -1;
	}
	return openat(dir, name, flags, mode);
}

static ssize_t fail_pwrite(int fd, const void *buf, size_t len, off_t at)
{
	while (stalled)
		nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
	if (write_err || (write_room >= 0 && (long)len > write_room)) {
		errno = write_err ? write_err : ENOSPC;
		return -1;
	}
	if (write_room >= 0)
		write_room -= (long)len;
	return pwrite(fd, buf, len, at);
}

static int fail_sync(int fd)
{
	(void)fd;
	while (sync_stalled)
		nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
	errno = sync_err;
	return sync_err ? -1 : 0;
}

static const struct disk_ops ops = {
	.openat = fail_openat, .pwrite = fail_pwrite, .sync = fail_sync
};

static atomic_long read_end; /* beyond it reading fails; 0: never */

/* In the place of libc's, also for libavformat. */
ssize_t read(int fd, void *buf, size_t len)
{
	char link[64], path[256];
	ssize_t n;

	if (read_end) {
		snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
		n = readlink(link, path, sizeof(path) - 1);
		path[n > 0 ? n : 0] = '\0';
		if (strstr(path, ".webm") &&
			lseek(fd, 0, SEEK_CUR) + (off_t)len > read_end) {
			errno = EIO;
			return -1;
		}
	}
	return (ssize_t)syscall(SYS_read, fd, buf, len);
}

static void begin(struct room *r)
{
	*r = (struct room){ .fd = -1, .config = { .ops = &ops } };
	write_err = sync_err = open_err = 0;
	write_room = -1;
	stalled = sync_stalled = false;
	room_open(r);
	room_settle(r);
	session_source(r->session, ANN, "cam", "camera", false, false, 0);
	stage_camera(r->stage, "vp8", 1, "cam", ANN);
	stage_announce(r->stage);
	stage_play(r->stage, 4000);
	room_settle(r);
}

/* Then: 3 s of trouble, told once; 8 s later all is well again. */
static void in_trouble(struct room *r, const char *code)
{
	stage_play(r->stage, 1000);
	room_settle(r);
	stage_play(r->stage, 2000);
	room_settle(r);
	assert_int_equal(r->troubles, 1);
	assert_string_equal(r->code, code);
}

static void after_trouble(struct room *r)
{
	struct probe p;

	stage_play(r->stage, 6000);
	room_settle(r);
	stage_play(r->stage, 2000);
	assert_int_equal(r->troubles, 1);
	assert_int_equal(r->recovered, 1);
	room_end(r);
	assert_true(room_count(r, "files") >= 2);
	assert_int_equal(room_count(r, "troubles"), 1);
	room_check_files(r);
	probe_file(r->dir, "p1-camera-1.webm", &p);
	/* All but the cluster in which it happened. */
	assert_in_range(p.audio.last_ms, 3400, 5100);
	assert_int_equal(p.video.decoded, p.video.packets);
	probe_file(r->dir, "p1-camera-2.webm", &p);
	assert_int_equal(p.video.decoded, p.video.packets);
	/* One hole of each kind, however long it lasted. */
	assert_in_range(cJSON_GetArraySize(manifest_list(
				room_item(r, "files", 0), "gaps")),
		1, 3);
	room_close(r);
}

static void test_full(void **state)
{
	struct room r;

	(void)state;
	begin(&r);
	write_room = 1000;
	r.free = 1000;
	in_trouble(&r, "disk_full");
	assert_true(faccessat(r.fd, DISK_RESERVE_NAME, F_OK, 0) != 0);
	stage_play(r.stage, 20000);
	room_settle(&r);
	assert_int_equal(r.recovered, 0);
	write_room = -1;
	r.free = 1 << 30;
	after_trouble(&r);
}

/* The reserve lets the files end in order. */
static void test_reserve(void **state)
{
	struct probe p;
	struct room r;

	(void)state;
	begin(&r);
	/* As if the reserve gave its bytes back at the first refusal. */
	write_room = 0;
	r.free = 0;
	stage_play(r.stage, 200);
	stage_play(r.stage, 600);
	write_room = -1;
	room_settle(&r);
	room_end(&r);
	probe_file(r.dir, "p1-camera-1.webm", &p);
	assert_true(p.audio.last_ms > 3400);
	assert_true(p.duration_ms > 3400);
	room_check_files(&r);
	room_close(&r);
}

static void test_read_only(void **state)
{
	struct room r;

	(void)state;
	begin(&r);
	write_err = open_err = EROFS;
	in_trouble(&r, "read_only");
	write_err = open_err = 0;
	after_trouble(&r);
}

/* Only the directory: what is open can be written, what is new cannot, and no
 * manifest. The feed is read on. */
static void test_read_only_directory(void **state)
{
	struct room r;

	(void)state;
	begin(&r);
	open_err = EROFS;
	stage_play(r.stage, 2000);
	room_settle(&r);
	in_trouble(&r, "read_only");
	/* Somebody comes, and goes again: nothing to write it to. */
	stage_camera(r.stage, "vp8", 2, "cam", BOB);
	r.stage->stream[2].id = r.stage->stream[3].id = "other";
	stage_announce(r.stage);
	stage_play(r.stage, 20000);
	room_settle(&r);
	assert_int_equal(r.recovered, 0);
	assert_int_equal(r.troubles, 1);
	open_err = 0;
	stage_play(r.stage, 6000);
	room_settle(&r);
	stage_play(r.stage, 3000);
	assert_int_equal(r.recovered, 1);
	room_end(&r);
	assert_int_equal(room_count(&r, "participants"), 2);
	assert_int_equal(room_count(&r, "files"), 3);
	room_check_files(&r);
	room_close(&r);
}

/* A disk whose sync hangs holds up neither the feed nor what is written. */
static void test_sync_hangs(void **state)
{
	struct timespec before, after;
	struct probe p;
	struct room r;

	(void)state;
	begin(&r);
	sync_stalled = true;
	clock_gettime(CLOCK_MONOTONIC, &before);
	stage_play(r.stage, 20000);
	clock_gettime(CLOCK_MONOTONIC, &after);
	assert_true(after.tv_sec - before.tv_sec < 20);
	assert_int_equal(r.troubles, 0);
	sync_stalled = false;
	room_settle(&r);
	room_end(&r);
	assert_int_equal(r.troubles, 0);
	assert_int_equal(room_count(&r, "files"), 1);
	room_check_files(&r);
	probe_file(r.dir, "p1-camera-1.webm", &p);
	assert_int_equal(p.audio.packets, r.stage->stream[0].sent);
	assert_int_equal(p.video.packets, r.stage->stream[1].sent);
	room_close(&r);
}

static void test_io_error(void **state)
{
	struct room r;

	(void)state;
	begin(&r);
	write_err = EIO;
	in_trouble(&r, "io_error");
	write_err = 0;
	after_trouble(&r);
}

static void test_sync_fails(void **state)
{
	struct room r;

	(void)state;
	begin(&r);
	sync_err = EIO;
	/* The manifest is written each 5 s and synced. */
	stage_play(r.stage, 3000);
	room_settle(&r);
	assert_int_equal(r.troubles, 1);
	assert_string_equal(r.code, "io_error");
	sync_err = 0;
	stage_play(r.stage, 7000);
	room_settle(&r);
	stage_play(r.stage, 2000);
	assert_int_equal(r.recovered, 1);
	room_end(&r);
	assert_true(room_count(&r, "files") >= 2);
	room_check_files(&r);
	room_close(&r);
}

static void test_from_the_first(void **state)
{
	struct room r = { .config = { .ops = &ops } };

	(void)state;
	write_err = open_err = EROFS;
	sync_err = 0;
	write_room = -1;
	room_open(&r);
	room_settle(&r);
	assert_int_equal(r.troubles, 1);
	stage_camera(r.stage, "vp8", 1, "cam", ANN);
	stage_announce(r.stage);
	stage_play(r.stage, 3000);
	write_err = open_err = 0;
	stage_play(r.stage, 3000);
	room_settle(&r);
	stage_play(r.stage, 3000);
	assert_int_equal(r.recovered, 1);
	room_end(&r);
	assert_int_equal(room_count(&r, "files"), 1);
	room_check_files(&r);
	room_close(&r);
}

static void test_slow(void **state)
{
	struct room r;
	struct probe p;

	(void)state;
	begin(&r);
	session_free(r.session);
	room_close(&r);
	r = (struct room){ .config = { .ops = &ops, .queue_max = 100000 } };
	room_open(&r);
	room_settle(&r);
	session_source(r.session, ANN, "cam", "camera", false, false, 0);
	stage_camera(r.stage, "vp8", 1, "cam", ANN);
	stage_announce(r.stage);
	stage_play(r.stage, 3000);
	stalled = true;
	stage_play(r.stage, 20000);
	assert_int_equal(r.troubles, 1);
	assert_string_equal(r.code, "slow_disk");
	stalled = false;
	room_settle(&r);
	stage_play(r.stage, 5000);
	assert_int_equal(r.recovered, 1);
	room_end(&r);
	assert_int_equal(room_count(&r, "files"), 1);
	room_check_files(&r);
	probe_file(r.dir, "p1-camera-1.webm", &p);
	assert_true(p.audio.longest_ms > 3000);
	assert_in_range(p.audio.last_ms, 27900, 28000);
	assert_int_equal(p.video.decoded, p.video.packets);
	assert_int_equal(cJSON_GetArraySize(manifest_list(
				 room_item(&r, "files", 0), "gaps")),
		2);
	room_close(&r);
}

static void test_feed_lost(void **state)
{
	struct room r;

	(void)state;
	begin(&r);
	stage_text(r.stage, FEED_LOST, "17");
	stage_text(r.stage, FEED_LOST, "4");
	stage_play(r.stage, 100);
	assert_int_equal(r.troubles, 1);
	assert_string_equal(r.code, "overflow");
	stage_play(r.stage, 12000);
	assert_int_equal(r.recovered, 1);
	room_end(&r);
	room_close(&r);
}

/* A sector that cannot be read now: nothing of the file is thrown away. */
static void test_reading_fails_while_finishing(void **state)
{
	struct probe before, after;
	struct stat was, is;
	struct room r;

	(void)state;
	begin(&r);
	stage_play(r.stage, 20000);
	room_end(&r);
	probe_file(r.dir, "p1-camera-1.webm", &before);
	assert_int_equal(fstatat(r.fd, "p1-camera-1.webm", &was, 0), 0);
	/* As a crash leaves it. */
	cJSON_DeleteItemFromObject(room_item(&r, "files", 0), "sha256");
	manifest_set_text(manifest_root(r.manifest), "state", "recording");
	read_end = was.st_size / 2;
	assert_int_equal(
		finish_files(r.fd, r.dir, r.manifest, NULL, NULL), -EIO);
	read_end = 0;
	assert_string_equal(
		manifest_text(manifest_root(r.manifest), "state"), "partial");
	assert_int_equal(room_count(&r, "files"), 1);
	assert_int_equal(fstatat(r.fd, "p1-camera-1.webm", &is, 0), 0);
	assert_int_equal(is.st_size, was.st_size);
	assert_int_equal(finish_files(r.fd, r.dir, r.manifest, NULL, NULL), 0);
	assert_string_equal(
		manifest_text(manifest_root(r.manifest), "state"), "finished");
	probe_file(r.dir, "p1-camera-1.webm", &after);
	assert_int_equal(after.video.packets, before.video.packets);
	room_check_files(&r);
	room_close(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_reserve),
		cmocka_unit_test(test_read_only),
		cmocka_unit_test(test_read_only_directory),
		cmocka_unit_test(test_sync_hangs),
		cmocka_unit_test(test_io_error),
		cmocka_unit_test(test_sync_fails),
		cmocka_unit_test(test_from_the_first),
		cmocka_unit_test(test_slow),
		cmocka_unit_test(test_feed_lost),
		cmocka_unit_test(test_reading_fails_while_finishing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
