#include "record/digest.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <libavutil/mem.h>
#include <libavutil/sha.h>

struct digest {
	int fd;
	uint64_t at;
	struct AVSHA *sha;
	uint8_t buf[DIGEST_STEP];
};

struct digest *digest_new(int fd)
{
	struct digest *g = malloc(sizeof(*g));

	if (!g)
		return NULL;
	g->fd = fd;
	g->at = 0;
	g->sha = av_sha_alloc();
	if (!g->sha || av_sha_init(g->sha, 256) < 0)
		return digest_free(g);
	return g;
}

struct digest *digest_free(struct digest *g)
{
	if (!g)
		return NULL;
	av_free(g->sha);
	free(g);
	return NULL;
}

int digest_step(struct digest *g)
{
	ssize_t n;

	do
		n = pread(g->fd, g->buf, sizeof(g->buf), (off_t)g->at);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	av_sha_update(g->sha, g->buf, (size_t)n);
	g->at += (uint64_t)n;
	return n > 0;
}

uint64_t digest_bytes(const struct digest *g)
{
	return g->at;
}

void digest_hex(struct digest *g, char ret[DIGEST_HEX + 1])
{
	uint8_t sum[32];

	av_sha_final(g->sha, sum);
	for (size_t i = 0; i < sizeof(sum); i++)
		snprintf(ret + 2 * i, 3, "%02x", sum[i]);
}

int digest_file(int fd, char ret[DIGEST_HEX + 1], uint64_t *ret_bytes)
{
	struct digest *g = digest_new(fd);
	int err;

	if (!g)
		return -ENOMEM;
	do
		err = digest_step(g);
	while (err > 0);
	if (err == 0) {
		digest_hex(g, ret);
		*ret_bytes = digest_bytes(g);
	}
	digest_free(g);
	return err;
}
