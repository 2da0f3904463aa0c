/* Links, through a real HTTP face. */
#include "tests/unit/studio/world.h"

#include <errno.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "http/http.h"
#include "tests/unit/http/client.h"

#define ID    "20200101T000000Z-00000001"
#define OTHER "20210101T000000Z-00000002"

static char link_to[512];

static int set_up(void **state)
{
	static struct world w;

	world_open(&w);
	assert_int_equal(http_new(&w.http, w.base, "127.0.0.1", 0, NULL), 0);
	world_put(&w, ID,
		"{\"state\": \"composed\", \"room\": \"!r\", \"files\": "
		"[{\"name\": \"p1-camera-1.webm\"}, {\"name\": \"gone.webm\"}, "
		"{\"name\": \"../../state\"}], \"composed\": {\"name\": "
		"\"composed.mp4\", \"thumbnail\": {\"name\": "
		"\"thumbnail.jpg\"}}}");
	world_write(&w, ID, "p1-camera-1.webm", "track");
	world_write(&w, ID, "composed.mp4", "0123456789");
	world_write(&w, ID, "thumbnail.jpg", "jpg");
	world_write(&w, ID, "notes.txt", "not of the recording");
	world_start(&w);
	*state = &w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;

	world_kill(w);
	w->http = http_free(w->http);
	world_close(w);
	return 0;
}

static const char *make(struct world *w, const char *file, unsigned ttl_s)
{
	assert_int_equal(studio_link(w->studio, ID, file, ttl_s, link_to,
				 sizeof(link_to)),
		0);
	return link_to;
}

static const char *get(struct world *w, const char *path, const char *headers)
{
	char line[700];

	snprintf(line, sizeof(line), "GET %s", path);
	return client_get(w->base, http_port(w->http), line, headers, "");
}

static void check(const char *reply, int status, const char *body)
{
	if (client_status(reply) != status)
		fail_msg("not %d: %s", status, reply);
	if (body)
		assert_non_null(strstr(client_body(reply), body));
}

static void test_fetch(void **state)
{
	struct world *w = *state;
	const char *reply = get(w, make(w, "composed.mp4", 60), "");

	check(reply, 200, "0123456789");
	assert_string_equal(client_header(reply, "Content-Type"), "video/mp4");
	assert_non_null(strstr(client_header(reply, "Content-Disposition"),
		ID "-composed.mp4"));
	assert_non_null(
		strstr(client_header(reply, "Content-Disposition"), "inline"));
	assert_non_null(
		strstr(client_header(reply, "Cache-Control"), "no-store"));
	check(get(w, make(w, "thumbnail.jpg", 60), ""), 200, "jpg");
	check(get(w, make(w, "p1-camera-1.webm", 60), ""), 200, "track");
}

static void test_ranges(void **state)
{
	struct world *w = *state;
	const char *reply =
		get(w, make(w, "composed.mp4", 60), "Range: bytes=2-4\r\n");

	check(reply, 206, "234");
	assert_string_equal(
		client_header(reply, "Content-Range"), "bytes 2-4/10");
}

static void test_only_what_the_manifest_lists(void **state)
{
	static const char *const names[] = { "notes.txt", "manifest.json",
		"../../state", "", ".", "composed.mp4/", "no.webm" };
	struct world *w = *state;

	for (unsigned i = 0; i < sizeof(names) / sizeof(*names); i++)
		assert_int_equal(studio_link(w->studio, ID, names[i], 60,
					 link_to, sizeof(link_to)),
			-ENOENT);
	assert_int_equal(studio_link(w->studio, OTHER, "composed.mp4", 60,
				 link_to, sizeof(link_to)),
		-ENOENT);
	assert_int_equal(
		studio_link(w->studio, ID, "composed.mp4", 60, link_to, 40),
		-EINVAL);
}

static void test_expiry(void **state)
{
	struct world *w = *state;
	char *at;

	make(w, "composed.mp4", 0);
	world_turn(w, 2100);
	check(get(w, link_to, ""), 403, "expired");
	/* A later time has another signature. */
	make(w, "composed.mp4", 60);
	at = strstr(link_to, "expires=") + 8;
	at[0]++;
	check(get(w, link_to, ""), 403, "not valid");
}

static void test_forged(void **state)
{
	static const char *const paths[] = {
		"/recordings/" ID "/composed.mp4",
		"/recordings/" ID "/composed.mp4?expires=99999999999",
		"/recordings/" ID "/composed.mp4?expires=99999999999&"
		"signature=",
		"/recordings/" ID "/composed.mp4?signature=00&expires="
		"999999999999999999999999999999",
		"/recordings/" ID "/manifest.json?expires=9999999999&"
		"signature=0000000000000000000000000000000000000000000000000000"
		"000000000000",
	};
	struct world *w = *state;
	char *at, forged[512];

	for (unsigned i = 0; i < sizeof(paths) / sizeof(*paths); i++)
		check(get(w, paths[i], ""), 403, "not valid");
	/* The signature of another file, of another recording, one bit off. */
	make(w, "p1-camera-1.webm", 60);
	snprintf(forged, sizeof(forged), "/recordings/" ID "/composed.mp4%s",
		strchr(link_to, '?'));
	check(get(w, forged, ""), 403, "not valid");
	make(w, "composed.mp4", 60);
	snprintf(forged, sizeof(forged), "/recordings/" OTHER "/composed.mp4%s",
		strchr(link_to, '?'));
	check(get(w, forged, ""), 403, "not valid");
	at = strstr(link_to, "signature=") + 10;
	*at = *at == '0' ? '1' : '0';
	check(get(w, link_to, ""), 403, "not valid");
}

static void test_no_listing_no_way_out(void **state)
{
	static const char *const paths[] = { "/recordings/", "/recordings/" ID,
		"/recordings/" ID "/", "/recordings/../links.key",
		"/recordings/" ID "/../../links.key",
		"/recordings/" ID "/%2e%2e/%2e%2e/links.key",
		"/recordings/" ID "/.hidden" };
	struct world *w = *state;

	for (unsigned i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
		int status = client_status(get(w, paths[i], ""));

		if (status != 404 && status != 403)
			fail_msg("%s: %d", paths[i], status);
	}
}

static void test_deleted(void **state)
{
	struct world *w = *state;

	check(get(w, make(w, "gone.webm", 60), ""), 404, "deleted");
	make(w, "composed.mp4", 60);
	studio_resume(w->studio);
	world_wait(w, "composed ");
	assert_int_equal(studio_delete(w->studio, "!r", ID), 0);
	check(get(w, link_to, ""), 404, "deleted");
}

static void test_links_are_not_followed(void **state)
{
	struct world *w = *state;
	char path[256];

	snprintf(path, sizeof(path), "%s/" ID "/composed.mp4", w->recordings);
	make(w, "composed.mp4", 60);
	unlink(path);
	assert_int_equal(symlink("/etc/passwd", path), 0);
	check(get(w, link_to, ""), 404, NULL);
}

static void key_path(struct world *w, char *ret, size_t cap)
{
	snprintf(ret, cap, "%s/links.key", w->directory);
}

static void restart(struct world *w)
{
	world_kill(w);
	http_free(w->http);
	assert_int_equal(http_new(&w->http, w->base, "127.0.0.1", 0, NULL), 0);
	world_start(w);
}

static void test_key_is_kept(void **state)
{
	struct world *w = *state;
	char path[256];
	struct stat st;

	key_path(w, path, sizeof(path));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	make(w, "composed.mp4", 60);
	restart(w);
	check(get(w, link_to, ""), 200, "0123456789");
	/* One that others could read, or that is torn, is replaced. */
	chmod(path, 0644);
	restart(w);
	check(get(w, link_to, ""), 403, "not valid");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(truncate(path, 5), 0);
	restart(w);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, 32);
}

static void test_no_http_no_links(void **state)
{
	struct world *w = *state;

	world_kill(w);
	http_free(w->http);
	w->http = NULL;
	world_start(w);
	assert_int_equal(studio_link(w->studio, ID, "composed.mp4", 60, link_to,
				 sizeof(link_to)),
		-EINVAL);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(test_fetch),
		T(test_ranges),
		T(test_only_what_the_manifest_lists),
		T(test_expiry),
		T(test_forged),
		T(test_no_listing_no_way_out),
		T(test_deleted),
		T(test_links_are_not_followed),
		T(test_key_is_kept),
		T(test_no_http_no_links),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
