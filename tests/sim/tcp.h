/*
 * A TCP sender with endless data, as cross traffic: CUBIC (RFC 9438) over
 * packets of one size, acknowledged one by one. No clock, no bytes.
 */
#ifndef HEARTH_TESTS_SIM_TCP_H
#define HEARTH_TESTS_SIM_TCP_H

#include <stdbool.h>
#include <stdint.h>

enum { TCP_BYTES = 1500 }; /* of a packet, all headers included */

struct tcp {
	uint64_t next, una; /* packet numbers: to be sent, not acknowledged */
	uint64_t recover;   /* one decrease per window */
	double cwnd, ssthresh; /* packets */
	double w_max, k_s, w_est;
	uint64_t epoch_us; /* 0: none */
	uint64_t srtt_us, last_ack_us;
	uint64_t delivered, losses, timeouts; /* packets, events */
	uint64_t sent_us[8192];               /* by number */
};

void tcp_init(struct tcp *t, uint64_t now_us);
/* The window has room. */
bool tcp_may_send(const struct tcp *t);
/* The number of the packet that leaves now. */
uint64_t tcp_sent(struct tcp *t, uint64_t now_us);
/* Its acknowledgement is back. The path keeps the order, so that what was sent
 * before and is not acknowledged is lost. */
void tcp_acked(struct tcp *t, uint64_t now_us, uint64_t number);
/* Retransmission timeout. */
void tcp_tick(struct tcp *t, uint64_t now_us);
uint64_t tcp_deadline(const struct tcp *t);

#endif
