/* The lanes against libsrtp2, their oracle: byte for byte, and verdict for
 * verdict, over roll-overs, jumps and repeats. HEARTH_CRYPT_PACKETS asks for
 * more of them. */
#include <errno.h>
#include <stdlib.h>
#include "check.h"
#include "rtp/bytes.h"
#include "rtp/crypt.h"
#include "rtp/lanes.h"

enum { PEERS = 40, SSRCS = 3, BATCH = 64, ROOM = 1500 + CRYPT_TRAILER };

static uint64_t state = 88172645463325252u;

static uint32_t pick(uint32_t below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 20) % below;
}

struct peer {
	struct crypt *fast, *slow;             /* seal */
	struct crypt *fast_other, *slow_other; /* open */
	uint16_t seq[SSRCS];
};

static struct peer peer[PEERS];

static struct crypt *make(const uint8_t *keys, bool client, bool slow)
{
	struct crypt *c = NULL;

	crypt_use_portable(slow);
	assert_int_equal(crypt_new(&c, keys, client), 0);
	crypt_use_portable(false);
	return c;
}

static int start(void **unused)
{
	(void)unused;
	assert_int_equal(crypt_global_init(), 0);
	for (unsigned i = 0; i < PEERS; i++) {
		uint8_t keys[CRYPT_KEYS_LEN];

		for (unsigned k = 0; k < sizeof(keys); k++)
			keys[k] = (uint8_t)pick(256);
		peer[i].fast = make(keys, true, false);
		peer[i].slow = make(keys, true, true);
		peer[i].fast_other = make(keys, false, false);
		peer[i].slow_other = make(keys, false, true);
		for (unsigned s = 0; s < SSRCS; s++)
			peer[i].seq[s] = (uint16_t)pick(65536);
	}
	return 0;
}

static int stop(void **unused)
{
	(void)unused;
	for (unsigned i = 0; i < PEERS; i++) {
		crypt_free(peer[i].fast);
		crypt_free(peer[i].slow);
		crypt_free(peer[i].fast_other);
		crypt_free(peer[i].slow_other);
	}
	return 0;
}

/* Mostly the next number; now and then a repeat, a gap, a step back, a leap. */
static uint16_t next_seq(uint16_t *seq)
{
	switch (pick(50)) {
	case 0:
		return (uint16_t)(*seq - pick(1200));
	case 1:
		*seq = (uint16_t)(*seq + pick(2000));
		return *seq;
	case 2:
		*seq = (uint16_t)(*seq + pick(30000));
		return *seq;
	case 3:
		return *seq;
	default:
		return ++*seq;
	}
}

static size_t write_packet(uint8_t *b, uint32_t ssrc, uint16_t seq)
{
	unsigned csrcs = pick(20) ? 0 : pick(16);
	size_t n = 12 + 4 * csrcs;
	size_t payload = pick(4) ? pick(1200) : pick(20);

	b[0] = (uint8_t)(0x80 | csrcs);
	b[1] = (uint8_t)pick(256);
	put_u16(b + 2, seq);
	put_u32(b + 4, pick(UINT32_MAX));
	put_u32(b + 8, ssrc);
	if (pick(3) == 0) {
		unsigned words = pick(6);

		b[0] |= 0x10;
		put_u16(b + n, 0xbede);
		put_u16(b + n + 2, (uint16_t)words);
		n += 4 + 4 * words;
	}
	for (size_t i = 12 + 4 * csrcs; i < n + payload; i++)
		if (i >= n || i >= 16 + 4 * csrcs)
			b[i] = (uint8_t)pick(256);
	return n + payload;
}

struct sealed {
	uint8_t fast[ROOM], slow[ROOM];
	uint8_t apart[ROOM]; /* payload that was not copied */
	size_t len;
	unsigned peer;
};

static struct sealed sealed[BATCH];

static size_t header_of(const uint8_t *b)
{
	size_t n = 12 + 4u * (b[0] & 15);

	return b[0] & 0x10 ? n + 4 + 4u * get_u16(b + n + 2) : n;
}

/* The packet's payload is elsewhere; what stands in its place is not it. */
static void set_apart(struct sealed *s, struct crypt_job *job)
{
	size_t header = header_of(job->buf), len = job->len - header;

	memcpy(s->apart, job->buf + header, len);
	memset(job->buf + header, 0x5a, len);
	job->payload = s->apart;
}

static void prepare(struct crypt_job *fast, struct crypt_job *slow, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct sealed *s = &sealed[i];
		unsigned k = pick(SSRCS);

		s->peer = pick(PEERS);
		s->len = write_packet(s->fast, 1000 * s->peer + k,
			next_seq(&peer[s->peer].seq[k]));
		memcpy(s->slow, s->fast, s->len);
		fast[i] = (struct crypt_job){
			.key = peer[s->peer].fast, .buf = s->fast, .len = s->len
		};
		slow[i] = (struct crypt_job){
			.key = peer[s->peer].slow, .buf = s->slow, .len = s->len
		};
		if (pick(3) == 0)
			set_apart(s, &fast[i]);
		else if (pick(3) == 0)
			set_apart(s, &slow[i]);
	}
}

static void open_both(struct sealed *s, size_t len)
{
	size_t a = len, b = len;
	enum crypt_got fast, slow;

	/* Some get lost, some are forged. */
	if (pick(20) == 0)
		return;
	if (pick(50) == 0)
		s->fast[pick((uint32_t)len)] ^= (uint8_t)(1 + pick(255));
	memcpy(s->slow, s->fast, len);
	fast = crypt_open_rtp(peer[s->peer].fast_other, s->fast, &a);
	slow = crypt_open_rtp(peer[s->peer].slow_other, s->slow, &b);
	assert_int_equal(fast == CRYPT_OK, slow == CRYPT_OK);
	assert_int_equal(fast == CRYPT_DROP_REPLAY, slow == CRYPT_DROP_REPLAY);
	assert_int_equal(a, b);
	if (fast == CRYPT_OK)
		assert_memory_equal(s->fast, s->slow, a);
}

static void same_as_libsrtp2(void **unused)
{
	const char *more = getenv("HEARTH_CRYPT_PACKETS");
	long left = more ? strtol(more, NULL, 10) : 200000;
	unsigned long good = 0, refused = 0;
	struct crypt_job fast[BATCH], slow[BATCH];

	(void)unused;
	while (left > 0) {
		/* Also fewer than are worth the lanes. */
		unsigned n = pick(3) ? BATCH : 1 + pick(8);

		prepare(fast, slow, n);
		crypt_seal_batch(fast, n);
		for (unsigned i = 0; i < n; i++) {
			crypt_seal_batch(&slow[i], 1);
			assert_int_equal(fast[i].failed, slow[i].failed);
			assert_int_equal(fast[i].len, slow[i].len);
			if (fast[i].failed) {
				refused++;
				continue;
			}
			good++;
			assert_memory_equal(
				sealed[i].fast, sealed[i].slow, fast[i].len);
			open_both(&sealed[i], fast[i].len);
		}
		left -= n;
	}
	/* The walk was one of both kinds, and long enough to roll over. */
	assert_true(good > 100000 || more);
	assert_true(refused > 100 || more);
	print_message("%lu sealed, %lu refused, by %s\n", good, refused,
		crypt_engine());
}

static void repeats_are_equal_and_old_ones_refused(void **unused)
{
	uint8_t a[ROOM], b[ROOM];
	size_t la, lb;

	(void)unused;
	for (unsigned seq = 60000; seq < 60000 + 7000; seq++) {
		la = 40;
		memset(a, 7, la);
		a[0] = 0x80;
		put_u16(a + 2, (uint16_t)seq);
		put_u32(a + 8, 99);
		memcpy(b, a, la);
		lb = la;
		assert_int_equal(crypt_seal_rtp(peer[0].fast, a, &la), 0);
		assert_int_equal(crypt_seal_rtp(peer[0].fast, b, &lb), 0);
		assert_int_equal(la, 50);
		assert_memory_equal(a, b, la);
	}
	la = 40;
	put_u16(a + 2, (uint16_t)(66999 - CRYPT_WINDOW));
	assert_int_equal(crypt_seal_rtp(peer[0].fast, a, &la), -EINVAL);
	assert_int_equal(la, 40);
	put_u16(a + 2, (uint16_t)(66999 - CRYPT_WINDOW + 1));
	assert_int_equal(crypt_seal_rtp(peer[0].fast, a, &la), 0);
}

static void forgotten_begins_anew(void **unused)
{
	uint8_t a[ROOM] = { 0x80, 96 }, b[ROOM];
	size_t la = 30, lb;

	(void)unused;
	put_u32(a + 8, 77);
	put_u16(a + 2, 65535);
	memcpy(b, a, sizeof(a));
	assert_int_equal(crypt_seal_rtp(peer[1].fast, a, &la), 0);
	crypt_forget(peer[1].fast, 77);
	lb = 30;
	put_u16(b + 2, 10);
	assert_int_equal(crypt_seal_rtp(peer[1].fast, b, &lb), 0);
	/* Ten is ten again, not 65546: the oracle that never heard 65535 says
	 * the same. */
	uint8_t c[ROOM] = { 0x80, 96 };
	size_t lc = 30;

	put_u32(c + 8, 77);
	put_u16(c + 2, 10);
	assert_int_equal(crypt_seal_rtp(peer[1].slow, c, &lc), 0);
	assert_int_equal(lb, lc);
	assert_memory_equal(b, c, lc);
}

static void headers_that_lie_are_refused(void **unused)
{
	uint8_t a[ROOM] = { 0x9f };
	size_t len = 30;

	(void)unused;
	put_u32(a + 8, 5);
	assert_int_equal(crypt_seal_rtp(peer[2].fast, a, &len), -EINVAL);
	a[0] = 0x90;
	put_u16(a + 14, 100);
	assert_int_equal(crypt_seal_rtp(peer[2].fast, a, &len), -EINVAL);
	assert_int_equal(
		crypt_open_rtp(peer[2].fast, a, &len), CRYPT_DROP_MALFORMED);
	a[0] = 0x40;
	assert_int_equal(crypt_seal_rtp(peer[2].fast, a, &len), -EINVAL);
	assert_int_equal(len, 30);
}

/* RTCP: sealed by both, delivered late, twice, forged or never. */

enum { LATE = 400, RTCP_ROUNDS = 60000 };

static size_t write_rtcp(uint8_t *b, uint32_t ssrc)
{
	size_t len = 8 + (pick(10) ? 4 * pick(60) : 0);

	b[0] = (uint8_t)(0x80 | pick(32));
	b[1] = (uint8_t)(200 + pick(7));
	put_u16(b + 2, (uint16_t)(len / 4 - 1));
	put_u32(b + 4, ssrc);
	for (size_t i = 8; i < len; i++)
		b[i] = (uint8_t)pick(256);
	return len;
}

static void spoil(struct sealed *s)
{
	switch (pick(60)) {
	case 0:
		s->fast[pick((uint32_t)s->len)] ^= (uint8_t)(1 + pick(255));
		break;
	case 1: /* says that it is clear */
		s->fast[s->len - 14] ^= 0x80;
		break;
	case 2:
		s->len -= 1 + pick((uint32_t)s->len - 1);
		break;
	default:
		break;
	}
}

static enum crypt_got open_rtcp_both(const struct sealed *of)
{
	struct sealed s = *of;
	enum crypt_got fast, slow;
	size_t a, b;

	spoil(&s);
	a = b = s.len;
	memcpy(s.slow, s.fast, s.len);
	fast = crypt_open_rtcp(peer[s.peer].fast_other, s.fast, &a);
	slow = crypt_open_rtcp(peer[s.peer].slow_other, s.slow, &b);
	assert_int_equal(fast, slow);
	assert_int_equal(a, b);
	if (fast == CRYPT_OK)
		assert_memory_equal(s.fast, s.slow, a);
	return fast;
}

static void rtcp_same_as_libsrtp2(void **unused)
{
	static struct sealed late[LATE];
	unsigned long got[CRYPT_GOT_MAX] = { 0 };
	struct crypt_job fast, slow;

	(void)unused;
	memset(late, 0, sizeof(late));
	for (unsigned i = 0; i < RTCP_ROUNDS; i++) {
		struct sealed *s = &late[pick(LATE)];

		s->peer = pick(2);
		s->len = write_rtcp(s->fast, 7000 + s->peer);
		memcpy(s->slow, s->fast, s->len);
		fast = (struct crypt_job){ .key = peer[s->peer].fast,
			.buf = s->fast,
			.len = s->len,
			.rtcp = true };
		slow = (struct crypt_job){ .key = peer[s->peer].slow,
			.buf = s->slow,
			.len = s->len,
			.rtcp = true };
		crypt_seal_batch(&fast, 1);
		crypt_seal_batch(&slow, 1);
		assert_false(fast.failed);
		assert_int_equal(fast.len, slow.len);
		assert_int_equal(fast.len, s->len + 14);
		assert_memory_equal(s->fast, s->slow, fast.len);
		s->len = fast.len;
		s = &late[pick(LATE)];
		if (s->len)
			got[open_rtcp_both(s)]++;
	}
	assert_true(got[CRYPT_OK] > 1000);
	assert_true(got[CRYPT_DROP_REPLAY] > 1000);
	assert_true(got[CRYPT_DROP_AUTH] > 100);
	assert_true(got[CRYPT_DROP_MALFORMED] > 100);
}

/* One batch holds both kinds, of the same SSRC too. */
static void kinds_are_mixed_in_a_batch(void **unused)
{
	struct crypt_job job[BATCH];

	(void)unused;
	for (unsigned i = 0; i < BATCH; i++) {
		struct sealed *s = &sealed[i];
		bool rtcp = pick(2);

		s->len = rtcp ? write_rtcp(s->fast, 4242)
			      : write_packet(s->fast, 4242, (uint16_t)i);
		memcpy(s->slow, s->fast, s->len);
		job[i] = (struct crypt_job){ .key = peer[5].fast,
			.buf = s->fast,
			.len = s->len,
			.rtcp = rtcp };
	}
	crypt_seal_batch(job, BATCH);
	for (unsigned i = 0; i < BATCH; i++) {
		size_t len = sealed[i].len;

		assert_false(job[i].failed);
		assert_int_equal(
			(job[i].rtcp ? crypt_seal_rtcp : crypt_seal_rtp)(
				peer[5].slow, sealed[i].slow, &len),
			0);
		assert_int_equal(job[i].len, len);
		assert_memory_equal(sealed[i].fast, sealed[i].slow, len);
	}
}

/* As many as a peer may have, of either kind; then no more, as with libsrtp2.
 * A forgotten one makes room. */
static void ssrcs_are_counted_over_both_kinds(void **unused)
{
	(void)unused;
	for (unsigned k = 0; k < SSRCS; k++) {
		crypt_forget(peer[6].fast_other, 6000 + k);
		crypt_forget(peer[6].slow_other, 6000 + k);
	}
	for (unsigned i = 0; i < CRYPT_SSRC_MAX + 2; i++) {
		bool rtcp = i % 2;
		struct sealed s = { .peer = 6 };
		size_t len, other;
		enum crypt_got want =
			i == CRYPT_SSRC_MAX ? CRYPT_DROP_SSRC : CRYPT_OK;

		len = rtcp ? write_rtcp(s.fast, i)
			   : write_packet(s.fast, i, 100);
		assert_int_equal((rtcp ? crypt_seal_rtcp : crypt_seal_rtp)(
					 peer[6].fast, s.fast, &len),
			0);
		memcpy(s.slow, s.fast, len);
		other = len;
		assert_int_equal((rtcp ? crypt_open_rtcp : crypt_open_rtp)(
					 peer[6].fast_other, s.fast, &len),
			want);
		assert_int_equal((rtcp ? crypt_open_rtcp : crypt_open_rtp)(
					 peer[6].slow_other, s.slow, &other),
			want);
		if (i == CRYPT_SSRC_MAX) {
			crypt_forget(peer[6].fast_other, 3);
			crypt_forget(peer[6].slow_other, 3);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(same_as_libsrtp2),
		cmocka_unit_test(repeats_are_equal_and_old_ones_refused),
		cmocka_unit_test(forgotten_begins_anew),
		cmocka_unit_test(headers_that_lie_are_refused),
		cmocka_unit_test(rtcp_same_as_libsrtp2),
		cmocka_unit_test(kinds_are_mixed_in_a_batch),
		cmocka_unit_test(ssrcs_are_counted_over_both_kinds),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
