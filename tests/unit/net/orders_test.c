#include "tests/sim/cmocka_sim.h"
#include "tests/net/orders.h"

static void lines_change_the_sides_they_name(void **state)
{
	(void)state;
	struct orders o = { 0 };
	const struct link_config *down = &o.cfg[ORDERS_DOWN];
	const struct link_config *up = &o.cfg[ORDERS_UP];
	assert_int_equal(orders_take(&o, "down rate 300k"), ORDER_SET);
	assert_int_equal(o.sides, 1 << ORDERS_DOWN);
	assert_int_equal(down->rate_bps, 300000);
	assert_int_equal(up->rate_bps, 0);
	assert_int_equal(orders_take(&o, "up rate 1.5M"), ORDER_SET);
	assert_int_equal(o.sides, 1 << ORDERS_UP);
	assert_int_equal(up->rate_bps, 1500000);
	assert_int_equal(orders_take(&o, "both delay 25"), ORDER_SET);
	assert_int_equal(o.sides, 1 << ORDERS_UP | 1 << ORDERS_DOWN);
	assert_int_equal(down->delay_us, 25000);
	assert_int_equal(up->delay_us, 25000);
	assert_int_equal(orders_take(&o, " down\tloss  12.5\r"), ORDER_SET);
	assert_int_equal(down->loss_ppm, 125000);
	assert_int_equal(orders_take(&o, "down queue 200"), ORDER_SET);
	assert_int_equal(down->queue_us, 200000);
	assert_int_equal(orders_take(&o, "down burst 0.5 20 90"), ORDER_SET);
	assert_int_equal(down->burst_ppm, 5000);
	assert_int_equal(down->burst_len, 20);
	assert_int_equal(down->burst_loss_ppm, 900000);
	assert_int_equal(orders_take(&o, "down jitter 10"), ORDER_SET);
	assert_int_equal(down->jitter_us, 10000);
	assert_false(down->reorder);
	assert_int_equal(orders_take(&o, "down reorder 3"), ORDER_SET);
	assert_int_equal(down->jitter_us, 3000);
	assert_true(down->reorder);
	assert_int_equal(orders_take(&o, "both cut 1"), ORDER_SET);
	assert_true(down->cut && up->cut);
	assert_int_equal(orders_take(&o, "up cut 0"), ORDER_SET);
	assert_true(down->cut && !up->cut);
	assert_int_equal(orders_take(&o, "down clean"), ORDER_SET);
	assert_int_equal(down->rate_bps + down->loss_ppm + down->delay_us, 0);
	assert_int_equal(up->rate_bps, 1500000);
}

static void other_orders_carry_their_value(void **state)
{
	(void)state;
	struct orders o = { 0 };
	assert_int_equal(orders_take(&o, "outage 2000"), ORDER_OUTAGE);
	assert_int_equal(o.outage_us, 2000000);
	assert_int_equal(orders_take(&o, "address 10.201.1.9"), ORDER_ADDRESS);
	assert_int_equal(ntohl(o.address.s_addr), 0x0ac90109);
	assert_int_equal(orders_take(&o, "count"), ORDER_COUNT);
	assert_int_equal(orders_take(&o, "reset"), ORDER_RESET);
}

static void what_is_not_understood_changes_nothing(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"",
		"   ",
		"down",
		"down rate",
		"down rate x",
		"down rate 300q",
		"down rate -1",
		"down rate 1e99",
		"down rate nan",
		"down rate 1 2",
		"down loss 101",
		"down loss 5k",
		"down cut 2",
		"down delay 100000",
		"down burst 1 2",
		"down burst 1 2 300",
		"down clean now",
		"down colour red",
		"sideways rate 1",
		"outage",
		"outage soon",
		"address 10.201.1",
		"count 1",
		"a b c d e f g",
	};
	struct orders o = { .cfg = { { .rate_bps = 7 }, { .rate_bps = 8 } } };
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (orders_take(&o, bad[i]) != ORDER_BAD)
			fail_msg("taken: \"%s\"", bad[i]);
	char huge[1000];
	for (unsigned i = 0; i < sizeof(huge); i++)
		huge[i] = i + 1 < sizeof(huge) ? 'x' : 0;
	assert_int_equal(orders_take(&o, huge), ORDER_BAD);
	assert_int_equal(o.cfg[0].rate_bps, 7);
	assert_int_equal(o.cfg[1].rate_bps, 8);
	assert_int_equal(o.cfg[0].loss_ppm + o.cfg[0].delay_us, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_change_the_sides_they_name),
		cmocka_unit_test(other_orders_carry_their_value),
		cmocka_unit_test(what_is_not_understood_changes_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
