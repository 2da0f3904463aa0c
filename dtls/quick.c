#include "dtls/quick.h"

#include <mbedtls/ecdsa.h>
#include <mbedtls/version.h>

#if MBEDTLS_VERSION_NUMBER < 0x03000000

#include <mbedtls/ecp.h>
#include <mbedtls/pk_internal.h>
#include <mbedtls/platform_util.h>
#include <stdlib.h>
#include "dtls/curve.h"

/* What mbedTLS believes to be a key of its own type "ECDSA". */
struct quick {
	mbedtls_ecdsa_context ecdsa;
	struct curve_key *key;
};

static void *new_quick(void)
{
	struct quick *q = calloc(1, sizeof(*q));

	if (q)
		mbedtls_ecdsa_init(&q->ecdsa);
	return q;
}

static void free_quick(void *ctx)
{
	struct quick *q = ctx;

	mbedtls_ecdsa_free(&q->ecdsa);
	curve_key_free(q->key);
	free(q);
}

static int verify(void *ctx, mbedtls_md_type_t md, const unsigned char *hash,
	size_t hash_len, const unsigned char *sig, size_t sig_len)
{
	const struct quick *q = ctx;

	(void)md;
	return curve_verify(q->key, hash, hash_len, sig, sig_len)
		       ? 0
		       : MBEDTLS_ERR_ECP_VERIFY_FAILED;
}

/* sig: MBEDTLS_PK_SIGNATURE_MAX_SIZE bytes, which are more. */
static int sign(void *ctx, mbedtls_md_type_t md, const unsigned char *hash,
	size_t hash_len, unsigned char *sig, size_t *sig_len,
	int (*rng)(void *, unsigned char *, size_t), void *arg)
{
	const struct quick *q = ctx;

	(void)md;
	(void)rng;
	(void)arg;
	return curve_sign(q->key, hash, hash_len, sig, sig_len)
		       ? 0
		       : MBEDTLS_ERR_ECP_ALLOC_FAILED;
}

static mbedtls_pk_info_t info;

/* Certificates are made before there are threads. */
static void make_info(void)
{
	if (info.name)
		return;
	info = *mbedtls_pk_info_from_type(MBEDTLS_PK_ECDSA);
	info.verify_func = verify;
	info.sign_func = sign;
	info.ctx_alloc_func = new_quick;
	info.ctx_free_func = free_quick;
}

/* The numbers of a pair, as bytes. */
static struct curve_key *key_of(mbedtls_ecp_keypair *pair)
{
	uint8_t point[CURVE_POINT], number[CURVE_LEN];
	bool own = mbedtls_mpi_cmp_int(&pair->d, 0) != 0;
	struct curve_key *ret = NULL;
	size_t len = 0;

	if (mbedtls_ecp_point_write_binary(&pair->grp, &pair->Q,
		    MBEDTLS_ECP_PF_UNCOMPRESSED, &len, point,
		    sizeof(point)) == 0 &&
		len == sizeof(point) &&
		mbedtls_mpi_write_binary(&pair->d, number, sizeof(number)) == 0)
		ret = curve_key_new(point, own ? number : NULL);
	mbedtls_platform_zeroize(number, sizeof(number));
	return ret;
}

/* A second context of the same key; none where that fails. */
static int make_quick(mbedtls_pk_context *ret, const mbedtls_pk_context *key)
{
	mbedtls_ecp_keypair *pair = mbedtls_pk_ec(*key);
	struct quick *q;

	if (pair->grp.id != MBEDTLS_ECP_DP_SECP256R1 ||
		mbedtls_pk_setup(ret, &info) != 0)
		return -1;
	q = ret->pk_ctx;
	q->key = key_of(pair);
	if (q->key && mbedtls_ecdsa_from_keypair(&q->ecdsa, pair) == 0)
		return 0;
	mbedtls_pk_free(ret);
	return -1;
}

void quick_peer(mbedtls_x509_crt *crt)
{
	mbedtls_pk_context quick;

	mbedtls_pk_init(&quick);
	if (mbedtls_pk_get_type(&crt->pk) != MBEDTLS_PK_ECKEY ||
		make_quick(&quick, &crt->pk) != 0)
		return;
	mbedtls_pk_free(&crt->pk);
	crt->pk = quick;
}

int quick_own(struct cert *c)
{
	const struct quick *q;

	make_info();
	if (make_quick(&c->signer, &c->key) != 0)
		return -1;
	q = c->signer.pk_ctx;
	return curve_check(q->key) ? 0 : -1;
}

#else

int quick_own(struct cert *c)
{
	const mbedtls_pk_info_t *ecdsa =
		mbedtls_pk_info_from_type(MBEDTLS_PK_ECDSA);

	return mbedtls_pk_setup(&c->signer, ecdsa) != 0 ||
			       mbedtls_ecdsa_from_keypair(
				       mbedtls_pk_ec(c->signer),
				       mbedtls_pk_ec(c->key)) != 0
		       ? -1
		       : 0;
}

void quick_peer(mbedtls_x509_crt *crt)
{
	(void)crt;
}

#endif
