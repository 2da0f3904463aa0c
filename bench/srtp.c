/*
 * Sealing and opening SRTP: nanoseconds a packet for an audio and a video
 * packet, and a fan-out of one packet to N receivers sealed as one batch; by
 * libsrtp2, and by the lanes where the processor has them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "rtp/crypt.h"

enum { ROUNDS = 30000, RECEIVERS = 30, ROOM = 1500 + CRYPT_TRAILER };

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static struct crypt *new_key(unsigned n, bool is_client)
{
	uint8_t keys[CRYPT_KEYS_LEN] = { 1, 2, 3 };
	struct crypt *c;

	keys[5] = (uint8_t)n;
	if (crypt_new(&c, keys, is_client) < 0) {
		fprintf(stderr, "srtp: no session\n");
		exit(1);
	}
	return c;
}

static void fill(uint8_t *buf, size_t len, unsigned seq)
{
	memset(buf, 0x5a, len);
	buf[0] = 0x80;
	buf[2] = (uint8_t)(seq >> 8);
	buf[3] = (uint8_t)seq;
}

static void seal_and_open(size_t payload_len)
{
	struct crypt *out = new_key(0, true), *in = new_key(0, false);
	uint64_t seal_ns = 0, open_ns = 0;
	uint8_t buf[ROOM];

	for (unsigned i = 0; i < ROUNDS; i++) {
		size_t len = 12 + payload_len;
		uint64_t t0, t1;

		fill(buf, len, i);
		t0 = now_ns();
		if (crypt_seal_rtp(out, buf, &len) < 0)
			exit(1);
		t1 = now_ns();
		seal_ns += t1 - t0;
		if (crypt_open_rtp(in, buf, &len) != CRYPT_OK)
			exit(1);
		open_ns += now_ns() - t1;
	}
	printf("%4zu bytes: seal %6.0f ns, open %6.0f ns\n", payload_len,
		(double)seal_ns / ROUNDS, (double)open_ns / ROUNDS);
	crypt_free(out);
	crypt_free(in);
}

static void fan_out(size_t payload_len)
{
	static uint8_t buf[RECEIVERS][ROOM];
	struct crypt_job jobs[RECEIVERS];
	struct crypt *key[RECEIVERS];
	uint64_t ns = 0;

	for (unsigned i = 0; i < RECEIVERS; i++)
		key[i] = new_key(i, true);
	for (unsigned n = 0; n < ROUNDS / RECEIVERS; n++) {
		uint64_t start;

		for (unsigned i = 0; i < RECEIVERS; i++) {
			fill(buf[i], 12 + payload_len, n);
			jobs[i] = (struct crypt_job){ .key = key[i],
				.buf = buf[i],
				.len = 12 + payload_len };
		}
		start = now_ns();
		crypt_seal_batch(jobs, RECEIVERS);
		ns += now_ns() - start;
		for (unsigned i = 0; i < RECEIVERS; i++)
			if (jobs[i].failed)
				exit(1);
	}
	printf("%4zu bytes: batch of %d under %d keys %6.0f ns a packet\n",
		payload_len, RECEIVERS, RECEIVERS,
		(double)ns / (ROUNDS / RECEIVERS * RECEIVERS));
	for (unsigned i = 0; i < RECEIVERS; i++)
		crypt_free(key[i]);
}

static void with(bool portable)
{
	crypt_use_portable(portable);
	printf("%s\n", crypt_engine());
	seal_and_open(100);
	seal_and_open(1100);
	fan_out(160);
	fan_out(1100);
}

int main(void)
{
	if (crypt_global_init() < 0)
		return 1;
	with(true);
	crypt_use_portable(false);
	if (strcmp(crypt_engine(), "libsrtp2") != 0)
		with(false);
	return 0;
}
