#include "tests/sim/tcp.h"

#include <math.h>
#include <string.h>

#define BETA 0.7
#define C    0.4

enum { WINDOW_MAX = 8000, RTO_MIN_US = 1000000 };

void tcp_init(struct tcp *t, uint64_t now_us)
{
	memset(t, 0, sizeof(*t));
	t->cwnd = 10;
	t->ssthresh = WINDOW_MAX;
	t->last_ack_us = now_us;
}

bool tcp_may_send(const struct tcp *t)
{
	return (double)(t->next - t->una) + 1 <= t->cwnd;
}

uint64_t tcp_sent(struct tcp *t, uint64_t now_us)
{
	if (t->next == t->una)
		t->last_ack_us = now_us;
	t->sent_us[t->next % 8192] = now_us;
	return t->next++;
}

static void decrease(struct tcp *t)
{
	t->losses++;
	/* Fast convergence, RFC 9438 4.7. */
	t->w_max = t->cwnd < t->w_max ? t->cwnd * (1 + BETA) / 2 : t->cwnd;
	t->cwnd *= BETA;
	if (t->cwnd < 2)
		t->cwnd = 2;
	t->ssthresh = t->w_est = t->cwnd;
	t->epoch_us = 0;
	t->recover = t->next;
}

static void grow(struct tcp *t, uint64_t now_us)
{
	double s, target;

	if (t->cwnd < t->ssthresh) {
		t->cwnd += 1;
		return;
	}
	if (t->epoch_us == 0) {
		t->epoch_us = now_us;
		if (t->w_max < t->cwnd)
			t->w_max = t->cwnd;
		t->k_s = cbrt((t->w_max - t->cwnd) / C);
	}
	s = (double)(now_us - t->epoch_us + t->srtt_us) / 1e6 - t->k_s;
	target = C * s * s * s + t->w_max;
	/* As Reno would have it, RFC 9438 4.3. */
	t->w_est += 3 * (1 - BETA) / (1 + BETA) / t->cwnd;
	if (target < t->w_est)
		target = t->w_est;
	if (target > 1.5 * t->cwnd)
		target = 1.5 * t->cwnd;
	if (target > t->cwnd)
		t->cwnd += (target - t->cwnd) / t->cwnd;
	if (t->cwnd > WINDOW_MAX)
		t->cwnd = WINDOW_MAX;
}

void tcp_acked(struct tcp *t, uint64_t now_us, uint64_t number)
{
	uint64_t rtt_us;

	if (number < t->una)
		return;
	rtt_us = now_us - t->sent_us[number % 8192];
	t->srtt_us = t->srtt_us ? (t->srtt_us * 7 + rtt_us) / 8 : rtt_us;
	t->last_ack_us = now_us;
	if (number > t->una && number >= t->recover)
		decrease(t);
	else
		grow(t, now_us);
	t->una = number + 1;
	t->delivered++;
}

uint64_t tcp_deadline(const struct tcp *t)
{
	uint64_t rto_us = 4 * t->srtt_us;

	if (t->next == t->una)
		return UINT64_MAX;
	return t->last_ack_us + (rto_us > RTO_MIN_US ? rto_us : RTO_MIN_US);
}

void tcp_tick(struct tcp *t, uint64_t now_us)
{
	if (now_us < tcp_deadline(t))
		return;
	decrease(t);
	t->cwnd = 2;
	t->una = t->next;
	t->timeouts++;
	t->last_ack_us = now_us;
}
