/* What is read from a manifest, what is drawn, and ffmpeg's command lines. */
#include "record/compose_ass.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "record/compose_args.h"
#include "record/compose_manifest.h"

static const char manifest[] =
	"{\"duration_ms\": 9000, \"participants\": ["
	"{\"number\": 7, \"user_id\": \"@a:x\", \"name\": \"{\\\\N}\\nA\","
	" \"present\": [{\"from_ms\": 0, \"to_ms\": 99999},"
	" {\"from_ms\": 5, \"to_ms\": 5}, 3]},"
	"{\"number\": 2, \"user_id\": 5, \"name\": null}],"
	"\"files\": ["
	"{\"name\": \"p7-camera-1.webm\", \"participant\": 7, \"purpose\":"
	" \"camera\", \"from_ms\": 1000, \"to_ms\": 8000, \"tracks\": ["
	"{\"kind\": \"audio\", \"frames\": 9}, {\"kind\": \"video\","
	" \"frames\": 9, \"sizes\": [{\"at_ms\": 1500}]}], \"muted\": ["
	"{\"kind\": \"video\", \"from_ms\": 2200, \"to_ms\": 3000},"
	"{\"kind\": \"audio\", \"from_ms\": 1, \"to_ms\": 2}]},"
	"{\"name\": \"p2-screen-1.mkv\", \"participant\": 2, \"purpose\":"
	" \"screen\", \"from_ms\": 4000, \"tracks\": [{\"kind\": \"video\","
	" \"frames\": 1}, {\"kind\": \"audio\", \"frames\": 0}]},"
	"{\"name\": \"p2-gone-1.mkv\", \"participant\": 2, \"tracks\": ["
	"{\"kind\": \"video\", \"frames\": 1}]},"
	"{\"name\": \"../p7-camera-1.webm\", \"participant\": 2, \"tracks\":"
	" [{\"kind\": \"video\", \"frames\": 1}]},"
	"{\"name\": \"p7-camera-1.webm\", \"participant\": 3, \"tracks\": ["
	"{\"kind\": \"video\", \"frames\": 1}]}, 4, null],"
	"\"speakers\": [{\"participant\": 2, \"from_ms\": 6000,"
	" \"to_ms\": 7000}, {\"participant\": 7, \"from_ms\": 100,"
	" \"to_ms\": 200}, {\"participant\": 9, \"from_ms\": 1,"
	" \"to_ms\": 2}, {\"participant\": 7, \"from_ms\": 9e99}]}";

static char dir[] = "/tmp/hearth-compose-XXXXXX";
static int dir_fd;

static void touch(const char *name)
{
	int fd = openat(dir_fd, name, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, "x", 1), 1);
	close(fd);
}

static int setup(void **state)
{
	(void)state;
	if (!mkdtemp(dir))
		return -1;
	dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	touch("p7-camera-1.webm");
	touch("p2-screen-1.mkv");
	return dir_fd >= 0 ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	unlinkat(dir_fd, "p7-camera-1.webm", 0);
	unlinkat(dir_fd, "p2-screen-1.mkv", 0);
	close(dir_fd);
	return rmdir(dir);
}

static cJSON *load(const char *text, struct compose_input *ret)
{
	cJSON *root = cJSON_Parse(text);

	assert_non_null(root);
	assert_int_equal(compose_input_read(root, dir_fd, ret), 0);
	return root;
}

static void test_read(void **state)
{
	struct compose_input in;
	cJSON *root = load(manifest, &in);
	const struct plan_input *p = &in.plan;

	(void)state;
	assert_int_equal(p->duration_ms, 9000);
	assert_int_equal(p->n_people, 2);
	assert_string_equal(p->people[0].name, "{\\N}\nA");
	assert_int_equal(p->people[0].n_present, 2);
	assert_int_equal(p->people[0].present[0].to_ms, 9000);
	assert_string_equal(p->people[1].name, "");
	assert_int_equal(p->people[1].n_present, 0);
	assert_int_equal(p->n_files, 2);
	assert_true(p->files[0].audio && p->files[0].video);
	assert_int_equal(p->files[0].video_from_ms, 1500);
	assert_int_equal(p->files[0].n_muted, 1);
	assert_int_equal(p->files[0].muted[0].from_ms, 2200);
	assert_false(p->files[1].audio);
	assert_true(p->files[1].screen);
	assert_int_equal(p->files[1].person, 1);
	assert_int_equal(p->files[1].to_ms, 9000);
	assert_int_equal(p->n_speakers, 2);
	assert_int_equal(p->speakers[0].person, 0); /* in order of time */
	assert_int_equal(p->speakers[1].from_ms, 6000);
	assert_true(compose_has_audio(p) && compose_has_video(p));
	compose_input_done(&in);
	cJSON_Delete(root);
}

static void test_read_bad(void **state)
{
	static const char *const bad[] = { "{}", "[]", "4", "null",
		"{\"duration_ms\": 0}", "{\"duration_ms\": -5}",
		"{\"duration_ms\": \"9\"}" };
	static const char *const empty[] = { "{\"duration_ms\": 1}",
		("{\"duration_ms\": 1, \"participants\": 4, \"files\": {},"
		 " \"speakers\": null}"),
		"{\"duration_ms\": 1e300, \"files\": [[], [{}]]}" };
	struct compose_input in;

	(void)state;
	for (unsigned i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		cJSON *root = cJSON_Parse(bad[i]);

		assert_int_equal(
			compose_input_read(root, dir_fd, &in), -EBADMSG);
		cJSON_Delete(root);
	}
	for (unsigned i = 0; i < sizeof(empty) / sizeof(*empty); i++) {
		cJSON *root = load(empty[i], &in);

		assert_int_equal(in.plan.n_files + in.plan.n_people, 0);
		assert_false(compose_has_audio(&in.plan));
		assert_false(compose_has_video(&in.plan));
		compose_input_done(&in);
		cJSON_Delete(root);
	}
}

static void test_names(void **state)
{
	static const char *const fine[] = { "p1-camera-1.webm",
		"p12-other-3.mkv" };
	static const char *const bad[] = { "", ".webm", "-p.webm", "p.mp4",
		"p.webm.x", "a/b.webm", "../p.webm", "P.webm", "p 1.webm",
		"p'.webm", "p:.webm", "p.WEBM", "p" };
	char longest[100];

	(void)state;
	for (unsigned i = 0; i < sizeof(fine) / sizeof(*fine); i++)
		assert_true(compose_name_fine(fine[i]));
	for (unsigned i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_false(compose_name_fine(bad[i]));
	memset(longest, 'a', sizeof(longest));
	memcpy(longest + 80, ".mkv", 5);
	assert_false(compose_name_fine(longest));
}

static char *written(void (*write_h)(FILE *f, const struct plan_input *in,
			     const struct plan_scene *scene),
	const struct plan_input *in, const struct plan_scene *scene)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	assert_non_null(f);
	write_h(f, in, scene);
	assert_false(ferror(f));
	assert_int_equal(fclose(f), 0);
	return text;
}

static unsigned count(const char *text, const char *what)
{
	unsigned n = 0;

	for (; (text = strstr(text, what)); text += strlen(what))
		n++;
	return n;
}

/* Every event is one line of its own with balanced braces. */
static void assert_events(const char *text)
{
	const char *at = strstr(text, "[Events]");
	int depth = 0;

	assert_non_null(at);
	for (; *at; at++) {
		if (*at == '\\' && (at[1] == '{' || at[1] == '}'))
			at++;
		else if (*at == '{')
			depth++;
		else if (*at == '}')
			depth--;
		else if (*at == '\n')
			assert_int_equal(depth, 0);
		assert_in_range(depth, 0, 1);
	}
	at = strstr(text, "[Events]\nFormat:");
	assert_non_null(at);
	at = strchr(at + 9, '\n') + 1;
	for (; *at; at = strchr(at, '\n') + 1)
		assert_memory_equal(at, "Dialogue: ", 10);
}

static void test_drawn(void **state)
{
	struct compose_input in;
	cJSON *root = load(manifest, &in);
	struct plan plan;
	char *under, *over;

	(void)state;
	/* one has a picture from 1.5 on, muted from 2.2 to 3; a screen from 4
	 */
	assert_int_equal(plan_make(&in.plan, PLAN_GRID, &plan), 0);
	assert_int_equal(plan.n, 6);
	assert_int_equal(plan.scenes[4].from_ms, 4000);
	assert_int_equal(plan.scenes[4].n, 3);
	under = written(ass_write_under, &in.plan, &plan.scenes[4]);
	over = written(ass_write_over, &in.plan, &plan.scenes[4]);
	assert_events(under);
	assert_events(over);
	/* a tile, a disc and an initial each */
	assert_int_equal(count(under, "Dialogue:"), 9);
	assert_non_null(strstr(under, "}N\n"));
	assert_non_null(strstr(over, "}\\{\xe2\x88\x96N\\} A\n"));
	/* no name, no user id */
	assert_non_null(strstr(over, "}Guest \xc2\xb7 screen\n"));
	assert_int_equal(count(over, ",label,"), 3);
	/* speaks at 6 to 7 s, in a scene that began at 4: its name tile */
	assert_int_equal(count(over, "Dialogue: 3,0:00:02.00,0:00:03.30,"), 1);
	assert_int_equal(count(over, "Dialogue: 3,"), 1);
	free(under);
	free(over);
	/* alone: no corners to cut, no frame */
	over = written(ass_write_over, &in.plan, &plan.scenes[0]);
	assert_int_equal(count(over, "Dialogue:"), 1);
	free(over);
	plan_done(&plan);
	compose_input_done(&in);
	cJSON_Delete(root);
}

static bool has(const struct args *a, const char *one, const char *two)
{
	for (unsigned i = 0; i + 1 < a->n; i++)
		if (strcmp(a->v[i], one) == 0 &&
			(!two || strcmp(a->v[i + 1], two) == 0))
			return true;
	return false;
}

static const char *after(const struct args *a, const char *word)
{
	for (unsigned i = 0; i + 1 < a->n; i++)
		if (strcmp(a->v[i], word) == 0)
			return a->v[i + 1];
	fail_msg("no %s", word);
	return "";
}

static void test_scene_args(void **state)
{
	struct compose_input in;
	cJSON *root = load(manifest, &in);
	static struct args a;
	struct plan plan;

	(void)state;
	assert_int_equal(plan_make(&in.plan, PLAN_GRID, &plan), 0);
	args_scene(&a, &in.plan, &plan.scenes[4], 3);
	assert_false(a.failed);
	assert_string_equal(a.v[0], "ffmpeg");
	assert_null(a.v[a.n]);
	assert_true(has(&a, "-ss", "3.000")); /* of the file from 1 s on */
	assert_true(has(&a, "-ss", "0.000"));
	assert_true(has(&a, "-i", "file:p7-camera-1.webm"));
	assert_true(has(&a, "-i", "file:p2-screen-1.mkv"));
	assert_true(has(&a, "-f", "matroska"));
	assert_true(has(&a, "-frames:v", "100"));
	assert_true(has(&a, "-threads", "2"));
	assert_string_equal(a.v[a.n - 1], "file:.compose/scene-3.mkv");
	assert_int_equal(count(after(&a, "-filter_complex"), "overlay="), 2);
	assert_non_null(strstr(after(&a, "-filter_complex"), "over-3.ass"));
	args_done(&a);
	assert_int_equal(a.n, 0);
	plan_done(&plan);
	compose_input_done(&in);
	cJSON_Delete(root);
}

static void test_sound_args(void **state)
{
	static struct plan_file files[100];
	static struct args a;
	struct plan_input in = {
		.files = files, .n_files = 100, .duration_ms = 9001
	};
	unsigned next;

	(void)state;
	for (unsigned i = 0; i < 100; i++)
		files[i] = (struct plan_file){ .name = "p1-camera-1.webm",
			.audio = i % 2 == 0,
			.video = true,
			.from_ms = 10 * i };
	next = args_sound(&a, &in, 0, ".compose/mix-0.flac");
	assert_false(a.failed);
	assert_int_equal(next, 2 * ARGS_MIX - 1);
	assert_true(has(&a, "-itsoffset", "0.940"));
	assert_false(has(&a, "-itsoffset", "0.960"));
	assert_true(has(&a, "-t", "9.040"));
	assert_true(has(&a, "-c:a", "flac"));
	assert_non_null(strstr(after(&a, "-filter_complex"),
		"amix=inputs=48:duration=longest:normalize=0"));
	args_done(&a);
	assert_int_equal(args_sound(&a, &in, next, ".compose/x.m4a"), 100);
	assert_true(has(&a, "-c:a", "aac"));
	assert_non_null(strstr(after(&a, "-filter_complex"), "amix=inputs=2:"));
	assert_non_null(strstr(after(&a, "-filter_complex"), "alimiter"));
	args_done(&a);
	args_mix(&a, &in, 3, ".compose/x.m4a");
	assert_non_null(strstr(after(&a, "-filter_complex"), "amix=inputs=3:"));
	args_done(&a);
	args_join(&a, NULL, "x.mp4");
	assert_false(has(&a, "-map", "1:a:0"));
	args_done(&a);
	args_join(&a, "s.m4a", "x.mp4");
	assert_true(has(&a, "-map", "1:a:0"));
	assert_true(has(&a, "-movflags", "+faststart"));
	args_done(&a);
	/* more words than there is room for are an error, not a crash */
	for (unsigned i = 0; i < ARGS_MAX / 8; i++)
		args_thumbnail(&a, "v.mp4", 1, "t.jpg");
	assert_true(a.failed);
	args_done(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_read_bad),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_drawn),
		cmocka_unit_test(test_scene_args),
		cmocka_unit_test(test_sound_args),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
