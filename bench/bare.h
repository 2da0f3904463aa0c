/*
 * The yardstick: a bare forwarding loop, which is what a server costs that does
 * nothing but forward. It receives by recvmmsg, opens, copies each packet once
 * for each receiver behind a header of its own, seals in batches by the
 * multi-buffer library and sends the packets of a receiver as segments, as few
 * packets at a time as stay in the cache. No event loop, history, loss
 * detection, statistics, feedback, timers, ICE or data channels.
 *
 * So that the load generator sees no difference, hearth's worker does the
 * joining: ICE, DTLS, negotiation. Then the loop takes over its socket, the
 * publisher's key, and of each receiver address, key, SSRC and numbers; hearth
 * stands still until the end. What comes in beside the publisher's RTP (checks,
 * reports) is read and dropped, so a call lasts less than 30 seconds that way.
 */
#ifndef HEARTH_BENCH_BARE_H
#define HEARTH_BENCH_BARE_H

/* Instead of worker_main in a benchmark's worker: hearth's worker, which lends
 * itself to the bare loop while inside_page()->bare is set. The benchmark sets
 * or clears it, and then sends SIGUSR2. Returns the exit code. */
int bare_worker_main(void);

#endif
