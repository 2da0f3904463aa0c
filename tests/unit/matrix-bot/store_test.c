#include "test.h"
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include "matrix-bot/store.h"

static char dir[64];

static int setup(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/hearth-store-XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
	char path[96];

	(void)state;
	snprintf(path, sizeof(path), "%s/matrix.json", dir);
	unlink(path);
	return rmdir(dir);
}

static void keeps(void **state)
{
	struct store s;
	struct stat st;

	(void)state;
	assert_int_equal(store_init(&s, dir, "http://h", "bot"), 0);
	assert_null(s.token);
	store_set_session(&s, "DEV", "secret");
	store_set_next_batch(&s, "s1");
	assert_int_equal(store_write(&s), 0);
	assert_int_equal(stat(s.path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	store_done(&s);
	assert_int_equal(store_init(&s, dir, "http://h", "bot"), 0);
	assert_string_equal(s.device_id, "DEV");
	assert_string_equal(s.token, "secret");
	assert_string_equal(s.next_batch, "s1");
	store_done(&s);
	/* Another account's state is not ours. */
	assert_int_equal(store_init(&s, dir, "http://h", "other"), 0);
	assert_null(s.token);
	store_done(&s);
}

static void survives_damage(void **state)
{
	struct store s;
	FILE *f;

	(void)state;
	assert_int_equal(store_init(&s, dir, "http://h", "bot"), 0);
	f = fopen(s.path, "w");
	fputs("{\"homeserver\":\"http://h\",\"us", f);
	fclose(f);
	store_done(&s);
	assert_int_equal(store_init(&s, dir, "http://h", "bot"), 0);
	assert_null(s.next_batch);
	assert_int_equal(store_write(&s), 0);
	store_done(&s);
}

static void keeps_nothing(void **state)
{
	struct store s;

	(void)state;
	assert_int_equal(store_init(&s, NULL, "http://h", "bot"), 0);
	assert_int_equal(store_write(&s), 0);
	store_done(&s);
	assert_int_equal(
		store_init(&s, "/dev/null/x", "http://h", "bot"), -ENOTDIR);
	store_done(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps),
		cmocka_unit_test(survives_damage),
		cmocka_unit_test(keeps_nothing),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
