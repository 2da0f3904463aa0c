#include "dtls/agree.h"

#include <mbedtls/ecdh.h>
#include <mbedtls/platform_util.h>
#include <mbedtls/version.h>
#include "dtls/curve.h"

#if MBEDTLS_VERSION_NUMBER < 0x03000000

void agree_conf(mbedtls_ssl_config *conf)
{
	static const mbedtls_ecp_group_id groups[] = {
		MBEDTLS_ECP_DP_CURVE25519, MBEDTLS_ECP_DP_SECP256R1,
		MBEDTLS_ECP_DP_SECP384R1, MBEDTLS_ECP_DP_NONE
	};

	mbedtls_ssl_conf_curves(conf, groups);
}

#else

void agree_conf(mbedtls_ssl_config *conf)
{
	static const uint16_t groups[] = { MBEDTLS_SSL_IANA_TLS_GROUP_X25519,
		MBEDTLS_SSL_IANA_TLS_GROUP_SECP256R1,
		MBEDTLS_SSL_IANA_TLS_GROUP_SECP384R1,
		MBEDTLS_SSL_IANA_TLS_GROUP_NONE };

	mbedtls_ssl_conf_groups(conf, groups);
}

#endif

typedef int rng_h(void *arg, unsigned char *ret, size_t len);

static int new_key(mbedtls_ecp_group *grp, mbedtls_mpi *d, mbedtls_ecp_point *q,
	rng_h *rng, void *arg)
{
	uint8_t scalar[CURVE_LEN], point[CURVE_LEN];
	int ret = rng(arg, scalar, sizeof(scalar));

	if (ret == 0) {
		/* As mbedTLS keeps them (RFC 7748 section 5). */
		scalar[0] &= 248;
		scalar[31] = (scalar[31] & 127) | 64;
		if (!curve_x25519_public(point, scalar))
			ret = MBEDTLS_ERR_ECP_ALLOC_FAILED;
	}
	if (ret == 0)
		ret = mbedtls_mpi_read_binary_le(d, scalar, sizeof(scalar));
	if (ret == 0)
		ret = mbedtls_ecp_point_read_binary(
			grp, q, point, sizeof(point));
	mbedtls_platform_zeroize(scalar, sizeof(scalar));
	return ret;
}

__attribute__((weak)) int mbedtls_ecdh_gen_public(mbedtls_ecp_group *grp,
	mbedtls_mpi *d, mbedtls_ecp_point *q, rng_h *rng, void *arg)
{
	if (grp->id != MBEDTLS_ECP_DP_CURVE25519)
		return mbedtls_ecp_gen_keypair(grp, d, q, rng, arg);
	return new_key(grp, d, q, rng, arg);
}

/* The x of a point, as bytes before it are read. */
static int secret_of(
	mbedtls_ecp_group *grp, mbedtls_mpi *z, const mbedtls_ecp_point *p)
{
	uint8_t buf[MBEDTLS_ECP_MAX_PT_LEN];
	size_t len = 0;
	int ret = mbedtls_ecp_point_write_binary(
		grp, p, MBEDTLS_ECP_PF_UNCOMPRESSED, &len, buf, sizeof(buf));

	/* 4, x, y; a single 0 is the point at infinity. */
	if (ret == 0 && len < 3)
		ret = MBEDTLS_ERR_ECP_BAD_INPUT_DATA;
	if (ret == 0)
		ret = mbedtls_mpi_read_binary(z, buf + 1, (len - 1) / 2);
	mbedtls_platform_zeroize(buf, sizeof(buf));
	return ret;
}

static int multiply(mbedtls_ecp_group *grp, mbedtls_mpi *z,
	const mbedtls_ecp_point *q, const mbedtls_mpi *d, rng_h *rng, void *arg)
{
	mbedtls_ecp_point p;
	int ret;

	mbedtls_ecp_point_init(&p);
	ret = mbedtls_ecp_mul(grp, &p, d, q, rng, arg);
	if (ret == 0)
		ret = secret_of(grp, z, &p);
	mbedtls_ecp_point_free(&p);
	return ret;
}

static int share(mbedtls_ecp_group *grp, mbedtls_mpi *z,
	const mbedtls_ecp_point *q, const mbedtls_mpi *d)
{
	uint8_t scalar[CURVE_LEN], point[CURVE_LEN], secret[CURVE_LEN];
	size_t len = 0;
	int ret = mbedtls_ecp_point_write_binary(grp, q,
		MBEDTLS_ECP_PF_UNCOMPRESSED, &len, point, sizeof(point));

	if (ret == 0)
		ret = mbedtls_mpi_write_binary_le(d, scalar, sizeof(scalar));
	if (ret == 0 && !curve_x25519(secret, scalar, point))
		ret = MBEDTLS_ERR_ECP_BAD_INPUT_DATA;
	if (ret == 0)
		ret = mbedtls_mpi_read_binary_le(z, secret, sizeof(secret));
	mbedtls_platform_zeroize(scalar, sizeof(scalar));
	mbedtls_platform_zeroize(secret, sizeof(secret));
	return ret;
}

__attribute__((weak)) int mbedtls_ecdh_compute_shared(mbedtls_ecp_group *grp,
	mbedtls_mpi *z, const mbedtls_ecp_point *q, const mbedtls_mpi *d,
	rng_h *rng, void *arg)
{
	if (grp->id != MBEDTLS_ECP_DP_CURVE25519)
		return multiply(grp, z, q, d, rng, arg);
	return share(grp, z, q, d);
}
