/* Batches opened in the lanes against libsrtp2 one by one: same verdicts, same
 * bytes, whatever is late, repeated, forged or around a roll-over within one
 * batch. HEARTH_CRYPT_PACKETS asks for more of them. */
#include <stdlib.h>
#include "check.h"
#include "rtp/bytes.h"
#include "rtp/crypt.h"

enum { PEERS = 3, SSRCS = 2, BATCH = 70, POOL = 300, ROOM = 400 };

static uint64_t state = 1442695040888963407u;

static uint32_t pick(uint32_t below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 20) % below;
}

struct peer {
	struct crypt *seal, *fast, *slow;
	uint16_t seq[SSRCS];
};

struct sent {
	uint8_t buf[ROOM];
	size_t len; /* 0: none */
	unsigned peer;
	bool rtcp;
};

static struct peer peer[PEERS];
static struct sent pool[POOL];

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
		peer[i].seal = make(keys, true, false);
		peer[i].fast = make(keys, false, false);
		peer[i].slow = make(keys, false, true);
		for (unsigned s = 0; s < SSRCS; s++)
			peer[i].seq[s] = (uint16_t)pick(65536);
	}
	memset(pool, 0, sizeof(pool));
	return 0;
}

static int stop(void **unused)
{
	(void)unused;
	for (unsigned i = 0; i < PEERS; i++) {
		crypt_free(peer[i].seal);
		crypt_free(peer[i].fast);
		crypt_free(peer[i].slow);
	}
	return 0;
}

/* In steps that bring it around the circle every few thousand packets. */
static uint16_t next_seq(uint16_t *seq)
{
	uint32_t way = pick(200);

	if (way == 0)
		*seq = (uint16_t)(*seq + pick(32000));
	else if (way < 10)
		*seq = (uint16_t)(*seq + pick(900));
	else
		++*seq;
	return *seq;
}

static void write_rtp(struct sent *s)
{
	unsigned k = pick(SSRCS);
	uint16_t seq = next_seq(&peer[s->peer].seq[k]);

	s->len = 12 + pick(ROOM - 12 - CRYPT_TRAILER);
	for (size_t i = 12; i < s->len; i++)
		s->buf[i] = (uint8_t)pick(256);
	s->buf[0] = 0x80;
	s->buf[1] = 96;
	put_u16(s->buf + 2, seq);
	put_u32(s->buf + 4, seq * 90u);
	put_u32(s->buf + 8, 10 * s->peer + k);
	if (crypt_seal_rtp(peer[s->peer].seal, s->buf, &s->len) != 0)
		s->len = 0;
}

static void write_rtcp(struct sent *s)
{
	s->len = 8 + 4 * pick(20);
	for (size_t i = 4; i < s->len; i++)
		s->buf[i] = (uint8_t)pick(256);
	s->buf[0] = 0x81;
	s->buf[1] = 201;
	put_u16(s->buf + 2, (uint16_t)(s->len / 4 - 1));
	put_u32(s->buf + 4, 10 * s->peer);
	if (crypt_seal_rtcp(peer[s->peer].seal, s->buf, &s->len) != 0)
		s->len = 0;
}

/* One that was sent just now, or any of the last few hundred again. */
static const struct sent *next_sent(void)
{
	struct sent *s = &pool[pick(POOL)];

	if (s->len && pick(6) == 0)
		return s;
	s->peer = pick(PEERS);
	s->rtcp = pick(12) == 0;
	if (s->rtcp)
		write_rtcp(s);
	else
		write_rtp(s);
	return s;
}

static void spoil(struct sent *s)
{
	switch (pick(40)) {
	case 0: /* a number from far away, to lead the guesses astray */
		put_u16(s->buf + 2, (uint16_t)pick(65536));
		break;
	case 1:
		s->buf[pick((uint32_t)s->len)] ^= (uint8_t)(1 + pick(255));
		break;
	case 2:
		s->len -= 1 + pick((uint32_t)s->len - 1);
		break;
	case 3: /* an extension that may reach into the tag */
		s->buf[0] ^= 0x10;
		break;
	default:
		break;
	}
}

static unsigned fill(struct sent fast[BATCH], struct sent slow[BATCH])
{
	unsigned n = 1 + pick(pick(4) ? BATCH : 8), kept = 0;

	for (unsigned i = 0; i < n; i++) {
		const struct sent *s = next_sent();

		if (!s->len || pick(30) == 0)
			continue; /* lost */
		fast[kept] = *s;
		spoil(&fast[kept]);
		slow[kept] = fast[kept];
		kept++;
	}
	return kept;
}

static void compare(const struct crypt_open *fast, struct sent *s)
{
	size_t len = s->len;
	enum crypt_got got = (s->rtcp ? crypt_open_rtcp : crypt_open_rtp)(
		peer[s->peer].slow, s->buf, &len);

	assert_int_equal(fast->got == CRYPT_OK, got == CRYPT_OK);
	assert_int_equal(
		fast->got == CRYPT_DROP_REPLAY, got == CRYPT_DROP_REPLAY);
	if (s->rtcp)
		assert_int_equal(fast->got, got);
	assert_int_equal(fast->len, len);
	if (got == CRYPT_OK)
		assert_memory_equal(fast->buf, s->buf, len);
}

static void batches_are_as_one_by_one(void **unused)
{
	static struct sent fast[BATCH], slow[BATCH];
	const char *more = getenv("HEARTH_CRYPT_PACKETS");
	long left = more ? strtol(more, NULL, 10) : 200000;
	unsigned long got[CRYPT_GOT_MAX] = { 0 };
	struct crypt_open v[BATCH];

	(void)unused;
	while (left > 0) {
		unsigned n = fill(fast, slow);

		for (unsigned i = 0; i < n; i++)
			v[i] = (struct crypt_open){
				.key = peer[fast[i].peer].fast,
				.buf = fast[i].buf,
				.len = fast[i].len,
				.rtcp = fast[i].rtcp
			};
		crypt_open_batch(v, n);
		for (unsigned i = 0; i < n; i++) {
			compare(&v[i], &slow[i]);
			got[v[i].got]++;
		}
		left -= n ? n : 1;
	}
	print_message("%lu opened, %lu forged, %lu repeated, by %s\n",
		got[CRYPT_OK], got[CRYPT_DROP_AUTH], got[CRYPT_DROP_REPLAY],
		crypt_engine());
	assert_true(more || got[CRYPT_OK] > 50000);
	assert_true(more || got[CRYPT_DROP_AUTH] > 1000);
	assert_true(more || got[CRYPT_DROP_REPLAY] > 1000);
}

/* Three of one SSRC around a roll-over; the one in the middle is forged and
 * claims to be half a circle ahead. */
static void a_forged_one_does_not_move_the_guess(void **unused)
{
	struct sent s[4] = { { .peer = 0 } };
	struct crypt_open v[4];

	(void)unused;
	for (unsigned i = 0; i < 4; i++) {
		s[i].len = 60;
		s[i].buf[0] = 0x80;
		put_u16(s[i].buf + 2, (uint16_t)(65533 + 2 * i));
		put_u32(s[i].buf + 8, 999);
		assert_int_equal(
			crypt_seal_rtp(peer[0].seal, s[i].buf, &s[i].len), 0);
		v[i] = (struct crypt_open){
			.key = peer[0].fast, .buf = s[i].buf, .len = s[i].len
		};
	}
	put_u16(s[1].buf + 2, 30000);
	crypt_open_batch(v, 4);
	assert_int_equal(v[0].got, CRYPT_OK);
	assert_int_equal(v[1].got, CRYPT_DROP_AUTH);
	assert_int_equal(v[2].got, CRYPT_OK);
	assert_int_equal(v[3].got, CRYPT_OK);
	assert_int_equal(v[3].len, 60);
}

/* Nothing is opened, and nothing breaks. */
static void none_is_a_batch(void **unused)
{
	(void)unused;
	crypt_open_batch(NULL, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(batches_are_as_one_by_one),
		cmocka_unit_test(a_forged_one_does_not_move_the_guess),
		cmocka_unit_test(none_is_a_batch),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
