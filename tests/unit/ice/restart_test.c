/* 12: ICE restart in a call, both generations alive until the new one is
 * nominated. */
#include "ice/ice.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/ice/check.h"

#define NEW_PWD "newnewnewnewnewnewnewnew"

enum { S = 1000000 };

struct fixture {
	struct ice_engine *engine;
	struct ice ice;
	struct ice_credentials before; /* ours, generation 0 */
	struct sockaddr_storage a, b, c;
};

static int setup(void **state)
{
	static struct fixture f;

	f.engine = ice_engine_new();
	if (!f.engine)
		return -1;
	ice_init(&f.ice, f.engine, check_random(1));
	f.before = f.ice.local;
	f.a = check_addr("192.0.2.1", 1);
	f.b = check_addr("192.0.2.2", 2);
	f.c = check_addr("2001:db8::3", 3);
	*state = &f;
	return ice_set_remote(&f.ice, CHECK_UFRAG, CHECK_PWD);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	f->engine = ice_engine_free(f->engine);
	return 0;
}

static bool known(struct fixture *f, const struct sockaddr_storage *addr)
{
	return ice_known(&f->ice, (const struct sockaddr *)addr);
}

static bool selected(struct fixture *f, const struct sockaddr_storage *addr)
{
	const struct sockaddr *to = ice_selected(&f->ice);

	return to && ice_addr_equal(to, (const struct sockaddr *)addr);
}

static enum ice_got old_check(struct fixture *f, uint64_t now_us,
	const struct sockaddr_storage *from, bool use_candidate)
{
	struct check check = { .ours = f->before.ufrag,
		.theirs = CHECK_UFRAG,
		.pwd = f->before.pwd,
		.use_candidate = use_candidate };

	return check_give(&f->ice, now_us, from, &check, NULL);
}

static int restart(struct fixture *f, uint8_t seed)
{
	return ice_restart(
		&f->ice, check_random(seed), CHECK_NEW_UFRAG, NEW_PWD);
}

static void test_overlap(void **state)
{
	struct fixture *f = *state;

	check_good(&f->ice, 0, &f->a, true);
	assert_int_equal(restart(f, 50), 0);
	assert_string_not_equal(f->ice.local.ufrag, f->before.ufrag);
	assert_string_not_equal(f->ice.local.pwd, f->before.pwd);
	assert_true(selected(f, &f->a));
	assert_int_equal(old_check(f, S, &f->a, false), ICE_GOT_REPLY);
	assert_true(ice_deadline(&f->ice) == S + ICE_CONSENT_US);
	/* The new generation is checked, media stays; then it is nominated. */
	assert_int_equal(
		check_good(&f->ice, 2 * S, &f->b, false), ICE_GOT_REPLY);
	assert_true(selected(f, &f->a) && known(f, &f->b));
	assert_int_equal(
		check_good(&f->ice, 3 * S, &f->b, true), ICE_GOT_SELECTED);
	assert_true(selected(f, &f->b));
	assert_false(known(f, &f->a));
	assert_int_equal(old_check(f, 4 * S, &f->a, true), ICE_DROP_USERNAME);
	assert_true(selected(f, &f->b));
}

/* Who restarts because its address is gone need not be nominated first. */
static void test_silent_address(void **state)
{
	struct fixture *f = *state;

	check_good(&f->ice, 0, &f->a, true);
	assert_int_equal(restart(f, 50), 0);
	assert_int_equal(
		check_good(&f->ice, ICE_LEFT_US, &f->b, false), ICE_GOT_REPLY);
	assert_true(selected(f, &f->a));
	assert_int_equal(check_good(&f->ice, ICE_LEFT_US + 1, &f->b, false),
		ICE_GOT_SELECTED);
	assert_true(selected(f, &f->b) && known(f, &f->a));
	/* Not from one to the next: only the nominated one is better. */
	assert_int_equal(
		check_good(&f->ice, 3 * S, &f->c, false), ICE_GOT_REPLY);
	assert_true(selected(f, &f->b));
	assert_int_equal(
		check_good(&f->ice, 3 * S, &f->c, true), ICE_GOT_SELECTED);
	assert_true(selected(f, &f->c));
	assert_false(known(f, &f->a));
}

static void test_same_address(void **state)
{
	struct fixture *f = *state;

	check_good(&f->ice, 0, &f->a, true);
	restart(f, 50);
	check_good(&f->ice, S, &f->a, false);
	/* Late checks of the old generation do not take it back. */
	assert_int_equal(old_check(f, S, &f->a, false), ICE_GOT_REPLY);
	assert_int_equal(f->ice.pair[0].generation, 1);
	assert_int_equal(
		check_good(&f->ice, 2 * S, &f->a, true), ICE_GOT_REPLY);
	assert_true(selected(f, &f->a) && known(f, &f->a));
	assert_int_equal(f->ice.n_pairs, 1);
}

/* The halves of two generations do not mix. */
static void test_no_mixing(void **state)
{
	struct fixture *f = *state;
	struct check mixed = { .ours = f->before.ufrag,
		.theirs = CHECK_NEW_UFRAG,
		.pwd = f->before.pwd,
		.use_candidate = true };

	check_good(&f->ice, 0, &f->a, true);
	restart(f, 50);
	assert_int_equal(
		check_give(&f->ice, S, &f->b, &mixed, NULL), ICE_DROP_USERNAME);
	mixed.ours = f->ice.local.ufrag;
	mixed.theirs = CHECK_UFRAG;
	mixed.pwd = f->ice.local.pwd;
	assert_int_equal(
		check_give(&f->ice, S, &f->b, &mixed, NULL), ICE_DROP_USERNAME);
	mixed.theirs = CHECK_NEW_UFRAG;
	mixed.pwd = f->before.pwd;
	assert_int_equal(check_give(&f->ice, S, &f->b, &mixed, NULL),
		ICE_DROP_INTEGRITY);
	assert_false(known(f, &f->b));
}

/* A second restart replaces the first one, not what is in force. */
static void test_restart_twice(void **state)
{
	struct fixture *f = *state;
	struct ice_credentials skipped;
	struct check check;

	check_good(&f->ice, 0, &f->a, true);
	restart(f, 50);
	skipped = f->ice.local;
	check_good(&f->ice, S, &f->a, false);
	check_good(&f->ice, S, &f->b, false);
	assert_int_equal(restart(f, 90), 0);
	assert_true(selected(f, &f->a) && known(f, &f->a));
	assert_false(known(f, &f->b));
	assert_int_equal(old_check(f, 2 * S, &f->a, false), ICE_GOT_REPLY);
	check = (struct check){ .ours = skipped.ufrag,
		.theirs = CHECK_NEW_UFRAG,
		.pwd = skipped.pwd };
	assert_int_equal(check_give(&f->ice, 2 * S, &f->c, &check, NULL),
		ICE_DROP_USERNAME);
	assert_int_equal(
		check_good(&f->ice, 3 * S, &f->c, true), ICE_GOT_SELECTED);
	assert_true(selected(f, &f->c));
	assert_int_equal(f->ice.n_pairs, 1);
}

/* Ours: the peer's new credentials come later. */
static void test_own_restart(void **state)
{
	struct fixture *f = *state;

	check_good(&f->ice, 0, &f->a, true);
	assert_int_equal(ice_restart(&f->ice, check_random(50), NULL, NULL), 0);
	assert_int_equal(check_good(&f->ice, S, &f->b, false), ICE_GOT_REPLY);
	assert_int_equal(ice_set_remote(&f->ice, CHECK_NEW_UFRAG, NEW_PWD), 0);
	assert_false(known(f, &f->b)); /* it had come as CHECK_UFRAG */
	assert_true(selected(f, &f->a) && known(f, &f->a));
	assert_int_equal(check_good(&f->ice, S, &f->b, true), ICE_GOT_SELECTED);
	assert_false(known(f, &f->a));
}

static void test_after_expiry(void **state)
{
	struct fixture *f = *state;

	check_good(&f->ice, 0, &f->a, true);
	ice_tick(&f->ice, ICE_CONSENT_US);
	assert_int_equal(f->ice.state, ICE_EXPIRED);
	assert_int_equal(restart(f, 50), 0);
	assert_int_equal(f->ice.state, ICE_NEW);
	assert_null(ice_selected(&f->ice));
	assert_false(known(f, &f->a));
	assert_int_equal(old_check(f, 31 * S, &f->a, true), ICE_DROP_USERNAME);
	assert_int_equal(
		check_good(&f->ice, 31 * S, &f->a, true), ICE_GOT_SELECTED);
	assert_int_equal(f->ice.state, ICE_NOMINATED);
}

static void test_refused(void **state)
{
	struct fixture *f = *state;

	check_good(&f->ice, 0, &f->a, true);
	assert_int_equal(
		ice_restart(&f->ice, check_random(50), "x", NEW_PWD), -EINVAL);
	assert_int_equal(
		ice_restart(&f->ice, check_random(50), CHECK_NEW_UFRAG, NULL),
		-EINVAL);
	assert_int_equal(f->ice.generation, 0);
	assert_string_equal(f->ice.local.ufrag, f->before.ufrag);
	/* A check of the old pair of names is good as before. */
	assert_int_equal(f->ice.remote.ufrag_len, strlen(CHECK_UFRAG));
	assert_int_equal(check_good(&f->ice, S, &f->a, true), ICE_GOT_REPLY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_overlap, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_silent_address, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_same_address, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_no_mixing, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_restart_twice, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_own_restart, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_after_expiry, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
