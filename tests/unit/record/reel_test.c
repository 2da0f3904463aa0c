/* Reels fed with frames made by hand: where parts begin, in which order frames
 * are written. */
#include "../rtp/check.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "probe.h"
#include "record/reel.h"

enum { SECOND = 1000000 };

struct desk {
	char dir[64];
	int fd;
	struct disk *disk;
	struct manifest *manifest;
	struct shelf shelf;
	struct reel_numbers numbers;
	struct reel *reel;
};

static void open_desk(struct desk *d)
{
	*d = (struct desk){ .fd = -1 };
	snprintf(d->dir, sizeof(d->dir), "/tmp/hearth-reel-XXXXXX");
	assert_non_null(mkdtemp(d->dir));
	d->fd = open(d->dir, O_RDONLY | O_DIRECTORY);
	assert_int_equal(disk_new(&d->disk, d->fd, NULL), 0);
	d->manifest = manifest_new("id", "room", NULL, 0);
	shelf_init(&d->shelf, d->disk, d->manifest);
	d->shelf.queue_max = 1 << 26;
	d->shelf.zero_us = SECOND;
	d->reel = reel_new(&d->shelf, 1, &d->numbers, "source");
	assert_non_null(d->reel);
	reel_purpose(d->reel, "camera");
}

static void end_desk(struct desk *d)
{
	struct disk_event ev;

	reel_end(d->reel, 100 * SECOND);
	d->reel = reel_free(d->reel);
	while (!TAILQ_EMPTY(&d->shelf.open)) {
		struct pollfd p = { .fd = disk_fd(d->disk), .events = POLLIN };

		assert_int_equal(poll(&p, 1, 10000), 1);
		while (disk_next(d->disk, &ev))
			if (ev.type == DISK_CLOSED)
				shelf_closed(&d->shelf, &ev);
	}
	d->disk = disk_free(d->disk);
}

static void close_desk(struct desk *d)
{
	char command[128];

	shelf_done(&d->shelf);
	manifest_free(d->manifest);
	close(d->fd);
	snprintf(command, sizeof(command), "rm -r '%s'", d->dir);
	assert_int_equal(system(command), 0);
}

/* Times of tests count from the start of the recording. */
static void put(struct desk *d, struct take_frame *f)
{
	f->time_us += SECOND;
	reel_frame(d->reel, f, (uint64_t)f->time_us);
	reel_tick(d->reel, (uint64_t)f->time_us);
}

static void sound(struct desk *d, int64_t at_us)
{
	static const uint8_t silence[] = { 0xf8, 0xff, 0xfe };
	struct take_frame f = { .codec = TAKE_OPUS,
		.time_us = at_us,
		.data = silence,
		.len = sizeof(silence),
		.keyframe = true,
		.duration_us = 20000 };

	put(d, &f);
}

static void picture(struct desk *d, int64_t at_us, bool key, unsigned width)
{
	const uint8_t data[64] = { key ? 0x10 : 0x11 };
	struct take_frame f = {
		.codec = TAKE_VP8,
		.time_us = at_us,
		.data = data,
		.len = sizeof(data),
		.keyframe = key,
		.width = width,
		.height = 90,
	};

	put(d, &f);
}

static cJSON *file(const struct desk *d, int i)
{
	return cJSON_GetArrayItem(
		manifest_list(manifest_root(d->manifest), "files"), i);
}

static int files(const struct desk *d)
{
	return cJSON_GetArraySize(
		manifest_list(manifest_root(d->manifest), "files"));
}

static void expect_both(struct desk *d)
{
	reel_expect(d->reel, PART_AUDIO, true);
	reel_expect(d->reel, PART_VIDEO, true);
}

/* VP8 changes its size inside of a file. */
static void test_sizes(void **state)
{
	struct desk d;
	cJSON *sizes;

	(void)state;
	open_desk(&d);
	reel_expect(d.reel, PART_VIDEO, true);
	for (int i = 0; i < 30; i++)
		picture(&d, i * 40000, i % 10 == 0, i < 20 ? 160 : 320);
	end_desk(&d);
	assert_int_equal(files(&d), 1);
	sizes = manifest_list(
		manifest_list(file(&d, 0), "tracks")->child, "sizes");
	assert_int_equal(cJSON_GetArraySize(sizes), 2);
	assert_int_equal(manifest_get(sizes->child->next, "at_ms", 0), 800);
	assert_int_equal(manifest_get(sizes->child->next, "width", 0), 320);
	close_desk(&d);
}

/* SPS and PPS of x264; the start codes have no place in a C string. */
enum { SETUP = 22 };

static void write_setup(uint8_t ret[SETUP], uint8_t level)
{
	memcpy(ret,
		"\0\0\0\1\x67\x42\xc0\x1e\x8c\x8d\x40\xa0\xfd"
		"\0\0\0\1\x68\xce\x3c\x80\x80",
		SETUP);
	ret[7] = level;
}

/* New parameter sets need a new file; the same ones again do not. */
static void test_setup(void **state)
{
	struct desk d;

	(void)state;
	open_desk(&d);
	reel_expect(d.reel, PART_VIDEO, true);
	for (int i = 0; i < 40; i++) {
		uint8_t setup[SETUP];
		struct take_frame f = { .codec = TAKE_H264,
			.time_us = i * 40000,
			.data = setup,
			.len = SETUP,
			.keyframe = i % 10 == 0,
			.width = 160,
			.height = 90,
			.setup = setup,
			.setup_len = SETUP };

		write_setup(setup, i < 20 ? 0x1e : 0x1f);
		put(&d, &f);
	}
	end_desk(&d);
	assert_int_equal(files(&d), 2);
	assert_string_equal(
		manifest_text(file(&d, 1), "name"), "p1-camera-2.mkv");
	assert_int_equal(manifest_get(file(&d, 1), "from_ms", 0), 800);
	close_desk(&d);
}

/* A voice that was not announced: the seam is at a key frame, nothing of the
 * picture is lost. */
static void test_voice_later(void **state)
{
	struct probe a, b;
	struct desk d;

	(void)state;
	open_desk(&d);
	reel_expect(d.reel, PART_VIDEO, true);
	for (int i = 0; i < 30; i++)
		picture(&d, i * 40000, i == 0, 160);
	reel_expect(d.reel, PART_AUDIO, true);
	for (int i = 30; i < 60; i++) {
		sound(&d, i * 40000);
		sound(&d, i * 40000 + 20000);
		if (i == 31)
			assert_true(reel_wants_keyframe(d.reel));
		picture(&d, i * 40000 + 20000, i == 35, 160);
	}
	end_desk(&d);
	assert_int_equal(files(&d), 2);
	probe_file(d.dir, "p1-camera-1.webm", &a);
	probe_file(d.dir, "p1-camera-2.webm", &b);
	assert_false(a.audio.there);
	assert_int_equal(a.video.packets + b.video.packets, 60);
	assert_int_equal(b.audio.packets, 60);
	close_desk(&d);
}

/* Sound does not wait for a picture longer than a second, nor a header longer
 * than two. */
static void test_waiting(void **state)
{
	struct desk d;

	(void)state;
	open_desk(&d);
	expect_both(&d);
	for (int i = 0; i < 99; i++)
		sound(&d, i * 20000);
	assert_int_equal(files(&d), 0);
	sound(&d, 2 * SECOND);
	assert_int_equal(files(&d), 1);
	for (int i = 101; i < 200; i++)
		sound(&d, i * 20000);
	assert_int_equal(
		manifest_get(manifest_list(file(&d, 0), "tracks")->child,
			"frames", 0),
		199);
	picture(&d, 4 * SECOND, true, 160);
	sound(&d, 4 * SECOND);
	sound(&d, 4 * SECOND + 20000);
	assert_int_equal(files(&d), 2);
	/* The picture pauses: after a second what waits is written. */
	reel_tick(d.reel, 6 * SECOND + 10000);
	assert_int_equal(
		manifest_get(manifest_list(file(&d, 1), "tracks")->child,
			"frames", 0),
		0);
	sound(&d, 4 * SECOND + 40000);
	reel_tick(d.reel, 6 * SECOND + 50000);
	assert_int_equal(
		manifest_get(manifest_list(file(&d, 1), "tracks")->child,
			"frames", 0),
		2);
	end_desk(&d);
	close_desk(&d);
}

/* Pictures before the first key frame are none. */
static void test_begins_with_key(void **state)
{
	struct probe p;
	struct desk d;

	(void)state;
	open_desk(&d);
	reel_expect(d.reel, PART_VIDEO, true);
	for (int i = 0; i < 10; i++)
		picture(&d, i * 40000, i == 5, 160);
	assert_int_equal(files(&d), 1);
	end_desk(&d);
	probe_file(d.dir, "p1-camera-1.webm", &p);
	assert_int_equal(p.video.packets, 5);
	assert_int_equal(manifest_get(file(&d, 0), "from_ms", 0), 200);
	close_desk(&d);
}

/* Who changes his codec without end gets no file for each. */
static void test_parts_have_a_ceiling(void **state)
{
	struct desk d;

	(void)state;
	open_desk(&d);
	expect_both(&d);
	for (int i = 0; i < 2 * REEL_PARTS_MAX; i++) {
		reel_expect(d.reel, PART_VIDEO, true);
		picture(&d, i * 40000, true, 160);
		reel_end(d.reel, SECOND + (uint64_t)i * 40000);
	}
	assert_int_equal(files(&d), REEL_PARTS_MAX);
	end_desk(&d);
	close_desk(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_setup),
		cmocka_unit_test(test_voice_later),
		cmocka_unit_test(test_waiting),
		cmocka_unit_test(test_begins_with_key),
		cmocka_unit_test(test_parts_have_a_ceiling),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
