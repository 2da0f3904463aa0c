/* hearth-record compose, whole: what is seen and heard, and when. */
#include "record/compose.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "compose_film.h"
#include "record/compose_ass.h"
#include "record/digest.h"
#include "record/plan.h"

enum { RED = 0xd02020, GREEN = 0x20a020, BLUE = 0x2020d0 };

static char dir[64];

static int setup(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/hearth-compose-XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
	char line[128];

	(void)state;
	snprintf(line, sizeof(line), "rm -rf %s", dir);
	return film_run("/", line, NULL, NULL);
}

#define BOTH                                                                   \
	"'tracks':[{'kind':'audio','frames':9},{'kind':'video','frames':9}]"
#define SOUND   "'tracks':[{'kind':'audio','frames':9}]"
#define PICTURE "'tracks':[{'kind':'video','frames':9}]"

/* Ann is there always, Zoe comes at 3 s, Bo leaves at 7 s and has his picture
 * off from 1 to 2 s. */
static const char three[] =
	"{'id':'x','state':'finished','duration_ms':10000,"
	"'participants':[{'number':1,'user_id':'@ann:x','name':'Ann',"
	"'present':[{'from_ms':0,'to_ms':10000}]},"
	"{'number':2,'user_id':'@zoe:x','name':"
	"'{\\\\an9}Zo\xc3\xab \\n %{pts} \\\\N :;,[x]= \xf0\x9f\x98\x80 "
	"\xd7\xa9 "
	"and so on, longer than any tile is wide, and a bit more than that',"
	"'present':[{'from_ms':3000,'to_ms':10000}]},"
	"{'number':3,'user_id':'@bo:x','name':'',"
	"'present':[{'from_ms':0,'to_ms':7000}]}],"
	"'files':[{'name':'p1-camera-1.webm','participant':1,'purpose':'camera'"
	","
	"'from_ms':0,'to_ms':10000," BOTH "},"
	"{'name':'p2-camera-1.webm','participant':2,'purpose':'camera',"
	"'from_ms':3000,'to_ms':10000," PICTURE "},"
	"{'name':'p3-camera-1.webm','participant':3,'purpose':'camera',"
	"'from_ms':0,'to_ms':7000," PICTURE ",'muted':[{'kind':'video',"
	"'from_ms':1000,'to_ms':2000}]}],"
	"'speakers':[{'participant':1,'from_ms':4000,'to_ms':6000}]}";

static void make_three(void)
{
	film_make(dir, "p1-camera-1.webm", "color=c=0xd02020:s=320x180:r=15",
		"sine=f=500:r=48000", 10);
	film_make(dir, "p2-camera-1.webm", "color=c=0x20a020:s=180x320:r=15",
		NULL, 7);
	film_make(dir, "p3-camera-1.webm", "color=c=0x2020d0:s=320x240:r=15",
		NULL, 7);
	film_manifest(dir, three);
}

static void assert_tile(double at_s, unsigned n, unsigned i, uint32_t colour)
{
	struct plan_box box[PLAN_TILES];
	uint32_t seen;

	plan_grid(
		(struct plan_box){ .w = PLAN_WIDTH, .h = PLAN_HEIGHT }, n, box);
	seen = film_pixel(
		dir, at_s, box[i].x + box[i].w / 2u, box[i].y + box[i].h / 4u);
	if (!film_like(seen, colour))
		fail_msg("%.1f s: tile %u of %u is %06x, not %06x", at_s, i, n,
			(unsigned)seen, (unsigned)colour);
}

static void assert_progress(const cJSON *lines)
{
	int last = -1, n = 0;
	const cJSON *line;

	cJSON_ArrayForEach(line, lines)
	{
		const cJSON *percent =
			cJSON_GetObjectItemCaseSensitive(line, "percent");

		if (!percent)
			continue;
		assert_string_equal(
			cJSON_GetStringValue(
				cJSON_GetObjectItemCaseSensitive(line, "what")),
			"composing");
		assert_true(percent->valueint > last);
		assert_in_range(percent->valueint, 0, 100);
		last = percent->valueint;
		n++;
	}
	assert_true(n >= 4);
}

static double number(const cJSON *object, const char *key)
{
	return cJSON_GetNumberValue(
		cJSON_GetObjectItemCaseSensitive(object, key));
}

static void assert_described(const char *name)
{
	cJSON *root = film_manifest_read(dir);
	const cJSON *c = cJSON_GetObjectItemCaseSensitive(root, "composed");
	char path[256], hex[DIGEST_HEX + 1];
	uint64_t bytes;
	struct stat st;
	int fd;

	assert_string_equal(
		cJSON_GetStringValue(cJSON_GetObjectItem(root, "state")),
		"composed");
	assert_string_equal(
		cJSON_GetStringValue(cJSON_GetObjectItem(c, "name")), name);
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(digest_file(fd, hex, &bytes), 0);
	close(fd);
	assert_string_equal(
		cJSON_GetStringValue(cJSON_GetObjectItem(c, "sha256")), hex);
	assert_true(number(c, "bytes") == (double)bytes);
	assert_true(number(c, "duration_ms") == 10000);
	cJSON_Delete(root);
	assert_false(film_exists(dir, ".compose"));
}

static void test_three(void **state)
{
	struct plan_box box[3];
	cJSON *lines, *root;
	uint8_t *frames;
	size_t n;

	(void)state;
	make_three();
	assert_int_equal(film_compose(dir, "", &lines), 0);
	assert_progress(lines);
	assert_string_equal(film_last(lines, "type"), "composed");
	cJSON_Delete(lines);
	assert_described("composed.mp4");
	frames = film_frames(dir, &n);
	free(frames);
	assert_int_equal(n, 250);
	assert_tile(0.5, 2, 0, RED);
	assert_tile(0.5, 2, 1, BLUE);
	assert_tile(1.5, 2, 0, RED);
	assert_tile(1.5, 2, 1, 0x222b26); /* a name instead */
	assert_tile(2.5, 2, 1, BLUE);
	assert_tile(5, 3, 0, RED);
	assert_tile(5, 3, 1, GREEN);
	assert_tile(5, 3, 2, BLUE);
	assert_tile(8.5, 2, 0, RED);
	assert_tile(8.5, 2, 1, GREEN);
	/* a tall picture has bars beside it; who speaks has a frame */
	plan_grid(
		(struct plan_box){ .w = PLAN_WIDTH, .h = PLAN_HEIGHT }, 3, box);
	assert_true(film_like(
		film_pixel(dir, 5, box[1].x + 30u, box[1].y + 60u), ASS_TILE));
	assert_true(film_like(
		film_pixel(dir, 5, box[0].x + 200u, box[0].y), ASS_SPEAKS));
	assert_false(film_like(
		film_pixel(dir, 6.8, box[0].x + 200u, box[0].y), ASS_SPEAKS));
	root = film_manifest_read(dir);
	assert_true(number(cJSON_GetObjectItem(
				   cJSON_GetObjectItem(root, "composed"),
				   "thumbnail"),
			    "bytes") > 1000);
	cJSON_Delete(root);
	/* once more, another way: the old one makes room */
	assert_int_equal(film_compose(dir, "--layout speaker", &lines), 0);
	cJSON_Delete(lines);
	assert_described("composed.mp4");
	assert_true(film_like(film_pixel(dir, 5, 500, 300), RED));
}

static bool onset(const uint8_t *frame, unsigned from, unsigned to)
{
	unsigned sum = 0;

	for (unsigned x = from; x < to; x++)
		sum += frame[FILM_H / 2 * FILM_W + x];
	return sum > 128 * (to - from);
}

static const char beep[] =
	"aevalsrc=0.5*sin(6283*t)*lt(mod(t\\,1)\\,0.1):s=48000";

/* Flashes in the frames, left and right: each within 40 ms of a second of the
 * file that is shown there. */
static void assert_flashes(const uint8_t *frames, unsigned ret_seen[2])
{
	bool before[2] = { false };

	for (int i = 31; i < 181; i++) {
		const uint8_t *f = frames + i * FILM_W * FILM_H;
		bool on[2] = { onset(f, 20, 150), onset(f, 170, 300) };
		/* alone, A fills both sides */
		bool both = i >= 69 && i < 169;

		for (unsigned k = 0; k < 2; k++) {
			int at = i * 40 - (k && both ? 2750 : 1234);

			if (on[k] && !before[k]) {
				ret_seen[k]++;
				at %= 1000;
				if (at > 40 && at < 960)
					fail_msg("frame %d, side %u: %d ms", i,
						k, at);
			}
			before[k] = on[k];
		}
	}
}

/* A flash and a beep each second, in two files that begin at odd times: each
 * flash within 40 ms of where it belongs, each beep within 20. */
static void test_together(void **state)
{
	static const char flash[] =
		"color=c=black:s=320x180:r=30,"
		"drawbox=c=white:t=fill:enable=lt(mod(t\\,1)\\,0.1)";
	unsigned seen[2] = { 0 };
	cJSON *lines;
	uint8_t *frames;
	int at[20];
	size_t n;

	(void)state;
	film_make(dir, "p1-camera-1.webm", flash, beep, 6);
	film_make(dir, "p2-camera-1.webm", flash, beep, 4);
	film_manifest(dir,
		"{'id':'x','state':'finished','duration_ms':8000,'participants'"
		":["
		"{'number':1,'name':'A'},{'number':2,'name':'B'}],'files':["
		"{'name':'p1-camera-1.webm','participant':1,'from_ms':1234,"
		"'to_ms':7234," BOTH "},{'name':'p2-camera-1.webm',"
		"'participant':2,'from_ms':2750,'to_ms':6750," BOTH "}]}");
	assert_int_equal(film_compose(dir, "", &lines), 0);
	cJSON_Delete(lines);
	frames = film_frames(dir, &n);
	assert_int_equal(n, 200);
	assert_flashes(frames, seen);
	free(frames);
	assert_int_equal(seen[0], 6);
	assert_in_range(seen[1], 6, 7);
	assert_int_equal(film_beeps(dir, "composed.mp4", at, 20), 10);
	for (unsigned i = 0; i < 10; i++) {
		int a = (at[i] - 1234 + 1000) % 1000;
		int b = (at[i] - 2750 + 3000) % 1000;

		if (!(a < 20 || a > 980 || b < 20 || b > 980))
			fail_msg("a beep at %d ms", at[i]);
	}
}

/* A clock 2000 ppm slow, three packets lost, then two seconds of nothing. */
static void test_drift(void **state)
{
	cJSON *lines;
	int at[40];
	unsigned n;

	(void)state;
	film_make(dir, "a.webm", NULL, beep, 30);
	assert_int_equal(film_run(dir,
				 "ffmpeg -v error -i a.webm -c copy -bsf:a "
				 "noise=drop=between(pts*tb\\,5.3\\,5.36)+"
				 "between(pts*tb\\,10.3\\,12.3) b.webm",
				 NULL, NULL),
		0);
	assert_int_equal(film_run(dir,
				 "ffmpeg -v error -i b.webm -c copy -bsf:a "
				 "setts=ts=TS*1.002 p1-camera-1.webm",
				 NULL, NULL),
		0);
	film_manifest(dir,
		"{'id':'x','state':'finished','duration_ms':31000,"
		"'participants':[{'number':1,'name':'A'}],'files':[{'name':"
		"'p1-camera-1.webm','participant':1,'from_ms':500,'to_ms':"
		"31000," SOUND "}]}");
	assert_int_equal(film_compose(dir, "", &lines), 0);
	cJSON_Delete(lines);
	n = film_beeps(dir, "composed.m4a", at, 40);
	assert_int_equal(n, 28);
	for (unsigned i = 0; i < n; i++) {
		int off = (int)((at[i] - 500) / 1.002 + 500) % 1000 - 500;

		if (abs(off) > 20)
			fail_msg("beep %u is off by %d ms", i, off);
	}
}

static void test_sound_only(void **state)
{
	int16_t *sound;
	cJSON *lines, *root;
	size_t n, loud = 0, early = 0;

	(void)state;
	film_make(dir, "p1-camera-1.webm", NULL, "sine=f=500:r=48000", 5);
	film_manifest(dir,
		"{'id':'x','state':'finished','duration_ms':10000,'"
		"participants':["
		"{'number':1,'name':'A'}],'files':[{'name':'p1-camera-1.webm',"
		"'participant':1,'from_ms':2000,'to_ms':7000," SOUND "}]}");
	assert_int_equal(film_compose(dir, "", &lines), 0);
	assert_string_equal(film_last(lines, "mimetype"), "audio/mp4");
	cJSON_Delete(lines);
	assert_described("composed.m4a");
	assert_false(film_exists(dir, "composed.mp4"));
	assert_false(film_exists(dir, "thumbnail.jpg"));
	root = film_manifest_read(dir);
	assert_null(cJSON_GetObjectItem(
		cJSON_GetObjectItem(root, "composed"), "thumbnail"));
	cJSON_Delete(root);
	sound = film_sound(dir, "composed.m4a", &n);
	assert_in_range(n, 10 * 48000 - 1024, 10 * 48000 + 1024);
	for (size_t i = 0; i < n; i++)
		if (i < 2 * 48000 - 960 || i > 7 * 48000 + 960)
			early += abs(sound[i]) > 300;
		else
			loud += abs(sound[i]) > 1000;
	free(sound);
	assert_int_equal(early, 0);
	assert_true(loud > 3 * 48000);
}

/* The picture's size changes in mid-file, and the key frame before a scene is
 * far away. */
static void test_sizes(void **state)
{
	cJSON *lines;

	(void)state;
	film_make(dir, "a.webm", "color=c=0xd02020:s=320x180:r=15", NULL, 2);
	film_make(dir, "b.webm", "color=c=0x20a020:s=180x320:r=15", NULL, 2);
	film_touch(dir, "list", "file a.webm\nfile b.webm\n", 0600);
	assert_int_equal(film_run(dir,
				 "ffmpeg -v error -f concat -i list -c copy "
				 "p1-camera-1.webm",
				 NULL, NULL),
		0);
	film_manifest(dir,
		"{'id':'x','state':'finished','duration_ms':4000,'participants'"
		":["
		"{'number':1,'name':'A'},{'number':2,'name':'B','present':["
		"{'from_ms':1000,'to_ms':3000}]}],'files':[{'name':"
		"'p1-camera-1.webm','participant':1,'from_ms':0,'to_ms':"
		"4000," PICTURE "}]}");
	assert_int_equal(film_compose(dir, "", &lines), 0);
	cJSON_Delete(lines);
	assert_tile(0.5, 1, 0, RED);
	assert_tile(1.04, 2, 0, RED);
	assert_tile(2.9, 2, 0, GREEN);
	assert_true(film_like(film_pixel(dir, 3.5, 640, 200), GREEN));
	assert_true(film_like(film_pixel(dir, 3.5, 100, 200), ASS_TILE));
}

/* One file is no good: all the others are shown. */
static void test_bad_file(void **state)
{
	cJSON *lines;

	(void)state;
	make_three();
	film_touch(dir, "p2-camera-1.webm", "#EXTM3U\n/etc/passwd\n", 0600);
	assert_int_equal(film_compose(dir, "", &lines), 0);
	assert_progress(lines);
	cJSON_Delete(lines);
	assert_tile(5, 3, 0, RED);
	assert_tile(5, 3, 2, BLUE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_three, setup, teardown),
		cmocka_unit_test_setup_teardown(test_together, setup, teardown),
		cmocka_unit_test_setup_teardown(test_drift, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_sound_only, setup, teardown),
		cmocka_unit_test_setup_teardown(test_sizes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad_file, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
