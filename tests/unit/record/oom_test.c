/* Every allocation of a take fails in turn: nothing crashes, nothing leaks, and
 * what could not be kept is a hole, not a lie. */
#include "bench.h"

#include "record/depacket.h"

enum { FRAMES = 40, PIECES = 12 };

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);

static bool armed;
static unsigned left; /* allocations that succeed before one fails */
static unsigned failed;

static bool fails(void)
{
	if (!armed || left-- > 0)
		return false;
	armed = false;
	failed++;
	return true;
}

void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t size)
{
	return fails() ? NULL : __real_realloc(p, size);
}

/* What must hold of any frame: whole ones have all their bytes. */
static void check_frames(struct bench *b, unsigned *ret_good)
{
	enum take_got got;

	while ((got = next(b)) != TAKE_NOTHING) {
		if (got == TAKE_GAP || b->frame.damaged)
			continue;
		assert_int_equal(
			b->frame.len, sizeof(vp8_key) - 1 + PIECES * 1000);
		(*ret_good)++;
	}
}

/* put() would take its memory from where it fails. */
static void put_here(struct bench *b, uint16_t seq, uint32_t ts, bool marker,
	const void *payload, size_t len)
{
	uint8_t buf[RTP_PACKET_MAX];

	take_rtp(b->take, b->now_us, buf,
		write_packet(buf, PT_VP8, seq, ts, marker, payload, len));
}

/* Key frames of 12 kB in packets that come in the wrong order. */
static unsigned play(struct bench *b)
{
	uint8_t piece[1001] = { 0 };
	unsigned good = 0;

	for (uint16_t i = 0; i < FRAMES; i++) {
		uint16_t seq = (uint16_t)(i * (PIECES + 1));
		uint32_t ts = i * 3000u;

		for (uint16_t k = PIECES; k > 0; k--)
			put_here(b, (uint16_t)(seq + k), ts, k == PIECES, piece,
				sizeof(piece));
		put_here(b, seq, ts, false, vp8_key, sizeof(vp8_key));
		check_frames(b, &good);
		b->now_us += 33333;
	}
	b->now_us += 2 * TAKE_WAIT_US;
	check_frames(b, &good);
	take_end(b->take);
	check_frames(b, &good);
	return good;
}

static void test_each_in_turn(void **state)
{
	unsigned rounds = 0;

	(void)state;
	for (;; rounds++) {
		struct bench b;
		unsigned good;

		bench_init(&b, 90000);
		failed = 0;
		left = rounds;
		armed = true;
		good = play(&b);
		armed = false;
		if (failed)
			assert_in_range(good, FRAMES - 2, FRAMES - 1);
		else
			assert_int_equal(good, FRAMES);
		bench_done(&b);
		if (!failed)
			break;
	}
	/* Slots twice, packets, and the growing frame. */
	assert_true(rounds > FRAMES * PIECES + 4);
}

static void test_new(void **state)
{
	struct take_clock *clock;
	struct take *t = NULL;

	(void)state;
	left = 0;
	armed = true;
	assert_null(take_clock_new());
	clock = take_clock_new();
	assert_non_null(clock);
	armed = true;
	left = 0;
	assert_int_equal(take_new(&t, 90000, clock), -ENOMEM);
	assert_null(t);
	take_clock_free(clock);
	assert_null(take_free(NULL));
	assert_null(take_clock_free(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_new),
		cmocka_unit_test(test_each_in_turn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
