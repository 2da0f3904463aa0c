/* Payloads by hand: each rule of each format, and each way to lie. */
#include "packets.h"

#include "record/depacket.h"

/* A script: payloads of one frame, "!" in place of one that is lost, and what
 * must come of it; bytes in hexadecimal. */
struct script {
	const char *name;
	enum take_codec codec;
	const char *payload[8];
	const char *want; /* NULL: nothing */
	bool keyframe, whole;
	unsigned width, height;
	int malformed; /* payloads that are refused */
	bool lost;     /* of nothing: it is a loss */
};

#define SPS      "6742c016d900a02ff970110000030001000003001e0f162e48"
#define SPS_SIZE 640, 360

/* clang-format off */
static const struct script scripts[] = {
	/* RFC 7741 */
	{ "vp8 key frame", TAKE_VP8, { "10 500102 9d012a 80024003 aabb" },
		"500102 9d012a 80024003 aabb", true, true, 640, 832, 0, 0 },
	{ "vp8 scaling bits are no size", TAKE_VP8,
		{ "10 500102 9d012a 80424083 aabb" },
		"500102 9d012a 80424083 aabb", true, true, 640, 832, 0, 0 },
	{ "vp8 delta, all extensions", TAKE_VP8, { "90f0 8123 05 60 d1aabb",
		"80f0 8123 05 60 cc" }, "d1aabbcc", false, true, 0, 0, 0, 0 },
	{ "vp8 short picture id", TAKE_VP8, { "9080 23 d1aabb" }, "d1aabb",
		false, true, 0, 0, 0, 0 },
	{ "vp8 end lost", TAKE_VP8, { "10 d1aabb", "!" }, "d1aabb", false,
		false, 0, 0, 0, 0 },
	{ "vp8 middle lost: up to the hole", TAKE_VP8, { "10 d1aabb", "!",
		"00 eeff" }, "d1aabb", false, false, 0, 0, 0, 0 },
	{ "vp8 beginning lost", TAKE_VP8, { "!", "00 eeff" }, NULL, false,
		false, 0, 0, 0, true },
	{ "vp8 something lost before it", TAKE_VP8, { "!", "10 d1ff" }, "d1ff",
		false, true, 0, 0, 0, 0 },
	{ "vp8 key frame without its start code", TAKE_VP8,
		{ "10 500102 9d012b 80024003 aabb" },
		"500102 9d012b 80024003 aabb", false, false, 0, 0, 0, 0 },
	{ "vp8 descriptor and no more", TAKE_VP8, { "90f0 8123 05 60" }, NULL,
		false, false, 0, 0, 1, true },
	{ "vp8 descriptor cut", TAKE_VP8, { "90f0" }, NULL, false, false, 0, 0,
		1, true },
	{ "vp8 nothing", TAKE_VP8, { "" }, NULL, false, false, 0, 0, 0, false },
	/* RFC 9628 */
	{ "vp9 key frame, size from its header", TAKE_VP9,
		{ "8c 9234 8249834200 27f0 167000" },
		"8249834200 27f0 167000", true, true, 640, 360, 0, 0 },
	{ "vp9 delta in two packets", TAKE_VP9, { "c8 9234 86aa",
		"c4 9234 bb" }, "86aabb", false, true, 0, 0, 0, 0 },
	{ "vp9 flexible, three references and no more", TAKE_VP9,
		{ "dc 9234 03 05 07 86aa" }, "86aa", false, true, 0, 0, 0, 0 },
	{ "vp9 flexible, two references", TAKE_VP9, { "dc 9234 03 04 86aa" },
		"86aa", false, true, 0, 0, 0, 0 },
	{ "vp9 a structure with pictures", TAKE_VP9,
		{ "8e 9234 08 02 04 11 08 0203 8249834200 27f0 167000" },
		"8249834200 27f0 167000", true, true, 640, 360, 0, 0 },
	{ "vp9 two layers become a superframe", TAKE_VP9,
		{ "ae 9234 00 07 30 0140 00b4 0280 0168 "
		  "8249834200 13f0 0b3000", "ac 9234 03 07 86aa" },
		"8249834200 13f0 0b3000 86aa c1 0a02 c1", true, true, 640, 360,
		0, 0 },
	{ "vp9 one layer of two that are spoken of", TAKE_VP9,
		{ "ae 9234 00 07 30 0140 00b4 0280 0168 "
		  "8249834200 13f0 0b3000" },
		"8249834200 13f0 0b3000", true, true, 320, 180, 0, 0 },
	{ "vp9 upper layer cut: the lower is given", TAKE_VP9,
		{ "ac 9234 00 07 86aa", "a8 9234 03 07 86bb", "!" },
		"86aa", false, false, 0, 0, 0, 0 },
	{ "vp9 upper layer of which the beginning is lost", TAKE_VP9,
		{ "ac 9234 00 07 86aa", "!", "a4 9234 03 07 86bb" },
		"86aa", false, false, 0, 0, 0, 0 },
	{ "vp9 lower layer cut, the upper is here", TAKE_VP9,
		{ "a8 9234 00 07 86aa", "!", "ac 9234 03 07 86bb" },
		"86bb", false, false, 0, 0, 0, 0 },
	{ "vp9 lower layer lost", TAKE_VP9, { "!", "ac 9234 03 07 86bb" }, NULL,
		false, false, 0, 0, 0, true },
	{ "vp9 rest of nothing", TAKE_VP9, { "c4 9234 bb" }, NULL, false, false,
		0, 0, 0, true },
	{ "vp9 structure cut", TAKE_VP9, { "8e 9234 18 02 04" }, NULL, false,
		false, 0, 0, 1, true },
	{ "vp9 end lost", TAKE_VP9, { "c8 9234 86aa", "!" }, NULL, false, false,
		0, 0, 0, true },
	{ "vp9 no end", TAKE_VP9, { "ac 9234 00 07 86aa", "a8 9234 03 07 86bb" },
		"86aa", false, false, 0, 0, 0, 0 },
	/* RFC 6184 */
	{ "h264 sets and slice, one by one", TAKE_H264, { SPS, "68ce3c80",
		"6588aabb" }, "00000001" SPS "00000001 68ce3c80"
		"00000001 6588aabb", true, true, SPS_SIZE, 0, 0 },
	{ "h264 stap-a and fu-a", TAKE_H264, { "78 0019" SPS "0004 68ce3c80",
		"7c85 88aa", "7c05 bb", "7c45 cc" }, "00000001" SPS
		"00000001 68ce3c80 00000001 6588aabbcc", true, true, SPS_SIZE,
		0, 0 },
	{ "h264 idr without sets is no key frame", TAKE_H264, { "6588aabb" },
		"00000001 6588aabb", false, true, 0, 0, 0, 0 },
	{ "h264 sets alone are no frame", TAKE_H264, { SPS, "68ce3c80" }, NULL,
		false, false, 0, 0, 0, false },
	{ "h264 delta", TAKE_H264, { "419aaabb" }, "00000001 419aaabb", false,
		true, 0, 0, 0, 0 },
	{ "h264 a slice lost between two", TAKE_H264, { "419aaa", "!",
		"411acc" }, "00000001 419aaa 00000001 411acc", false, false, 0,
		0, 0, 0 },
	{ "h264 fragment with a hole goes", TAKE_H264, { "419aaa", "5c81 1abb",
		"!", "5c41 cc" }, "00000001 419aaa", false, false, 0, 0, 0,
		0 },
	{ "h264 fragment whose beginning is lost goes", TAKE_H264, { "419aaa",
		"!", "5c01 bb", "5c41 cc" }, "00000001 419aaa", false, false,
		0, 0, 0, 0 },
	{ "h264 end lost", TAKE_H264, { "419aaa", "5c81 1abb", "!" },
		"00000001 419aaa", false, false, 0, 0, 0, 0 },
	{ "h264 no end", TAKE_H264, { "419aaa", "5c81 1abb" }, "00000001 419aaa",
		false, false, 0, 0, 0, 0 },
	{ "h264 a hole before it and not its first slice", TAKE_H264, { "!",
		"411acc" }, NULL, false, false, 0, 0, 0, true },
	{ "h264 a hole before it", TAKE_H264, { "!", "419acc" },
		"00000001 419acc", false, true, 0, 0, 0, 0 },
	{ "h264 a unit that begins while another is open", TAKE_H264,
		{ "5c81 9abb", "411acc" }, "00000001 411acc", false, false, 0,
		0, 0, 0 },
	{ "h264 stap-b", TAKE_H264, { "79 0001 0003 419aaa" }, NULL, false,
		false, 0, 0, 1, true },
	{ "h264 mtap16", TAKE_H264, { "7a 0001 0006 00 0000 419aaa" }, NULL,
		false, false, 0, 0, 1, true },
	{ "h264 fu-b", TAKE_H264, { "7d81 0001 9aaa" }, NULL, false, false, 0,
		0, 1, true },
	{ "h264 type 0", TAKE_H264, { "60aabb" }, NULL, false, false, 0, 0, 1,
		true },
	{ "h264 stap-a longer than its packet", TAKE_H264, {
		"78 0003 419aaa 0004 411abb" }, "00000001 419aaa", false, false,
		0, 0, 1, 0 },
	{ "h264 stap-a with a unit of nothing", TAKE_H264, { "78 0000 419aaa" },
		NULL, false, false, 0, 0, 1, true },
	{ "h264 fragment of nothing", TAKE_H264, { "5c81" }, NULL, false, false,
		0, 0, 1, true },
	/* AV1 */
	{ "av1 sizes are written", TAKE_AV1, { "10 3030aabb" },
		"3203 30aabb", false, true, 0, 0, 0, 0 },
	{ "av1 sizes that are there stay", TAKE_AV1, { "10 3203 30aabb" },
		"3203 30aabb", false, true, 0, 0, 0, 0 },
	{ "av1 bytes behind the size go", TAKE_AV1, { "10 3202 30aabb" },
		"3202 30aa", false, true, 0, 0, 0, 0 },
	{ "av1 two elements, one with a length", TAKE_AV1,
		{ "20 03 2a0102 3030aa" }, "2a01 02 3202 30aa", false, true, 0,
		0, 0, 0 },
	{ "av1 all with lengths", TAKE_AV1, { "00 02 2802 03 3030aa" },
		"2a01 02 3202 30aa", false, true, 0, 0, 0, 0 },
	{ "av1 an extension byte", TAKE_AV1, { "10 3448 30aa" },
		"3648 02 30aa", false, true, 0, 0, 0, 0 },
	{ "av1 temporal delimiter goes", TAKE_AV1, { "20 02 1200 3030aa" },
		"3202 30aa", false, true, 0, 0, 0, 0 },
	{ "av1 fragments", TAKE_AV1, { "50 3030aa", "d0 bb", "90 cc" },
		"3204 30aabbcc", false, true, 0, 0, 0, 0 },
	{ "av1 fragment, then another obu", TAKE_AV1, { "50 3030aa",
		"a0 01 bb 2805" }, "3203 30aabb 2a01 05", false, true, 0, 0, 0,
		0 },
	{ "av1 middle lost: the obu goes", TAKE_AV1, { "60 02 2805 3030aa", "!",
		"a0 01 bb 2806" }, "2a01 05 2a01 06", false, false, 0, 0, 0,
		0 },
	{ "av1 end lost", TAKE_AV1, { "60 02 2805 3030aa", "!" }, "2a01 05",
		false, false, 0, 0, 0, 0 },
	{ "av1 no end", TAKE_AV1, { "60 02 2805 3030aa" }, "2a01 05", false,
		false, 0, 0, 0, 0 },
	{ "av1 beginning lost", TAKE_AV1, { "!", "90 bb" }, NULL, false, false,
		0, 0, 0, true },
	{ "av1 goes on, but nothing was begun", TAKE_AV1, { "90 bb" }, NULL,
		false, false, 0, 0, 1, true },
	{ "av1 is not gone on with", TAKE_AV1, { "50 3030aa", "10 2806" },
		"2a01 06", false, false, 0, 0, 0, 0 },
	{ "av1 element longer than its packet", TAKE_AV1, { "20 05 3030aa" },
		NULL, false, false, 0, 0, 1, true },
	{ "av1 more elements than announced", TAKE_AV1, { "10 b2" }, NULL,
		false, false, 0, 0, 1, true },
	{ "av1 forbidden bit", TAKE_AV1, { "10 b030aa" }, NULL, false, false, 0,
		0, 1, true },
	{ "av1 size longer than the obu", TAKE_AV1, { "10 3207 30aa" }, NULL,
		false, false, 0, 0, 1, true },
	{ "av1 an element of nothing", TAKE_AV1, { "00 00" }, NULL, false,
		false, 0, 0, 1, true },
	{ "av1 length without end", TAKE_AV1, { "00 ffffffffffff" }, NULL,
		false, false, 0, 0, 1, true },
};
/* clang-format on */

static unsigned digit(char c)
{
	return c <= '9' ? (unsigned)(c - '0') : (unsigned)(c - 'a') + 10;
}

static size_t from_hex(const char *text, uint8_t ret[512])
{
	size_t n = 0;

	for (; *text; text++) {
		if (*text == ' ')
			continue;
		assert_true(n < 512 && text[1]);
		ret[n++] = (uint8_t)(digit(text[0]) << 4 | digit(text[1]));
		text++;
	}
	return n;
}

static int feed(struct depacket *d, const char *hex)
{
	uint8_t bytes[512], *copy;
	size_t len;
	int err;

	if (*hex == '!') {
		depacket_lost(d);
		return 0;
	}
	len = from_hex(hex, bytes);
	copy = exact_copy(bytes, len);
	err = depacket_packet(d, copy, len);
	free(copy);
	return err;
}

static void play(struct depacket *d, const struct script *s)
{
	struct depacket_frame f;
	uint8_t want[512];
	int malformed = 0;
	bool lost, given;

	for (unsigned i = 0; i < COUNT(s->payload) && s->payload[i]; i++)
		malformed += feed(d, s->payload[i]) != 0;
	assert_int_equal(malformed, s->malformed);
	given = depacket_end(d, &f, &lost);
	assert_int_equal(given, s->want != NULL);
	if (!given) {
		assert_int_equal(lost, s->lost);
		return;
	}
	assert_int_equal(f.len, from_hex(s->want, want));
	assert_memory_equal(f.data, want, f.len);
	assert_int_equal(f.keyframe, s->keyframe);
	assert_int_equal(f.whole, s->whole);
	if (s->keyframe) {
		assert_int_equal(f.width, s->width);
		assert_int_equal(f.height, s->height);
	}
}

static void test_scripts(void **state)
{
	struct depacket d;

	(void)state;
	depacket_init(&d);
	for (unsigned i = 0; i < COUNT(scripts); i++) {
		print_message("%s\n", scripts[i].name);
		depacket_codec(&d, scripts[i].codec);
		play(&d, &scripts[i]);
	}
	depacket_done(&d);
}

/* Duration in us of a packet that begins so; 0: refused. RFC 6716, table 2. */
static const struct toc {
	const char *payload;
	unsigned us;
} tocs[] = {
	{ "00aa", 10000 },
	{ "08aa", 20000 },
	{ "10aa", 40000 },
	{ "18aa", 60000 },
	{ "58aa", 60000 },
	{ "60aa", 10000 },
	{ "78aa", 20000 },
	{ "80aa", 2500 },
	{ "88aa", 5000 },
	{ "90aa", 10000 },
	{ "f8aa", 20000 },
	{ "f8", 20000 }, /* DTX: nothing but the TOC */
	{ "f9aa", 40000 },
	{ "faaa", 40000 },
	{ "1aaa", 120000 },
	{ "fb03aa", 60000 },
	{ "fb06aa", 120000 },
	{ "fb07aa", 0 },
	{ "fb00aa", 0 },
	{ "fb", 0 },
	{ "8330aa", 120000 },
	{ "83ffaa", 0 },
};

static void test_opus(void **state)
{
	struct depacket d;
	struct depacket_frame f;
	bool lost;

	(void)state;
	depacket_init(&d);
	depacket_codec(&d, TAKE_OPUS);
	for (unsigned i = 0; i < COUNT(tocs); i++) {
		assert_int_equal(
			feed(&d, tocs[i].payload) == 0, tocs[i].us > 0);
		assert_int_equal(depacket_end(&d, &f, &lost), tocs[i].us > 0);
		if (tocs[i].us) {
			assert_int_equal(f.duration_us, tocs[i].us);
			assert_true(f.keyframe && f.whole);
			assert_int_equal(f.len, strlen(tocs[i].payload) / 2);
		}
	}
	assert_int_equal(feed(&d, ""), 0);
	assert_false(depacket_end(&d, &f, &lost));
	assert_false(lost);
	depacket_done(&d);
}

static const struct script h264_first = { "first", TAKE_H264,
	{ SPS, "68ce3c80", "6588aabb" },
	"00000001" SPS "00000001 68ce3c80 00000001 6588aabb", true, true,
	SPS_SIZE, 0, 0 };
static const struct script h264_again = { "idr, the sets are known", TAKE_H264,
	{ "6588ccdd" }, "00000001 6588ccdd", true, true, SPS_SIZE, 0, 0 };

/* Sets last, are replaced by those of the same number, and forgotten with the
 * codec. */
static void test_h264_setup(void **state)
{
	struct depacket d;
	struct depacket_frame f;
	uint8_t want[512];
	bool lost;

	(void)state;
	depacket_init(&d);
	depacket_codec(&d, TAKE_H264);
	play(&d, &h264_first);
	play(&d, &h264_again);
	feed(&d, "68ce3c81");
	feed(&d, "6588ccdd");
	assert_true(depacket_end(&d, &f, &lost));
	assert_int_equal(f.setup_len,
		from_hex("00000001" SPS "00000001 68ce3c81", want));
	assert_memory_equal(f.setup, want, f.setup_len);
	feed(&d, "684e3c81"); /* number 1 */
	feed(&d, "419acc");
	assert_true(depacket_end(&d, &f, &lost));
	assert_int_equal(f.setup_len,
		from_hex("00000001" SPS "00000001 68ce3c81 00000001 684e3c81",
			want));
	assert_memory_equal(f.setup, want, f.setup_len);
	depacket_codec(&d, TAKE_H264);
	feed(&d, "6588ccdd");
	assert_true(depacket_end(&d, &f, &lost));
	assert_false(f.keyframe);
	assert_null(f.setup);
	depacket_done(&d);
}

/* Any number of sets: the eldest give way, the setup stays in its bounds. */
static void test_h264_many_sets(void **state)
{
	struct depacket d;
	uint8_t pps[DEPACKET_SET_MAX + 1] = { 0x68 };

	(void)state;
	depacket_init(&d);
	depacket_codec(&d, TAKE_H264);
	feed(&d, SPS);
	for (unsigned i = 0; i < 64; i++) {
		/* ue(v) of 63 + i: six zeros, then i + 64 in 7 bits */
		put_u16(pps + 1, (uint16_t)((i + 64) << 3 | 7));
		assert_int_equal(depacket_packet(&d, pps, DEPACKET_SET_MAX), 0);
		assert_true(d.setup_len <= DEPACKET_SETUP_MAX);
	}
	assert_int_equal(
		depacket_packet(&d, pps, DEPACKET_SET_MAX + 1), -EBADMSG);
	depacket_done(&d);
}

static void test_too_long(void **state)
{
	struct depacket d;
	struct depacket_frame f;
	uint8_t payload[1000] = { 0x10, 0xd1 };
	bool lost;

	(void)state;
	depacket_init(&d);
	depacket_codec(&d, TAKE_VP8);
	for (unsigned i = 0; i < TAKE_FRAME_MAX / 990; i++) {
		assert_int_equal(
			depacket_packet(&d, payload, sizeof(payload)), 0);
		payload[0] = 0;
	}
	assert_true(depacket_end(&d, &f, &lost));
	assert_false(f.whole);
	assert_true(f.len <= TAKE_FRAME_MAX && d.cap <= TAKE_FRAME_MAX);
	depacket_done(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_scripts),
		cmocka_unit_test(test_opus),
		cmocka_unit_test(test_h264_setup),
		cmocka_unit_test(test_h264_many_sets),
		cmocka_unit_test(test_too_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
