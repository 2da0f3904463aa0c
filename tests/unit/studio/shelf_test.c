#include "studio/shelf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#define ID "20261126T110552Z-0badcafe"

static struct {
	struct shelf shelf;
	char directory[64];
} t;

static int set_up(void **state)
{
	char path[96];

	(void)state;
	strcpy(t.directory, "/tmp/hearth-shelf-XXXXXX");
	assert_non_null(mkdtemp(t.directory));
	snprintf(path, sizeof(path), "%s/state/recordings//", t.directory);
	assert_int_equal(shelf_init(&t.shelf, path), 0);
	return 0;
}

static const char *path_of(const char *id, const char *name)
{
	static char path[SHELF_PATH_MAX + 128];

	snprintf(path, sizeof(path), "%s/%s/%s", t.shelf.path, id, name);
	return path;
}

/* In the place of libc's: what was synced, in order, f: a file of which no
 * manifest.json is there yet, m: one that is it already, d: a directory. */
static struct {
	char order[16];
	int fail; /* an errno */
} syncs;

int fsync(int fd)
{
	struct stat st, now;
	size_t n = strlen(syncs.order);
	char what = 'f';

	if (fstat(fd, &st) != 0)
		return -1;
	if (S_ISDIR(st.st_mode))
		what = 'd';
	else if (stat(path_of(ID, "manifest.json"), &now) == 0 &&
		 now.st_ino == st.st_ino)
		what = 'm';
	if (n < sizeof(syncs.order) - 1)
		syncs.order[n] = what;
	errno = syncs.fail;
	return syncs.fail ? -1 : 0;
}

static int remove_one(
	const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st;
	(void)kind;
	(void)at;
	return remove(path);
}

static int tear_down(void **state)
{
	(void)state;
	shelf_done(&t.shelf);
	return nftw(t.directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void put(const char *id, const char *name, const char *text)
{
	FILE *f = fopen(path_of(id, name), "w");

	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

static void test_ids(void **state)
{
	static const char *const wrong[] = { "", ".", "..", "20261126",
		"20261126T110552Z-0badcaf", "20261126T110552Z-0badcafe0",
		"20261126T110552Z-0BADCAFE", "20261126T110552Z/0badcafe",
		"2026112aT110552Z-0badcafe", "20261126 110552Z-0badcafe",
		"../../../../../etc/passwd", "20261126T110552Z-0badcaf/",
		(".deleted-" ID) };

	(void)state;
	assert_true(shelf_id_ok(ID));
	assert_int_equal(shelf_id_ms(ID), 1795691152000);
	assert_int_equal(shelf_id_ms("20261126T110552Z"), 0);
	assert_int_equal(shelf_id_ms("20269926T110552Z-0badcafe"), 0);
	for (unsigned i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		if (shelf_id_ok(wrong[i]))
			fail_msg("%s is no id", wrong[i]);
}

static void test_file_names(void **state)
{
	static const char *const wrong[] = { "", ".", "..", ".compose", "a/b",
		"../manifest.json", "A.webm", "p1 camera.webm", "a\n", "a\\b",
		"p1-\xc3\xa4.webm",
		("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		 "a"
		 "aa") };

	(void)state;
	assert_true(shelf_file_ok("p1-camera-1.webm"));
	assert_true(shelf_file_ok("composed.mp4"));
	for (unsigned i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		if (shelf_file_ok(wrong[i]))
			fail_msg("%s is no name", wrong[i]);
}

static void test_make(void **state)
{
	char a[SHELF_ID + 1], b[SHELF_ID + 1];
	struct stat st;

	(void)state;
	assert_int_equal(shelf_make(&t.shelf, a), 0);
	assert_int_equal(shelf_make(&t.shelf, b), 0);
	assert_true(shelf_id_ok(a));
	assert_string_not_equal(a, b);
	assert_int_equal(stat(path_of(a, ""), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	assert_int_equal(stat(t.shelf.path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	assert_true(shelf_free_bytes(&t.shelf) > 0);
}

static void test_init_fails(void **state)
{
	struct shelf s;
	char path[256];

	(void)state;
	assert_int_equal(shelf_init(&s, ""), -EINVAL);
	snprintf(path, sizeof(path), "%s/a/b/c", t.directory);
	assert_int_equal(shelf_init(&s, path), -ENOENT);
	snprintf(path, sizeof(path), "%s/file", t.directory);
	close(open(path, O_CREAT | O_WRONLY, 0600));
	assert_int_equal(shelf_init(&s, path), -ENOTDIR);
}

static void test_manifest(void **state)
{
	char id[SHELF_ID + 1];
	cJSON *json = NULL;
	struct stat st;

	(void)state;
	shelf_make(&t.shelf, id);
	assert_int_equal(shelf_read(&t.shelf, id, &json), -ENOENT);
	put(id, "manifest.json", "{\"room\": \"!r\", \"bro");
	assert_int_equal(shelf_read(&t.shelf, id, &json), -EBADMSG);
	put(id, "manifest.json", "[1]");
	assert_int_equal(shelf_read(&t.shelf, id, &json), -EBADMSG);
	put(id, "manifest.json", "");
	assert_int_equal(shelf_read(&t.shelf, id, &json), -EBADMSG);
	assert_null(json);
	put(id, "manifest.json", "{\"room\": \"!r\"}");
	assert_int_equal(shelf_read(&t.shelf, id, &json), 0);
	cJSON_AddNumberToObject(json, "n", 1);
	assert_int_equal(shelf_write(&t.shelf, id, json), 0);
	cJSON_Delete(json);
	assert_int_equal(shelf_read(&t.shelf, id, &json), 0);
	assert_int_equal(cJSON_GetObjectItem(json, "n")->valueint, 1);
	assert_int_equal(stat(path_of(id, "manifest.json"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(shelf_write(&t.shelf, ID, json), -ENOENT);
	cJSON_Delete(json);
}

/* After a power cut it is the old one or the new one. */
static void test_manifest_is_synced(void **state)
{
	cJSON *json = cJSON_Parse("{\"a\": 1}"), *read;

	(void)state;
	assert_int_equal(mkdir(path_of(ID, ""), 0700), 0);
	memset(&syncs, 0, sizeof(syncs));
	assert_int_equal(shelf_write(&t.shelf, ID, json), 0);
	assert_string_equal(syncs.order, "fd");
	/* A disk that cannot: the old one stays, and nothing beside it. */
	cJSON_AddNumberToObject(json, "b", 2);
	syncs.fail = EIO;
	assert_int_equal(shelf_write(&t.shelf, ID, json), -EIO);
	syncs.fail = 0;
	assert_int_equal(shelf_read(&t.shelf, ID, &read), 0);
	assert_false(cJSON_HasObjectItem(read, "b"));
	cJSON_Delete(read);
	cJSON_Delete(json);
	assert_int_equal(unlink(path_of(ID, "manifest.json")), 0);
	assert_int_equal(rmdir(path_of(ID, "")), 0);
}

static void test_origin(void **state)
{
	cJSON *json = cJSON_Parse("{\"room\": \"!r:x\"}"), *read = NULL;
	struct stat st;

	(void)state;
	assert_int_equal(mkdir(path_of(ID, ""), 0700), 0);
	assert_int_equal(shelf_read_origin(&t.shelf, ID, &read), -ENOENT);
	assert_int_equal(shelf_write_origin(&t.shelf, ID, json), 0);
	assert_int_equal(stat(path_of(ID, "origin.json"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(shelf_read_origin(&t.shelf, ID, &read), 0);
	assert_true(cJSON_Compare(json, read, true));
	assert_int_equal(shelf_read(&t.shelf, ID, &json), -ENOENT);
	cJSON_Delete(read);
	cJSON_Delete(json);
}

static void test_manifest_too_large(void **state)
{
	char id[SHELF_ID + 1];
	cJSON *json = NULL;

	(void)state;
	shelf_make(&t.shelf, id);
	put(id, "manifest.json", "{}");
	assert_int_equal(
		truncate(path_of(id, "manifest.json"), SHELF_MANIFEST_MAX + 1),
		0);
	assert_int_equal(shelf_read(&t.shelf, id, &json), -EBADMSG);
}

static void test_links_and_pipes_are_not_followed(void **state)
{
	char id[SHELF_ID + 1];
	cJSON *json = NULL;
	uint64_t size;

	(void)state;
	shelf_make(&t.shelf, id);
	put(".", "outside", "{\"secret\": 1}");
	assert_int_equal(
		symlink("../outside", path_of(id, "manifest.json")), 0);
	assert_int_equal(shelf_read(&t.shelf, id, &json), -ENOENT);
	assert_int_equal(
		shelf_open_file(&t.shelf, id, "manifest.json", &size), -ENOENT);
	assert_int_equal(mkfifo(path_of(id, "composed.mp4"), 0600), 0);
	assert_int_equal(
		shelf_open_file(&t.shelf, id, "composed.mp4", &size), -ENOENT);
	assert_int_equal(mkdir(path_of(id, "p1-camera-1.webm"), 0700), 0);
	assert_int_equal(
		shelf_open_file(&t.shelf, id, "p1-camera-1.webm", &size),
		-ENOENT);
	assert_int_equal(
		symlink(id, path_of(ID, "") /* ends with a slash */), -1);
	char link[SHELF_PATH_MAX + 64];
	snprintf(link, sizeof(link), "%s/" ID, t.shelf.path);
	assert_int_equal(symlink(id, link), 0);
	assert_int_equal(shelf_open(&t.shelf, ID), -ENOENT);
	/* Replaced, not written through. */
	json = cJSON_CreateObject();
	assert_int_equal(shelf_write(&t.shelf, id, json), 0);
	cJSON_Delete(json);
	assert_int_equal(shelf_read(&t.shelf, id, &json), 0);
	cJSON_Delete(json);
	int fd = open(path_of(".", "outside"), O_RDONLY);
	char text[32] = "";
	assert_true(read(fd, text, sizeof(text) - 1) > 0);
	close(fd);
	assert_string_equal(text, "{\"secret\": 1}");
}

static void test_open_file(void **state)
{
	char id[SHELF_ID + 1];
	uint64_t size = 0;
	int fd;

	(void)state;
	shelf_make(&t.shelf, id);
	put(id, "composed.mp4", "12345");
	fd = shelf_open_file(&t.shelf, id, "composed.mp4", &size);
	assert_true(fd >= 0);
	assert_int_equal(size, 5);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	close(fd);
	assert_int_equal(
		shelf_open_file(&t.shelf, id, "../outside", &size), -ENOENT);
	assert_int_equal(
		shelf_open_file(&t.shelf, id, "no.mp4", &size), -ENOENT);
}

static void test_lock(void **state)
{
	char id[SHELF_ID + 1];
	int fd, copy;

	(void)state;
	shelf_make(&t.shelf, id);
	assert_int_equal(shelf_lock(&t.shelf, ID), -ENOENT);
	fd = shelf_lock(&t.shelf, id);
	assert_true(fd >= 0);
	copy = dup(fd);
	close(fd);
	assert_int_equal(shelf_lock(&t.shelf, id), -EWOULDBLOCK);
	close(copy);
	fd = shelf_lock(&t.shelf, id);
	assert_true(fd >= 0);
	close(fd);
}

static unsigned sweep_all(void)
{
	unsigned n = 0;

	while (shelf_sweep(&t.shelf))
		if (++n > 1000)
			fail_msg("it never ends");
	return n;
}

static void test_bin_and_sweep(void **state)
{
	char id[SHELF_ID + 1], name[64], binned[64];

	(void)state;
	shelf_make(&t.shelf, id);
	for (int i = 0; i < 60; i++) {
		snprintf(name, sizeof(name), "p%d-camera-1.webm", i);
		put(id, name, "x");
	}
	mkdir(path_of(id, ".compose"), 0700);
	put(id, ".compose/part.mp4", "x");
	put(".", "outside", "kept");
	assert_int_equal(symlink("../outside", path_of(id, "link")), 0);
	assert_int_equal(symlink("..", path_of(id, "up")), 0);
	assert_int_equal(mkdir(path_of(".", "foreign"), 0700), 0);
	assert_int_equal(mkdir(path_of(".", ".deleted-foreign"), 0700), 0);
	assert_int_equal(shelf_bin(&t.shelf, id), 0);
	assert_int_equal(shelf_open(&t.shelf, id), -ENOENT);
	assert_int_equal(shelf_bin(&t.shelf, id), -ENOENT);
	assert_true(sweep_all() >= 4); /* in slices */
	snprintf(binned, sizeof(binned), ".deleted-%s", id);
	assert_int_equal(access(path_of(binned, ""), F_OK), -1);
	assert_int_equal(access(path_of(".", "outside"), F_OK), 0);
	assert_int_equal(access(path_of(".", "foreign"), F_OK), 0);
	assert_int_equal(access(path_of(".", ".deleted-foreign"), F_OK), 0);
	assert_false(shelf_sweep(&t.shelf));
}

static void test_large_files_shrink_first(void **state)
{
	char id[SHELF_ID + 1], binned[64];
	struct stat st;

	(void)state;
	shelf_make(&t.shelf, id);
	put(id, "composed.mp4", "");
	assert_int_equal(truncate(path_of(id, "composed.mp4"),
				 (off_t)3 << 30), /* sparse */
		0);
	snprintf(binned, sizeof(binned), ".deleted-%s", id);
	shelf_bin(&t.shelf, id);
	assert_true(shelf_sweep(&t.shelf));
	assert_int_equal(stat(path_of(binned, "composed.mp4"), &st), 0);
	assert_true(st.st_size < (off_t)3 << 30);
	sweep_all();
	assert_int_equal(access(path_of(binned, ""), F_OK), -1);
}

/* A hard link elsewhere keeps its content. */
static void test_hard_links_keep_their_content(void **state)
{
	char id[SHELF_ID + 1];
	struct stat st;

	(void)state;
	shelf_make(&t.shelf, id);
	put(".", "copy", "");
	assert_int_equal(truncate(path_of(".", "copy"), (off_t)1 << 30), 0);
	char from[SHELF_PATH_MAX + 128];
	snprintf(from, sizeof(from), "%s", path_of(".", "copy"));
	assert_int_equal(link(from, path_of(id, "composed.mp4")), 0);
	shelf_bin(&t.shelf, id);
	sweep_all();
	assert_int_equal(stat(path_of(".", "copy"), &st), 0);
	assert_int_equal(st.st_size, (off_t)1 << 30);
}

static void test_paths(void **state)
{
	char path[SHELF_PATH_MAX];

	(void)state;
	assert_int_equal(shelf_path(&t.shelf, ID, NULL, path, sizeof(path)), 0);
	assert_int_equal(path[strlen(path) - 1], 'e');
	assert_int_equal(
		shelf_path(&t.shelf, ID, "a.mp4", path, sizeof(path)), 0);
	assert_non_null(strstr(path, "/recordings/" ID "/a.mp4"));
	assert_int_equal(shelf_path(&t.shelf, ID, NULL, path, 20), -E2BIG);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ids),
		cmocka_unit_test(test_file_names),
		T(test_make),
		T(test_init_fails),
		T(test_manifest),
		T(test_manifest_is_synced),
		T(test_origin),
		T(test_manifest_too_large),
		T(test_links_and_pipes_are_not_followed),
		T(test_open_file),
		T(test_lock),
		T(test_bin_and_sweep),
		T(test_large_files_shrink_first),
		T(test_hard_links_keep_their_content),
		T(test_paths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
