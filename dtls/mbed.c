#include "dtls/mbed.h"

#include <mbedtls/bignum.h>
#include <mbedtls/ecdsa.h>
#include <mbedtls/version.h>
#include "dtls/agree.h"

/* What mbedTLS calls itself at the first application record. Exported, but in
 * no header of 2.28 or 3.6 that is installed. */
void mbedtls_ssl_handshake_wrapup_free_hs_transform(mbedtls_ssl_context *ssl);

void mbed_drop_handshake(mbedtls_ssl_context *ssl)
{
	mbedtls_ssl_handshake_wrapup_free_hs_transform(ssl);
}

#if MBEDTLS_VERSION_NUMBER < 0x03000000

void mbed_conf_protocol(mbedtls_ssl_config *conf)
{
	/* mbedTLS 2 calls DTLS 1.2 by the number of the TLS it stands on. */
	mbedtls_ssl_conf_min_version(
		conf, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
	mbedtls_ssl_conf_max_version(
		conf, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
	agree_conf(conf);
}

static int on_export(void *arg, const unsigned char *master,
	const unsigned char *key_block, size_t mac_len, size_t key_len,
	size_t iv_len, const unsigned char client_random[32],
	const unsigned char server_random[32], mbedtls_tls_prf_types prf)
{
	struct mbed_watch *w = arg;
	struct mbed_secret secret = { master, 48, client_random, server_random,
		prf };

	(void)key_block;
	(void)mac_len;
	(void)key_len;
	(void)iv_len;
	w->h(w->arg, &secret);
	return 0;
}

void mbed_watch_secret(mbedtls_ssl_context *ssl, mbedtls_ssl_config *conf,
	struct mbed_watch *w)
{
	(void)ssl;
	mbedtls_ssl_conf_export_keys_ext_cb(conf, on_export, w);
}

bool mbed_is_over(const mbedtls_ssl_context *ssl)
{
	return ssl->state == MBEDTLS_SSL_HANDSHAKE_OVER;
}

bool mbed_awaits_hello(const mbedtls_ssl_context *ssl)
{
	return ssl->state <= MBEDTLS_SSL_CLIENT_HELLO;
}

bool mbed_holds_handshake(const mbedtls_ssl_context *ssl)
{
	return ssl->handshake != NULL;
}

int mbed_srtp_profile(const mbedtls_ssl_context *ssl)
{
	mbedtls_dtls_srtp_info info;

	mbedtls_ssl_get_dtls_srtp_negotiation_result(ssl, &info);
	return info.chosen_dtls_srtp_profile;
}

bool mbed_is_bad_hello(int error)
{
	return error == MBEDTLS_ERR_SSL_BAD_HS_CLIENT_HELLO;
}

int mbed_set_serial(
	mbedtls_x509write_cert *w, const uint8_t *serial, size_t len)
{
	mbedtls_mpi n;
	int ret;

	mbedtls_mpi_init(&n);
	ret = mbedtls_mpi_read_binary(&n, serial, len);
	if (ret == 0)
		ret = mbedtls_x509write_crt_set_serial(w, &n);
	mbedtls_mpi_free(&n);
	return ret;
}

int mbed_sign_sha256(struct cert *c, const uint8_t hash[32], uint8_t *ret,
	size_t max, size_t *ret_len)
{
	if (max < MBEDTLS_ECDSA_MAX_SIG_LEN(256))
		return MBEDTLS_ERR_PK_BAD_INPUT_DATA;
	return mbedtls_pk_sign(&c->key, MBEDTLS_MD_SHA256, hash, 32, ret,
		ret_len, mbedtls_ctr_drbg_random, &c->sessions.drbg);
}

#else

void mbed_conf_protocol(mbedtls_ssl_config *conf)
{
	mbedtls_ssl_conf_min_tls_version(conf, MBEDTLS_SSL_VERSION_TLS1_2);
	mbedtls_ssl_conf_max_tls_version(conf, MBEDTLS_SSL_VERSION_TLS1_2);
	agree_conf(conf);
}

static void on_export(void *arg, mbedtls_ssl_key_export_type type,
	const unsigned char *master, size_t master_len,
	const unsigned char client_random[32],
	const unsigned char server_random[32], mbedtls_tls_prf_types prf)
{
	struct mbed_watch *w = arg;
	struct mbed_secret secret = { master, master_len, client_random,
		server_random, prf };

	if (type == MBEDTLS_SSL_KEY_EXPORT_TLS12_MASTER_SECRET)
		w->h(w->arg, &secret);
}

void mbed_watch_secret(mbedtls_ssl_context *ssl, mbedtls_ssl_config *conf,
	struct mbed_watch *w)
{
	(void)conf;
	mbedtls_ssl_set_export_keys_cb(ssl, on_export, w);
}

bool mbed_is_over(const mbedtls_ssl_context *ssl)
{
	return mbedtls_ssl_is_handshake_over((mbedtls_ssl_context *)ssl);
}

bool mbed_awaits_hello(const mbedtls_ssl_context *ssl)
{
	return ssl->MBEDTLS_PRIVATE(state) <= MBEDTLS_SSL_CLIENT_HELLO;
}

bool mbed_holds_handshake(const mbedtls_ssl_context *ssl)
{
	return ssl->MBEDTLS_PRIVATE(handshake) != NULL;
}

int mbed_srtp_profile(const mbedtls_ssl_context *ssl)
{
	mbedtls_dtls_srtp_info info;

	mbedtls_ssl_get_dtls_srtp_negotiation_result(ssl, &info);
	return info.MBEDTLS_PRIVATE(chosen_dtls_srtp_profile);
}

bool mbed_is_bad_hello(int error)
{
	return error == MBEDTLS_ERR_SSL_DECODE_ERROR;
}

int mbed_set_serial(
	mbedtls_x509write_cert *w, const uint8_t *serial, size_t len)
{
	uint8_t copy[MBEDTLS_X509_RFC5280_MAX_SERIAL_LEN];

	if (len > sizeof(copy))
		return MBEDTLS_ERR_X509_BAD_INPUT_DATA;
	for (size_t i = 0; i < len; i++)
		copy[i] = serial[i];
	return mbedtls_x509write_crt_set_serial_raw(w, copy, len);
}

int mbed_sign_sha256(struct cert *c, const uint8_t hash[32], uint8_t *ret,
	size_t max, size_t *ret_len)
{
	return mbedtls_pk_sign(&c->key, MBEDTLS_MD_SHA256, hash, 32, ret, max,
		ret_len, mbedtls_ctr_drbg_random, &c->sessions.drbg);
}

#endif
