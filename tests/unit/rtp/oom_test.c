/* Every allocation of ours fails in turn: an error, no leak, outputs untouched.
 * srtp_create stands for the ones within libsrtp2. */
#include "check.h"
#include <string.h>

#include <srtp2/srtp.h>

#include "rtp/crypt.h"
#include "rtp/estimate.h"
#include "rtp/history.h"

static unsigned calls, fail_at, sessions;

void *__wrap_calloc(size_t n, size_t size);
void *__real_calloc(size_t n, size_t size);
srtp_err_status_t __wrap_srtp_create(srtp_t *ret, const srtp_policy_t *policy);
srtp_err_status_t __real_srtp_create(srtp_t *ret, const srtp_policy_t *policy);

void *__wrap_calloc(size_t n, size_t size)
{
	return ++calls == fail_at ? NULL : __real_calloc(n, size);
}

srtp_err_status_t __wrap_srtp_create(srtp_t *ret, const srtp_policy_t *policy)
{
	if (++calls == fail_at)
		return srtp_err_status_alloc_fail;
	sessions++;
	return __real_srtp_create(ret, policy);
}

static void crypt_new_fails_cleanly(void **state)
{
	static const uint8_t keys[CRYPT_KEYS_LEN] = { 1 };
	struct crypt *c = NULL;

	(void)state;
	assert_int_equal(crypt_global_init(), 0);
	crypt_use_portable(true);
	for (unsigned i = 1; i <= 3; i++) {
		calls = 0;
		fail_at = i;
		assert_int_equal(crypt_new(&c, keys, true), -ENOMEM);
		assert_null(c);
	}
	calls = 0;
	fail_at = 4;
	assert_int_equal(crypt_new(&c, keys, true), 0);
	assert_int_equal(calls, 3);
	assert_int_equal(sessions, 1 + 2);
	fail_at = 0;
	crypt_free(c);
	crypt_use_portable(false);
}

/* With lanes there are two expanded keys more. */
static void crypt_new_with_lanes_fails_cleanly(void **state)
{
	static const uint8_t keys[CRYPT_KEYS_LEN] = { 1 };
	bool lanes = strcmp(crypt_engine(), "libsrtp2") != 0;
	struct crypt *c = NULL;

	(void)state;
	for (unsigned i = 1; i <= (lanes ? 5 : 3); i++) {
		calls = 0;
		fail_at = i;
		assert_int_equal(crypt_new(&c, keys, true), -ENOMEM);
		assert_null(c);
	}
	calls = 0;
	fail_at = 6;
	assert_int_equal(crypt_new(&c, keys, true), 0);
	fail_at = 0;
	crypt_free(c);
}

static void history_new_fails_cleanly(void **state)
{
	struct history *h;

	(void)state;
	calls = 0;
	fail_at = 1;
	assert_null(history_new(4));
	h = history_new(4);
	assert_non_null(h);
	assert_int_equal(calls, 2);
	fail_at = 0;
	history_free(h);
}

static void estimate_init_fails_cleanly(void **state)
{
	const struct estimate_config cfg = { .twcc = true };
	struct estimate e;

	(void)state;
	calls = 0;
	fail_at = 1;
	assert_int_equal(estimate_init(&e, 1, &cfg), -ENOMEM);
	estimate_done(&e);
	assert_int_equal(estimate_init(&e, 1, &cfg), 0);
	assert_int_equal(calls, 2);
	fail_at = 0;
	estimate_done(&e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(crypt_new_fails_cleanly),
		cmocka_unit_test(crypt_new_with_lanes_fails_cleanly),
		cmocka_unit_test(history_new_fails_cleanly),
		cmocka_unit_test(estimate_init_fails_cleanly),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
