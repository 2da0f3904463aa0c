#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "sfu/relay.h"

static const uint8_t speech[] = { 0, 0, 0, 3, RELAY_RTP, 0, 0, 0, 0, 0, 1, 2,
	'a', 'b', 'c' };

static void a_frame_is_read_as_it_was_written(void **state)
{
	uint8_t header[RELAY_HEADER];
	struct relay_frame f;

	(void)state;
	assert_int_equal(relay_frame_read(speech, sizeof(speech), &f), 15);
	assert_int_equal(f.type, RELAY_RTP);
	assert_int_equal(f.id, 258);
	assert_int_equal(f.len, 3);
	assert_ptr_equal(f.payload, speech + RELAY_HEADER);
	relay_header_write(&f, header);
	assert_memory_equal(header, speech, RELAY_HEADER);
}

static void half_a_frame_waits(void **state)
{
	struct relay_frame f;

	(void)state;
	for (size_t n = 0; n < sizeof(speech); n++)
		assert_int_equal(relay_frame_read(speech, n, &f), 0);
}

static void what_is_no_frame_ends_it(void **state)
{
	static const struct {
		unsigned at;
		uint8_t value;
	} bad[] = {
		{ 4, 0 },                     /* no type */
		{ 4, RELAY_TYPES },           /* … */
		{ 5, 1 },                     /* reserved */
		{ 7, 1 },                     /* … */
		{ 2, RELAY_PACKET_MAX >> 8 }, /* 3 bytes too long */
		{ 0, 1 },                     /* 16 MB */
	};
	struct relay_frame f;
	uint8_t b[sizeof(speech)];

	(void)state;
	for (unsigned i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		memcpy(b, speech, sizeof(b));
		b[bad[i].at] = bad[i].value;
		assert_int_equal(relay_frame_read(b, sizeof(b), &f), -EBADMSG);
	}
	/* Of nobody: only that nobody speaks. */
	memcpy(b, speech, sizeof(b));
	b[10] = b[11] = 0;
	assert_int_equal(relay_frame_read(b, sizeof(b), &f), -EBADMSG);
	b[4] = RELAY_SPEAKER;
	assert_int_equal(relay_frame_read(b, sizeof(b), &f), 15);
	assert_int_equal(f.id, 0);
}

static void a_seat_has_label_and_description(void **state)
{
	static const uint8_t text[] = "@ann:x\nv=0\r\n";
	char label[SFU_LABEL_MAX + 1];
	uint8_t *longest = malloc(SFU_LABEL_MAX + 2);
	const char *sdp;
	size_t len;

	(void)state;
	assert_int_equal(
		relay_seat_read(text, sizeof(text) - 1, label, &sdp, &len), 0);
	assert_string_equal(label, "@ann:x");
	assert_int_equal(len, 5);
	assert_memory_equal(sdp, "v=0\r\n", 5);
	assert_int_equal(relay_seat_read(text, 7, label, &sdp, &len), 0);
	assert_int_equal(len, 0);
	assert_int_equal(relay_seat_read(text, 6, label, &sdp, &len), -EBADMSG);
	assert_int_equal(relay_seat_read(text, 0, label, &sdp, &len), -EBADMSG);
	assert_int_equal(relay_seat_read(text, sizeof(text), label, &sdp, &len),
		-EBADMSG);
	memset(longest, 'a', SFU_LABEL_MAX + 2);
	longest[SFU_LABEL_MAX] = '\n';
	assert_int_equal(
		relay_seat_read(longest, SFU_LABEL_MAX + 1, label, &sdp, &len),
		0);
	longest[SFU_LABEL_MAX] = 'a';
	longest[SFU_LABEL_MAX + 1] = '\n';
	assert_int_equal(
		relay_seat_read(longest, SFU_LABEL_MAX + 2, label, &sdp, &len),
		-EBADMSG);
	free(longest);
}

static void a_message_keeps_its_channel(void **state)
{
	struct channel ch = { .label = "chat", .protocol = "hearth-from" }, got;
	uint8_t b[64];
	const uint8_t *data;
	size_t len;
	bool binary;
	int64_t n;

	(void)state;
	ch.how.unordered = true;
	ch.how.kind = ASSOC_TIMED;
	ch.how.value = 70000;
	n = relay_message_write(
		&ch, true, (const uint8_t *)"xyz", 3, b, sizeof(b));
	assert_int_equal(n, RELAY_MESSAGE_HEAD + 4 + 11 + 3);
	memset(&got, 0xff, sizeof(got));
	assert_int_equal(
		relay_message_read(b, (size_t)n, &got, &binary, &data, &len),
		0);
	assert_string_equal(got.label, "chat");
	assert_string_equal(got.protocol, "hearth-from");
	assert_true(got.how.unordered && got.how.kind == ASSOC_TIMED);
	assert_int_equal(got.how.value, 70000);
	assert_false(got.ours);
	assert_true(binary);
	assert_int_equal(len, 3);
	assert_memory_equal(data, "xyz", 3);
	/* No room; and cut off anywhere in its head. */
	assert_int_equal(
		relay_message_write(&ch, true, b, 3, b, (size_t)n - 1), -E2BIG);
	for (size_t cut = 0; cut < (size_t)n - 3; cut++)
		assert_int_equal(
			relay_message_read(b, cut, &got, &binary, &data, &len),
			-EBADMSG);
	b[0] = 3 << 2;
	assert_int_equal(
		relay_message_read(b, (size_t)n, &got, &binary, &data, &len),
		-EBADMSG);
	b[0] = 0;
	b[RELAY_MESSAGE_HEAD + 1] = 0;
	assert_int_equal(
		relay_message_read(b, (size_t)n, &got, &binary, &data, &len),
		-EBADMSG);
}

/* No longer than what a worker has room to put a sender before. */
static void a_message_has_its_ceiling(void **state)
{
	const struct channel ch = { .label = "" };
	size_t most = ASSOC_MESSAGE_MAX, size = most + 64, len;
	uint8_t *b = calloc(1, size), *from = calloc(1, size);
	struct channel got;
	const uint8_t *data;
	bool binary;
	int64_t n;

	(void)state;
	n = relay_message_write(&ch, false, from, most, b, size);
	assert_true(n > 0 && n <= RELAY_PAYLOAD_MAX);
	assert_int_equal(
		relay_message_read(b, (size_t)n, &got, &binary, &data, &len),
		0);
	n = relay_message_write(&ch, false, from, most + 1, b, size);
	assert_true(n > 0);
	assert_int_equal(
		relay_message_read(b, (size_t)n, &got, &binary, &data, &len),
		-EBADMSG);
	free(b);
	free(from);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_frame_is_read_as_it_was_written),
		cmocka_unit_test(half_a_frame_waits),
		cmocka_unit_test(what_is_no_frame_ends_it),
		cmocka_unit_test(a_seat_has_label_and_description),
		cmocka_unit_test(a_message_keeps_its_channel),
		cmocka_unit_test(a_message_has_its_ceiling),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
