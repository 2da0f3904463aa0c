#include "bench/scenario.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include "bench/inside.h"
#include "bench/load.h"
#include "bench/measure.h"
#include "bench/stage.h"

enum {
	WARM_MS = 1000,
	BARE_WARM_MS = 500,
	HAND_OVER_MS = 10000,
	PHASES_SECONDS = 2,
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

/* CPU, clock and what has left at one moment, of a call that goes on. */
struct instant {
	struct measure_cpu worker;
	uint64_t own_ns, clock_ns, received, sent;
	uint64_t phase_ns[INSIDE_PHASES];
};

/* A run under way. */
struct run {
	const struct scenario *s;
	struct stage stage;
};

/* Two points and what was between. */
struct window {
	struct point p[2];
	struct instant v[2];
};

/* The steps. */

/* Handshakes first: a worker that is busy with media puts them off. */
static bool connect_all(struct stage *b, unsigned receivers, bool trains)
{
	struct load_shape shape = {
		.conferences = 1, .receivers = receivers, .trains = trains
	};

	b->load = load_new(b->base, b->sfu, &shape);
	if (!b->load)
		return stage_fail(b, "out of memory");
	load_pause(b->load, true);
	if (!stage_await(b, load_connected, receivers, "connected"))
		return false;
	load_pause(b->load, false);
	return stage_await(b, load_watching, receivers, "get video");
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
static bool read_hearth(struct stage *b, struct point *ret)
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

/* Its counters are at hand. */
static bool read_point(struct run *r, struct point *ret)
{
	const struct inside *page = inside_page();

	if (!r->s->bare)
		return read_hearth(&r->stage, ret);
	ret->rtp_out = page->bare_packets;
	ret->turns = page->bare_turns;
	ret->resent = 0;
	load_counts(r->stage.load, &ret->load);
	return stage_well(&r->stage);
}

static bool read_instant(struct run *r, struct instant *ret)
{
	const struct inside *page = inside_page();
	struct stage *b = &r->stage;
	struct load_counts counts;

	load_counts(b->load, &counts);
	ret->received = counts.received;
	ret->sent = r->s->bare ? page->bare_packets : page->sent;
	for (unsigned i = 0; i < INSIDE_PHASES; i++)
		ret->phase_ns[i] = page->ns[i];
	ret->clock_ns = stage_clock_ns(CLOCK_MONOTONIC);
	ret->own_ns = stage_clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	if (measure_cpu(b->worker, &ret->worker) != 0)
		return stage_fail(
			b, "/proc does not tell the worker's CPU time");
	return true;
}

static bool play(struct run *r, unsigned seconds, struct instant v[2])
{
	struct stage *b = &r->stage;
	char text[64];

	if (!read_instant(r, &v[0]))
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
	if (load_live(b->load) != r->s->receivers)
		return stage_fail(b, "a receiver gets no video any more");
	/* Not after the silence that follows: how long that takes depends on
	 * the machine, and reports and timers cost all the while. */
	if (!read_instant(r, &v[1]))
		return false;
	load_pause(b->load, true);
	return drain(b);
}

static bool measure(struct run *r, unsigned seconds, struct window *w)
{
	return read_point(r, &w->p[0]) && play(r, seconds, w->v) &&
	       read_point(r, &w->p[1]);
}

static double total_ns(const struct window *w)
{
	return (double)(w->v[1].worker.total_ns - w->v[0].worker.total_ns);
}

static double sent(const struct window *w)
{
	return (double)(w->v[1].sent - w->v[0].sent);
}

static bool judge(struct run *run, const struct window *w, struct report_row *r)
{
	struct stage *b = &run->stage;
	const struct point *p = w->p;
	const struct instant *v = w->v;
	double clock = (double)(v[1].clock_ns - v[0].clock_ns);
	double user = (double)(v[1].worker.user_ms - v[0].worker.user_ms);
	double kernel = (double)(v[1].worker.kernel_ms - v[0].worker.kernel_ms);
	uint64_t owed = (p[1].load.sent - p[0].load.sent) * run->s->receivers;

	r->server = run->s->bare ? "bare" : "hearth";
	r->receivers = run->s->receivers;
	r->receive = load_receive_word(run->s->trains);
	r->seconds = clock / 1e9;
	r->packets = p[1].rtp_out - p[0].rtp_out;
	r->received = p[1].load.received - p[0].load.received;
	r->lost = owed > r->received ? owed - r->received : 0;
	r->opened = p[1].load.opened - p[0].load.opened;
	r->resent = p[1].resent - p[0].resent;
	r->nacks = p[1].load.nacks - p[0].load.nacks;
	r->turns = p[1].turns - p[0].turns;
	r->worker_load = total_ns(w) / clock;
	r->generator_ns = (double)(v[1].own_ns - v[0].own_ns) /
			  (double)(v[1].received - v[0].received + 1);
	r->generator_load = (double)(v[1].own_ns - v[0].own_ns) / clock;
	r->worker_cpu = b->cpu[0];
	r->generator_cpu = b->cpu[1];
	if (!r->packets || !r->opened || sent(w) < 1)
		return stage_fail(b, "nothing was forwarded");
	if (p[1].load.wrong)
		return stage_fail(b, "receivers got what nobody sent");
	if (r->received > r->packets)
		return stage_fail(b, "receivers got more than was sent");
	r->ns_per_packet = total_ns(w) / sent(w);
	if (user + kernel > 0)
		r->user_ns = r->ns_per_packet * user / (user + kernel);
	r->kernel_ns = r->ns_per_packet - r->user_ns;
	return true;
}

/* The bare loop. */

static bool hand_over(struct run *r)
{
	struct inside *page = inside_page();
	struct stage *b = &r->stage;

	page->bare_runs = false;
	page->bare_packets = page->bare_turns = page->bare_other = 0;
	page->bare = true;
	kill(b->worker, SIGUSR2);
	for (unsigned ms = 0; !page->bare_runs && ms < HAND_OVER_MS; ms += 20)
		if (!stage_run_ms(b, 20))
			return false;
	if (!page->bare_runs || page->bare_receivers != r->s->receivers)
		return stage_fail(b, "the bare loop did not take over");
	load_pause(b->load, false);
	if (!stage_run_ms(b, BARE_WARM_MS))
		return false;
	load_pause(b->load, true);
	return drain(b);
}

static void give_back(struct run *r)
{
	struct inside *page = inside_page();

	page->bare = page->phases = false;
	for (unsigned ms = 0; page->bare_runs && ms < HAND_OVER_MS; ms += 20)
		stage_run_ms(&r->stage, 20);
}

static bool measure_phases(struct run *r, struct report_row *row)
{
	struct inside *page = inside_page();
	struct window w;
	double sum = 0;

	page->phases = true;
	if (!measure(r, PHASES_SECONDS, &w) || sent(&w) < 1)
		return false;
	page->phases = false;
	for (unsigned i = 0; i < INSIDE_REST; i++) {
		row->phase_ns[i] =
			(double)(w.v[1].phase_ns[i] - w.v[0].phase_ns[i]) /
			sent(&w);
		sum += row->phase_ns[i];
	}
	row->phase_ns[INSIDE_REST] = total_ns(&w) / sent(&w) - sum;
	row->has_phases = true;
	return true;
}

static bool run(struct run *r, struct report_row *ret)
{
	struct stage *b = &r->stage;
	struct window w;

	stage_say(b, "starting a worker");
	if (!stage_start(b, r->s->pin) ||
		!connect_all(b, r->s->receivers, r->s->trains))
		return false;
	stage_say(b, "all get video; warming up");
	if (!stage_run_ms(b, WARM_MS))
		return false;
	load_pause(b->load, true);
	if (!drain(b) || (r->s->bare && !hand_over(r)))
		return false;
	return measure(r, r->s->seconds, &w) && judge(r, &w, ret) &&
	       (!r->s->phases || measure_phases(r, ret));
}

bool scenario_forward(const struct scenario *s, struct report_row *ret,
	char ret_error[SCENARIO_ERROR])
{
	char name[48];
	struct run r = { .s = s,
		.stage = { .name = name,
			.people = s->receivers + 1,
			.error = ret_error } };
	bool good;

	snprintf(name, sizeof(name), "forward: %s, %u receivers",
		s->bare ? "bare" : "hearth", s->receivers);
	ret_error[0] = '\0';
	good = run(&r, ret);
	give_back(&r);
	stage_stop(&r.stage);
	return good;
}
