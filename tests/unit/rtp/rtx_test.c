#include "check.h"
#include "rtp/packet.h"
#include "rtp/rtx.h"

/* An RTX packet as RFC 4588 section 4 draws it: extension with a repaired rid,
 * OSN 0x1234, three bytes of payload, and two of padding. */
static const uint8_t wire[] = { 0xb0, 0xe1, 0x00, 0x07, 1, 2, 3, 4, 0xaa, 0xbb,
	0xcc, 0xdd, 0xbe, 0xde, 0x00, 0x01, 0xb0, 'q', 0, 0, 0x12, 0x34, 'a',
	'b', 'c', 0, 2 };

static void unwraps(void **state)
{
	uint8_t *buf = exact_copy(wire, sizeof(wire)), *out;
	struct rtp_packet p;
	size_t len;

	(void)state;
	assert_int_equal(
		rtx_unwrap(buf, sizeof(wire), 96, 0x11223344, &out, &len), 0);
	assert_true(out >= buf && out + len <= buf + sizeof(wire));
	assert_int_equal(len, sizeof(wire) - RTX_OSN_LEN);
	assert_int_equal(rtp_parse(&p, out, len), 0);
	assert_int_equal(p.seq, 0x1234);
	assert_int_equal(p.pt, 96);
	assert_true(p.marker);
	assert_int_equal(p.ssrc, 0x11223344);
	assert_int_equal(p.ts, 0x01020304);
	assert_int_equal(p.payload_len, 3);
	assert_memory_equal(p.payload, "abc", 3);
	assert_int_equal(p.padding, 2);
	assert_int_equal(p.n_ext, 1);
	assert_int_equal(rtp_ext_find(&p, 11)->data[0], 'q');
	free(buf);
}

static void there_and_back(void **state)
{
	uint64_t seed = 12;

	(void)state;
	for (unsigned n = 0; n < 20000; n++) {
		uint8_t ext_data[16], payload[64], packet[400], *buf, *out;
		size_t len = next_random(&seed) % sizeof(payload), at, out_len;
		struct rtp_ext ext = { .id = (uint8_t)(1 +
						       next_random(&seed) % 14),
			.len = (uint8_t)(1 + next_random(&seed) % 16),
			.data = ext_data };
		struct rtp_header h = { .pt = 97,
			.marker = n & 1,
			.seq = (uint16_t)next_random(&seed),
			.ts = (uint32_t)next_random(&seed),
			.ssrc = 5,
			.n_ext = n % 2,
			.ext = &ext };
		uint16_t osn = (uint16_t)next_random(&seed);
		struct rtp_packet p;

		memset(ext_data, 7, sizeof(ext_data));
		for (size_t i = 0; i < len; i++)
			payload[i] = (uint8_t)next_random(&seed);
		at = rtp_write_header(packet, &h);
		at += rtx_wrap(packet + at, osn, payload, len);
		buf = exact_copy(packet, at);
		assert_int_equal(rtx_unwrap(buf, at, 96, 6, &out, &out_len), 0);
		assert_int_equal(rtp_parse(&p, out, out_len), 0);
		assert_int_equal(p.seq, osn);
		assert_int_equal(p.ts, h.ts);
		assert_int_equal(p.marker, h.marker);
		assert_int_equal(p.n_ext, h.n_ext);
		assert_int_equal(p.payload_len, len);
		assert_memory_equal(p.payload, payload, len);
		free(buf);
	}
}

static void nothing_in_it(void **state)
{
	static const struct {
		int want;
		size_t len;
		uint8_t bytes[16];
	} t[] = {
		{ -ENODATA, 12, { 0x80, 97 } },
		{ -ENODATA, 15, { 0xa0, 97, [14] = 3 } },
		{ -EBADMSG, 13, { 0x80, 97 } },
		{ -EBADMSG, 15, { 0xa0, 97, [14] = 2 } },
		{ -EBADMSG, 15, { 0xa0, 97, [14] = 9 } },
		{ -EBADMSG, 11, { 0x80, 97 } },
		{ -EBADMSG, 14, { 0x40, 97 } },
		{ -EBADMSG, 0, { 0 } },
		{ 0, 14, { 0x80, 97 } },
	};

	(void)state;
	for (unsigned i = 0; i < COUNT(t); i++) {
		uint8_t *buf = exact_copy(t[i].bytes, t[i].len), *out = NULL;
		size_t len = 77;

		assert_int_equal(rtx_unwrap(buf, t[i].len, 96, 6, &out, &len),
			t[i].want);
		if (t[i].want) {
			assert_null(out);
			assert_int_equal(len, 77);
			assert_memory_equal(buf, t[i].bytes, t[i].len);
		} else {
			assert_int_equal(len, 12);
		}
		free(buf);
	}
}

static void pairs(void **state)
{
	struct rtx_pairs p = { .n = 0 };

	(void)state;
	assert_int_equal(rtx_media(&p, 1), 0);
	assert_int_equal(rtx_pair(&p, 0, 1), -EINVAL);
	assert_int_equal(rtx_pair(&p, 1, 0), -EINVAL);
	assert_int_equal(rtx_pair(&p, 1, 1), -EINVAL);
	for (uint32_t i = 1; i <= RTX_STREAMS; i++)
		assert_int_equal(rtx_pair(&p, 100 + i, i), 0);
	assert_int_equal(rtx_pair(&p, 999, 1), -ENOSPC);
	assert_int_equal(rtx_media(&p, 999), 0);
	assert_int_equal(rtx_media(&p, 103), 3);
	/* The last one named holds. */
	assert_int_equal(rtx_pair(&p, 103, 50), 0);
	assert_int_equal(rtx_media(&p, 103), 50);
	assert_int_equal(rtx_media(&p, 0), 0);
	rtx_unpair(&p, 50);
	rtx_unpair(&p, 51);
	assert_int_equal(rtx_media(&p, 103), 0);
	assert_int_equal(rtx_media(&p, 104), 4);
	assert_int_equal(rtx_media(&p, 100 + RTX_STREAMS), RTX_STREAMS);
	assert_int_equal(rtx_pair(&p, 999, 1), 0);
	rtx_unpair(&p, 1);
	assert_int_equal(rtx_media(&p, 999), 0);
	assert_int_equal(rtx_media(&p, 101), 0);
	assert_int_equal(p.n, RTX_STREAMS - 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unwraps),
		cmocka_unit_test(there_and_back),
		cmocka_unit_test(nothing_in_it),
		cmocka_unit_test(pairs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
