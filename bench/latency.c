/*
 * How long hearth keeps a packet: conferences of one publisher and ten
 * receivers, as many as load the worker to 70 % of a CPU; then the same while
 * 50 more people join each second; then the publishers' way to a socket of this
 * process, without a server. The difference is what hearth adds.
 *
 * Exit codes: 0 measured; 1 not; 2 usage.
 */
#include <inttypes.h>
#include <string.h>
#include "bench/common.h"
#include "bench/load.h"
#include "bench/measure.h"
#include "bench/stage.h"

enum {
	CONFERENCES = 80, /* at most */
	RECEIVERS = 10,
	FIRST = 8, /* conferences of the first try */
	TRIES = 6,
	STEADY_TRIES = 5,
	STORM = 50, /* joins each second */
	DETOUR_MS = 1000,
	SETTLE_MS = 300,
	SETTLE_TRIES = 50,
	LATE_US = 20000, /* a picture's time: the worker does not keep up */
};

static const double wanted_load = 0.7, near_enough = 0.03, disturbed = 0.05;

struct result {
	const char *what;
	struct load_delays delays;
	double load, waited; /* of the time: the worker, its loop waiting */
	double late;         /* of the frames, by more than 0.1 ms */
	double ns_per_packet;
	unsigned playing, joined;
	uint64_t received, lost;
};

static unsigned most(unsigned seconds)
{
	return CONFERENCES * (RECEIVERS + 1) + STORM * seconds;
}

static bool connect_all(struct stage *b, unsigned seconds)
{
	struct load_shape shape = { .conferences = CONFERENCES,
		.receivers = RECEIVERS,
		.delays = true,
		.late = STORM * seconds };

	b->load = load_new(b->base, b->sfu, &shape);
	if (!b->load)
		return stage_fail(b, "out of memory");
	load_pause(b->load, true);
	if (!stage_await(
		    b, load_connected, CONFERENCES * RECEIVERS, "connected"))
		return false;
	load_pause(b->load, false);
	return stage_await(
		b, load_watching, CONFERENCES * RECEIVERS, "get video");
}

/* Silence until nothing arrives any more. */
static bool settle(struct stage *b)
{
	struct load_counts now, before;

	load_pause(b->load, true);
	load_counts(b->load, &now);
	for (unsigned i = 0; i < SETTLE_TRIES; i++) {
		before = now;
		if (!stage_run_ms(b, SETTLE_MS))
			return false;
		load_counts(b->load, &now);
		if (now.received == before.received)
			return true;
	}
	return stage_fail(b, "the worker does not catch up");
}

struct at {
	uint64_t clock_ns, worker_ns, frames, late;
	struct measure_cpu loop;
};

static bool look(struct stage *b, struct at *ret)
{
	ret->clock_ns = stage_clock_ns(CLOCK_MONOTONIC);
	load_late(b->load, &ret->frames, &ret->late);
	if (measure_cpu(b->worker, &ret->loop) != 0)
		return stage_fail(b, "the worker's CPU time is not told");
	return stage_cpu_ns(b, &ret->worker_ns);
}

static void conclude(
	struct result *r, const struct at *from, const struct at *to)
{
	double clock = (double)(to->clock_ns - from->clock_ns);
	double used = (double)(to->worker_ns - from->worker_ns);
	uint64_t frames = to->frames - from->frames;

	r->load = used / clock;
	r->waited = (double)(to->loop.waited_ns - from->loop.waited_ns) / clock;
	if (frames)
		r->late = (double)(to->late - from->late) / (double)frames;
	if (r->received)
		r->ns_per_packet = used / (double)r->received;
}

/* Runs for that long; delays, load and losses of that time. */
static bool play(struct stage *b, unsigned ms, struct result *r)
{
	struct load_counts before, after;
	struct at at[2];
	uint64_t owed;

	load_delays_reset(b->load);
	load_counts(b->load, &before);
	if (!look(b, &at[0]) || !stage_run_ms(b, ms) || !look(b, &at[1]))
		return false;
	load_delays(b->load, &r->delays);
	if (!settle(b))
		return false;
	load_counts(b->load, &after);
	load_pause(b->load, false);
	owed = (after.sent - before.sent) * RECEIVERS;
	r->received = after.received - before.received;
	r->lost = owed > r->received ? owed - r->received : 0;
	conclude(r, &at[0], &at[1]);
	return true;
}

/* As many conferences as load the worker enough. Where it does not keep up,
 * because others use its CPU as well, fewer than that. */
static unsigned better(unsigned n, unsigned *most_kept, const struct result *r)
{
	double next = n * wanted_load / (r->load > 0.01 ? r->load : 0.01);

	if (r->delays.p50_us > LATE_US) {
		*most_kept = n > 1 ? n / 2 : 1;
		return *most_kept;
	}
	return next < 1 ? 1 : next > *most_kept ? *most_kept : (unsigned)next;
}

static bool calibrate(struct stage *b, unsigned *ret)
{
	unsigned n = FIRST, most_kept = CONFERENCES;
	struct result r;
	char text[80];

	/* All of them were playing until now, which may be too many. */
	if (!settle(b))
		return false;
	load_pause(b->load, false);
	for (unsigned i = 0; i < TRIES; i++) {
		load_playing(b->load, n);
		if (!play(b, 1000, &r))
			return false;
		snprintf(text, sizeof(text),
			"%u conferences: worker %.0f %%, p50 %u us", n,
			r.load * 100, r.delays.p50_us);
		stage_say(b, text);
		n = better(n, &most_kept, &r);
	}
	load_playing(b->load, n);
	*ret = n;
	return true;
}

/* The machine's speed changes from one second to the next: until the load is
 * what was asked for during the seconds that count. */
static bool steady(
	struct stage *b, unsigned seconds, unsigned *n, struct result *ret)
{
	unsigned most_kept = CONFERENCES;

	for (unsigned i = 0; i < STEADY_TRIES; i++) {
		memset(ret, 0, sizeof(*ret));
		ret->playing = *n;
		stage_say(b, "steady");
		if (!play(b, seconds * 1000, ret))
			return false;
		if (ret->load > wanted_load - near_enough &&
			ret->load < wanted_load + near_enough)
			break;
		if (i + 1 < STEADY_TRIES)
			*n = better(*n, &most_kept, ret);
		load_playing(b->load, *n);
	}
	return true;
}

static bool measure(struct stage *b, unsigned seconds, struct result r[3])
{
	unsigned n;

	if (!calibrate(b, &n) || !steady(b, seconds, &n, &r[0]))
		return false;
	r[0].what = "steady";
	r[1].what = "join storm";
	r[2].what = "no server";
	for (unsigned i = 0; i < 3; i++)
		r[i].playing = n;
	stage_say(b, "join storm");
	load_storm(b->load, STORM);
	if (!play(b, seconds * 1000, &r[1]))
		return false;
	load_storm(b->load, 0);
	r[1].joined = load_arrived(b->load);
	load_detour(b->load, true);
	if (!play(b, DETOUR_MS, &r[2]))
		return false;
	load_detour(b->load, false);
	r[2].lost = 0;
	return r[0].delays.packets && r[2].delays.packets
		       ? true
		       : stage_fail(b, "nothing came");
}

static unsigned less(unsigned a, unsigned b)
{
	return a > b ? a - b : 0;
}

static void print(const struct result r[3])
{
	printf("what         conferences  joined  worker  waited    late    "
	       "p50 us    p99  p99.9     max   lost\n");
	for (unsigned i = 0; i < 3; i++)
		printf("%-11s  %11u  %6u  %5.1f%%  %5.1f%%  %5.1f%%  %8u  %5u  "
		       "%5u  %6u  %5" PRIu64 "\n",
			r[i].what, r[i].playing, r[i].joined, r[i].load * 100,
			r[i].waited * 100, r[i].late * 100, r[i].delays.p50_us,
			r[i].delays.p99_us, r[i].delays.p999_us,
			r[i].delays.max_us, r[i].lost);
	if (r[0].waited > disturbed)
		puts("Others used the worker's CPU: these are their delays.");
	for (unsigned i = 0; i < 2; i++)
		printf("added, %s: p50 %u us, p99 %u us, p99.9 %u us\n",
			r[i].what, less(r[i].delays.p50_us, r[2].delays.p50_us),
			less(r[i].delays.p99_us, r[2].delays.p99_us),
			less(r[i].delays.p999_us, r[2].delays.p999_us));
}

static void write_rows(
	FILE *f, const struct report_machine *m, const struct result r[3])
{
	for (unsigned i = 0; i < 3; i++) {
		fprintf(f,
			"    { \"scenario\": \"latency, %s\", \"server\": "
			"\"%s\", \"receivers\": %u,\n"
			"      \"ns_per_packet\": %.1f, \"lost\": %" PRIu64
			", \"worker_load\": %.4f, \"worker_waited\": %.4f, "
			"\"joined\": %u, \"late\": %.4f,\n"
			"      \"p50_us\": %u, \"p99_us\": %u, "
			"\"p999_us\": %u, \"max_us\": %u,\n",
			r[i].what, i == 2 ? "none" : "hearth",
			r[i].playing * RECEIVERS, r[i].ns_per_packet, r[i].lost,
			r[i].load, r[i].waited, r[i].joined, r[i].late,
			r[i].delays.p50_us, r[i].delays.p99_us,
			r[i].delays.p999_us, r[i].delays.max_us);
		report_versions(f, m);
		fputs(i < 2 ? " },\n" : " }\n", f);
	}
}

static bool run(const struct common *c, FILE *json, char *ret_error)
{
	struct stage b = { .name = "latency",
		.people = most(c->seconds),
		.error = ret_error };
	struct result r[3];
	bool good;

	memset(r, 0, sizeof(r));
	good = stage_start(&b, c->pin) && connect_all(&b, c->seconds) &&
	       measure(&b, c->seconds, r);
	stage_stop(&b);
	if (!good)
		return false;
	print(r);
	if (json)
		write_rows(json, &c->machine, r);
	return true;
}

int main(int argc, char **argv)
{
	struct common c = { .name = "latency", .seconds = 5 };
	int code = common_options(&c, argc, argv,
		"usage: bench/run latency [--seconds 5] [--json FILE] "
		"[--no-pin]\n");

	return code >= 0 ? code : common_run(&c, run);
}
