/*
 * Datagrams into a session that shakes hands (role by the first byte).
 * Input: (length, bytes); a length of 0 lets time pass.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include "dtls/dtls.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_send(struct dtls_out *out, const uint8_t *buf, size_t len)
{
	(void)out;
	if (len > DTLS_DATAGRAM_MAX || buf[0] < 20 || buf[0] > 23)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct cert *cert;
	struct dtls_out out = { on_send };
	uint64_t now_us = 1000000;
	uint8_t record[2048], keys[DTLS_KEYS_LEN];
	struct dtls *d;

	if (cert == NULL)
		cert = cert_new(1795500000);
	if (size == 0 ||
		dtls_new(&d, cert, data[0] & 1 ? DTLS_SERVER : DTLS_CLIENT,
			"sha-256", cert_fingerprint(cert)) != 0)
		return 0;
	data++;
	size--;
	dtls_start(d, now_us, &out);
	while (size >= 2) {
		size_t n = (size_t)(data[0] & 15) << 8 | data[1];

		data += 2;
		size -= 2;
		n = n < size ? n : size;
		if (n == 0)
			dtls_tick(d, now_us += 300000, &out);
		else
			dtls_input(d, now_us, data, n, &out);
		while (dtls_read(d, record, sizeof(record)) > 0)
			;
		data += n;
		size -= n;
	}
	/* Nobody signs with our fingerprint's key by chance. */
	if (dtls_keys(d, keys) == 0)
		abort();
	dtls_close(d, &out);
	dtls_free(d);
	return 0;
}
