/* What goes in and what comes out, as scripts. */
#include "packets.h"
#include "record/order.h"
#include "record/take.h"

enum { PUT, AT, PACKET, GAP, NOTHING, GIVE_UP, DEADLINE, END };

struct step {
	int verb;
	int64_t value; /* number; ms of AT and DEADLINE; count of GAP */
	int want;      /* of PUT: enum order_put */
};

struct script {
	const char *name;
	uint16_t first;
	struct step step[40];
};

#define KEPT(n)                                                                \
	{                                                                      \
		PUT, n, ORDER_KEPT                                             \
	}
#define LATE(n)                                                                \
	{                                                                      \
		PUT, n, ORDER_LATE                                             \
	}
#define TWICE(n)                                                               \
	{                                                                      \
		PUT, n, ORDER_DUPLICATE                                        \
	}
#define OUT(n)                                                                 \
	{                                                                      \
		PACKET, n, 0                                                   \
	}
#define HOLE(n)                                                                \
	{                                                                      \
		GAP, n, 0                                                      \
	}
#define NONE                                                                   \
	{                                                                      \
		NOTHING, 0, 0                                                  \
	}
#define TIME(ms)                                                               \
	{                                                                      \
		AT, ms, 0                                                      \
	}
#define DUE(ms)                                                                \
	{                                                                      \
		DEADLINE, ms, 0                                                \
	}
#define NOW                                                                    \
	{                                                                      \
		GIVE_UP, 0, 0                                                  \
	}
#define STOP                                                                   \
	{                                                                      \
		END, 0, 0                                                      \
	}

/* clang-format off */
static const struct script scripts[] = {
	{ "in order", 10, { KEPT(0), OUT(0), NONE, KEPT(1), OUT(1), NONE,
		DUE(-1), STOP } },
	{ "two swapped", 10, { KEPT(0), OUT(0), KEPT(2), NONE, KEPT(1),
		OUT(1), OUT(2), NONE, STOP } },
	{ "the first two swapped", 10, { KEPT(1), KEPT(0), OUT(0), OUT(1),
		NONE, STOP } },
	{ "an elder after the start", 10, { KEPT(1), OUT(1), LATE(0), NONE,
		STOP } },
	{ "a hole is waited for", 10, { TIME(5), KEPT(0), OUT(0), TIME(10),
		KEPT(2), DUE(1210), TIME(1209), NONE, TIME(1210), HOLE(1),
		OUT(2), NONE, STOP } },
	{ "filled at the last moment", 10, { KEPT(0), OUT(0), TIME(10),
		KEPT(3), TIME(1000), KEPT(2), TIME(1209), NONE, KEPT(1),
		OUT(1), OUT(2), OUT(3), NONE, STOP } },
	{ "since it was noticed, not since its neighbour came", 10, {
		KEPT(0), OUT(0), TIME(10), KEPT(3), TIME(1000), KEPT(2),
		TIME(1210), HOLE(1), OUT(2), OUT(3), STOP } },
	{ "two holes, each in its time", 10, { KEPT(0), OUT(0), TIME(10),
		KEPT(2), TIME(50), KEPT(5), TIME(1210), HOLE(1), OUT(2), NONE,
		DUE(1250), TIME(1250), HOLE(2), OUT(5), NONE, STOP } },
	{ "late is not twice", 10, { KEPT(0), OUT(0), KEPT(2), TIME(1200),
		HOLE(1), OUT(2), LATE(1), TWICE(2), TWICE(0), NONE, STOP } },
	{ "twice while it waits", 10, { KEPT(0), OUT(0), KEPT(2), TWICE(2),
		KEPT(1), OUT(1), OUT(2), NONE, STOP } },
	{ "the numbers wrap", 65534, { KEPT(0), KEPT(1), KEPT(3), OUT(0),
		OUT(1), NONE, KEPT(2), OUT(2), OUT(3), TWICE(1), STOP } },
	{ "the end waits for nothing", 10, { KEPT(0), OUT(0), KEPT(3), NONE,
		NOW, HOLE(2), OUT(3), NONE, STOP } },
	{ "one from far away", 10, { KEPT(0), OUT(0), LATE(30000), KEPT(1),
		OUT(1), NONE, STOP } },
	{ "one from far away, twice", 10, { KEPT(0), OUT(0), LATE(30000),
		LATE(30000), KEPT(1), OUT(1), NONE, STOP } },
	{ "a stream that begins anew, ahead", 10, { TIME(5000), KEPT(0), OUT(0),
		LATE(30000), KEPT(30001), HOLE(1), OUT(30001), KEPT(30002),
		OUT(30002), LATE(1), NONE, STOP } },
	{ "a stream that begins anew, behind", 40000, { TIME(5000), KEPT(0), KEPT(1),
		OUT(0), OUT(1), LATE(-20000), KEPT(-19999), HOLE(1),
		OUT(-19999), KEPT(-19997), NONE, KEPT(-19998), OUT(-19998),
		OUT(-19997), NONE, STOP } },
	{ "begins anew while others wait", 10, { TIME(5000), KEPT(0), OUT(0), KEPT(2),
		LATE(30000), KEPT(30001), NONE, TIME(6200), HOLE(1), OUT(2),
		HOLE(1), OUT(30001), NONE, STOP } },
};
/* clang-format on */

static enum order_put put(
	struct order *o, uint64_t now_us, uint16_t seq, uint32_t ts)
{
	uint8_t buf[RTP_PACKET_MAX];
	struct rtp_packet p;
	size_t len = write_packet(buf, 96, seq, ts, false, "abc", 3);

	assert_int_equal(rtp_parse(&p, buf, len), 0);
	return order_put(o, now_us, &p, TAKE_VP8);
}

static void look(
	struct order *o, const struct step *s, uint64_t now_us, bool give_up)
{
	const struct order_packet *p = NULL;
	unsigned missing = 0;
	enum order_got got = order_peek(o, now_us, give_up, &p, &missing);

	switch (s->verb) {
	case PACKET:
		assert_int_equal(got, ORDER_PACKET);
		assert_int_equal(p->ts, (uint32_t)s->value);
		assert_int_equal(p->len, 3);
		order_pop(o);
		break;
	case GAP:
		assert_int_equal(got, ORDER_GAP);
		assert_int_equal(missing, s->value);
		break;
	default:
		assert_int_equal(got, ORDER_NOTHING);
	}
}

static void play(const struct script *script)
{
	struct order o;
	uint64_t now_us = 0;
	bool give_up = false;

	order_init(&o);
	for (const struct step *s = script->step; s->verb != END; s++) {
		switch (s->verb) {
		case PUT:
			assert_int_equal(
				put(&o, now_us,
					(uint16_t)(script->first + s->value),
					(uint32_t)s->value),
				s->want);
			break;
		case AT:
			now_us = (uint64_t)s->value * 1000;
			break;
		case GIVE_UP:
			give_up = true;
			break;
		case DEADLINE:
			assert_int_equal(order_deadline(&o),
				s->value < 0 ? UINT64_MAX
					     : (uint64_t)s->value * 1000);
			break;
		default:
			look(&o, s, now_us, give_up);
		}
	}
	order_done(&o);
}

static void test_scripts(void **state)
{
	(void)state;
	for (unsigned i = 0; i < COUNT(scripts); i++) {
		print_message("%s\n", scripts[i].name);
		play(&scripts[i]);
	}
}

/* Takes out all that is to be had; returns the packets, in order. */
static unsigned drain(
	struct order *o, uint64_t now_us, uint32_t *ts, unsigned *ret_missing)
{
	const struct order_packet *p;
	unsigned n = 0, missing;

	for (;;) {
		switch (order_peek(o, now_us, false, &p, &missing)) {
		case ORDER_NOTHING:
			return n;
		case ORDER_GAP:
			*ret_missing += missing;
			*ts += missing;
			break;
		case ORDER_PACKET:
			assert_int_equal(p->ts, (*ts)++);
			order_pop(o);
			n++;
		}
	}
}

static void test_full(void **state)
{
	struct order o;
	uint32_t ts = 0;
	unsigned missing = 0, n = 0;

	(void)state;
	order_init(&o);
	assert_int_equal(put(&o, 0, 0, 0), ORDER_KEPT);
	n += drain(&o, 0, &ts, &missing);
	/* Number 1 is lost, and nothing else, at a time that does not pass. */
	for (uint32_t i = 2; i < 20000; i++) {
		put(&o, 1, (uint16_t)i, i);
		assert_true(o.n_slots <= TAKE_PACKETS);
		n += drain(&o, 1, &ts, &missing);
	}
	assert_int_equal(missing, 1);
	assert_int_equal(n, 19999);
	order_done(&o);
}

/* A caller that never looks gets what fits, and then goes on. */
static void test_not_emptied(void **state)
{
	struct order o;
	uint32_t ts = 0;
	unsigned missing = 0, kept = 0;

	(void)state;
	order_init(&o);
	for (uint32_t i = 0; i < 12000; i++)
		kept += put(&o, 1, (uint16_t)i, i) == ORDER_KEPT;
	assert_int_equal(kept, TAKE_PACKETS);
	assert_int_equal(drain(&o, 1, &ts, &missing), TAKE_PACKETS);
	assert_int_equal(put(&o, 1, 12000, 12000), ORDER_KEPT);
	drain(&o, 1 + TAKE_WAIT_US, &ts, &missing);
	assert_int_equal(ts, 12001);
	assert_int_equal(missing, 12000 - TAKE_PACKETS);
	order_done(&o);
}

/* A hole as long as there is room behind others that wait: no room is left for
 * the packet that shows it; what waits goes, and the next ones are kept. */
static void test_no_place(void **state)
{
	struct order o;
	uint32_t ts = 0;
	unsigned missing = 0;

	(void)state;
	order_init(&o);
	put(&o, 1, 0, 0);
	drain(&o, 1, &ts, &missing);
	for (uint32_t i = 2; i < 4000; i++)
		put(&o, 1, (uint16_t)i, i);
	assert_int_equal(put(&o, 1, 12000, 12000), ORDER_NO_MEMORY);
	assert_int_equal(drain(&o, 1, &ts, &missing), 3998);
	assert_int_equal(put(&o, 1, 12001, 12001), ORDER_KEPT);
	assert_int_equal(drain(&o, 1, &ts, &missing), 1);
	assert_int_equal(ts, 12002);
	order_done(&o);
}

static void test_memory_is_kept(void **state)
{
	struct order o;
	uint32_t ts = 0;
	unsigned missing = 0;
	struct order_packet *first;

	(void)state;
	order_init(&o);
	put(&o, 0, 0, 0);
	drain(&o, 0, &ts, &missing);
	first = o.free;
	assert_non_null(first);
	for (uint32_t i = 1; i < 70000; i++) {
		put(&o, i, (uint16_t)i, i);
		assert_null(o.free);
		drain(&o, i, &ts, &missing);
		assert_ptr_equal(o.free, first);
		assert_null(first->next_free);
	}
	assert_int_equal(o.n_slots, ORDER_SLOTS_MIN);
	order_done(&o);
}

/* Losses, swaps and copies by chance: each number comes out once or is missed
 * once, ascending. */
static void test_chance(void **state)
{
	struct order o;
	uint64_t random = 7, us = 0;
	uint32_t ts = 0;
	unsigned missing = 0, n = 0;

	(void)state;
	order_init(&o);
	put(&o, 0, 0, 0);
	for (uint32_t i = 1; i < 200000; i++, us += 500) {
		uint64_t r = next_random(&random);
		uint32_t back = r % 16 == 1 ? (uint32_t)(r >> 8) % 40 : 0;
		uint32_t at = i > 50 ? i - back : i;

		if (r % 16 != 0)
			put(&o, us, (uint16_t)at, at);
		n += drain(&o, us, &ts, &missing);
	}
	n += drain(&o, us + 2 * TAKE_WAIT_US, &ts, &missing);
	assert_int_equal(n + missing, ts);
	assert_true(missing > 1000 && missing < 50000);
	order_done(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_scripts),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_not_emptied),
		cmocka_unit_test(test_no_place),
		cmocka_unit_test(test_memory_is_kept),
		cmocka_unit_test(test_chance),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
