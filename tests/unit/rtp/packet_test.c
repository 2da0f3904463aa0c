#include "check.h"
#include "rtp/packet.h"

/* version, marker and type, number, timestamp, SSRC */
#define HEAD(first) first, 0xe0, 0x12, 0x34, 1, 2, 3, 4, 0xca, 0xfe, 0xba, 0xbe

static int parse(const uint8_t *bytes, size_t len, struct rtp_packet *ret,
	uint8_t **ret_copy)
{
	*ret_copy = exact_copy(bytes, len);
	return rtp_parse(ret, *ret_copy, len);
}

static void reads_a_plain_packet(void **state)
{
	static const uint8_t bytes[] = { HEAD(0x80), 'a', 'b', 'c' };
	struct rtp_packet p;
	uint8_t *copy;

	(void)state;
	assert_int_equal(parse(bytes, sizeof(bytes), &p, &copy), 0);
	assert_true(p.marker);
	assert_int_equal(p.pt, 96);
	assert_int_equal(p.seq, 0x1234);
	assert_int_equal(p.ts, 0x01020304);
	assert_int_equal(p.ssrc, 0xcafebabe);
	assert_int_equal(p.n_ext, 0);
	assert_int_equal(p.padding, 0);
	assert_ptr_equal(p.payload, copy + 12);
	assert_int_equal(p.payload_len, 3);
	assert_ptr_equal(p.buf, copy);
	assert_int_equal(p.len, sizeof(bytes));
	free(copy);
}

struct row {
	const char *name;
	size_t len;
	int err;
	unsigned n_ext;
	size_t payload_len;
	uint8_t bytes[48];
};

static const struct row rows[] = {
	{ "empty", 0, -EBADMSG, 0, 0, { 0 } },
	{ "11 bytes", 11, -EBADMSG, 0, 0, { HEAD(0x80) } },
	{ "no payload (47)", 12, 0, 0, 0, { HEAD(0x80) } },
	{ "version 1", 12, -EBADMSG, 0, 0, { HEAD(0x40) } },
	{ "version 3", 12, -EBADMSG, 0, 0, { HEAD(0xc0) } },
	{ "CC=15 truncated (38)", 48, -EBADMSG, 0, 0, { HEAD(0x8f) } },
	{ "CC=9 exact", 48, 0, 0, 0, { HEAD(0x89) } },
	{ "CC=10 four bytes short", 48, -EBADMSG, 0, 0, { HEAD(0x8a) } },
	{ "X without its header", 15, -EBADMSG, 0, 0, { HEAD(0x90) } },
	{ "X of no words", 16, 0, 0, 0, { HEAD(0x90), 0xbe, 0xde } },
	{ "X beyond the packet (39)", 19, -EBADMSG, 0, 0,
		{ HEAD(0x90), 0xbe, 0xde, 0, 1, 0x10, 1, 0 } },
	{ "X of 65535 words", 20, -EBADMSG, 0, 0,
		{ HEAD(0x90), 0xbe, 0xde, 0xff, 0xff } },
	{ "one-byte element", 21, 0, 1, 1,
		{ HEAD(0x90), 0xbe, 0xde, 0, 1, 0x10, 1, 0, 0, 9 } },
	{ "one-byte element too long", 20, -EBADMSG, 0, 0,
		{ HEAD(0x90), 0xbe, 0xde, 0, 1, 0x13, 1, 2, 3 } },
	{ "ID 0 runs", 24, 0, 1, 0,
		{ HEAD(0x90), 0xbe, 0xde, 0, 2, 0, 0, 0, 0, 0, 0x20, 7, 0 } },
	{ "ID 0 with a length stops", 24, 0, 1, 0,
		{ HEAD(0x90), 0xbe, 0xde, 0, 2, 0x20, 7, 0x01, 0, 0, 0x30, 7,
			0 } },
	{ "ID 15 stops", 24, 0, 1, 0,
		{ HEAD(0x90), 0xbe, 0xde, 0, 2, 0x20, 7, 0xf0, 0, 0x30, 7, 0x3f,
			0 } },
	{ "two-byte, one empty", 24, 0, 2, 0,
		{ HEAD(0x90), 0x10, 0x00, 0, 2, 200, 0, 0, 5, 3, 1, 2, 3 } },
	{ "two-byte with appbits", 20, 0, 1, 0,
		{ HEAD(0x90), 0x10, 0x0f, 0, 1, 5, 2, 1, 2 } },
	{ "two-byte cut after its ID", 20, -EBADMSG, 0, 0,
		{ HEAD(0x90), 0x10, 0x00, 0, 1, 0, 0, 0, 5 } },
	{ "two-byte too long", 20, -EBADMSG, 0, 0,
		{ HEAD(0x90), 0x10, 0x00, 0, 1, 5, 3, 1, 2 } },
	{ "unknown profile is not read", 20, 0, 0, 0,
		{ HEAD(0x90), 0xab, 0xcd, 0, 1, 0xff, 0xff, 0xff, 0xff } },
	{ "padding", 16, 0, 0, 1, { HEAD(0xa0), 9, 0, 0, 3 } },
	{ "padding alone", 14, 0, 0, 0, { HEAD(0xa0), 0, 2 } },
	{ "padding of 0", 14, -EBADMSG, 0, 0, { HEAD(0xa0), 0, 0 } },
	{ "padding over the header", 14, -EBADMSG, 0, 0, { HEAD(0xa0), 0, 3 } },
	{ "padding bit, no byte", 12, -EBADMSG, 0, 0, { HEAD(0xa0) } },
	{ "padding over the extension", 20, -EBADMSG, 0, 0,
		{ HEAD(0xb0), 0xbe, 0xde, 0, 1, 0x10, 1, 0, 1 } },
};

static void table(void **state)
{
	(void)state;
	for (unsigned i = 0; i < COUNT(rows); i++) {
		struct rtp_packet p = { .ssrc = 1 };
		uint8_t *copy;
		int err = parse(rows[i].bytes, rows[i].len, &p, &copy);

		if (err != rows[i].err)
			fail_msg("%s: %d", rows[i].name, err);
		if (err == 0) {
			if (p.n_ext != rows[i].n_ext ||
				p.payload_len != rows[i].payload_len)
				fail_msg("%s: %u extensions, %zu bytes",
					rows[i].name, p.n_ext, p.payload_len);
		} else {
			assert_int_equal(p.ssrc, 1); /* untouched */
		}
		free(copy);
	}
}

/* No prefix of a good packet may be read past its end. */
static void every_prefix(void **state)
{
	static const uint8_t bytes[] = { HEAD(0xb2), 1, 1, 1, 1, 2, 2, 2, 2,
		0xbe, 0xde, 0, 2, 0x10, 1, 0x22, 1, 2, 3, 0, 0, 5, 6, 7, 0, 0,
		3 };

	(void)state;
	for (size_t len = 0; len <= sizeof(bytes); len++) {
		struct rtp_packet p;
		uint8_t *copy;

		if (parse(bytes, len, &p, &copy) == 0) {
			assert_true(p.payload + p.payload_len + p.padding ==
				    copy + len);
		}
		free(copy);
	}
}

static void length_limit(void **state)
{
	static uint8_t big[RTP_PACKET_MAX + 1] = { HEAD(0x80) };
	struct rtp_packet p;

	(void)state;
	assert_int_equal(rtp_parse(&p, big, RTP_PACKET_MAX), 0);
	assert_int_equal(rtp_parse(&p, big, RTP_PACKET_MAX + 1), -EBADMSG);
}

static void more_elements_than_kept(void **state)
{
	uint8_t bytes[16 + 40] = { HEAD(0x90), 0xbe, 0xde, 0, 10 };
	struct rtp_packet p;

	(void)state;
	for (unsigned i = 0; i < 20; i++) {
		bytes[16 + 2 * i] = (uint8_t)((i % 14 + 1) << 4);
		bytes[17 + 2 * i] = (uint8_t)i;
	}
	assert_int_equal(rtp_parse(&p, bytes, sizeof(bytes)), 0);
	assert_int_equal(p.n_ext, RTP_EXT_MAX);
	/* The first of two with one id. */
	assert_int_equal(rtp_ext_find(&p, 1)->data[0], 0);
	assert_null(rtp_ext_find(&p, 0));
	assert_null(rtp_ext_find(&p, 15));
}

static void header_there_and_back(struct rtp_header *h, uint16_t profile)
{
	uint8_t buf[RTP_HEADER_MAX + 3];
	size_t len = rtp_write_header(buf, h);
	struct rtp_packet p;

	assert_true(len <= RTP_HEADER_MAX);
	assert_int_equal(len % 4, 0);
	memcpy(buf + len, "xyz", 3);
	assert_int_equal(rtp_parse(&p, buf, len + 3), 0);
	assert_int_equal(p.pt, h->pt);
	assert_int_equal(p.marker, h->marker);
	assert_int_equal(p.seq, h->seq);
	assert_int_equal(p.ts, h->ts);
	assert_int_equal(p.ssrc, h->ssrc);
	assert_int_equal(p.payload_len, 3);
	assert_int_equal(p.n_ext, h->n_ext);
	for (unsigned i = 0; i < h->n_ext; i++) {
		assert_int_equal(p.ext[i].id, h->ext[i].id);
		assert_int_equal(p.ext[i].len, h->ext[i].len);
		assert_memory_equal(
			p.ext[i].data, h->ext[i].data, h->ext[i].len);
	}
	if (profile) {
		assert_int_equal(buf[12] << 8 | buf[13], profile);
	} else {
		assert_int_equal(len, RTP_HEADER_LEN);
	}
}

static void writes_headers(void **state)
{
	static const uint8_t data[] = "0123456789abcdefghijklmnopqrstuvwxyz";
	struct rtp_ext ext[RTP_EXT_MAX];
	struct rtp_header h = { .pt = 111,
		.marker = true,
		.seq = 65535,
		.ts = 0xfffffffe,
		.ssrc = 0x80000001,
		.ext = ext };

	(void)state;
	header_there_and_back(&h, 0);
	h.marker = false;
	for (unsigned i = 0; i < 14; i++)
		ext[i] = (struct rtp_ext){ (uint8_t)(i + 1), 16, data };
	h.n_ext = 14;
	header_there_and_back(&h, 0xbede);
	h.n_ext = 1;
	ext[0].len = 1;
	header_there_and_back(&h, 0xbede);
	ext[0].len = 0; /* the one-byte form has no empty element */
	header_there_and_back(&h, 0x1000);
	ext[0].len = 17;
	header_there_and_back(&h, 0x1000);
	ext[0] = (struct rtp_ext){ 15, 4, data };
	header_there_and_back(&h, 0x1000);
	ext[1] = (struct rtp_ext){ 255, 33, data };
	h.n_ext = 2;
	header_there_and_back(&h, 0x1000);
}

static void header_never_too_long(void **state)
{
	uint8_t data[255] = { 0 };
	struct rtp_ext ext[RTP_EXT_MAX + 4];
	struct rtp_header h = { .ext = ext, .n_ext = COUNT(ext) };
	uint8_t *buf = malloc(RTP_HEADER_MAX);
	struct rtp_packet p;
	size_t len;

	(void)state;
	assert_non_null(buf);
	for (unsigned i = 0; i < COUNT(ext); i++)
		ext[i] = (struct rtp_ext){ (uint8_t)(i + 1), 17, data };
	len = rtp_write_header(buf, &h);
	assert_true(len <= RTP_HEADER_MAX);
	assert_int_equal(rtp_parse(&p, buf, len), 0);
	assert_int_equal(p.n_ext, 276 / 19);
	for (unsigned i = 0; i < COUNT(ext); i++)
		ext[i].len = 255;
	len = rtp_write_header(buf, &h);
	assert_int_equal(rtp_parse(&p, buf, len), 0);
	assert_int_equal(p.n_ext, 1);
	/* id 0 is no element. */
	ext[0] = (struct rtp_ext){ 0, 1, data };
	h.n_ext = 1;
	assert_int_equal(rtp_write_header(buf, &h), RTP_HEADER_LEN);
	free(buf);
}

static void reads_audio_levels(void **state)
{
	uint8_t byte = 0x85;
	struct rtp_ext ext = { 1, 1, &byte };
	bool voice = false;

	(void)state;
	assert_int_equal(rtp_audio_level(&ext, &voice), 5);
	assert_true(voice);
	byte = 0x7f;
	assert_int_equal(rtp_audio_level(&ext, &voice), 127);
	assert_false(voice);
	assert_int_equal(rtp_audio_level(&ext, NULL), 127);
	ext.len = 0;
	voice = true;
	assert_int_equal(rtp_audio_level(&ext, &voice), -1);
	assert_int_equal(rtp_audio_level(NULL, &voice), -1);
	assert_true(voice);
}

static enum rtp_kind kind_of(unsigned first, unsigned second)
{
	if (first <= 3)
		return RTP_KIND_STUN;
	if (first >= 20 && first <= 63)
		return RTP_KIND_DTLS;
	if (first < 128 || first > 191)
		return RTP_KIND_UNKNOWN;
	return second >= 192 && second <= 223 ? RTP_KIND_RTCP : RTP_KIND_RTP;
}

static void classifies_every_start(void **state)
{
	(void)state;
	for (unsigned first = 0; first < 256; first++) {
		for (unsigned second = 0; second < 256; second++) {
			uint8_t b[2] = { (uint8_t)first, (uint8_t)second };

			assert_int_equal(
				rtp_classify(b, 2), kind_of(first, second));
		}
	}
	assert_int_equal(
		rtp_classify((const uint8_t *)"\x80", 1), RTP_KIND_UNKNOWN);
	assert_int_equal(
		rtp_classify((const uint8_t *)"\x16", 1), RTP_KIND_DTLS);
	assert_int_equal(rtp_classify(NULL, 0), RTP_KIND_UNKNOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_a_plain_packet),
		cmocka_unit_test(table),
		cmocka_unit_test(every_prefix),
		cmocka_unit_test(length_limit),
		cmocka_unit_test(more_elements_than_kept),
		cmocka_unit_test(writes_headers),
		cmocka_unit_test(header_never_too_long),
		cmocka_unit_test(reads_audio_levels),
		cmocka_unit_test(classifies_every_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
