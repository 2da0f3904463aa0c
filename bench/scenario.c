#include "bench/scenario.h"

#include <stdlib.h>
#include <string.h>
#include "bench/load.h"
#include "bench/measure.h"
#include "bench/stage.h"

enum {
	WARM_MS = 2000,
	DRAIN_MS = 300, /* what is under way arrives */
	DRAIN_TRIES = 200,
	STATS_MS = 1200, /* the worker tells its counters every second */
	STATS_TRIES = 50,
};

static const char too_slow[] =
	"the worker does not catch up: too many receivers for this machine now";

/* Counters at one point, while no media is under way. */
struct point {
	struct load_counts load;
	uint64_t rtp_out, resent, turns;
};

/* CPU and clock at one point. */
struct instant {
	struct measure_cpu worker;
	uint64_t own_ns, clock_ns;
};

/* Everybody but the publisher. */
static unsigned receivers(const struct stage *b)
{
	return b->people - 1;
}

/* The steps. */

/* Handshakes first: a worker that is busy with media puts them off. */
static bool connect_all(struct stage *b)
{
	b->load = load_new(b->base, b->sfu, receivers(b));
	if (!b->load)
		return stage_fail(b, "out of memory");
	load_pause(b->load, true);
	if (!stage_await(b, load_connected, receivers(b), "connected"))
		return false;
	load_pause(b->load, false);
	return stage_await(
		b, load_watching, receivers(b), "get audio and video");
}

/* With the publisher silent: until nothing arrives any more. */
static bool drain(struct stage *b)
{
	struct load_counts now, before;

	load_counts(b->load, &now);
	for (int i = 0; i < DRAIN_TRIES; i++) {
		before = now;
		if (!stage_run_ms(b, DRAIN_MS))
			return false;
		load_counts(b->load, &now);
		if (now.received == before.received)
			return true;
	}
	return stage_fail(b, too_slow);
}

/* After the drain: the worker tells its counters every second, so two reports
 * that differ (in the turns, which never stand still) and agree about packets
 * are from afterwards. */
static bool read_point(struct stage *b, struct point *ret)
{
	uint64_t packets = 0, turns = 0;

	for (int i = 0; i < STATS_TRIES; i++) {
		if (!stage_run_ms(b, STATS_MS))
			return false;
		ret->rtp_out = stage_metric(b, "hearth_rtp_out_packets_total");
		ret->resent = stage_metric(b, "hearth_resent_packets_total");
		ret->turns = stage_metric(b, "hearth_loop_turns_total");
		load_counts(b->load, &ret->load);
		if (i && ret->rtp_out == packets && ret->turns != turns)
			return stage_well(b);
		packets = ret->rtp_out;
		turns = ret->turns;
	}
	return stage_fail(b, too_slow);
}

static bool read_instant(struct stage *b, struct instant *ret)
{
	ret->clock_ns = stage_clock_ns(CLOCK_MONOTONIC);
	ret->own_ns = stage_clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	if (measure_cpu(b->worker, &ret->worker) != 0)
		return stage_fail(
			b, "/proc does not tell the worker's CPU time");
	return true;
}

static bool measure(struct stage *b, unsigned seconds, struct instant v[2])
{
	char text[64];

	if (!read_instant(b, &v[0]))
		return false;
	load_pause(b->load, false);
	for (unsigned s = 0; s < seconds; s++) {
		if (!stage_run_ms(b, 1000))
			return false;
		if (s % 5)
			continue;
		snprintf(text, sizeof(text), "measuring, %u s of %u", s + 1,
			seconds);
		stage_say(b, text);
	}
	if (load_live(b->load) != receivers(b))
		return stage_fail(b, "a receiver gets no video any more");
	load_pause(b->load, true);
	return drain(b) && read_instant(b, &v[1]);
}

static bool judge(struct stage *b, const struct point p[2],
	const struct instant v[2], struct report_row *r)
{
	double total = (double)(v[1].worker.total_ns - v[0].worker.total_ns);
	double clock = (double)(v[1].clock_ns - v[0].clock_ns);
	double user = (double)(v[1].worker.user_ms - v[0].worker.user_ms);
	double kernel = (double)(v[1].worker.kernel_ms - v[0].worker.kernel_ms);
	uint64_t owed = (p[1].load.sent - p[0].load.sent) * receivers(b);

	r->receivers = receivers(b);
	r->seconds = clock / 1e9;
	r->packets = p[1].rtp_out - p[0].rtp_out;
	r->received = p[1].load.received - p[0].load.received;
	r->lost = owed > r->received ? owed - r->received : 0;
	r->opened = p[1].load.opened - p[0].load.opened;
	r->resent = p[1].resent - p[0].resent;
	r->nacks = p[1].load.nacks - p[0].load.nacks;
	r->turns = p[1].turns - p[0].turns;
	r->worker_load = total / clock;
	r->generator_load = (double)(v[1].own_ns - v[0].own_ns) / clock;
	r->worker_cpu = b->cpu[0];
	r->generator_cpu = b->cpu[1];
	if (!r->packets || !r->opened)
		return stage_fail(b, "nothing was forwarded");
	if (p[1].load.wrong)
		return stage_fail(b, "receivers got what nobody sent");
	if (r->received > r->packets)
		return stage_fail(b, "receivers got more than hearth sent");
	r->ns_per_packet = total / (double)r->packets;
	if (user + kernel > 0)
		r->user_ns = r->ns_per_packet * user / (user + kernel);
	r->kernel_ns = r->ns_per_packet - r->user_ns;
	return true;
}

static bool run(
	struct stage *b, unsigned seconds, bool pin, struct report_row *ret)
{
	struct point p[2];
	struct instant v[2];

	stage_say(b, "starting a worker");
	if (!stage_start(b, pin) || !connect_all(b))
		return false;
	stage_say(b, "all get audio and video; warming up");
	if (!stage_run_ms(b, WARM_MS))
		return false;
	load_pause(b->load, true);
	return drain(b) && read_point(b, &p[0]) && measure(b, seconds, v) &&
	       read_point(b, &p[1]) && judge(b, p, v, ret);
}

bool scenario_forward(unsigned n, unsigned seconds, bool pin,
	struct report_row *ret, char ret_error[SCENARIO_ERROR])
{
	char name[40];
	struct stage b = { .name = name, .people = n + 1, .error = ret_error };
	bool good;

	snprintf(name, sizeof(name), "forward: %u receivers", n);
	ret_error[0] = '\0';
	good = run(&b, seconds, pin, ret);
	stage_stop(&b);
	return good;
}
