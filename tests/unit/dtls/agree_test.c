/* mbedTLS agrees on keys by what agree.c puts in its place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <mbedtls/ctr_drbg.h>
#include <mbedtls/ecdh.h>
#include <mbedtls/entropy.h>
#include "dtls/agree.h"

static mbedtls_entropy_context entropy;
static mbedtls_ctr_drbg_context drbg;
static unsigned asked; /* for random numbers */

static int set_up(void **state)
{
	mbedtls_ssl_config conf;

	(void)state;
	/* As any session; and so that the linker takes the file. */
	mbedtls_ssl_config_init(&conf);
	agree_conf(&conf);
	mbedtls_ssl_config_free(&conf);
	mbedtls_entropy_init(&entropy);
	mbedtls_ctr_drbg_init(&drbg);
	return mbedtls_ctr_drbg_seed(
		&drbg, mbedtls_entropy_func, &entropy, NULL, 0);
}

static int tear_down(void **state)
{
	(void)state;
	mbedtls_ctr_drbg_free(&drbg);
	mbedtls_entropy_free(&entropy);
	return 0;
}

static int count(void *arg, unsigned char *ret, size_t len)
{
	asked++;
	return mbedtls_ctr_drbg_random(arg, ret, len);
}

struct side {
	mbedtls_ecdh_context ecdh;
	uint8_t said[256], secret[64];
	size_t said_len, secret_len;
};

static void begin(struct side *s)
{
	memset(s, 0, sizeof(*s));
	mbedtls_ecdh_init(&s->ecdh);
}

/* As a server and a client of TLS do. */
static int agree(
	struct side *server, struct side *client, mbedtls_ecp_group_id group)
{
	const unsigned char *at = server->said;

	begin(server);
	begin(client);
	assert_int_equal(mbedtls_ecdh_setup(&server->ecdh, group), 0);
	assert_int_equal(
		mbedtls_ecdh_make_params(&server->ecdh, &server->said_len,
			server->said, sizeof(server->said), count, &drbg),
		0);
	assert_int_equal(mbedtls_ecdh_read_params(&client->ecdh, &at,
				 server->said + server->said_len),
		0);
	assert_int_equal(
		mbedtls_ecdh_make_public(&client->ecdh, &client->said_len,
			client->said, sizeof(client->said), count, &drbg),
		0);
	assert_int_equal(mbedtls_ecdh_read_public(
				 &server->ecdh, client->said, client->said_len),
		0);
	assert_int_equal(
		mbedtls_ecdh_calc_secret(&client->ecdh, &client->secret_len,
			client->secret, sizeof(client->secret), count, &drbg),
		0);
	return mbedtls_ecdh_calc_secret(&server->ecdh, &server->secret_len,
		server->secret, sizeof(server->secret), count, &drbg);
}

static void end(struct side *s)
{
	mbedtls_ecdh_free(&s->ecdh);
}

static void agree_by(mbedtls_ecp_group_id group, size_t len)
{
	struct side a, b;

	assert_int_equal(agree(&a, &b, group), 0);
	assert_int_equal(a.secret_len, len);
	assert_int_equal(b.secret_len, len);
	assert_memory_equal(a.secret, b.secret, len);
	end(&a);
	end(&b);
}

/* mbedTLS's own asks once more for each multiplication, which it blinds. */
static void x25519_is_ours(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 20; i++) {
		asked = 0;
		agree_by(MBEDTLS_ECP_DP_CURVE25519, 32);
		assert_int_equal(asked, 2);
	}
}

static void others_stay(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 5; i++) {
		asked = 0;
		agree_by(MBEDTLS_ECP_DP_SECP256R1, 32);
		assert_true(asked >= 6);
		agree_by(MBEDTLS_ECP_DP_SECP384R1, 48);
	}
}

/* Attack: a public key of low order makes a secret that everybody knows. */
static void low_order_is_refused(void **state)
{
	static const uint8_t points[][32] = { { 0 }, { 1 },
		{ 0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56,
			0xe3, 0xfa, 0xf1, 0x9f, 0xc4, 0x6a, 0xda, 0x09, 0x8d,
			0xeb, 0x9c, 0x32, 0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16,
			0x5f, 0x49, 0xb8, 0x00 } };
	struct side a, b;
	uint8_t evil[33] = { 32 };

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(agree(&a, &b, MBEDTLS_ECP_DP_CURVE25519), 0);
		memcpy(evil + 1, points[i], 32);
		if (mbedtls_ecdh_read_public(&a.ecdh, evil, sizeof(evil)) == 0)
			assert_int_not_equal(
				mbedtls_ecdh_calc_secret(&a.ecdh, &a.secret_len,
					a.secret, sizeof(a.secret), count,
					&drbg),
				0);
		end(&a);
		end(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(x25519_is_ours),
		cmocka_unit_test(others_stay),
		cmocka_unit_test(low_order_is_refused),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
