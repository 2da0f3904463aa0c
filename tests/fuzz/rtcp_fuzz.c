/* RTCP compounds: walked, and what was understood is built and walked again to
 * the same items. */
#include <stdlib.h>
#include <string.h>

#include "rtp/rtcp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static struct rtcp_item item, again;

static void must(bool ok)
{
	if (!ok)
		abort();
}

static bool build(struct rtcp_build *b)
{
	switch (item.type) {
	case RTCP_SR:
		return rtcp_add_sr(b, item.sender, item.ntp, item.rtp_ts,
			item.packets, item.octets, item.block, item.n_blocks);
	case RTCP_RR:
		return rtcp_add_rr(b, item.sender, item.block, item.n_blocks);
	case RTCP_BYE:
		return rtcp_add_bye(b, item.sender);
	case RTCP_NACK:
		return rtcp_add_nack(b, item.sender, item.media, item.nack,
			       item.n_nack) == item.n_nack;
	case RTCP_PLI:
		return rtcp_add_pli(b, item.sender, item.media);
	case RTCP_FIR:
		return rtcp_add_fir(b, item.sender, item.media, item.fir_seq);
	case RTCP_REMB:
		return rtcp_add_remb(b, item.sender, item.remb_bps, NULL, 0);
	case RTCP_TWCC:
	case RTCP_OTHER:
		break;
	}
	return false;
}

static void compare(void)
{
	must(item.type == again.type && item.sender == again.sender);
	must(item.media == again.media && item.ntp == again.ntp);
	must(item.rtp_ts == again.rtp_ts && item.packets == again.packets);
	must(item.octets == again.octets && item.fir_seq == again.fir_seq);
	must(item.n_blocks == again.n_blocks);
	must(memcmp(item.block, again.block,
		     item.n_blocks * sizeof(item.block[0])) == 0);
	/* A hostile NACK may name one number twice: ours does not. */
	must(again.n_nack <= item.n_nack);
	must(item.type != RTCP_NACK ||
		(again.n_nack > 0 && item.nack[0] == again.nack[0]));
}

static void round_trip(void)
{
	static uint8_t buf[4096];
	struct rtcp_build b;
	struct rtcp_walk w;

	rtcp_build_init(&b, buf, sizeof(buf));
	if (item.type == RTCP_TWCC || item.type == RTCP_OTHER)
		return;
	must(build(&b));
	must(rtcp_walk_init(&w, buf, b.len) == 0);
	must(rtcp_next(&w, &again));
	compare();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	uint8_t *copy = malloc(len ? len : 1);
	struct rtcp_walk w;
	size_t items = 0;

	must(copy != NULL);
	if (len)
		memcpy(copy, data, len);
	if (rtcp_walk_init(&w, copy, len) == 0) {
		while (rtcp_next(&w, &item)) {
			must(item.n_blocks <= RTCP_BLOCKS_MAX);
			must(item.n_nack <= RTCP_NACK_MAX);
			must(!item.body ||
				item.body + item.body_len <= copy + len);
			must(++items <= len / 4);
			round_trip();
		}
	}
	free(copy);
	return 0;
}
