#include "check.h"
#include "rtp/bytes.h"
#include "rtp/crypt.h"
#include "tests/vectors/rtp_srtp.h"

static struct crypt *client, *server;

static void set_keys(uint8_t keys[CRYPT_KEYS_LEN], uint8_t server_key)
{
	memcpy(keys, master_key, 16);
	memset(keys + 16, server_key, 16);
	memcpy(keys + 32, master_salt, 14);
	memset(keys + 46, server_key, 14);
}

/* Client's keys are those of RFC 3711 B.3. */
static int start(void **state)
{
	uint8_t keys[CRYPT_KEYS_LEN];

	(void)state;
	set_keys(keys, 0x55);
	assert_int_equal(crypt_global_init(), 0);
	assert_int_equal(crypt_global_init(), 0);
	assert_int_equal(crypt_new(&client, keys, true), 0);
	assert_int_equal(crypt_new(&server, keys, false), 0);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	client = crypt_free(client);
	server = crypt_free(server);
	return client || server || crypt_free(NULL);
}

struct buf {
	size_t len;
	uint8_t b[1500 + CRYPT_TRAILER];
};

static struct buf rtp(uint32_t ssrc, uint16_t seq, size_t payload_len)
{
	struct buf p = { .len = 12 + payload_len };

	p.b[0] = 0x80;
	p.b[1] = 96;
	put_u16(p.b + 2, seq);
	put_u32(p.b + 4, seq * 3000u);
	put_u32(p.b + 8, ssrc);
	for (size_t i = 0; i < payload_len; i++)
		p.b[12 + i] = (uint8_t)(seq + i);
	return p;
}

static struct buf sealed(uint32_t ssrc, uint16_t seq)
{
	struct buf p = rtp(ssrc, seq, 50);

	assert_int_equal(crypt_seal_rtp(client, p.b, &p.len), 0);
	assert_int_equal(p.len, 72);
	return p;
}

static enum crypt_got opens(struct buf p)
{
	return crypt_open_rtp(server, p.b, &p.len);
}

static void seal_and_open(const uint8_t *plain, size_t len, const uint8_t *want,
	size_t want_len, bool rtcp)
{
	struct buf p = { .len = len };

	memcpy(p.b, plain, len);
	assert_int_equal(
		(rtcp ? crypt_seal_rtcp : crypt_seal_rtp)(client, p.b, &p.len),
		0);
	assert_int_equal(p.len, want_len);
	assert_memory_equal(p.b, want, want_len);
	assert_int_equal(
		(rtcp ? crypt_open_rtcp : crypt_open_rtp)(server, p.b, &p.len),
		CRYPT_OK);
	assert_int_equal(p.len, len);
	assert_memory_equal(p.b, plain, len);
}

#define BOTH(name)                                                             \
	name##_plain, sizeof(name##_plain), name##_sealed, sizeof(name##_sealed)

static void vectors(void **state)
{
	(void)state;
	seal_and_open(BOTH(rtp), false);
	seal_and_open(BOTH(ext), false);
	seal_and_open(BOTH(wrap), false); /* the roll-over counter is 1 now */
	/* Our first SRTCP index is 1, not the 0 of RFC 3711 3.4: libsrtp2. */
	seal_and_open(rtcp_plain, sizeof(rtcp_plain), rtcp_sealed_1,
		sizeof(rtcp_sealed_1), true);
	seal_and_open(rtcp_plain, sizeof(rtcp_plain), rtcp_sealed_2,
		sizeof(rtcp_sealed_2), true);
}

static void both_directions_have_their_keys(void **state)
{
	struct buf p = rtp(5, 1, 20), q = rtp(5, 1, 20);
	uint8_t plain[32];

	(void)state;
	memcpy(plain, p.b, 32);
	assert_int_equal(crypt_seal_rtp(client, p.b, &p.len), 0);
	assert_int_equal(crypt_seal_rtp(server, q.b, &q.len), 0);
	assert_memory_not_equal(p.b, q.b, p.len);
	/* Nobody opens his own. */
	assert_int_equal(
		crypt_open_rtp(
			client, (struct buf[]) { p } -> b, &(size_t){ p.len }),
		CRYPT_DROP_AUTH);
	assert_int_equal(crypt_open_rtp(client, q.b, &q.len), CRYPT_OK);
	assert_memory_equal(q.b, plain, 32);
	assert_int_equal(crypt_open_rtp(server, p.b, &p.len), CRYPT_OK);
	assert_memory_equal(p.b, plain, 32);
}

/* Attack 32, sent and received in that order, then all replayed (29). */
static void wrap_with_reordering(void **state)
{
	static const uint16_t order[] = { 65533, 65535, 0, 1, 65534, 2 };
	struct buf p[COUNT(order)];

	(void)state;
	for (unsigned i = 0; i < COUNT(order); i++)
		p[i] = sealed(7, order[i]);
	for (unsigned i = 0; i < COUNT(order); i++)
		assert_int_equal(opens(p[i]), CRYPT_OK);
	for (unsigned i = 0; i < COUNT(order); i++)
		assert_int_equal(opens(p[i]), CRYPT_DROP_REPLAY);
}

/* Sent in order, reordered on the way. */
static void wrap_reordered_on_the_way(void **state)
{
	static const unsigned order[] = { 0, 2, 3, 4, 1, 5 };
	struct buf p[COUNT(order)];

	(void)state;
	for (unsigned i = 0; i < COUNT(order); i++)
		p[i] = sealed(7, (uint16_t)(65533 + i));
	for (unsigned i = 0; i < COUNT(order); i++)
		assert_int_equal(opens(p[order[i]]), CRYPT_OK);
}

/* Attack 33. */
static void ssrcs_wrap_independently(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 70; i++) {
		assert_int_equal(
			opens(sealed(1, (uint16_t)(65500 + i))), CRYPT_OK);
		assert_int_equal(
			opens(sealed(2, (uint16_t)(65535 - 69 + i))), CRYPT_OK);
		assert_int_equal(opens(sealed(3, (uint16_t)i)), CRYPT_OK);
	}
	/* 1 has wrapped, 2 has not yet, 3 never. */
	assert_int_equal(opens(sealed(2, 0)), CRYPT_OK);
	assert_int_equal(opens(sealed(1, 34)), CRYPT_OK);
	assert_int_equal(opens(sealed(3, 70)), CRYPT_OK);
}

/* Attack 36 for this cipher: what fails authentication moves nothing. */
static void tampering_moves_nothing(void **state)
{
	struct buf good, bad;

	(void)state;
	assert_int_equal(opens(sealed(7, 100)), CRYPT_OK);
	good = sealed(7, 101);
	for (size_t bit = 16; bit < good.len * 8; bit++) {
		bad = good;
		bad.b[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_int_not_equal(opens(bad), CRYPT_OK);
	}
	/* Neither forged numbers far ahead nor forged SSRCs have been kept. */
	for (unsigned i = 0; i < 1000; i++) {
		bad = good;
		put_u16(bad.b + 2, (uint16_t)(101 + i * 60));
		bad.b[20] ^= 1;
		assert_int_not_equal(opens(bad), CRYPT_OK);
		bad = good;
		put_u32(bad.b + 8, 1000 + i);
		assert_int_equal(opens(bad), CRYPT_DROP_AUTH);
	}
	assert_int_equal(opens(good), CRYPT_OK);
	assert_int_equal(opens(good), CRYPT_DROP_REPLAY);
}

/* Attack 27. */
static void clear_text_is_dropped(void **state)
{
	struct buf p = rtp(7, 1, 100), q = { .len = sizeof(rtcp_plain) };

	(void)state;
	assert_int_equal(opens(p), CRYPT_DROP_AUTH);
	assert_int_equal(p.len, 112);
	memcpy(q.b, rtcp_plain, q.len);
	assert_int_not_equal(crypt_open_rtcp(server, q.b, &q.len), CRYPT_OK);
	assert_int_equal(q.len, sizeof(rtcp_plain));
}

static void window_is_as_long_as_said(void **state)
{
	struct buf inside, outside;

	(void)state;
	assert_int_equal(opens(sealed(7, 100)), CRYPT_OK);
	outside = sealed(7, 101);
	inside = sealed(7, 102);
	for (unsigned i = 103; i < 102 + CRYPT_WINDOW; i++)
		assert_int_equal(opens(sealed(7, (uint16_t)i)), CRYPT_OK);
	assert_int_equal(opens(outside), CRYPT_DROP_REPLAY);
	assert_int_equal(opens(inside), CRYPT_OK);
}

/* Attack 35. */
static void rtcp_index_replay(void **state)
{
	struct buf p[3];

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		p[i].len = sizeof(rtcp_plain);
		memcpy(p[i].b, rtcp_plain, p[i].len);
		assert_int_equal(crypt_seal_rtcp(client, p[i].b, &p[i].len), 0);
		if (i)
			assert_memory_not_equal(p[i].b, p[0].b, p[0].len);
	}
	for (unsigned i = 0; i < 3; i++) {
		struct buf q = p[2 - i];

		q.b[9] ^= 1;
		assert_int_equal(
			crypt_open_rtcp(server, q.b, &q.len), CRYPT_DROP_AUTH);
		q = p[2 - i];
		assert_int_equal(
			crypt_open_rtcp(server, q.b, &q.len), CRYPT_OK);
		assert_int_equal(q.len, sizeof(rtcp_plain));
		q = p[2 - i];
		assert_int_equal(crypt_open_rtcp(server, q.b, &q.len),
			CRYPT_DROP_REPLAY);
	}
}

static void rtcp_without_the_e_bit(void **state)
{
	struct buf p = { .len = sizeof(rtcp_sealed_1) };

	(void)state;
	memcpy(p.b, rtcp_sealed_1, p.len);
	p.b[p.len - 14] &= 0x7f;
	assert_int_equal(
		crypt_open_rtcp(server, p.b, &p.len), CRYPT_DROP_MALFORMED);
}

static void sealing_again_gives_the_same(void **state)
{
	struct buf first = sealed(7, 65535), again;

	(void)state;
	for (unsigned i = 0; i < CRYPT_WINDOW - 1; i++)
		sealed(7, (uint16_t)i);
	again = sealed(7, 65535); /* still at roll-over counter 0 */
	assert_int_equal(first.len, again.len);
	assert_memory_equal(first.b, again.b, first.len);
	sealed(7, CRYPT_WINDOW);
	again = rtp(7, 65535, 50);
	assert_int_equal(crypt_seal_rtp(client, again.b, &again.len), -EINVAL);
	assert_int_equal(again.len, 62);
}

/* Every length of every sealed packet, in memory of just that size. */
static void cut_packets(void **state)
{
	struct buf p = sealed(7, 1);
	struct buf e = { .len = sizeof(ext_sealed) };
	struct buf c = { .len = sizeof(rtcp_sealed_1) };

	(void)state;
	memcpy(e.b, ext_sealed, e.len);
	memcpy(c.b, rtcp_sealed_1, c.len);
	for (size_t len = 0; len < 90; len++) {
		struct buf *all[] = { &p, &e, &c };

		for (unsigned i = 0; i < 3; i++) {
			uint8_t *copy = exact_copy(all[i]->b, len);
			size_t n = len;

			if (len < all[i]->len)
				assert_int_not_equal((i == 2 ? crypt_open_rtcp
							     : crypt_open_rtp)(
							     server, copy, &n),
					CRYPT_OK);
			assert_int_equal(n, len);
			free(copy);
		}
	}
	assert_int_equal(opens(p), CRYPT_OK);
}

static void lying_headers_are_not_sealed_or_opened(void **state)
{
	static const uint8_t firsts[] = { 0x00, 0x40, 0xc0, 0x8f, 0x90 };

	(void)state;
	for (unsigned i = 0; i < COUNT(firsts); i++) {
		struct buf p = rtp(7, 1, 14);

		memset(p.b + 12, 0xff, 14);
		p.b[0] = firsts[i];
		assert_int_equal(opens(p), CRYPT_DROP_MALFORMED);
		assert_int_equal(crypt_seal_rtp(client, p.b, &p.len), -EINVAL);
		assert_int_equal(p.len, 26);
	}
	assert_int_equal(
		crypt_seal_rtp(client, (uint8_t[64]){ 0x80 }, &(size_t){ 11 }),
		-EINVAL);
	assert_int_equal(
		crypt_seal_rtcp(client, (uint8_t[64]){ 0x80 }, &(size_t){ 7 }),
		-EINVAL);
	assert_int_equal(crypt_seal_rtp(client, (uint8_t[64]){ 0x80 },
				 &(size_t){ 65536 }),
		-EINVAL);
}

/* Attack 40: an authenticated peer with a thousand SSRCs. */
static void ssrcs_are_capped(void **state)
{
	unsigned ok = 0, capped = 0;

	(void)state;
	for (uint32_t i = 1; i <= 1000; i++) {
		enum crypt_got got = opens(sealed(i, 1));

		ok += got == CRYPT_OK;
		capped += got == CRYPT_DROP_SSRC;
	}
	assert_int_equal(ok, CRYPT_SSRC_MAX);
	assert_int_equal(capped, 1000 - CRYPT_SSRC_MAX);
	/* The known go on; one that ended makes room for one. */
	assert_int_equal(opens(sealed(5, 2)), CRYPT_OK);
	crypt_forget(server, 5);
	assert_int_equal(opens(sealed(999, 2)), CRYPT_OK);
	assert_int_equal(opens(sealed(998, 2)), CRYPT_DROP_SSRC);
}

static void forgetting_starts_anew(void **state)
{
	struct buf before, after;

	(void)state;
	sealed(7, 65000);
	before = sealed(7, 65535);
	sealed(7, 0);
	assert_int_equal(opens(before), CRYPT_OK);
	assert_int_equal(opens(before), CRYPT_DROP_REPLAY);
	crypt_forget(server, 7);
	crypt_forget(server, 7);
	assert_int_equal(opens(before), CRYPT_OK);
	/* The sealing side counts from roll-over 0 again. */
	crypt_forget(client, 7);
	after = sealed(7, 65535);
	assert_memory_equal(before.b, after.b, before.len);
}

/* The batch gives what one call each gives, byte for byte, under both keys. */
static void batch_equals_single(void **state)
{
	enum { N = 64 };
	static struct buf one[N], many[N];
	static struct crypt_job jobs[N];
	uint8_t keys[CRYPT_KEYS_LEN];
	struct crypt *other;

	(void)state;
	set_keys(keys, 0x66);
	assert_int_equal(crypt_new(&other, keys, true), 0);
	for (unsigned i = 0; i < N; i++) {
		bool rtcp = i % 7 == 3;

		one[i] = rtp(i % 3, (uint16_t)(65530 + i), i * 20);
		if (rtcp)
			one[i].b[1] = 200;
		if (i == 20)
			one[i].b[0] = 0; /* cannot be sealed */
		many[i] = one[i];
		jobs[i] = (struct crypt_job){ .key = i % 2 ? other : server,
			.buf = many[i].b,
			.len = many[i].len,
			.rtcp = rtcp,
			.failed = i % 5 == 0 };
	}
	crypt_seal_batch(jobs, N);
	crypt_free(other);
	assert_int_equal(crypt_new(&other, keys, true), 0);
	stop(NULL);
	start(NULL);
	for (unsigned i = 0; i < N; i++) {
		struct crypt *key = i % 2 ? other : server;
		int err = (jobs[i].rtcp ? crypt_seal_rtcp : crypt_seal_rtp)(
			key, one[i].b, &one[i].len);

		assert_int_equal(jobs[i].failed, i == 20);
		assert_int_equal(err, i == 20 ? -EINVAL : 0);
		assert_int_equal(jobs[i].len, one[i].len);
		assert_memory_equal(many[i].b, one[i].b, one[i].len);
	}
	crypt_free(other);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(vectors),
		TEST(both_directions_have_their_keys),
		TEST(wrap_with_reordering),
		TEST(wrap_reordered_on_the_way),
		TEST(ssrcs_wrap_independently),
		TEST(tampering_moves_nothing),
		TEST(clear_text_is_dropped),
		TEST(window_is_as_long_as_said),
		TEST(rtcp_index_replay),
		TEST(rtcp_without_the_e_bit),
		TEST(sealing_again_gives_the_same),
		TEST(cut_packets),
		TEST(lying_headers_are_not_sealed_or_opened),
		TEST(ssrcs_are_capped),
		TEST(forgetting_starts_anew),
		TEST(batch_equals_single),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
