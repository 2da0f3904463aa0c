#include "rtp/send.h"

#include <string.h>

/* Above this a rate is no budget; keeps a burst within 32 bits. */
#define RATE_MAX_BPS UINT64_C(100000000000)

static uint64_t since(uint64_t now_us, uint64_t then_us)
{
	return now_us > then_us ? now_us - then_us : 0;
}

void send_init(struct send *s, uint32_t ssrc, uint32_t clock_hz)
{
	memset(s, 0, sizeof(*s));
	s->ssrc = ssrc;
	s->clock_hz = clock_hz;
	s->budget_bytes = UINT32_MAX; /* cut to the burst at first use */
}

void send_packet(struct send *s, size_t payload_len)
{
	s->packets++;
	s->octets += (uint32_t)payload_len;
}

static void refill(struct send *s, uint64_t now_us, uint64_t rate_bps)
{
	uint64_t cap = rate_bps * SEND_BURST_US / 8000000;
	uint64_t us = since(now_us, s->budget_us);
	uint64_t bytes;

	if (cap < SEND_BURST_MIN)
		cap = SEND_BURST_MIN;
	/* Longer than it takes to fill is no different, and might overflow. */
	if (us > cap * 8000000 / rate_bps)
		us = cap * 8000000 / rate_bps + 1;
	bytes = us * rate_bps / 8000000;
	if (s->budget_bytes >= cap || bytes >= cap - s->budget_bytes) {
		s->budget_bytes = (uint32_t)cap;
		s->budget_us = now_us;
		return;
	}
	s->budget_bytes += (uint32_t)bytes;
	/* What was too short for a byte stays on the clock. */
	s->budget_us += (bytes * 8000000 + rate_bps - 1) / rate_bps;
}

bool send_may_resend(
	struct send *s, uint64_t now_us, size_t len, uint64_t rate_bps)
{
	if (rate_bps == 0)
		return false;
	if (rate_bps > RATE_MAX_BPS)
		rate_bps = RATE_MAX_BPS;
	refill(s, now_us, rate_bps);
	if (len > s->budget_bytes)
		return false;
	s->budget_bytes -= (uint32_t)len;
	return true;
}

bool send_report(struct send *s, uint64_t now_us, uint64_t sr_ntp,
	uint32_t sr_ts, uint64_t sr_arrival_us, uint32_t ts_offset,
	struct rtcp_build *b)
{
	uint64_t us = since(now_us, sr_arrival_us);
	uint64_t sec = us / 1000000, rest = us % 1000000;
	uint64_t ntp = sr_ntp + (sec << 32) + (rest << 32) / 1000000;
	uint32_t ts =
		sr_ts + ts_offset +
		(uint32_t)(sec * s->clock_hz + rest * s->clock_hz / 1000000);

	if (sr_ntp == 0 || s->packets == 0)
		return false;
	if (!rtcp_add_sr(b, s->ssrc, ntp, ts, s->packets, s->octets, NULL, 0))
		return false;
	s->sr[s->next_sr].mid = rtcp_ntp_mid(ntp);
	s->sr[s->next_sr].sent_us = (uint32_t)now_us;
	s->next_sr = (uint8_t)((s->next_sr + 1) % SEND_SRS);
	return true;
}

/* RFC 3550 6.4.1. Only what answers a report of ours is believed: the clock in
 * them is a publisher's and changes with the source. */
static void note_rtt(
	struct send *s, uint64_t now_us, const struct rtcp_block *b)
{
	uint64_t held_us = (uint64_t)b->dlsr * 1000000 / 65536;

	if (b->lsr == 0)
		return;
	for (unsigned i = 1; i <= SEND_SRS; i++) {
		const struct send_sr *sr =
			&s->sr[(s->next_sr + SEND_SRS - i) % SEND_SRS];
		uint32_t us = (uint32_t)now_us - sr->sent_us;

		if (sr->mid != b->lsr)
			continue;
		/* 0 is "unknown", and DLSR is rounded. */
		if (held_us < us)
			s->rtt_us = us - (uint32_t)held_us;
		else if (held_us - us < 1000)
			s->rtt_us = 1;
		return;
	}
}

void send_block(struct send *s, uint64_t now_us, const struct rtcp_block *b)
{
	if (b->ssrc != s->ssrc)
		return;
	s->fraction_lost = b->fraction_lost;
	note_rtt(s, now_us, b);
}
