#include "harness.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>

#include "sfu/sdp/parse.h"

static int parse(const char *text, size_t len, struct sdp **ret)
{
	char error[SDP_ERROR_MAX] = "";
	int r = sdp_parse(text, len, ret, error);

	if (r < 0)
		assert_true(strlen(error) > 4);
	return r;
}

static unsigned parse_folder(const char *folder)
{
	char path[512], name[512];
	struct dirent *entry;
	unsigned count = 0;
	DIR *d;

	snprintf(path, sizeof(path), VECTORS "/sdp/%s", folder);
	d = opendir(path);
	assert_non_null(d);
	while ((entry = readdir(d))) {
		struct sdp *s = NULL;
		char *text;

		if (!strstr(entry->d_name, ".sdp"))
			continue;
		snprintf(
			name, sizeof(name), "%s/%.200s", folder, entry->d_name);
		text = vector_read(name);
		if (parse(text, strlen(text), &s) < 0)
			fail_msg("%s does not parse", name);
		assert_true(s->n_media > 0);
		for (unsigned i = 0; i < s->n_media; i++) {
			const struct sdp_media *m = &s->media[i];

			assert_true(m->kind != SDP_OTHER);
			/* Firefox says nothing of what it has stopped. */
			if (m->port == 0 && !m->bundle_only)
				continue;
			assert_string_equal(m->fingerprint_hash, "sha-256");
			assert_true(strlen(m->ufrag) >= 4);
			assert_true(m->kind == SDP_APPLICATION || m->n_codecs);
		}
		sdp_free(s);
		free(text);
		count++;
	}
	closedir(d);
	return count;
}

/* 67 of faults-and-attacks.md */
static void every_vector_parses(void **state)
{
	(void)state;
	assert_int_equal(parse_folder("chromium"), 16);
	assert_int_equal(parse_folder("firefox"), 16);
	assert_int_equal(parse_folder("safari"), 2);
	assert_int_equal(parse_folder("gstreamer"), 4);
	assert_int_equal(parse_folder("aiortc"), 2);
	assert_int_equal(parse_folder("nheko"), 2);
	assert_true(parse_folder("answers") >= 6);
}

static void a_browser_is_understood(void **state)
{
	char *text = vector_read("firefox/offer-av-data.sdp");
	struct sdp *s;
	struct sdp_media *m;

	(void)state;
	assert_int_equal(parse(text, strlen(text), &s), 0);
	assert_int_equal(s->n_media, 3);
	assert_int_equal(s->n_bundle, 3);
	assert_true(s->session_id == 3245211763005694552u);
	assert_true(s->extmap_allow_mixed);
	m = &s->media[0];
	assert_int_equal(m->port, 9);
	assert_true(m->end_of_candidates);
	assert_int_equal(m->n_candidates, 8);
	assert_memory_equal(m->candidate[0], "candidate:0 1 UDP ", 18);
	assert_string_equal(m->codec[0].name, "opus");
	assert_int_equal(m->codec[0].channels, 2);
	assert_string_equal(
		m->stream_id, "{9b47a371-6fd1-48ed-b33a-595f899a8163}");
	assert_int_equal(m->ext[1].direction, SDP_RECVONLY);
	m = &s->media[1];
	assert_int_equal(m->n_codecs, 9);
	assert_int_equal(m->codec[0].n_fb, 5);
	assert_string_equal(m->codec[0].fb[1].value, "nack pli");
	assert_int_equal(m->n_groups, 1);
	assert_int_equal(m->group[0].ssrc[0], 614014429);
	assert_true(m->rtcp_mux && m->rtcp_rsize);
	m = &s->media[2];
	assert_int_equal(m->sctp_port, 5000);
	assert_int_equal(m->max_message_size, 1073741823);
	assert_string_equal(m->ufrag, "eb763bed");
	sdp_free(s);
	free(text);
}

static void line_ends_may_be_mixed(void **state)
{
	const char text[] = "v=0\ns=-\r\n\nm=audio 9 RTP/AVP 0\na=mid:x\r\n"
			    "a=sendonly  ";
	struct sdp *s;

	(void)state;
	assert_int_equal(parse(text, strlen(text), &s), 0);
	assert_string_equal(s->media[0].mid, "x");
	assert_int_equal(s->media[0].direction, SDP_SENDONLY);
	assert_string_equal(s->media[0].codec[0].name, "PCMU");
	sdp_free(s);
}

#define M "m=audio 9 RTP/AVP 0\r\n"

/* 68 of faults-and-attacks.md, and 37 of matrix-signalling.md: garbage. */
static void garbage_is_refused(void **state)
{
	static const struct {
		const char *text;
		size_t len;
		int error;
	} table[] = {
		{ "", 0, -EBADMSG },
		{ "hello", 5, -EBADMSG },
		{ "{\"sdp\":1}", 9, -EBADMSG },
		{ "v=1\r\n", 5, -EBADMSG },
		{ "\r\nv=0\r\n", 7, -EBADMSG },
		{ "v=0\r\nx\r\n", 8, -EBADMSG },
		{ "v=0\r\nab=c\r\n", 11, -EBADMSG },
		{ "v=0\r\ns=a\0b\r\n", 13, -EBADMSG },
		{ "v=0\r\ns=a\rb\r\n", 13, -EBADMSG },
		{ "v=0\r\ns=\033[2J\r\n", 13, -EBADMSG },
		{ "v=0\r\nm=\r\n", 9, -EBADMSG },
		{ "v=0\r\nm=audio\r\n", 14, -EBADMSG },
		{ "v=0\r\nm=audio 9\r\n", 16, -EBADMSG },
		{ "v=0\r\nm=audio 65536 RTP/AVP 0\r\n", 30, -EBADMSG },
		{ "v=0\r\nm=audio -1 RTP/AVP 0\r\n", 27, -EBADMSG },
		{ "v=0\r\nm=audio 99999999999999999999 X 0\r\n", 40, -EBADMSG },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		struct sdp *s = NULL;

		assert_int_equal(
			parse(table[i].text, table[i].len, &s), table[i].error);
		assert_null(s);
	}
}

/* head, then line so many times. */
static int parse_many(
	const char *head, const char *line, unsigned times, struct sdp **ret)
{
	size_t len = strlen(head), one = strlen(line);
	char *text = malloc(len + one * times + 1);
	int r;

	assert_non_null(text);
	memcpy(text, head, len);
	for (unsigned i = 0; i < times; i++)
		memcpy(text + len + one * i, line, one);
	r = parse(text, len + one * times, ret);
	free(text);
	return r;
}

static void sizes_are_bounded(void **state)
{
	struct sdp *s = NULL;

	(void)state;
	assert_int_equal(parse_many("v=0\r\n", M, 256, &s), 0);
	assert_int_equal(s->n_media, 256);
	s = sdp_free(s);
	assert_int_equal(parse_many("v=0\r\n", M, 257, &s), -E2BIG);
	assert_int_equal(parse_many("v=0\r\n", M, 5000, &s), -E2BIG);
	assert_int_equal(parse_many("v=0\r\n", "a=x\r\n", 50000, &s), -E2BIG);
	assert_int_equal(
		parse_many("v=0\r\n", "a=xxxxxxxxxxxxxxxxxxxx\r\n", 45000, &s),
		-E2BIG);
	assert_null(s);
}

static void long_lists_are_cut(void **state)
{
	static const struct {
		const char *line;
		size_t offset;
		unsigned max;
	} table[] = {
		{ "a=candidate:1 1 udp 1 192.0.2.1 1 typ host\r\n",
			offsetof(struct sdp_media, n_candidates),
			PARSE_CANDIDATE_MAX },
		{ "a=extmap:1 urn:x\r\n", offsetof(struct sdp_media, n_ext),
			PARSE_EXT_MAX },
		{ "a=rid:1 send\r\n", offsetof(struct sdp_media, n_rids),
			PARSE_RID_MAX },
		{ "a=ssrc-group:FID 1 2\r\n",
			offsetof(struct sdp_media, n_groups), PARSE_GROUP_MAX },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		struct sdp *s;
		unsigned n;

		assert_int_equal(
			parse_many("v=0\r\n" M, table[i].line, 500, &s), 0);
		memcpy(&n, (char *)&s->media[0] + table[i].offset, sizeof(n));
		assert_int_equal(n, table[i].max);
		sdp_free(s);
	}
}

static void numbers_do_not_wrap(void **state)
{
	unsigned long n = 7;

	(void)state;
	assert_true(parse_number("4294967295", UINT32_MAX, &n));
	assert_true(n == UINT32_MAX);
	assert_false(parse_number("4294967296", UINT32_MAX, &n));
	assert_false(parse_number("18446744073709551616", ULONG_MAX, &n));
	assert_false(parse_number("", 10, &n));
	assert_false(parse_number("1x", 10, &n));
	assert_false(parse_number("+1", 10, &n));
	assert_false(parse_number("9", 5, &n));
	assert_true(n == UINT32_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_vector_parses),
		cmocka_unit_test(a_browser_is_understood),
		cmocka_unit_test(line_ends_may_be_mixed),
		cmocka_unit_test(garbage_is_refused),
		cmocka_unit_test(sizes_are_bounded),
		cmocka_unit_test(long_lists_are_cut),
		cmocka_unit_test(numbers_do_not_wrap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
