#include "dtls/curve.h"
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <string.h>

/* A curve_key is an EVP_PKEY under another name. */
static EVP_PKEY *pkey_of(struct curve_key *k)
{
	return (EVP_PKEY *)k;
}

/* --- X25519 ---------------------------------------------------------------
 */

bool curve_x25519_public(
	uint8_t ret[CURVE_LEN], const uint8_t scalar[CURVE_LEN])
{
	size_t len = CURVE_LEN;
	EVP_PKEY *own = EVP_PKEY_new_raw_private_key(
		EVP_PKEY_X25519, NULL, scalar, CURVE_LEN);
	bool done = own && EVP_PKEY_get_raw_public_key(own, ret, &len) == 1;

	EVP_PKEY_free(own);
	return done && len == CURVE_LEN;
}

static bool derive(uint8_t ret[CURVE_LEN], EVP_PKEY *own, EVP_PKEY *peer)
{
	size_t len = CURVE_LEN;
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new(own, NULL);
	bool done = c && EVP_PKEY_derive_init(c) == 1 &&
		    EVP_PKEY_derive_set_peer(c, peer) == 1 &&
		    EVP_PKEY_derive(c, ret, &len) == 1;

	EVP_PKEY_CTX_free(c);
	return done && len == CURVE_LEN;
}

/* RFC 7748 section 6.1: no secret is all zeros. */
static bool is_secret(const uint8_t secret[CURVE_LEN])
{
	uint8_t any = 0;

	for (unsigned i = 0; i < CURVE_LEN; i++)
		any |= secret[i];
	return any != 0;
}

bool curve_x25519(uint8_t ret[CURVE_LEN], const uint8_t scalar[CURVE_LEN],
	const uint8_t point[CURVE_LEN])
{
	EVP_PKEY *own = EVP_PKEY_new_raw_private_key(
		EVP_PKEY_X25519, NULL, scalar, CURVE_LEN);
	EVP_PKEY *peer = EVP_PKEY_new_raw_public_key(
		EVP_PKEY_X25519, NULL, point, CURVE_LEN);
	bool done = own && peer && derive(ret, own, peer) && is_secret(ret);

	EVP_PKEY_free(own);
	EVP_PKEY_free(peer);
	return done;
}

/* --- P-256 ----------------------------------------------------------------
 */

static OSSL_PARAM *parameters(const uint8_t point[CURVE_POINT], BIGNUM *number)
{
	OSSL_PARAM *ret = NULL;
	OSSL_PARAM_BLD *b = OSSL_PARAM_BLD_new();

	if (b &&
		OSSL_PARAM_BLD_push_utf8_string(
			b, OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0) == 1 &&
		OSSL_PARAM_BLD_push_octet_string(
			b, OSSL_PKEY_PARAM_PUB_KEY, point, CURVE_POINT) == 1 &&
		(!number || OSSL_PARAM_BLD_push_BN(
				    b, OSSL_PKEY_PARAM_PRIV_KEY, number) == 1))
		ret = OSSL_PARAM_BLD_to_param(b);
	OSSL_PARAM_BLD_free(b);
	return ret;
}

static EVP_PKEY *key_of(OSSL_PARAM *parameters, int selection)
{
	EVP_PKEY *ret = NULL;
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);

	if (c && EVP_PKEY_fromdata_init(c) == 1 &&
		EVP_PKEY_fromdata(c, &ret, selection, parameters) != 1)
		ret = NULL;
	EVP_PKEY_CTX_free(c);
	return ret;
}

struct curve_key *curve_key_new(
	const uint8_t point[CURVE_POINT], const uint8_t number[CURVE_LEN])
{
	BIGNUM *n = number ? BN_secure_new() : NULL;
	OSSL_PARAM *p = NULL;
	EVP_PKEY *ret = NULL;

	if (!number || (n && BN_bin2bn(number, CURVE_LEN, n)))
		p = parameters(point, n);
	if (p)
		ret = key_of(
			p, number ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY);
	OSSL_PARAM_free(p);
	BN_clear_free(n);
	return (struct curve_key *)ret;
}

struct curve_key *curve_key_free(struct curve_key *k)
{
	EVP_PKEY_free(pkey_of(k));
	return NULL;
}

bool curve_verify(struct curve_key *k, const uint8_t *hash, size_t hash_len,
	const uint8_t *signature, size_t len)
{
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new(pkey_of(k), NULL);
	bool holds = c && EVP_PKEY_verify_init(c) == 1 &&
		     EVP_PKEY_verify(c, signature, len, hash, hash_len) == 1;

	EVP_PKEY_CTX_free(c);
	return holds;
}

bool curve_sign(struct curve_key *k, const uint8_t *hash, size_t hash_len,
	uint8_t ret[CURVE_SIGNATURE], size_t *ret_len)
{
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new(pkey_of(k), NULL);
	bool done;

	*ret_len = CURVE_SIGNATURE;
	done = c && EVP_PKEY_sign_init(c) == 1 &&
	       EVP_PKEY_sign(c, ret, ret_len, hash, hash_len) == 1;
	EVP_PKEY_CTX_free(c);
	return done;
}

/* --- at the start ---------------------------------------------------------
 */

static bool signs(struct curve_key *own)
{
	static const uint8_t hash[CURVE_LEN] = { 1 };
	uint8_t signature[CURVE_SIGNATURE];
	size_t len = 0;

	return curve_sign(own, hash, sizeof(hash), signature, &len) &&
	       curve_verify(own, hash, sizeof(hash), signature, len);
}

static bool agrees(void)
{
	static const uint8_t a[CURVE_LEN] = { 8, 1, [31] = 64 };
	static const uint8_t b[CURVE_LEN] = { 8, 2, [31] = 64 };
	uint8_t a_point[CURVE_LEN], b_point[CURVE_LEN];
	uint8_t a_secret[CURVE_LEN], b_secret[CURVE_LEN];

	return curve_x25519_public(a_point, a) &&
	       curve_x25519_public(b_point, b) &&
	       curve_x25519(a_secret, a, b_point) &&
	       curve_x25519(b_secret, b, a_point) &&
	       memcmp(a_secret, b_secret, CURVE_LEN) == 0;
}

bool curve_check(struct curve_key *own)
{
	return signs(own) && agrees();
}
