#include "bench/scenario.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "bench/load.h"
#include "bench/measure.h"
#include "sfu/config_schema.h"
#include "sfu/sfu.h"
#include "sfu/worker.h"

enum {
	START_MS = 10000,
	CONNECT_MS = 60000, /* everybody, and for each receiver: */
	CONNECT_EACH_MS = 500,
	WARM_MS = 2000,
	DRAIN_MS = 300, /* what is under way arrives */
	DRAIN_TRIES = 200,
	STATS_MS = 1200, /* the worker tells its counters every second */
	STATS_TRIES = 50,
	PROGRESS_MS = 2000,
	STEP_MS = 100,
};

static const char too_slow[] =
	"the worker does not catch up: too many receivers for this machine now";

struct bench {
	struct config config;
	struct event_base *base;
	struct sfu *sfu;
	struct load *load;
	struct event *wake; /* so that no loop sleeps for long */
	struct evbuffer *metrics;
	unsigned receivers;
	pid_t worker;
	bool stopped;
	int cpu[2];
	char *error; /* "" while all is well */
};

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

static uint64_t clock_ns(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static bool fail(struct bench *b, const char *text)
{
	if (!*b->error)
		snprintf(b->error, SCENARIO_ERROR, "%s", text);
	return false;
}

static bool well(struct bench *b)
{
	if (b->load && load_error(b->load))
		return fail(b, load_error(b->load));
	return !*b->error;
}

static void say(const struct bench *b, const char *text)
{
	fprintf(stderr, "forward: %u receivers: %s\n", b->receivers, text);
}

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
}

static void say_pinning(const struct bench *b)
{
	char text[64] = "not pinned to CPUs";

	if (b->cpu[0] >= 0)
		snprintf(text, sizeof(text),
			"worker on CPU %d, generator on CPU %d", b->cpu[0],
			b->cpu[1]);
	say(b, text);
}

/* The loop for that long; false when something went wrong. */
static bool run_ms(struct bench *b, uint64_t ms)
{
	uint64_t end = clock_ns(CLOCK_MONOTONIC) + ms * 1000000;

	while (clock_ns(CLOCK_MONOTONIC) < end && well(b))
		event_base_loop(b->base, EVLOOP_ONCE);
	return well(b);
}

/* The seam. */

static void on_failed(void *arg, const char *text)
{
	fail(arg, text);
}

static void on_stopped(void *arg)
{
	struct bench *b = arg;

	b->stopped = true;
}

static uint64_t metric(struct bench *b, const char *name)
{
	char wanted[80], *text, *at;

	evbuffer_drain(b->metrics, evbuffer_get_length(b->metrics));
	sfu_metrics(b->sfu, b->metrics);
	evbuffer_add(b->metrics, "", 1);
	text = (char *)evbuffer_pullup(b->metrics, -1);
	snprintf(wanted, sizeof(wanted), "\n%s ", name);
	at = text ? strstr(text, wanted) : NULL;
	if (!at) {
		fail(b, "a counter of hearth's is missing");
		return 0;
	}
	return strtoull(at + strlen(wanted), NULL, 10);
}

/* The defaults, but for: one worker, any port, loopback, room for all. */
static bool configure(struct bench *b)
{
	char own[] = "127.0.0.1", *items[] = { own }, why[128] = "";
	int key = config_schema_find("media", "advertise");

	if (config_defaults(&b->config) != 0)
		return fail(b, "out of memory");
	if (key < 0 || config_set_list(&b->config, &config_schema[key], items,
			       1, why) != 0)
		return fail(b, why);
	b->config.media.workers = 1;
	b->config.media.port = 0;
	b->config.limits.participants = b->receivers + 1;
	return true;
}

static bool start_loop(struct bench *b)
{
	static const struct timeval every = { .tv_usec = 10000 };

	b->base = event_base_new();
	b->metrics = evbuffer_new();
	if (!b->base || !b->metrics)
		return fail(b, "out of memory");
	event_base_priority_init(b->base, WORKER_PRIORITIES);
	b->wake = event_new(b->base, -1, EV_PERSIST, on_wake, b);
	if (!b->wake || event_add(b->wake, &every) != 0)
		return fail(b, "out of memory");
	return true;
}

static bool start(struct bench *b, bool pin)
{
	if (!start_loop(b) || !configure(b))
		return false;
	if (sfu_new(&b->sfu, b->base, &b->config, on_failed, b) != 0)
		return fail(b, "no forwarding unit");
	for (unsigned ms = 0; !sfu_ready(b->sfu) && ms < START_MS; ms += 20)
		if (!run_ms(b, 20))
			return false;
	b->worker = measure_child("hearth-worker");
	if (!sfu_ready(b->sfu) || !b->worker)
		return fail(b, "the worker process does not start");
	b->cpu[0] = b->cpu[1] = -1;
	if (pin && measure_pin(b->worker, b->cpu) != 0)
		return fail(b, "cannot choose CPUs; try --no-pin");
	say_pinning(b);
	return true;
}

/* Politely, so that a sanitizer in the worker has its say. */
static void stop(struct bench *b)
{
	if (b->sfu)
		sfu_stop(b->sfu, on_stopped, b);
	while (b->sfu && !b->stopped)
		event_base_loop(b->base, EVLOOP_ONCE);
	sfu_free(b->sfu);
	/* It had to hear the farewells. */
	load_free(b->load);
	config_done(&b->config);
	if (b->wake)
		event_free(b->wake);
	if (b->metrics)
		evbuffer_free(b->metrics);
	if (b->base)
		event_base_free(b->base);
	measure_unpin();
}

/* The steps. */

/* Until all receivers are so far, as count tells. */
static bool await(struct bench *b, unsigned (*count)(const struct load *),
	const char *what)
{
	uint64_t limit = CONNECT_MS + (uint64_t)CONNECT_EACH_MS * b->receivers;
	char text[64];

	for (uint64_t ms = 0; ms < limit; ms += STEP_MS) {
		if (!run_ms(b, STEP_MS))
			return false;
		if (count(b->load) == b->receivers)
			return true;
		if (ms % PROGRESS_MS)
			continue;
		snprintf(text, sizeof(text), "%u %s", count(b->load), what);
		say(b, text);
	}
	snprintf(text, sizeof(text), "only %u %s", count(b->load), what);
	return fail(b, text);
}

/* Handshakes first: a worker that is busy with media puts them off. */
static bool connect_all(struct bench *b)
{
	b->load = load_new(b->base, b->sfu, b->receivers);
	if (!b->load)
		return fail(b, "out of memory");
	load_pause(b->load, true);
	if (!await(b, load_connected, "connected"))
		return false;
	load_pause(b->load, false);
	return await(b, load_watching, "get audio and video");
}

/* With the publisher silent: until nothing arrives any more. */
static bool drain(struct bench *b)
{
	struct load_counts now, before;

	load_counts(b->load, &now);
	for (int i = 0; i < DRAIN_TRIES; i++) {
		before = now;
		if (!run_ms(b, DRAIN_MS))
			return false;
		load_counts(b->load, &now);
		if (now.received == before.received)
			return true;
	}
	return fail(b, too_slow);
}

/* After the drain: the worker tells its counters every second, so two reports
 * that differ (in the turns, which never stand still) and agree about packets
 * are from afterwards. */
static bool read_point(struct bench *b, struct point *ret)
{
	uint64_t packets = 0, turns = 0;

	for (int i = 0; i < STATS_TRIES; i++) {
		if (!run_ms(b, STATS_MS))
			return false;
		ret->rtp_out = metric(b, "hearth_rtp_out_packets_total");
		ret->resent = metric(b, "hearth_resent_packets_total");
		ret->turns = metric(b, "hearth_loop_turns_total");
		load_counts(b->load, &ret->load);
		if (i && ret->rtp_out == packets && ret->turns != turns)
			return well(b);
		packets = ret->rtp_out;
		turns = ret->turns;
	}
	return fail(b, too_slow);
}

static bool read_instant(struct bench *b, struct instant *ret)
{
	ret->clock_ns = clock_ns(CLOCK_MONOTONIC);
	ret->own_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	if (measure_cpu(b->worker, &ret->worker) != 0)
		return fail(b, "/proc does not tell the worker's CPU time");
	return true;
}

static bool measure(struct bench *b, unsigned seconds, struct instant v[2])
{
	char text[64];

	if (!read_instant(b, &v[0]))
		return false;
	load_pause(b->load, false);
	for (unsigned s = 0; s < seconds; s++) {
		if (!run_ms(b, 1000))
			return false;
		if (s % 5)
			continue;
		snprintf(text, sizeof(text), "measuring, %u s of %u", s + 1,
			seconds);
		say(b, text);
	}
	if (load_live(b->load) != b->receivers)
		return fail(b, "a receiver gets no video any more");
	load_pause(b->load, true);
	return drain(b) && read_instant(b, &v[1]);
}

static bool judge(struct bench *b, const struct point p[2],
	const struct instant v[2], struct report_row *r)
{
	double total = (double)(v[1].worker.total_ns - v[0].worker.total_ns);
	double clock = (double)(v[1].clock_ns - v[0].clock_ns);
	double user = (double)(v[1].worker.user_ms - v[0].worker.user_ms);
	double kernel = (double)(v[1].worker.kernel_ms - v[0].worker.kernel_ms);
	uint64_t owed = (p[1].load.sent - p[0].load.sent) * b->receivers;

	r->receivers = b->receivers;
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
		return fail(b, "nothing was forwarded");
	if (p[1].load.wrong)
		return fail(b, "receivers got what nobody sent");
	if (r->received > r->packets)
		return fail(b, "receivers got more than hearth sent");
	r->ns_per_packet = total / (double)r->packets;
	if (user + kernel > 0)
		r->user_ns = r->ns_per_packet * user / (user + kernel);
	r->kernel_ns = r->ns_per_packet - r->user_ns;
	return true;
}

static bool run(
	struct bench *b, unsigned seconds, bool pin, struct report_row *ret)
{
	struct point p[2];
	struct instant v[2];

	say(b, "starting a worker");
	if (!start(b, pin) || !connect_all(b))
		return false;
	say(b, "all get audio and video; warming up");
	if (!run_ms(b, WARM_MS))
		return false;
	load_pause(b->load, true);
	return drain(b) && read_point(b, &p[0]) && measure(b, seconds, v) &&
	       read_point(b, &p[1]) && judge(b, p, v, ret);
}

bool scenario_forward(unsigned receivers, unsigned seconds, bool pin,
	struct report_row *ret, char ret_error[SCENARIO_ERROR])
{
	struct bench b = { .receivers = receivers, .error = ret_error };
	bool good;

	ret_error[0] = '\0';
	good = run(&b, seconds, pin, ret);
	stop(&b);
	return good;
}
