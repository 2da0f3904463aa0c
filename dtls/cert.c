#include "dtls/cert.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <mbedtls/ecp.h>
#include <mbedtls/md.h>

#include "dtls/mbed.h"
#include "dtls/quick.h"

enum { DAY_S = 86400, DER_MAX = 1024 };

/* X.509's "YYYYMMDDhhmmss". */
static int format_time(uint64_t at_s, char ret[15])
{
	time_t t = (time_t)at_s;
	struct tm tm;

	if (gmtime_r(&t, &tm) == NULL ||
		strftime(ret, 15, "%Y%m%d%H%M%S", &tm) != 14)
		return -EINVAL;
	return 0;
}

static int write_fields(
	struct cert *c, mbedtls_x509write_cert *w, uint64_t now_s)
{
	char from[15], to[15];
	uint8_t serial[8];

	if (cert_random(c, serial, sizeof(serial)) != 0 ||
		format_time(now_s > DAY_S ? now_s - DAY_S : 0, from) != 0 ||
		format_time(now_s + 365ull * DAY_S, to) != 0)
		return -1;
	/* A serial number is positive and has no leading zero (RFC 5280
	 * section 4.1.2.2). */
	serial[0] = (uint8_t)((serial[0] & 0x7f) | 0x40);
	mbedtls_x509write_crt_set_version(w, MBEDTLS_X509_CRT_VERSION_3);
	mbedtls_x509write_crt_set_md_alg(w, MBEDTLS_MD_SHA256);
	mbedtls_x509write_crt_set_subject_key(w, &c->key);
	mbedtls_x509write_crt_set_issuer_key(w, &c->key);
	if (mbed_set_serial(w, serial, sizeof(serial)) != 0 ||
		mbedtls_x509write_crt_set_validity(w, from, to) != 0 ||
		mbedtls_x509write_crt_set_subject_name(w, "CN=hearth") != 0 ||
		mbedtls_x509write_crt_set_issuer_name(w, "CN=hearth") != 0)
		return -1;
	return 0;
}

static int make_crt(struct cert *c, uint64_t now_s)
{
	mbedtls_x509write_cert w;
	uint8_t der[DER_MAX];
	int n = -1;

	mbedtls_x509write_crt_init(&w);
	if (write_fields(c, &w, now_s) == 0)
		n = mbedtls_x509write_crt_der(&w, der, sizeof(der),
			mbedtls_ctr_drbg_random, &c->random.drbg);
	mbedtls_x509write_crt_free(&w);
	if (n <= 0)
		return -1;
	/* mbedTLS writes DER from the end of the buffer. */
	if (mbedtls_x509_crt_parse_der(
		    &c->crt, der + sizeof(der) - (size_t)n, (size_t)n) != 0)
		return -1;
	return cert_sign_anew(c);
}

static int make_key(struct cert *c)
{
	const mbedtls_pk_info_t *info =
		mbedtls_pk_info_from_type(MBEDTLS_PK_ECKEY);

	if (mbedtls_pk_setup(&c->key, info) != 0)
		return -1;
	return mbedtls_ecp_gen_key(MBEDTLS_ECP_DP_SECP256R1,
		mbedtls_pk_ec(c->key), mbedtls_ctr_drbg_random,
		&c->random.drbg);
}

static int make_fingerprint(struct cert *c)
{
	uint8_t hash[32];
	char *at = c->fingerprint, *end = at + sizeof(c->fingerprint);

	if (mbedtls_md(mbedtls_md_info_from_type(MBEDTLS_MD_SHA256),
		    c->crt.raw.p, c->crt.raw.len, hash) != 0)
		return -1;
	for (size_t i = 0; i < sizeof(hash); i++)
		at += snprintf(
			at, (size_t)(end - at), i ? ":%02X" : "%02X", hash[i]);
	return 0;
}

static void random_init(struct random *r)
{
	mbedtls_entropy_init(&r->entropy);
	mbedtls_ctr_drbg_init(&r->drbg);
}

static int random_seed(struct random *r, const char *person)
{
	return mbedtls_ctr_drbg_seed(&r->drbg, mbedtls_entropy_func,
		&r->entropy, (const unsigned char *)person, strlen(person));
}

static void random_done(struct random *r)
{
	mbedtls_ctr_drbg_free(&r->drbg);
	mbedtls_entropy_free(&r->entropy);
}

struct cert *cert_new(uint64_t now_s)
{
	struct cert *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	random_init(&c->random);
	random_init(&c->sessions);
	mbedtls_pk_init(&c->key);
	mbedtls_pk_init(&c->signer);
	mbedtls_x509_crt_init(&c->crt);
	if (random_seed(&c->random, "hearth") != 0 ||
		random_seed(&c->sessions, "hearth sessions") != 0 ||
		make_key(c) != 0 || quick_own(c) != 0 ||
		make_crt(c, now_s) != 0 || make_fingerprint(c) != 0)
		return cert_free(c);
	return c;
}

struct cert *cert_free(struct cert *c)
{
	if (c == NULL)
		return NULL;
	mbedtls_x509_crt_free(&c->crt);
	mbedtls_pk_free(&c->signer);
	mbedtls_pk_free(&c->key);
	random_done(&c->random);
	random_done(&c->sessions);
	free(c);
	return NULL;
}

const char *cert_fingerprint(const struct cert *c)
{
	return c->fingerprint;
}

int cert_random(struct cert *c, void *ret, size_t len)
{
	uint8_t *at = ret;

	while (len > 0) {
		size_t n = len < MBEDTLS_CTR_DRBG_MAX_REQUEST
				   ? len
				   : MBEDTLS_CTR_DRBG_MAX_REQUEST;

		if (mbedtls_ctr_drbg_random(&c->random.drbg, at, n) != 0)
			return -EIO;
		at += n;
		len -= n;
	}
	return 0;
}
