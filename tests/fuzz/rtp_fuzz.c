/* RTP packets: parsed, their header written again, parsed to the same. Opened
 * under a fixed key too: whatever is not sealed by it must be refused. */
#include <stdlib.h>
#include <string.h>

#include "rtp/crypt.h"
#include "rtp/packet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void write_again(const struct rtp_packet *p)
{
	uint8_t head[RTP_HEADER_MAX];
	struct rtp_header h = { p->pt, p->marker, p->seq, p->ts, p->ssrc,
		p->n_ext, p->ext };
	size_t n = rtp_write_header(head, &h);
	struct rtp_packet q;

	must(n <= RTP_HEADER_MAX);
	must(rtp_parse(&q, head, n) == 0);
	must(q.seq == p->seq && q.ts == p->ts && q.ssrc == p->ssrc);
	must(q.pt == p->pt && q.marker == p->marker);
	must(q.n_ext <= p->n_ext && q.payload_len == 0);
	for (unsigned i = 0, k = 0; i < q.n_ext; i++, k++) {
		while (k < p->n_ext &&
			(p->ext[k].id != q.ext[i].id ||
				p->ext[k].len != q.ext[i].len ||
				memcmp(p->ext[k].data, q.ext[i].data,
					q.ext[i].len) != 0))
			k++; /* left out: too long for a header */
		must(k < p->n_ext);
	}
}

static void open_forged(const uint8_t *data, size_t len)
{
	static const uint8_t keys[CRYPT_KEYS_LEN] = { 7 };
	static struct crypt *c;
	uint8_t *copy = malloc(len + 1);
	size_t n = len;

	if (!c)
		must(crypt_global_init() == 0 &&
			crypt_new(&c, keys, false) == 0);
	must(copy != NULL);
	memcpy(copy, data, len);
	must(crypt_open_rtp(c, copy, &n) != CRYPT_OK && n == len);
	memcpy(copy, data, len);
	must(crypt_open_rtcp(c, copy, &n) != CRYPT_OK && n == len);
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	uint8_t *copy = malloc(len ? len : 1);
	struct rtp_packet p;

	must(copy != NULL);
	if (len)
		memcpy(copy, data, len);
	rtp_classify(copy, len);
	if (rtp_parse(&p, copy, len) == 0) {
		must(p.payload + p.payload_len + p.padding == copy + len);
		for (unsigned i = 0; i < p.n_ext; i++)
			rtp_audio_level(&p.ext[i], NULL);
		write_again(&p);
	}
	free(copy);
	open_forged(data, len);
	return 0;
}
