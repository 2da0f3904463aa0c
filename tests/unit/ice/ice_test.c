#include "ice/ice.h"

#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/ice/check.h"

enum { S = 1000000 };

struct fixture {
	struct ice_engine *engine;
	struct ice ice;
	struct sockaddr_storage a, b, v6;
};

static int setup(void **state)
{
	static struct fixture f;

	f.engine = ice_engine_new();
	if (!f.engine)
		return -1;
	ice_init(&f.ice, f.engine, check_random(1));
	f.a = check_addr("192.0.2.1", 40000);
	f.b = check_addr("198.51.100.7", 40000);
	f.v6 = check_addr("2001:db8::1", 40000);
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	f->engine = ice_engine_free(f->engine);
	return f->engine != NULL;
}

static void assert_selected(
	const struct ice *ice, const struct sockaddr_storage *addr)
{
	const struct sockaddr *selected = ice_selected(ice);

	assert_non_null(selected);
	assert_true(ice_addr_equal(selected, (const struct sockaddr *)addr));
}

static bool known(const struct ice *ice, const struct sockaddr_storage *addr)
{
	return ice_known(ice, (const struct sockaddr *)addr);
}

static void test_starts_empty(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(f->ice.state, ICE_NEW);
	assert_int_equal(strlen(f->ice.local.ufrag), ICE_UFRAG_LEN);
	assert_int_equal(strlen(f->ice.local.pwd), ICE_PWD_LEN);
	assert_null(ice_selected(&f->ice));
	assert_false(known(&f->ice, &f->a));
	assert_true(ice_deadline(&f->ice) == UINT64_MAX);
	ice_tick(&f->ice, 3600ull * S);
	assert_int_equal(f->ice.state, ICE_NEW);
}

static void test_check_then_nomination(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(ice_set_remote(&f->ice, CHECK_UFRAG, CHECK_PWD), 0);
	assert_int_equal(
		check_good(&f->ice, 0, &f->a, false), ICE_GOT_SELECTED);
	assert_int_equal(f->ice.state, ICE_CHECKED);
	assert_selected(&f->ice, &f->a);
	assert_int_equal(check_good(&f->ice, S, &f->b, false), ICE_GOT_REPLY);
	assert_selected(&f->ice, &f->a);
	assert_true(known(&f->ice, &f->b));
	assert_int_equal(check_good(&f->ice, S, &f->b, true), ICE_GOT_SELECTED);
	assert_int_equal(f->ice.state, ICE_NOMINATED);
	assert_selected(&f->ice, &f->b);
	assert_int_equal(check_good(&f->ice, S, &f->b, true), ICE_GOT_REPLY);
}

static void test_ipv6_and_mapped(void **state)
{
	struct fixture *f = *state;
	struct sockaddr_storage mapped = check_addr("::ffff:192.0.2.1", 40000);
	struct check check = { .ours = f->ice.local.ufrag,
		.theirs = CHECK_UFRAG,
		.pwd = f->ice.local.pwd };
	uint8_t buf[CHECK_MAX], reply[ICE_REPLY_MAX];
	size_t len = check_make(&check, buf), reply_len;
	struct check_reply read;

	assert_int_equal(
		check_good(&f->ice, 0, &f->v6, true), ICE_GOT_SELECTED);
	assert_selected(&f->ice, &f->v6);
	/* Told as the IPv4 address it is, kept as the socket needs it. */
	assert_int_equal(ice_input(&f->ice, 0, (struct sockaddr *)&mapped, buf,
				 len, reply, &reply_len),
		ICE_GOT_REPLY);
	read = check_read(reply, reply_len, f->ice.local.pwd);
	assert_true(ice_addr_equal(
		(struct sockaddr *)&read.mapped, (struct sockaddr *)&f->a));
	assert_true(known(&f->ice, &mapped));
	assert_false(known(&f->ice, &f->a));
}

/* 6: the client changes its address; one nominated check moves the media. */
static void test_mobility(void **state)
{
	struct fixture *f = *state;

	check_good(&f->ice, 0, &f->a, true);
	assert_int_equal(
		check_good(&f->ice, 5 * S, &f->b, true), ICE_GOT_SELECTED);
	assert_selected(&f->ice, &f->b);
	/* Packets still under way from the old address are let in. */
	assert_true(known(&f->ice, &f->a));
	assert_int_equal(
		check_good(&f->ice, 6 * S, &f->a, true), ICE_GOT_SELECTED);
	assert_selected(&f->ice, &f->a);
}

/* A NAT that rebinds under a peer which does not nominate twice. */
static void test_rebinding_without_nomination(void **state)
{
	struct fixture *f = *state;

	check_good(&f->ice, 0, &f->a, true);
	assert_int_equal(
		check_good(&f->ice, ICE_STALE_US, &f->b, false), ICE_GOT_REPLY);
	assert_selected(&f->ice, &f->a);
	assert_int_equal(check_good(&f->ice, ICE_STALE_US + 1, &f->b, false),
		ICE_GOT_SELECTED);
	assert_selected(&f->ice, &f->b);
	assert_int_equal(f->ice.state, ICE_NOMINATED);
}

/* 7: consent ends 30 s after the last check, not a microsecond earlier. */
static void test_consent(void **state)
{
	struct fixture *f = *state;

	check_good(&f->ice, 0, &f->a, true);
	check_good(&f->ice, 10 * S, &f->a, false);
	assert_true(ice_deadline(&f->ice) == 40ull * S);
	ice_tick(&f->ice, 40ull * S - 1);
	assert_int_equal(f->ice.state, ICE_NOMINATED);
	assert_selected(&f->ice, &f->a);
	ice_tick(&f->ice, 40ull * S);
	assert_int_equal(f->ice.state, ICE_EXPIRED);
	assert_null(ice_selected(&f->ice));
	assert_false(known(&f->ice, &f->a));
	assert_true(ice_deadline(&f->ice) == UINT64_MAX);
	/* The peer must notice as well. */
	assert_int_equal(check_good(&f->ice, 41ull * S, &f->a, true),
		ICE_DROP_UNEXPECTED);
	assert_int_equal(f->ice.state, ICE_EXPIRED);
}

static void test_consent_of_another_address(void **state)
{
	struct fixture *f = *state;

	check_good(&f->ice, 0, &f->a, true);
	check_good(&f->ice, 9 * S, &f->b, false);
	ice_tick(&f->ice, 30 * S);
	assert_int_equal(f->ice.state, ICE_NOMINATED);
	assert_selected(&f->ice, &f->b);
	assert_true(ice_deadline(&f->ice) == 39ull * S);
	ice_tick(&f->ice, 39ull * S);
	assert_int_equal(f->ice.state, ICE_EXPIRED);
}

/* What only the peer can have sent is consent, too: where it may send from. */
static void test_proven(void **state)
{
	struct fixture *f = *state;

	check_good(&f->ice, 0, &f->a, true);
	ice_proven(&f->ice, 20 * S, (struct sockaddr *)&f->b);
	assert_false(known(&f->ice, &f->b));
	assert_true(ice_deadline(&f->ice) == 30ull * S);
	ice_proven(&f->ice, 25 * S, (struct sockaddr *)&f->a);
	assert_true(ice_deadline(&f->ice) == 55ull * S);
	ice_proven(&f->ice, 24 * S, (struct sockaddr *)&f->a);
	assert_true(ice_deadline(&f->ice) == 55ull * S);
	/* The address is in use: a check from elsewhere moves nothing. */
	check_good(&f->ice, 34 * S, &f->b, false);
	assert_selected(&f->ice, &f->a);
	ice_tick(&f->ice, 55ull * S);
	assert_selected(&f->ice, &f->b);
	ice_tick(&f->ice, 64ull * S);
	assert_int_equal(f->ice.state, ICE_EXPIRED);
	ice_proven(&f->ice, 65ull * S, (struct sockaddr *)&f->a);
	assert_int_equal(f->ice.state, ICE_EXPIRED);
}

static void test_keepalive(void **state)
{
	struct fixture *f = *state;
	struct check check = { .indication = true };
	size_t reply_len;

	check_good(&f->ice, 0, &f->a, true);
	assert_int_equal(check_give(&f->ice, 5 * S, &f->a, &check, &reply_len),
		ICE_GOT_INDICATION);
	assert_int_equal(reply_len, 0);
	/* Anybody can send one: it is no consent. */
	assert_true(ice_deadline(&f->ice) == ICE_CONSENT_US);
	check.no_fingerprint = true;
	assert_int_equal(check_give(&f->ice, 5 * S, &f->a, &check, NULL),
		ICE_DROP_FINGERPRINT);
}

/* A check may come before the answer; what other devices proved is forgotten.
 */
static void test_early_checks(void **state)
{
	struct fixture *f = *state;
	struct check other = { .ours = f->ice.local.ufrag,
		.theirs = "else",
		.pwd = f->ice.local.pwd,
		.use_candidate = true };

	assert_int_equal(
		check_give(&f->ice, 0, &f->b, &other, NULL), ICE_GOT_SELECTED);
	check_good(&f->ice, S, &f->a, false);
	assert_int_equal(ice_set_remote(&f->ice, CHECK_UFRAG, CHECK_PWD), 0);
	assert_false(known(&f->ice, &f->b));
	assert_true(known(&f->ice, &f->a));
	assert_selected(&f->ice, &f->a);
	assert_int_equal(ice_set_remote(&f->ice, "nobody", CHECK_PWD), 0);
	assert_int_equal(f->ice.state, ICE_NEW);
	assert_null(ice_selected(&f->ice));
}

static void test_remote_refused(void **state)
{
	static const char *const bad[][2] = { { "abc", CHECK_PWD },
		{ "", CHECK_PWD }, { "pe er", CHECK_PWD },
		{ "pe:er", CHECK_PWD }, { CHECK_UFRAG, "short" },
		{ CHECK_UFRAG, "peerpeerpeerpeerpeer\npeer" } };
	struct fixture *f = *state;
	char pwd[ICE_REMOTE_MAX + 2];
	struct ice_remote before;

	assert_int_equal(ice_set_remote(&f->ice, CHECK_UFRAG, CHECK_PWD), 0);
	before = f->ice.remote;
	assert_int_equal(before.ufrag_len, strlen(CHECK_UFRAG));
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(
			ice_set_remote(&f->ice, bad[i][0], bad[i][1]), -EINVAL);
	memset(pwd, 'x', sizeof(pwd) - 1);
	pwd[sizeof(pwd) - 1] = '\0';
	assert_int_equal(ice_set_remote(&f->ice, CHECK_UFRAG, pwd), -EINVAL);
	assert_int_equal(f->ice.remote.ufrag_len, before.ufrag_len);
	assert_int_equal(f->ice.remote.ufrag_mark, before.ufrag_mark);
	pwd[ICE_REMOTE_MAX] = '\0';
	assert_int_equal(ice_set_remote(&f->ice, CHECK_UFRAG, pwd), 0);
}

static void test_peek(void **state)
{
	struct fixture *f = *state;
	struct check check = { .ours = "abcd", .theirs = "efgh", .pwd = "x" };
	uint8_t buf[CHECK_MAX];
	size_t len = check_make(&check, buf);
	char ufrag[5], small[4];

	(void)f;
	assert_int_equal(ice_peek_ufrag(buf, len, ufrag, sizeof(ufrag)), 4);
	assert_string_equal(ufrag, "abcd");
	assert_int_equal(ice_peek_ufrag(buf, len, small, sizeof(small)), 0);
	assert_int_equal(ice_peek_ufrag(buf, len - 1, ufrag, 5), 0);
	check.ours = NULL;
	len = check_make(&check, buf);
	assert_int_equal(ice_peek_ufrag(buf, len, ufrag, 5), 0);
	check.ours = "";
	len = check_make(&check, buf);
	assert_int_equal(ice_peek_ufrag(buf, len, ufrag, 5), 0);
	check = (struct check){ .ours = "abcd", .indication = true };
	len = check_make(&check, buf);
	assert_int_equal(ice_peek_ufrag(buf, len, ufrag, 5), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_starts_empty, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_check_then_nomination, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_ipv6_and_mapped, setup, teardown),
		cmocka_unit_test_setup_teardown(test_mobility, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_rebinding_without_nomination, setup, teardown),
		cmocka_unit_test_setup_teardown(test_consent, setup, teardown),
		cmocka_unit_test_setup_teardown(test_proven, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_consent_of_another_address, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_keepalive, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_early_checks, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_remote_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_peek, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
