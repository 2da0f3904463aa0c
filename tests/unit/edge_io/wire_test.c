#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "sfu/wire.h"

static uint8_t buf[WIRE_PAYLOAD_MAX];
static struct sfu_stream streams[SFU_STREAMS_MAX];

/* There and back; returns the payload's length. */
static size_t trip(const struct wire_message *m, struct wire_message *ret)
{
	int len = wire_encode(m, buf, sizeof(buf));

	assert_true(len >= 0);
	assert_int_equal(
		wire_decode(m->type, m->id, buf, (size_t)len, streams, ret), 0);
	assert_int_equal(ret->type, m->type);
	assert_int_equal(ret->id, m->id);
	return (size_t)len;
}

static void test_join(void **state)
{
	struct wire_message m = { .type = WIRE_JOIN, .id = 7 }, got;

	(void)state;
	m.u.join.conference = "matrix:!room";
	m.u.join.label = "";
	m.u.join.options.renegotiate = true;
	trip(&m, &got);
	assert_string_equal(got.u.join.conference, "matrix:!room");
	assert_string_equal(got.u.join.label, "");
	assert_true(got.u.join.options.renegotiate);
}

static void test_plug(void **state)
{
	struct wire_message m = { .type = WIRE_PLUG, .id = 7 }, got;

	(void)state;
	m.u.plug.conference = "matrix:!room";
	m.u.plug.label = "recorder";
	m.u.plug.options.publish = true;
	m.u.plug.fd = 5;
	trip(&m, &got);
	assert_string_equal(got.u.plug.conference, "matrix:!room");
	assert_string_equal(got.u.plug.label, "recorder");
	assert_true(got.u.plug.options.publish);
	assert_false(got.u.plug.options.listen);
	/* Descriptors go beside the bytes. */
	assert_int_equal(got.u.plug.fd, -1);
}

static void test_texts(void **state)
{
	static const struct {
		enum wire_type type;
		size_t max;
	} rows[] = { { WIRE_OFFER, SFU_SDP_MAX }, { WIRE_ANSWER, SFU_SDP_MAX },
		{ WIRE_CANDIDATE, WIRE_LINE_MAX },
		{ WIRE_SORRY, WIRE_TEXT_MAX } };
	char *text = malloc(SFU_SDP_MAX + 2);

	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct wire_message m = { .type = rows[i].type, .id = 1 }, got;

		memset(text, 'x', SFU_SDP_MAX + 2);
		text[rows[i].max] = 0;
		m.u.text.v = text;
		trip(&m, &got);
		assert_int_equal(got.u.text.len, rows[i].max);
		assert_string_equal(got.u.text.v, text);
		text[rows[i].max] = 'x';
		text[rows[i].max + 1] = 0;
		assert_int_equal(wire_encode(&m, buf, sizeof(buf)), -E2BIG);
	}
	free(text);
}

static void test_data(void **state)
{
	struct wire_message m = { .type = WIRE_MESSAGE, .id = 1 }, got;
	static uint8_t data[SFU_CONTROL_MAX + 1];

	(void)state;
	data[0] = 0;
	data[1] = 255;
	m.u.data.binary = true;
	m.u.data.v = data;
	for (size_t len = 0; len <= SFU_CONTROL_MAX; len += SFU_CONTROL_MAX) {
		m.u.data.len = len;
		trip(&m, &got);
		assert_true(got.u.data.binary);
		assert_int_equal(got.u.data.len, len);
		assert_memory_equal(got.u.data.v, data, len);
	}
	m.u.data.len = SFU_CONTROL_MAX + 1;
	assert_int_equal(wire_encode(&m, buf, sizeof(buf)), -E2BIG);
}

static void test_view(void **state)
{
	struct wire_message m = { .type = WIRE_VIEW, .id = 3 }, got;
	char stream[SFU_STREAM_MAX + 2];

	(void)state;
	memset(stream, 'h', sizeof(stream));
	stream[SFU_STREAM_MAX] = 0;
	m.u.view.stream = stream;
	m.u.view.height = 360;
	m.u.view.visible = true;
	trip(&m, &got);
	assert_string_equal(got.u.view.stream, stream);
	assert_int_equal(got.u.view.height, 360);
	assert_true(got.u.view.visible);
	stream[SFU_STREAM_MAX] = 'h';
	stream[SFU_STREAM_MAX + 1] = 0;
	assert_int_equal(wire_encode(&m, buf, sizeof(buf)), -E2BIG);
}

static void test_screen(void **state)
{
	struct wire_message m = { .type = WIRE_SCREEN, .id = 3 }, got;

	(void)state;
	m.u.screen.stream = "abc";
	m.u.screen.on = true;
	trip(&m, &got);
	assert_string_equal(got.u.screen.stream, "abc");
	assert_true(got.u.screen.on);
}

static void test_rooms(void **state)
{
	struct wire_message m = { .type = WIRE_ROOMS }, got;
	int n;

	(void)state;
	trip(&m, &got);
	assert_int_equal(got.u.rooms.n, 0);
	m.u.rooms.n = STATS_ROOMS;
	for (unsigned i = 0; i < STATS_ROOMS; i++)
		m.u.rooms.v[i].probes = i;
	trip(&m, &got);
	assert_int_equal(got.u.rooms.n, STATS_ROOMS);
	for (unsigned i = 0; i < STATS_ROOMS; i++)
		assert_int_equal(got.u.rooms.v[i].probes, i);
	m.u.rooms.n = STATS_ROOMS + 1;
	assert_int_equal(wire_encode(&m, buf, sizeof(buf)), -E2BIG);
	/* Half of one. */
	m.u.rooms.n = 1;
	n = wire_encode(&m, buf, sizeof(buf));
	buf[0]--;
	assert_int_equal(wire_decode(m.type, 0, buf, (size_t)n - 1, NULL, &got),
		-EBADMSG);
}

static void test_paused(void **state)
{
	struct sfu_stream v[4];
	struct wire_message m = { .type = WIRE_EVENT, .id = 3 }, got;

	(void)state;
	memset(v, 0, sizeof(v));
	for (unsigned i = 0; i < 4; i++) {
		snprintf(v[i].id, sizeof(v[i].id), "h%u", i);
		v[i].video = i & 1;
		v[i].paused = (enum sfu_paused)i;
	}
	m.u.event.type = SFU_EV_PAUSED;
	m.u.event.streams = v;
	m.u.event.n_streams = 4;
	trip(&m, &got);
	assert_int_equal(got.u.event.type, SFU_EV_PAUSED);
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(got.u.event.streams[i].paused, i);
		assert_int_equal(got.u.event.streams[i].video, i & 1);
	}
	/* No reason there is. */
	v[0].paused = (enum sfu_paused)(SFU_PAUSED_HIDDEN + 1);
	int n = wire_encode(&m, buf, sizeof(buf));
	assert_true(n > 0);
	assert_int_equal(
		wire_decode(m.type, m.id, buf, (size_t)n, v, &got), -EBADMSG);
}

/* The largest event there can be fits. */
static void test_largest_event(void **state)
{
	struct wire_message m = { .type = WIRE_EVENT, .id = 9 }, got;
	struct sfu_stream *v = calloc(SFU_STREAMS_MAX, sizeof(*v));
	char *sdp = malloc(SFU_SDP_MAX + 1);

	(void)state;
	memset(sdp, 's', SFU_SDP_MAX);
	sdp[SFU_SDP_MAX] = 0;
	for (unsigned i = 0; i < SFU_STREAMS_MAX; i++) {
		memset(v[i].id, 'i', SFU_STREAM_MAX);
		memset(v[i].source, 'o', SFU_STREAM_MAX);
		v[i].owner = i;
		v[i].audio = i & 1;
		v[i].video = i & 2;
	}
	m.u.event = (struct sfu_event){ .type = SFU_EV_OFFER,
		.participant = 9,
		.sdp = sdp,
		.streams = v,
		.n_streams = SFU_STREAMS_MAX,
		.code = -EINVAL };
	trip(&m, &got);
	assert_string_equal(got.u.event.sdp, sdp);
	assert_int_equal(got.u.event.n_streams, SFU_STREAMS_MAX);
	assert_memory_equal(
		got.u.event.streams, v, SFU_STREAMS_MAX * sizeof(*v));
	assert_int_equal(got.u.event.code, -EINVAL);
	assert_int_equal(got.u.event.participant, 9);
	m.u.event.n_streams++;
	assert_int_equal(wire_encode(&m, buf, sizeof(buf)), -E2BIG);
	free(v);
	free(sdp);
}

static void test_flat(void **state)
{
	struct wire_message m = { .type = WIRE_OPTIONS }, got;

	(void)state;
	m.u.options.port = 7882;
	m.u.options.n_listen = 2;
	strcpy(m.u.options.listen[1], "::");
	m.u.options.limits.tracks = 5;
	trip(&m, &got);
	assert_memory_equal(&got.u.options, &m.u.options, sizeof(m.u.options));
	m.u.options.n_advertise = WIRE_LIST + 1;
	assert_int_equal(wire_decode(WIRE_OPTIONS, 0, (uint8_t *)&m.u.options,
				 sizeof(m.u.options), NULL, &got),
		-EBADMSG);

	memset(&m, 0, sizeof(m));
	m.type = WIRE_STATS;
	m.u.stats.core.rtp_in = UINT64_MAX;
	trip(&m, &got);
	assert_memory_equal(&got.u.stats, &m.u.stats, sizeof(m.u.stats));
}

static void test_level(void **state)
{
	struct wire_message m = { .type = WIRE_LOG_LEVEL }, got;
	size_t len;

	(void)state;
	m.u.level = 3;
	len = trip(&m, &got);
	assert_int_equal(got.u.level, 3);
	m.u.level = 4;
	assert_int_equal(wire_encode(&m, buf, sizeof(buf)), len);
	assert_int_equal(
		wire_decode(m.type, 0, buf, len, NULL, &got), -EBADMSG);
}

static void test_bare(void **state)
{
	static const enum wire_type bare[] = { WIRE_LEAVE, WIRE_ASK_STATS,
		WIRE_STOP, WIRE_BYE };

	(void)state;
	for (unsigned i = 0; i < sizeof(bare) / sizeof(*bare); i++) {
		struct wire_message m = { .type = bare[i], .id = 3 }, got;

		assert_int_equal(trip(&m, &got), 0);
		assert_int_equal(wire_decode(bare[i], 3, buf, 1, streams, &got),
			-EBADMSG);
	}
}

static void set_u32(uint8_t *at, uint32_t v)
{
	memcpy(at, &v, 4);
}

static void test_types(void **state)
{
	struct wire_message m = { .type = WIRE_TYPES }, got;

	(void)state;
	assert_int_equal(wire_encode(&m, buf, sizeof(buf)), -EINVAL);
	m.type = (enum wire_type)0;
	assert_int_equal(wire_encode(&m, buf, sizeof(buf)), -EINVAL);
	assert_int_equal(wire_decode(0, 0, buf, 0, streams, &got), -EBADMSG);
	assert_int_equal(
		wire_decode(WIRE_TYPES, 0, buf, 0, streams, &got), -EBADMSG);
	assert_int_equal(
		wire_decode(UINT32_MAX, 0, buf, 0, streams, &got), -EBADMSG);
}

/* Every truncation of every kind, and lengths that lie, are refused. */
static void test_truncated(void **state)
{
	struct sfu_stream one = { .id = "a", .source = "b", .audio = true };
	struct wire_message v[] = { { .type = WIRE_JOIN },
		{ .type = WIRE_OFFER }, { .type = WIRE_MESSAGE },
		{ .type = WIRE_EVENT }, { .type = WIRE_STATS },
		{ .type = WIRE_OPTIONS }, { .type = WIRE_LOG_LEVEL } };

	(void)state;
	v[0].u.join.conference = v[0].u.join.label = "name";
	v[1].u.text.v = "v=0";
	v[2].u.data.v = (const uint8_t *)"data";
	v[2].u.data.len = 4;
	v[3].u.event = (struct sfu_event){
		.sdp = "v=0", .streams = &one, .n_streams = 1
	};
	for (unsigned i = 0; i < sizeof(v) / sizeof(*v); i++) {
		struct wire_message got;
		size_t len = trip(&v[i], &got);

		for (size_t cut = 0; cut < len; cut++)
			assert_int_equal(wire_decode(v[i].type, 0, buf, cut,
						 streams, &got),
				-EBADMSG);
		buf[len] = 0;
		assert_int_equal(
			wire_decode(v[i].type, 0, buf, len + 1, streams, &got),
			-EBADMSG);
	}
}

static void test_lies(void **state)
{
	struct wire_message m = { .type = WIRE_OFFER }, got;
	size_t len;

	(void)state;
	m.u.text.v = "v=0";
	len = trip(&m, &got);
	set_u32(buf, UINT32_MAX);
	assert_int_equal(
		wire_decode(WIRE_OFFER, 0, buf, len, NULL, &got), -EBADMSG);
	set_u32(buf, 0);
	assert_int_equal(
		wire_decode(WIRE_OFFER, 0, buf, 4, NULL, &got), -EBADMSG);
	trip(&m, &got);
	buf[5] = 0; /* a NUL inside */
	assert_int_equal(
		wire_decode(WIRE_OFFER, 0, buf, len, NULL, &got), -EBADMSG);
	trip(&m, &got);
	buf[len - 1] = 'x'; /* none at the end */
	assert_int_equal(
		wire_decode(WIRE_OFFER, 0, buf, len, NULL, &got), -EBADMSG);

	memset(&m, 0, sizeof(m));
	m.type = WIRE_EVENT;
	m.u.event.type = SFU_EV_LEFT;
	m.u.event.reason = SFU_UNANSWERED;
	len = trip(&m, &got);
	set_u32(buf + 12, SFU_UNANSWERED + 1);
	assert_int_equal(
		wire_decode(WIRE_EVENT, 0, buf, len, streams, &got), -EBADMSG);
	trip(&m, &got);
	set_u32(buf, SFU_EV_LEFT + 1);
	assert_int_equal(
		wire_decode(WIRE_EVENT, 0, buf, len, streams, &got), -EBADMSG);
	trip(&m, &got);
	set_u32(buf + len - 4, SFU_STREAMS_MAX + 1);
	assert_int_equal(
		wire_decode(WIRE_EVENT, 0, buf, len, streams, &got), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_join),
		cmocka_unit_test(test_plug),
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_data),
		cmocka_unit_test(test_view),
		cmocka_unit_test(test_screen),
		cmocka_unit_test(test_rooms),
		cmocka_unit_test(test_paused),
		cmocka_unit_test(test_largest_event),
		cmocka_unit_test(test_flat),
		cmocka_unit_test(test_level),
		cmocka_unit_test(test_bare),
		cmocka_unit_test(test_types),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_lies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
