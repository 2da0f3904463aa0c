/* RTX and RED out of the network: the first byte chooses, the rest is the
 * packet or the payload. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "rtp/opus.h"
#include "rtp/packet.h"
#include "rtp/red.h"
#include "rtp/rtx.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void rtx(uint8_t *buf, size_t len)
{
	struct rtp_packet p, q;
	uint8_t *out;
	size_t out_len;
	int parsed = rtp_parse(&p, buf, len);
	size_t payload_len = parsed < 0 ? 0 : p.payload_len;

	if (rtx_unwrap(buf, len, 96, 7, &out, &out_len) < 0)
		return;
	assert(parsed == 0);
	assert(rtp_parse(&q, out, out_len) == 0);
	assert(q.ssrc == 7 && q.pt == 96 && q.ts == p.ts);
	assert(q.payload_len + RTX_OSN_LEN == payload_len);
}

static void red(uint8_t *buf, size_t len)
{
	struct red_block b[RED_BLOCKS], c[RED_BLOCKS];
	int n = red_parse(buf, len, b);

	assert(n != 0 && n <= RED_BLOCKS);
	assert(red_set_pt(buf, len, 5) == (n < 0 ? n : 0));
	if (n < 0)
		return;
	for (int i = 0; i < n; i++)
		assert(b[i].data >= buf && b[i].data + b[i].len <= buf + len);
	assert(red_parse(buf, len, c) == n);
	assert(c[0].pt == 5 && c[n - 1].len == b[n - 1].len);
	opus_samples(b[n - 1].data, b[n - 1].len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	uint8_t *copy;

	if (len == 0)
		return 0;
	copy = malloc(len > 1 ? len - 1 : 1);
	if (!copy)
		abort();
	memcpy(copy, data + 1, len - 1);
	if (data[0] & 1)
		rtx(copy, len - 1);
	else
		red(copy, len - 1);
	free(copy);
	return 0;
}
