#include <event2/buffer.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "sfu/stats.h"

static char *print(const struct worker_stats *s)
{
	struct evbuffer *out = evbuffer_new();
	size_t len;
	char *text;

	stats_print(s, out);
	len = evbuffer_get_length(out);
	text = calloc(1, len + 1);
	evbuffer_remove(out, text, len);
	evbuffer_free(out);
	return text;
}

/* Every field of every kind is summed and none is forgotten: a struct full of
 * ones, added twice, is a struct full of twos. */
static void test_sum(void **state)
{
	enum { N = sizeof(struct worker_stats) / sizeof(uint64_t) };
	struct worker_stats one, sum = { 0 };
	const uint64_t *v = (const uint64_t *)(const void *)&sum;
	unsigned twos = 0;

	(void)state;
	for (unsigned i = 0; i < N; i++)
		((uint64_t *)(void *)&one)[i] = 1;
	stats_add(&sum, &one, true);
	stats_add(&sum, &one, true);
	for (unsigned i = 0; i < N; i++)
		twos += v[i] == 2;
	/* Only the unused end of the array of drops stays, what is not paused,
	 * and the smallest estimate. */
	assert_int_equal(twos, N - (32 - CONFERENCE_DROPS) - 2);
	assert_int_equal(sum.core.paused[SFU_NOT_PAUSED], 0);
	assert_int_equal(sum.core.estimate_min_bps, 1);
}

static void test_gauges_stay(void **state)
{
	struct worker_stats one = { 0 }, sum = { 0 };

	(void)state;
	one.conferences = one.handshakes_waiting = one.core.participants = 3;
	one.core.tracks = one.core.subscriptions = 3;
	one.core.rtp_in = one.unknown_source = 5;
	stats_add(&sum, &one, false);
	assert_int_equal(sum.conferences, 0);
	assert_int_equal(sum.handshakes_waiting, 0);
	assert_int_equal(sum.core.participants, 0);
	assert_int_equal(sum.core.tracks, 0);
	assert_int_equal(sum.core.subscriptions, 0);
	assert_int_equal(sum.core.rtp_in, 5);
	assert_int_equal(sum.unknown_source, 5);
}

/* Prometheus text: each sample's family was introduced by HELP and TYPE right
 * before, and only once. */
static void test_format(void **state)
{
	struct worker_stats s = { .core.rtp_in = UINT64_MAX };
	char *text = print(&s), *save, family[128] = "";
	unsigned samples = 0;

	(void)state;
	s.core.drops[DROP_AUTH] = 1;
	assert_non_null(strstr(
		text, "\nhearth_rtp_in_packets_total 18446744073709551615\n"));
	for (char *line = strtok_r(text, "\n", &save); line;
		line = strtok_r(NULL, "\n", &save)) {
		char name[128], kind[16];

		if (sscanf(line, "# HELP %127s", name) == 1) {
			assert_string_not_equal(name, family);
			snprintf(family, sizeof(family), "%s", name);
			continue;
		}
		if (sscanf(line, "# TYPE %127s %15s", name, kind) == 2) {
			assert_string_equal(name, family);
			assert_true(!strcmp(kind, "gauge") ||
				    !strcmp(kind, "counter"));
			continue;
		}
		assert_int_equal(sscanf(line, "%127[a-z_]", name), 1);
		assert_string_equal(name, family);
		samples++;
	}
	assert_true(samples > 40);
	free(text);
}

/* The worst of all workers; those without receivers do not count. */
static void test_least(void **state)
{
	struct worker_stats sum = { 0 };

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		struct worker_stats one = { 0 };

		one.core.estimate_min_bps = i * 1000;
		stats_add(&sum, &one, true);
	}
	assert_int_equal(sum.core.estimate_min_bps, 1000);
}

static void test_paused(void **state)
{
	struct worker_stats s = { 0 };
	char *text;

	(void)state;
	s.core.paused[SFU_PAUSED_LAST_N] = 9;
	text = print(&s);
	assert_non_null(
		strstr(text, "hearth_paused_videos{reason=\"last_n\"} 9\n"));
	assert_non_null(
		strstr(text, "hearth_paused_videos{reason=\"bandwidth\"} 0\n"));
	free(text);
}

/* The largest stay. */
static void test_rooms_noted(void **state)
{
	struct stats_rooms v = { 0 };
	struct conference_stats s = { 0 };
	unsigned large = 0;

	(void)state;
	for (unsigned i = 0; i < STATS_ROOMS + 8; i++) {
		char name[16];

		snprintf(name, sizeof(name), "room%u", i);
		s.participants = i;
		s.probes = i * 10;
		s.paused[SFU_PAUSED_HIDDEN] = i;
		stats_rooms_note(&v, name, &s);
	}
	assert_int_equal(v.n, STATS_ROOMS);
	for (unsigned i = 0; i < STATS_ROOMS; i++) {
		const struct stats_room *r = &v.v[i];
		char name[16];

		snprintf(name, sizeof(name), "room%u",
			(unsigned)r->participants);
		assert_int_equal(r->key, stats_room_key(name));
		assert_int_equal(r->probes, r->participants * 10);
		assert_int_equal(r->paused[SFU_PAUSED_HIDDEN], r->participants);
		large += r->participants >= 8;
	}
	assert_int_equal(large, STATS_ROOMS);
	s.participants = 1;
	stats_rooms_note(&v, "small", &s);
	for (unsigned i = 0; i < STATS_ROOMS; i++)
		assert_int_not_equal(v.v[i].key, stats_room_key("small"));
}

static void test_rooms_printed(void **state)
{
	struct stats_room a = { .participants = 3, .estimate_bps = 900000 };
	struct stats_room b = { .participants = 2, .red_out = UINT64_MAX };
	struct stats_room_row v[] = { { "~one", 0, &a }, { "~two", 1, &b } };
	struct evbuffer *out = evbuffer_new();
	const char *text;

	(void)state;
	stats_print_rooms(v, 2, out);
	evbuffer_add(out, "", 1);
	text = (const char *)evbuffer_pullup(out, -1);
	assert_non_null(strstr(text,
		"# TYPE hearth_conference_participants gauge\n"
		"hearth_conference_participants{conference=\"~one\","
		"worker=\"0\"} 3\n"
		"hearth_conference_participants{conference=\"~two\","
		"worker=\"1\"} 2\n"));
	assert_non_null(strstr(text,
		"hearth_conference_estimate_bits{conference=\"~one\","
		"worker=\"0\"} 900000\n"));
	assert_non_null(strstr(text, "worker=\"1\"} 18446744073709551615\n"));
	evbuffer_free(out);
	out = evbuffer_new();
	stats_print_rooms(v, 0, out);
	assert_int_equal(evbuffer_get_length(out), 0);
	evbuffer_free(out);
}

static void test_drops(void **state)
{
	struct worker_stats s = { .unknown_source = 7 };
	char *text;

	(void)state;
	s.core.drops[DROP_AUTH] = 9;
	text = print(&s);
	assert_non_null(strstr(text,
		"hearth_drops_total{reason=\"edge_unknown_source\"} 7\n"));
	assert_non_null(strstr(text, "\"} 9\n"));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sum),
		cmocka_unit_test(test_gauges_stay),
		cmocka_unit_test(test_format),
		cmocka_unit_test(test_least),
		cmocka_unit_test(test_paused),
		cmocka_unit_test(test_rooms_noted),
		cmocka_unit_test(test_rooms_printed),
		cmocka_unit_test(test_drops),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
