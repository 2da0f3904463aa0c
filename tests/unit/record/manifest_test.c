/* Manifests: ceilings, hostile names, torn files; finish of directories that a
 * crash left in any state. */
#include "../rtp/check.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "record/command.h"
#include "record/finish.h"
#include "record/manifest.h"

static struct manifest *make(void)
{
	struct manifest *m = manifest_new(
		"20261126T110552Z-0badcafe", "!r:x", NULL, 1795000000000);

	assert_non_null(m);
	return m;
}

static void test_gaps_join(void **state)
{
	struct manifest *m = make();
	cJSON *file = manifest_file(m, "p1-camera-1.webm", 1, "camera", "s", 0);
	cJSON *gaps = manifest_list(file, "gaps");

	(void)state;
	manifest_gap(m, file, "video", 100, 200, 2);
	manifest_gap(m, file, "audio", 150, 160, 1);
	manifest_gap(m, file, "video", 200, 300, 3);
	manifest_gap(m, file, "video", 400, 500, 1);
	assert_int_equal(cJSON_GetArraySize(gaps), 3);
	assert_int_equal(manifest_get(gaps->child, "to_ms", 0), 300);
	assert_int_equal(manifest_get(gaps->child, "packets", 0), 5);
	manifest_free(m);
}

static void test_lists_have_ceilings(void **state)
{
	struct manifest *m = make();
	cJSON *list;

	(void)state;
	for (int i = 0; i < MANIFEST_LIST_MAX + 50; i++)
		manifest_speaker(m, 1 + (unsigned)(i & 1), i);
	manifest_duration(m, 99999);
	list = manifest_list(manifest_root(m), "speakers");
	assert_int_equal(cJSON_GetArraySize(list), MANIFEST_LIST_MAX);
	assert_int_equal(manifest_get(list->child->prev, "to_ms", 0), 99999);
	manifest_free(m);
}

/* However many: a program of the daemon must be able to read it. */
static void test_gaps_of_a_file_have_a_ceiling(void **state)
{
	struct manifest *m = make();
	cJSON *file = manifest_file(m, "p1-camera-1.webm", 1, "camera", "s", 0);
	cJSON *gaps = manifest_list(file, "gaps"), *last;

	(void)state;
	for (unsigned i = 0; i < MANIFEST_FILE_MAX + 50; i++)
		manifest_gap(m, file, i & 1 ? "audio" : "video", 100 * i,
			100 * i + 10, 2);
	assert_int_equal(cJSON_GetArraySize(gaps), MANIFEST_FILE_MAX);
	/* The last of its kind goes on, and tells of all that is lost. */
	last = gaps->child->prev;
	assert_string_equal(manifest_text(last, "kind"), "audio");
	assert_int_equal(manifest_get(last, "from_ms", 0),
		100 * (MANIFEST_FILE_MAX - 1));
	assert_int_equal(manifest_get(last, "to_ms", 0),
		100 * (MANIFEST_FILE_MAX + 49) + 10);
	assert_int_equal(manifest_get(last, "packets", 0), 52);
	for (unsigned i = 0; i < MANIFEST_FILE_MAX + 50; i++)
		manifest_mute(m, file, "audio", i);
	assert_int_equal(cJSON_GetArraySize(manifest_list(file, "muted")),
		MANIFEST_FILE_MAX);
	manifest_free(m);
}

static void test_hostile_text(void **state)
{
	struct manifest *m = make();
	cJSON *file = manifest_file(
		m, "p1-other-1.webm", 1, "other", "\xff\xc3-\xed\xa0\x80", 0);
	char *text;
	cJSON *back;

	(void)state;
	assert_string_equal(manifest_text(file, "source"), "?"
							   "?-?"
							   "?"
							   "?");
	manifest_set_text(file, "source", "\"\n\\ \xf0\x9f\x94\xa5 \xd7\xa9");
	text = manifest_print(m);
	back = cJSON_Parse(text);
	assert_non_null(back);
	assert_string_equal(
		manifest_text(
			cJSON_GetArrayItem(manifest_list(back, "files"), 0),
			"source"),
		"\"\n\\ \xf0\x9f\x94\xa5 \xd7\xa9");
	cJSON_Delete(back);
	free(text);
	manifest_free(m);
}

struct folder {
	char path[64];
	int fd;
};

static void open_folder(struct folder *f)
{
	snprintf(f->path, sizeof(f->path), "/tmp/20261126T110552Z-XXXXXX");
	assert_non_null(mkdtemp(f->path));
	f->fd = open(f->path, O_RDONLY | O_DIRECTORY);
	assert_true(f->fd >= 0);
}

static void close_folder(struct folder *f)
{
	char command[128];

	close(f->fd);
	snprintf(command, sizeof(command), "rm -r '%s'", f->path);
	assert_int_equal(system(command), 0);
}

static void put(const struct folder *f, const char *name, const char *text)
{
	int fd = openat(f->fd, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static int run_finish(struct folder *f)
{
	char verb[] = "finish";
	char *argv[] = { verb, f->path, NULL };

	return finish_main(2, argv);
}

static void test_never_too_large_to_be_read(void **state)
{
	struct manifest *m = make(), *back;
	char name[32], *text;
	struct folder f;

	(void)state;
	for (unsigned i = 0; i < 400; i++) {
		cJSON *file;

		snprintf(name, sizeof(name), "p%u-camera-1.webm", i);
		file = manifest_file(m, name, i, "camera",
			"0123456789abcdef0123456789abcdef", 0);
		manifest_track(m, file, "video", "vp8");
		for (unsigned k = 0; k < MANIFEST_FILE_MAX; k++) {
			manifest_gap(m, file, "video", 1000000000 + 100 * k,
				1000000000 + 100 * k + 10, 20000);
			manifest_mute(m, file, "video", 1000000000 + 100 * k);
		}
	}
	/* There is always room for what is recorded. */
	assert_int_equal(
		cJSON_GetArraySize(manifest_list(manifest_root(m), "files")),
		400);
	text = manifest_print(m);
	assert_non_null(text);
	assert_in_range(strlen(text), MANIFEST_BUDGET / 3, MANIFEST_TEXT_MAX);
	free(text);
	open_folder(&f);
	assert_int_equal(manifest_save(f.fd, m), 0);
	assert_int_equal(manifest_load(f.fd, &back), 0);
	manifest_free(back);
	/* One that somebody else made so is left as it is, and said so. */
	assert_int_equal(ftruncate(openat(f.fd, "manifest.json", O_WRONLY),
				 MANIFEST_TEXT_MAX + 1),
		0);
	assert_int_equal(run_finish(&f), 1);
	assert_int_equal(manifest_load(f.fd, &back), -E2BIG);
	manifest_free(m);
	close_folder(&f);
}

static void test_save_and_load(void **state)
{
	struct folder f;
	struct manifest *m = make(), *back;

	(void)state;
	open_folder(&f);
	assert_int_equal(manifest_load(f.fd, &back), -ENOENT);
	assert_int_equal(manifest_save(f.fd, m), 0);
	assert_int_equal(manifest_load(f.fd, &back), 0);
	assert_string_equal(manifest_text(manifest_root(back), "room"), "!r:x");
	manifest_free(back);
	put(&f, "manifest.json", "{\"id\":\"x\",\"files\":[");
	assert_int_equal(manifest_load(f.fd, &back), -EBADMSG);
	put(&f, "manifest.json", "[]");
	assert_int_equal(manifest_load(f.fd, &back), -EBADMSG);
	manifest_free(m);
	close_folder(&f);
}

/* Nothing readable, and files that hold nothing or lead elsewhere. */
static void test_finish_of_ruins(void **state)
{
	struct manifest *m;
	struct folder f;
	struct stat st;

	(void)state;
	open_folder(&f);
	put(&f, "manifest.json", "{\"id\":");
	put(&f, "p1-camera-1.webm", "no Matroska");
	put(&f, "p2-camera-1.mkv", "");
	put(&f, "p3-evil-1.webm", "not ours");
	put(&f, ".reserve", "x");
	assert_int_equal(symlinkat("/etc/passwd", f.fd, "p4-camera-1.webm"), 0);
	assert_int_equal(run_finish(&f), 0);
	assert_int_equal(manifest_load(f.fd, &m), 0);
	assert_string_equal(
		manifest_text(manifest_root(m), "state"), "finished");
	assert_string_equal(
		manifest_text(manifest_root(m), "stopped_because"), "crashed");
	assert_int_equal(
		manifest_get(manifest_root(m), "started_ms", 0), 1795691152000);
	assert_int_equal(
		cJSON_GetArraySize(manifest_list(manifest_root(m), "files")),
		0);
	manifest_free(m);
	assert_int_equal(fstatat(f.fd, "p1-camera-1.webm.broken", &st, 0), 0);
	assert_int_equal(fstatat(f.fd, "p2-camera-1.mkv.broken", &st, 0), 0);
	assert_int_equal(fstatat(f.fd, "p3-evil-1.webm", &st, 0), 0);
	assert_int_not_equal(fstatat(f.fd, ".reserve", &st, 0), 0);
	assert_int_equal(stat("/etc/passwd", &st), 0);
	close_folder(&f);
}

/* Its room and what the front said are not lost with it. */
static void test_finish_takes_what_is_known_of_the_start(void **state)
{
	struct manifest *m;
	struct folder f;
	cJSON *root;

	(void)state;
	open_folder(&f);
	put(&f, "manifest.json", "");
	put(&f, "origin.json",
		"{\"id\":\"x\",\"room\":\"!r:x\",\"started_ms\":1795691152345,"
		"\"about\":{\"by\":\"@ann:x\"}}");
	assert_int_equal(run_finish(&f), 0);
	assert_int_equal(manifest_load(f.fd, &m), 0);
	root = manifest_root(m);
	assert_string_equal(manifest_text(root, "room"), "!r:x");
	assert_int_equal(manifest_get(root, "started_ms", 0), 1795691152345);
	assert_string_equal(
		manifest_text(cJSON_GetObjectItem(root, "about"), "by"),
		"@ann:x");
	/* Its id is the directory's, whoever wrote the other one. */
	assert_string_equal(manifest_text(root, "id"), f.path + 5);
	manifest_free(m);
	put(&f, "manifest.json", "");
	put(&f, "origin.json", "{\"room\":7,\"about\":[");
	assert_int_equal(run_finish(&f), 0);
	assert_int_equal(manifest_load(f.fd, &m), 0);
	assert_string_equal(manifest_text(manifest_root(m), "room"), "");
	manifest_free(m);
	close_folder(&f);
}

/* By hand, while it is being recorded: the recorder holds the lock. */
static void test_finish_of_one_at_work_is_refused(void **state)
{
	struct folder f;
	int lock, was;

	(void)state;
	open_folder(&f);
	put(&f, "p1-camera-1.webm", "being written");
	lock = open(f.path, O_RDONLY | O_DIRECTORY);
	assert_int_equal(flock(lock, LOCK_EX | LOCK_NB), 0);
	assert_int_equal(run_finish(&f), 1);
	assert_int_equal(faccessat(f.fd, "p1-camera-1.webm", F_OK, 0), 0);
	assert_int_not_equal(faccessat(f.fd, "manifest.json", F_OK, 0), 0);
	/* The daemon, which locked it, gives it as descriptor 4. */
	was = fcntl(4, F_DUPFD_CLOEXEC, 50);
	assert_int_equal(dup2(lock, 4), 4);
	assert_int_equal(run_finish(&f), 0);
	close(4);
	if (was >= 0) {
		dup2(was, 4);
		close(was);
	}
	assert_int_equal(
		faccessat(f.fd, "p1-camera-1.webm.broken", F_OK, 0), 0);
	close(lock);
	close_folder(&f);
}

/* No ruin: perhaps it can be read another day. */
static void test_finish_of_what_cannot_be_read_now(void **state)
{
	struct manifest *m = make();
	struct folder f;

	(void)state;
	open_folder(&f);
	manifest_file(m, "p1-camera-1.webm", 1, "camera", "s", 1200);
	assert_int_equal(manifest_save(f.fd, m), 0);
	manifest_free(m);
	assert_int_equal(
		symlinkat("p1-camera-1.webm", f.fd, "p1-camera-1.webm"), 0);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(run_finish(&f), 1);
		assert_int_equal(manifest_load(f.fd, &m), 0);
		assert_string_equal(
			manifest_text(manifest_root(m), "state"), "partial");
		assert_int_equal(
			manifest_get(cJSON_GetArrayItem(
					     manifest_list(
						     manifest_root(m), "files"),
					     0),
				"from_ms", 0),
			1200);
		manifest_free(m);
		assert_int_not_equal(faccessat(f.fd, "p1-camera-1.webm.broken",
					     F_OK, AT_SYMLINK_NOFOLLOW),
			0);
	}
	assert_int_equal(unlinkat(f.fd, "p1-camera-1.webm", 0), 0);
	put(&f, "p1-camera-1.webm", "no Matroska");
	assert_int_equal(run_finish(&f), 0);
	assert_int_equal(
		faccessat(f.fd, "p1-camera-1.webm.broken", F_OK, 0), 0);
	close_folder(&f);
}

static void test_finish_of_finished(void **state)
{
	struct manifest *m = make();
	struct folder f;

	(void)state;
	open_folder(&f);
	manifest_set_text(manifest_root(m), "state", "composed");
	assert_int_equal(manifest_save(f.fd, m), 0);
	put(&f, "p1-camera-1.webm", "left alone");
	assert_int_equal(run_finish(&f), 0);
	assert_int_equal(faccessat(f.fd, "p1-camera-1.webm", F_OK, 0), 0);
	manifest_free(m);
	close_folder(&f);
}

/* Names in a manifest never lead out of the directory. */
static void test_finish_of_forged_names(void **state)
{
	struct manifest *m = make();
	struct folder f;

	(void)state;
	open_folder(&f);
	manifest_file(m, "../../etc/passwd", 1, "camera", "s", 0);
	manifest_file(m, "p1-camera-1.webm/../../x", 1, "camera", "s", 0);
	assert_int_equal(manifest_save(f.fd, m), 0);
	manifest_free(m);
	assert_int_equal(run_finish(&f), 0);
	assert_int_equal(manifest_load(f.fd, &m), 0);
	assert_int_equal(
		cJSON_GetArraySize(manifest_list(manifest_root(m), "files")),
		0);
	manifest_free(m);
	close_folder(&f);
}

static void test_commands(void **state)
{
	static const char *const bad[] = { "", "[]", "{", "null", "3",
		"{\"type\":\"start\"}", "{\"type\":\"start\",\"id\":7}",
		"{\"type\":\"participant\",\"label\":\"\"}",
		"{\"type\":\"source\",\"label\":\"x\"}" };
	static const char start[] =
		"{\"type\":\"start\",\"id\":\"i\",\"directory\":\"d\","
		"\"keyframe_s\":-5,\"about\":{\"a\":1}}";
	struct command c;

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_int_equal(
			command_read(bad[i], strlen(bad[i]), &c), -EBADMSG);
	assert_int_equal(command_read(start, sizeof(start) - 1, &c), 0);
	assert_int_equal(c.type, COMMAND_START);
	assert_int_equal(c.keyframe_s, 0);
	assert_string_equal(c.room, "");
	assert_non_null(c.about);
	command_done(&c);
	assert_int_equal(command_read("{\"type\":\"x\"}", 12, &c), 0);
	assert_int_equal(c.type, COMMAND_OTHER);
	command_done(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_gaps_join),
		cmocka_unit_test(test_lists_have_ceilings),
		cmocka_unit_test(test_gaps_of_a_file_have_a_ceiling),
		cmocka_unit_test(test_never_too_large_to_be_read),
		cmocka_unit_test(test_hostile_text),
		cmocka_unit_test(test_save_and_load),
		cmocka_unit_test(test_finish_of_ruins),
		cmocka_unit_test(test_finish_takes_what_is_known_of_the_start),
		cmocka_unit_test(test_finish_of_one_at_work_is_refused),
		cmocka_unit_test(test_finish_of_what_cannot_be_read_now),
		cmocka_unit_test(test_finish_of_finished),
		cmocka_unit_test(test_finish_of_forged_names),
		cmocka_unit_test(test_commands),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
