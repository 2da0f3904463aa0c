#include "dtls/quick.h"

#include <mbedtls/ecdsa.h>
#include <mbedtls/ecp.h>
#include <mbedtls/platform.h>
#include <mbedtls/version.h>

/* A second context of the same key. */
static int make_ecdsa(mbedtls_pk_context *ret, const mbedtls_pk_context *key)
{
	if (mbedtls_pk_setup(
		    ret, mbedtls_pk_info_from_type(MBEDTLS_PK_ECDSA)) != 0 ||
		mbedtls_ecdsa_from_keypair(
			mbedtls_pk_ec(*ret), mbedtls_pk_ec(*key)) != 0)
		return -1;
	return 0;
}

#if MBEDTLS_VERSION_NUMBER < 0x03000000

/* A multiplication of the base point leaves the table behind. The product has
 * to be the public key, by the way. */
static int make_table(struct cert *c)
{
	mbedtls_ecp_keypair *pair = mbedtls_pk_ec(c->signer);
	mbedtls_ecp_point product;
	int ret;

	mbedtls_ecp_point_init(&product);
	ret = mbedtls_ecp_mul(&pair->grp, &product, &pair->d, &pair->grp.G,
		mbedtls_ctr_drbg_random, &c->sessions.drbg);
	if (ret == 0)
		ret = mbedtls_ecp_point_cmp(&product, &pair->Q);
	mbedtls_ecp_point_free(&product);
	return ret == 0 ? 0 : -1;
}

int quick_own(struct cert *c)
{
	return make_ecdsa(&c->signer, &c->key) == 0 ? make_table(c) : -1;
}

/* Only into a group without one. Freed with the group. */
static void copy_table(mbedtls_ecp_group *to, const mbedtls_ecp_group *from)
{
	mbedtls_ecp_point *t = mbedtls_calloc(from->T_size, sizeof(*t));
	int ret = 0;

	if (t == NULL)
		return;
	for (size_t i = 0; i < from->T_size; i++)
		mbedtls_ecp_point_init(&t[i]);
	for (size_t i = 0; i < from->T_size && ret == 0; i++)
		ret = mbedtls_ecp_copy(&t[i], &from->T[i]);
	if (ret == 0) {
		to->T = t;
		to->T_size = from->T_size;
		return;
	}
	for (size_t i = 0; i < from->T_size; i++)
		mbedtls_ecp_point_free(&t[i]);
	mbedtls_free(t);
}

void quick_peer(const struct cert *c, mbedtls_x509_crt *crt)
{
	mbedtls_pk_context quick;

	if (mbedtls_pk_get_type(&crt->pk) != MBEDTLS_PK_ECKEY ||
		mbedtls_pk_ec(crt->pk)->grp.id != MBEDTLS_ECP_DP_SECP256R1)
		return;
	mbedtls_pk_init(&quick);
	if (make_ecdsa(&quick, &crt->pk) != 0) {
		mbedtls_pk_free(&quick);
		return;
	}
	copy_table(&mbedtls_pk_ec(quick)->grp, &mbedtls_pk_ec(c->signer)->grp);
	mbedtls_pk_free(&crt->pk);
	crt->pk = quick;
}

#else

int quick_own(struct cert *c)
{
	return make_ecdsa(&c->signer, &c->key);
}

void quick_peer(const struct cert *c, mbedtls_x509_crt *crt)
{
	(void)c;
	(void)crt;
}

#endif
