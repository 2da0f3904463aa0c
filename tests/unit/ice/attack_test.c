/* The ICE part of the list of attacks and faults; the number of each is in the
 * name of its test. 6, 7 are in ice_test.c, 11 in candidate_test.c, 12 in
 * restart_test.c. */
#include "ice/ice.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/ice/check.h"

enum { S = 1000000 };

struct fixture {
	struct ice_engine *engine;
	struct ice ice;
	struct sockaddr_storage peer, attacker;
};

static int setup(void **state)
{
	static struct fixture f;

	f.engine = ice_engine_new();
	if (!f.engine)
		return -1;
	ice_init(&f.ice, f.engine, check_random(1));
	f.peer = check_addr("192.0.2.1", 40000);
	f.attacker = check_addr("203.0.113.66", 6666);
	*state = &f;
	return ice_set_remote(&f.ice, CHECK_UFRAG, CHECK_PWD);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	f->engine = ice_engine_free(f->engine);
	return 0;
}

/* Gives the check from the attacker's address: the drop named is counted, not a
 * byte is sent and nothing else of the state is different. */
static void assert_dropped(
	struct fixture *f, const struct check *check, enum ice_got why)
{
	static struct ice before;
	size_t reply_len;

	before = f->ice;
	assert_int_equal(
		check_give(&f->ice, S, &f->attacker, check, &reply_len), why);
	assert_int_equal(reply_len, 0);
	before.drops[why]++;
	assert_memory_equal(&before, &f->ice, sizeof(before));
}

static struct check good(struct fixture *f)
{
	return (struct check){ .ours = f->ice.local.ufrag,
		.theirs = CHECK_UFRAG,
		.pwd = f->ice.local.pwd,
		.use_candidate = true };
}

static void test_1_wrong_username(void **state)
{
	struct fixture *f = *state;
	struct check check = good(f);

	check_good(&f->ice, 0, &f->peer, true);
	check.ours = "wrongone";
	assert_dropped(f, &check, ICE_DROP_USERNAME);
	check.ours = "";
	assert_dropped(f, &check, ICE_DROP_USERNAME);
	check.ours = NULL;
	assert_dropped(f, &check, ICE_DROP_USERNAME);
	check.pwd = NULL;
	assert_dropped(f, &check, ICE_DROP_USERNAME);
}

static void test_2_wrong_integrity(void **state)
{
	struct fixture *f = *state;
	struct check check = good(f);

	check_good(&f->ice, 0, &f->peer, true);
	check.pwd = "wrongwrongwrongwrongwron";
	assert_dropped(f, &check, ICE_DROP_INTEGRITY);
	check.pwd = NULL; /* no MESSAGE-INTEGRITY at all */
	assert_dropped(f, &check, ICE_DROP_INTEGRITY);
	check.pwd = CHECK_PWD; /* the peer's own password is not ours */
	assert_dropped(f, &check, ICE_DROP_INTEGRITY);
}

static void test_3_no_fingerprint(void **state)
{
	struct fixture *f = *state;
	struct check check = good(f);

	check_good(&f->ice, 0, &f->peer, true);
	check.no_fingerprint = true;
	assert_dropped(f, &check, ICE_DROP_FINGERPRINT);
}

static void test_3_unknown_attribute(void **state)
{
	struct fixture *f = *state;
	struct check check = good(f);
	uint8_t buf[CHECK_MAX], reply[ICE_REPLY_MAX];
	struct check_reply read;
	size_t len, reply_len;

	check.unknown = 3;
	len = check_make(&check, buf);
	assert_int_equal(ice_input(&f->ice, S, (struct sockaddr *)&f->attacker,
				 buf, len, reply, &reply_len),
		ICE_GOT_ERROR);
	read = check_read(reply, reply_len, f->ice.local.pwd);
	assert_int_equal(read.code, 420);
	assert_true(read.authentic);
	assert_int_equal(f->ice.n_pairs, 0);
	assert_int_equal(f->ice.state, ICE_NEW);
	/* Without the password there is no reply to be had. */
	check.pwd = "wrongwrongwrongwrongwron";
	assert_dropped(f, &check, ICE_DROP_INTEGRITY);
	/* More than a reply can name. */
	check.pwd = f->ice.local.pwd;
	check.unknown = 240;
	assert_dropped(f, &check, ICE_DROP_MALFORMED);
}

static void test_4_wrong_remote_half(void **state)
{
	struct fixture *f = *state;
	struct check check = good(f);

	check.theirs = "peex";
	assert_dropped(f, &check, ICE_DROP_USERNAME);
	check.theirs = "pee";
	assert_dropped(f, &check, ICE_DROP_USERNAME);
	check.theirs = "peer:";
	assert_dropped(f, &check, ICE_DROP_USERNAME);
	check.theirs = "";
	assert_dropped(f, &check, ICE_DROP_USERNAME);
}

static void test_8_spoofed_sources(void **state)
{
	struct fixture *f = *state;
	struct check check = good(f);
	char ip[32];

	check_good(&f->ice, 0, &f->peer, true);
	check.pwd = "wrongwrongwrongwrongwron";
	for (unsigned i = 0; i < 10000; i++) {
		snprintf(ip, sizeof(ip), "10.%u.%u.9", i / 250, i % 250);
		f->attacker = check_addr(ip, 1024 + i);
		assert_dropped(f, &check, ICE_DROP_INTEGRITY);
	}
	assert_int_equal(f->ice.n_pairs, 1);
	assert_int_equal(f->ice.drops[ICE_DROP_INTEGRITY], 10000);
}

/* Even one who knows the password fills 16 places and no more, and does not
 * push out the address media goes to. check_good asserts that no reply is
 * longer than its request. */
static void test_8_table_is_bounded(void **state)
{
	struct fixture *f = *state;
	struct sockaddr_storage from;

	check_good(&f->ice, 0, &f->peer, true);
	for (unsigned i = 0; i < 1000; i++) {
		from = check_addr(
			i % 2 ? "203.0.113.1" : "2001:db8::66", 1024 + i);
		assert_int_equal(
			check_good(&f->ice, i, &from, false), ICE_GOT_REPLY);
	}
	assert_int_equal(f->ice.n_pairs, ICE_PAIRS_MAX);
	assert_true(ice_known(&f->ice, (struct sockaddr *)&f->peer));
	assert_true(ice_addr_equal(
		ice_selected(&f->ice), (struct sockaddr *)&f->peer));
	assert_true(ice_known(&f->ice, (struct sockaddr *)&from));
}

/* Exactly len bytes on the heap, so that a read behind them is seen. */
static enum ice_got give_bytes(
	struct fixture *f, const uint8_t *buf, size_t len)
{
	uint8_t *copy = malloc(len ? len : 1), reply[ICE_REPLY_MAX];
	char ufrag[ICE_REMOTE_MAX + 1];
	size_t reply_len;
	enum ice_got got;

	assert_non_null(copy);
	memcpy(copy, buf, len);
	got = ice_input(&f->ice, S, (struct sockaddr *)&f->attacker, copy, len,
		reply, &reply_len);
	ice_peek_ufrag(copy, len, ufrag, sizeof(ufrag));
	free(copy);
	return got;
}

static void test_9_truncated(void **state)
{
	struct fixture *f = *state;
	struct check check = good(f);
	uint8_t buf[CHECK_MAX + 4] = { 0 };
	size_t len = check_make(&check, buf);

	for (size_t cut = 0; cut < len; cut++)
		assert_int_equal(give_bytes(f, buf, cut), ICE_DROP_MALFORMED);
	assert_int_equal(give_bytes(f, buf, len + 4), ICE_DROP_MALFORMED);
	assert_int_equal(f->ice.n_pairs, 0);
	for (unsigned byte = 0; byte < 256; byte++) {
		buf[0] = (uint8_t)byte;
		assert_int_equal(give_bytes(f, buf, 1), ICE_DROP_MALFORMED);
	}
}

/* Every single-byte lie about a length, and then every single-bit error. */
static void test_9_bit_errors(void **state)
{
	struct fixture *f = *state;
	struct check check = good(f);
	uint8_t buf[CHECK_MAX];
	size_t len = check_make(&check, buf);

	for (size_t bit = 0; bit < len * 8; bit++) {
		buf[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_true(give_bytes(f, buf, len) >= ICE_DROP_MALFORMED);
		buf[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	assert_int_equal(f->ice.n_pairs, 0);
	assert_int_equal(give_bytes(f, buf, len), ICE_GOT_SELECTED);
}

/* A MESSAGE-INTEGRITY that says it is shorter than its hash, at the very end.
 */
static void test_9_short_integrity(void **state)
{
	struct fixture *f = *state;
	uint8_t buf[64] = { 0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42 };
	size_t at = 20, n = ICE_UFRAG_LEN + 1 + 4;

	buf[at + 1] = 6;
	buf[at + 3] = (uint8_t)n;
	memcpy(buf + at + 4, f->ice.local.ufrag, ICE_UFRAG_LEN);
	memcpy(buf + at + 4 + ICE_UFRAG_LEN, ":" CHECK_UFRAG, 5);
	at += 4 + ((n + 3) & ~(size_t)3);
	memset(buf + at, 0, sizeof(buf) - at);
	buf[at + 1] = 8; /* MESSAGE-INTEGRITY, length 0 */
	at += 4;
	buf[3] = (uint8_t)(at - 20);
	assert_int_equal(give_bytes(f, buf, at), ICE_DROP_MALFORMED);
}

static void test_10_role_conflict(void **state)
{
	struct fixture *f = *state;
	struct check check = good(f);
	uint8_t buf[CHECK_MAX], reply[ICE_REPLY_MAX];
	struct check_reply read;
	size_t len, reply_len;

	check.controlled = true;
	len = check_make(&check, buf);
	assert_int_equal(ice_input(&f->ice, S, (struct sockaddr *)&f->peer, buf,
				 len, reply, &reply_len),
		ICE_GOT_ERROR);
	read = check_read(reply, reply_len, f->ice.local.pwd);
	assert_int_equal(read.code, 487);
	assert_true(read.authentic);
	assert_true(reply_len <= len);
	assert_int_equal(f->ice.state, ICE_NEW);
	assert_int_equal(f->ice.n_pairs, 0);
	assert_int_equal(f->ice.drops[ICE_GOT_ERROR], 1);
	check.pwd = "wrongwrongwrongwrongwron";
	assert_dropped(f, &check, ICE_DROP_INTEGRITY);
}

static void test_unexpected_method(void **state)
{
	struct fixture *f = *state;
	struct check check = good(f);

	check.method = 3; /* TURN's Allocate */
	assert_dropped(f, &check, ICE_DROP_UNEXPECTED);
	check.indication = true;
	assert_dropped(f, &check, ICE_DROP_UNEXPECTED);
}

static void test_not_ip(void **state)
{
	struct fixture *f = *state;
	struct check check = good(f);

	memset(&f->attacker, 0, sizeof(f->attacker));
	f->attacker.ss_family = AF_UNIX;
	assert_dropped(f, &check, ICE_DROP_MALFORMED);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_1_wrong_username),
		T(test_2_wrong_integrity),
		T(test_3_no_fingerprint),
		T(test_3_unknown_attribute),
		T(test_4_wrong_remote_half),
		T(test_8_spoofed_sources),
		T(test_8_table_is_bounded),
		T(test_9_truncated),
		T(test_9_bit_errors),
		T(test_9_short_integrity),
		T(test_10_role_conflict),
		T(test_unexpected_method),
		T(test_not_ip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
