#include "raw.h"

#include <stdlib.h>
#include <string.h>
#include "dtls/mbed.h"

static int on_send(void *arg, const unsigned char *buf, size_t len)
{
	struct raw *r = arg;

	net_send(&r->pair->net, 1 - r->self, buf, len);
	return (int)len;
}

static int on_recv(void *arg, unsigned char *buf, size_t len)
{
	struct raw *r = arg;

	if (r->rx_len == 0)
		return MBEDTLS_ERR_SSL_WANT_READ;
	if (len > r->rx_len)
		len = r->rx_len;
	memcpy(buf, r->rx, len);
	r->rx_len = 0;
	return (int)len;
}

static void on_set_timer(void *arg, uint32_t soft_ms, uint32_t hard_ms)
{
	(void)arg;
	(void)soft_ms;
	(void)hard_ms;
}

static int on_get_timer(void *arg)
{
	(void)arg;
	return 0;
}

static int on_verify(void *arg, mbedtls_x509_crt *crt, int depth, uint32_t *f)
{
	(void)arg;
	(void)crt;
	(void)depth;
	*f = 0;
	return 0;
}

static void turn(struct raw *r)
{
	uint8_t waste[2000];

	r->result = mbedtls_ssl_handshake(&r->ssl);
	if (r->result == 0)
		r->result = mbedtls_ssl_read(&r->ssl, waste, sizeof(waste));
}

static void on_receive(void *arg, unsigned to, const uint8_t *buf, size_t len)
{
	struct raw *r = arg;

	if (to != r->self) {
		pair_input(r->pair, to, buf, len);
		return;
	}
	r->rx = buf;
	r->rx_len = len;
	turn(r);
}

static void conf(struct raw *r, enum raw_fault fault)
{
	static const mbedtls_ssl_srtp_profile ours[] = {
		MBEDTLS_TLS_SRTP_AES128_CM_HMAC_SHA1_80, MBEDTLS_TLS_SRTP_UNSET
	};
	static const mbedtls_ssl_srtp_profile other[] = {
		MBEDTLS_TLS_SRTP_AES128_CM_HMAC_SHA1_32, MBEDTLS_TLS_SRTP_UNSET
	};
	struct cert *cert = r->pair->end[r->self].cert;

	mbedtls_ssl_config_init(&r->conf);
	mbedtls_ssl_config_defaults(&r->conf,
		r->self == 0 ? MBEDTLS_SSL_IS_CLIENT : MBEDTLS_SSL_IS_SERVER,
		MBEDTLS_SSL_TRANSPORT_DATAGRAM, MBEDTLS_SSL_PRESET_DEFAULT);
	mbedtls_ssl_conf_rng(
		&r->conf, mbedtls_ctr_drbg_random, &cert->sessions.drbg);
	mbedtls_ssl_conf_authmode(&r->conf, MBEDTLS_SSL_VERIFY_OPTIONAL);
	mbedtls_ssl_conf_verify(&r->conf, on_verify, NULL);
	if (r->self == 1)
		mbedtls_ssl_conf_dtls_cookies(&r->conf, NULL, NULL, NULL);
	if (fault != RAW_NO_CERT)
		mbedtls_ssl_conf_own_cert(&r->conf, &cert->crt, &cert->key);
	if (fault != RAW_NO_SRTP)
		mbedtls_ssl_conf_dtls_srtp_protection_profiles(
			&r->conf, fault == RAW_OTHER_SRTP ? other : ours);
	if (fault == RAW_RENEGOTIATES)
		mbedtls_ssl_conf_renegotiation(
			&r->conf, MBEDTLS_SSL_RENEGOTIATION_ENABLED);
}

void raw_init(
	struct raw *r, struct pair *p, unsigned self, enum raw_fault fault)
{
	memset(r, 0, sizeof(*r));
	r->pair = p;
	r->self = self;
	p->end[self].dtls = dtls_free(p->end[self].dtls);
	conf(r, fault);
	mbedtls_ssl_init(&r->ssl);
	if (mbedtls_ssl_setup(&r->ssl, &r->conf) != 0)
		abort();
	mbedtls_ssl_set_mtu(&r->ssl, 1200);
	mbedtls_ssl_set_bio(&r->ssl, r, on_send, on_recv, NULL);
	mbedtls_ssl_set_timer_cb(&r->ssl, r, on_set_timer, on_get_timer);
	p->net.receive = on_receive;
	p->net.arg = r;
}

void raw_done(struct raw *r)
{
	mbedtls_ssl_free(&r->ssl);
	mbedtls_ssl_config_free(&r->conf);
}

void raw_connect(struct raw *r)
{
	pair_start(r->pair);
	turn(r);
	for (unsigned i = 0; i < 200; i++)
		pair_run(r->pair, 10000);
}

void raw_write(struct raw *r, const char *text)
{
	r->result = mbedtls_ssl_write(
		&r->ssl, (const unsigned char *)text, strlen(text));
}
