#include "rtp/receive.h"

#include <string.h>

#include "rtp/seq.h"

enum { NO_BAD_SEQ = 65536, JITTER_JUMP_MAX_S = 5 };

static uint64_t since(uint64_t now_us, uint64_t then_us)
{
	return now_us > then_us ? now_us - then_us : 0;
}

void receive_init(
	struct receive *r, uint32_t ssrc, uint32_t clock_hz, bool nack)
{
	memset(r, 0, sizeof(*r));
	r->ssrc = ssrc;
	r->clock_hz = clock_hz;
	r->nack = nack;
	r->bad_seq = NO_BAD_SEQ;
}

static bool window_has(const struct receive *r, uint64_t seq)
{
	uint64_t bit = seq % RECEIVE_WINDOW;

	return r->window[bit / 64] >> (bit % 64) & 1;
}

static void window_set(struct receive *r, uint64_t seq, bool on)
{
	uint64_t bit = seq % RECEIVE_WINDOW;
	uint64_t mask = UINT64_C(1) << (bit % 64);

	if (on)
		r->window[bit / 64] |= mask;
	else
		r->window[bit / 64] &= ~mask;
}

static void begin(struct receive *r, uint64_t now_us, uint64_t seq, uint32_t ts)
{
	memset(r->window, 0, sizeof(r->window));
	window_set(r, seq, true);
	r->started = true;
	r->first_seq = r->highest = seq;
	r->bad_seq = NO_BAD_SEQ;
	r->n_missing = 0;
	r->last_ts = ts;
	r->last_arrival_us = now_us;
}

static void forget_missing(struct receive *r, unsigned i)
{
	r->n_missing--;
	memmove(&r->missing[i], &r->missing[i + 1],
		(r->n_missing - i) * sizeof(r->missing[0]));
}

/* The newest are worth most: the oldest make room. */
static void note_missing(
	struct receive *r, uint64_t now_us, uint64_t from, uint64_t to)
{
	if (to - from > RECEIVE_NACK_MAX) {
		r->given_up += to - from - RECEIVE_NACK_MAX;
		from = to - RECEIVE_NACK_MAX;
	}
	if (r->n_missing + (to - from) > RECEIVE_NACK_MAX) {
		unsigned n = (unsigned)(r->n_missing + (to - from) -
					RECEIVE_NACK_MAX);

		r->given_up += n;
		r->n_missing -= n;
		memmove(r->missing, r->missing + n,
			r->n_missing * sizeof(r->missing[0]));
	}
	for (; from < to; from++)
		r->missing[r->n_missing++] =
			(struct receive_missing){ .seq = from,
				.since_us = now_us };
}

/* RFC 3550 A.8. A jump of the timestamp says nothing about the network. */
static void note_jitter(struct receive *r, uint64_t now_us, uint32_t ts)
{
	double arrived =
		(double)since(now_us, r->last_arrival_us) * r->clock_hz / 1e6;
	double d = arrived - (double)(int32_t)(ts - r->last_ts);

	if (d < 0)
		d = -d;
	if (d < (double)r->clock_hz * JITTER_JUMP_MAX_S)
		r->jitter += (d - r->jitter) / 16;
	r->last_ts = ts;
	r->last_arrival_us = now_us;
}

static enum receive_got advance(
	struct receive *r, uint64_t now_us, uint64_t seq, uint32_t ts)
{
	if (seq - r->highest >= RECEIVE_WINDOW)
		memset(r->window, 0, sizeof(r->window));
	else
		for (uint64_t i = r->highest + 1; i < seq; i++)
			window_set(r, i, false);
	window_set(r, seq, true);
	if (r->nack && seq - r->highest > 1)
		note_missing(r, now_us, r->highest + 1, seq);
	note_jitter(r, now_us, ts);
	r->highest = seq;
	r->bad_seq = NO_BAD_SEQ;
	return RECEIVE_NEW;
}

static enum receive_got fill(struct receive *r, uint64_t seq)
{
	if (window_has(r, seq)) {
		r->duplicates++;
		return RECEIVE_DUPLICATE;
	}
	window_set(r, seq, true);
	/* Reordered at the very start: the stream began earlier than seen. */
	if (seq < r->first_seq)
		r->first_seq = seq;
	else
		r->recovered++;
	for (unsigned i = 0; i < r->n_missing; i++) {
		if (r->missing[i].seq == seq) {
			forget_missing(r, i);
			break;
		}
	}
	return RECEIVE_RECOVERED;
}

static enum receive_got jump(struct receive *r, uint64_t now_us, uint16_t seq,
	uint32_t ts, uint64_t *ret_seq)
{
	uint64_t next;

	if (seq != r->bad_seq) {
		r->bad_seq = (uint16_t)(seq + 1);
		return RECEIVE_OLD;
	}
	next = seq_unwrap(r->highest, seq);
	if (next <= r->highest)
		next += 65536;
	begin(r, now_us, next, ts);
	r->counted_before = r->received + r->duplicates;
	r->expected_prior = r->received_prior = 0;
	r->resets++;
	*ret_seq = next;
	return RECEIVE_RESET;
}

/* *ret_seq holds the number nearest to the newest; jump changes it. */
static enum receive_got place(struct receive *r, uint64_t now_us, uint16_t seq,
	uint32_t ts, uint64_t *ret_seq)
{
	uint64_t u = *ret_seq;

	if (u > r->highest && u - r->highest <= RECEIVE_DROPOUT_MAX)
		return advance(r, now_us, u, ts);
	if (u <= r->highest && r->highest - u < RECEIVE_WINDOW)
		return fill(r, u);
	return jump(r, now_us, seq, ts, ret_seq);
}

enum receive_got receive_packet(struct receive *r, uint64_t now_us,
	uint16_t seq, uint32_t ts, size_t len, uint64_t *ret_seq)
{
	enum receive_got got;

	if (r->started) {
		*ret_seq = seq_unwrap(r->highest, seq);
		got = place(r, now_us, seq, ts, ret_seq);
	} else {
		*ret_seq = UINT64_C(65536) + seq;
		begin(r, now_us, *ret_seq, ts);
		got = RECEIVE_NEW;
	}
	if (got != RECEIVE_DUPLICATE && got != RECEIVE_OLD) {
		r->received++;
		r->bytes += len;
	}
	return got;
}

void receive_sr(
	struct receive *r, uint64_t now_us, uint64_t ntp, uint32_t rtp_ts)
{
	r->sr_ntp = ntp;
	r->sr_ts = rtp_ts;
	r->sr_arrival_us = now_us;
}

static int32_t clamp_lost(int64_t lost)
{
	if (lost > 0x7fffff)
		return 0x7fffff;
	return lost < -0x800000 ? -0x800000 : (int32_t)lost;
}

static uint8_t fraction(uint64_t expected, uint64_t received)
{
	uint64_t f;

	if (received >= expected)
		return 0;
	f = (expected - received) * 256 / expected;
	return f > 255 ? 255 : (uint8_t)f;
}

static void report_sr(
	const struct receive *r, uint64_t now_us, struct rtcp_block *ret)
{
	uint64_t us = since(now_us, r->sr_arrival_us);
	uint64_t dlsr;

	if (r->sr_ntp == 0)
		return;
	dlsr = us / 1000000 * 65536 + us % 1000000 * 65536 / 1000000;
	ret->lsr = rtcp_ntp_mid(r->sr_ntp);
	ret->dlsr = dlsr > UINT32_MAX ? UINT32_MAX : (uint32_t)dlsr;
}

void receive_report(struct receive *r, uint64_t now_us, struct rtcp_block *ret)
{
	uint64_t expected, received;

	memset(ret, 0, sizeof(*ret));
	ret->ssrc = r->ssrc;
	report_sr(r, now_us, ret);
	if (!r->started)
		return;
	expected = r->highest - r->first_seq + 1;
	received = r->received + r->duplicates - r->counted_before;
	ret->lost = clamp_lost((int64_t)expected - (int64_t)received);
	ret->fraction_lost = fraction(
		expected - r->expected_prior, received - r->received_prior);
	/* 65536 below the first number is where unwrapping began. */
	ret->highest_seq = (uint32_t)(r->highest - 65536);
	ret->jitter = r->jitter < UINT32_MAX ? (uint32_t)r->jitter : UINT32_MAX;
	r->expected_prior = expected;
	r->received_prior = received;
}

/* The first repetitions come a round trip apart, later ones twice as slowly
 * each: a burst of loss is outlived without a storm. */
static uint64_t due_at(const struct receive *r, const struct receive_missing *m)
{
	uint64_t end = m->since_us + RECEIVE_NACK_LIFE_US;
	uint64_t rtt = r->rtt_us ? r->rtt_us : RECEIVE_NACK_RTT_US;
	uint64_t at;

	if (m->tries == 0)
		return m->since_us + RECEIVE_NACK_WAIT_US;
	if (m->tries >= RECEIVE_NACK_TRIES || rtt > RECEIVE_NACK_LIFE_US)
		return end;
	at = rtt + rtt / 2 + RECEIVE_NACK_WAIT_US;
	at = m->last_us + (at << (m->tries > 3 ? m->tries - 3 : 0));
	return at < end ? at : end;
}

static bool hopeless(const struct receive *r, const struct receive_missing *m,
	uint64_t now_us)
{
	return since(now_us, m->since_us) >= RECEIVE_NACK_LIFE_US ||
	       r->highest - m->seq >= RECEIVE_WINDOW;
}

unsigned receive_nacks(
	struct receive *r, uint64_t now_us, uint16_t *ret, unsigned max)
{
	unsigned n = 0, kept = 0;

	for (unsigned i = 0; i < r->n_missing; i++) {
		struct receive_missing *m = &r->missing[i];

		if (hopeless(r, m, now_us)) {
			r->given_up++;
			continue;
		}
		if (n < max && now_us >= due_at(r, m)) {
			ret[n++] = (uint16_t)m->seq;
			m->tries++;
			m->last_us = now_us;
		}
		r->missing[kept++] = *m;
	}
	r->n_missing = kept;
	return n;
}

uint64_t receive_deadline(const struct receive *r)
{
	uint64_t first = UINT64_MAX;

	for (unsigned i = 0; i < r->n_missing; i++) {
		uint64_t at = due_at(r, &r->missing[i]);

		if (at < first)
			first = at;
	}
	return first;
}
