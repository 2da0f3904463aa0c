#include "bench/stage.h"

#include <event2/buffer.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "bench/measure.h"
#include "sfu/config_schema.h"
#include "sfu/sfu.h"
#include "sfu/worker.h"

enum {
	START_MS = 10000,
	CONNECT_MS = 60000, /* everybody, and for each: */
	CONNECT_EACH_MS = 500,
	PROGRESS_MS = 2000,
	STEP_MS = 100,
};

uint64_t stage_clock_ns(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

bool stage_fail(struct stage *b, const char *text)
{
	if (!*b->error)
		snprintf(b->error, STAGE_ERROR, "%s", text);
	return false;
}

bool stage_well(struct stage *b)
{
	if (b->load && load_error(b->load))
		return stage_fail(b, load_error(b->load));
	return !*b->error;
}

void stage_say(const struct stage *b, const char *text)
{
	fprintf(stderr, "%s: %s\n", b->name, text);
}

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
}

static void say_pinning(const struct stage *b)
{
	char text[64] = "not pinned to CPUs";

	if (b->cpu[0] >= 0)
		snprintf(text, sizeof(text),
			"worker on CPU %d, generator on CPU %d", b->cpu[0],
			b->cpu[1]);
	stage_say(b, text);
}

bool stage_run_ms(struct stage *b, uint64_t ms)
{
	uint64_t end = stage_clock_ns(CLOCK_MONOTONIC) + ms * 1000000;

	while (stage_clock_ns(CLOCK_MONOTONIC) < end && stage_well(b))
		event_base_loop(b->base, EVLOOP_ONCE);
	return stage_well(b);
}

/* The seam. */

static void on_failed(void *arg, const char *text)
{
	stage_fail(arg, text);
}

static void on_stopped(void *arg)
{
	struct stage *b = arg;

	b->stopped = true;
}

uint64_t stage_metric(struct stage *b, const char *name)
{
	char wanted[80], *text, *at;

	evbuffer_drain(b->metrics, evbuffer_get_length(b->metrics));
	sfu_metrics(b->sfu, b->metrics);
	evbuffer_add(b->metrics, "", 1);
	text = (char *)evbuffer_pullup(b->metrics, -1);
	snprintf(wanted, sizeof(wanted), "\n%s ", name);
	at = text ? strstr(text, wanted) : NULL;
	if (!at) {
		stage_fail(b, "a counter of hearth's is missing");
		return 0;
	}
	return strtoull(at + strlen(wanted), NULL, 10);
}

/* The defaults, but for: one worker, any port, loopback, room for all. */
static bool configure(struct stage *b)
{
	char own[] = "127.0.0.1", *items[] = { own }, why[128] = "";
	int key = config_schema_find("media", "advertise");

	if (config_defaults(&b->config) != 0)
		return stage_fail(b, "out of memory");
	if (key < 0 || config_set_list(&b->config, &config_schema[key], items,
			       1, why) != 0)
		return stage_fail(b, why);
	b->config.media.workers = b->workers;
	/* Always, or never. */
	b->config.media.split_load = b->split ? 0 : 100;
	b->config.media.port = 0;
	b->config.limits.participants = b->people;
	return true;
}

bool stage_open(struct stage *b)
{
	static const struct timeval every = { .tv_usec = 10000 };

	b->base = event_base_new();
	b->metrics = evbuffer_new();
	if (!b->base || !b->metrics)
		return stage_fail(b, "out of memory");
	event_base_priority_init(b->base, WORKER_PRIORITIES);
	b->wake = event_new(b->base, -1, EV_PERSIST, on_wake, b);
	if (!b->wake || event_add(b->wake, &every) != 0)
		return stage_fail(b, "out of memory");
	return true;
}

static int pin_all(struct stage *b)
{
	int err = 0;

	if (b->workers == 1)
		return measure_pin(b->worker, b->cpu);
	for (unsigned i = 0; i < b->workers && !err; i++)
		err = measure_pin_to(b->all[i], i);
	return err;
}

bool stage_start(struct stage *b, bool pin)
{
	if (!b->workers)
		b->workers = 1;
	if (!stage_open(b) || !configure(b))
		return false;
	if (sfu_new(&b->sfu, b->base, &b->config, on_failed, b) != 0)
		return stage_fail(b, "no forwarding unit");
	for (unsigned ms = 0; !sfu_ready(b->sfu) && ms < START_MS; ms += 20)
		if (!stage_run_ms(b, 20))
			return false;
	if (!sfu_ready(b->sfu) || measure_children("hearth-worker", b->all,
					  STAGE_WORKERS) != b->workers)
		return stage_fail(b, "the worker process does not start");
	b->worker = b->all[0];
	b->cpu[0] = b->cpu[1] = -1;
	if (pin && pin_all(b) != 0)
		return stage_fail(b, "cannot choose CPUs; try --no-pin");
	say_pinning(b);
	return true;
}

bool stage_cpu_ns(struct stage *b, uint64_t *ret)
{
	uint64_t ns;

	*ret = 0;
	for (unsigned i = 0; i < b->workers; i++) {
		if (measure_threads(b->all[i], &ns) != 0)
			return stage_fail(
				b, "/proc does not tell a worker's CPU time");
		*ret += ns;
	}
	return true;
}

void stage_stop(struct stage *b)
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

bool stage_await(struct stage *b, unsigned (*count)(const struct load *),
	unsigned wanted, const char *what)
{
	uint64_t limit = CONNECT_MS + (uint64_t)CONNECT_EACH_MS * b->people;
	char text[64];

	for (uint64_t ms = 0; ms < limit; ms += STEP_MS) {
		if (!stage_run_ms(b, STEP_MS))
			return false;
		if (count(b->load) == wanted)
			return true;
		if (ms % PROGRESS_MS)
			continue;
		snprintf(text, sizeof(text), "%u %s", count(b->load), what);
		stage_say(b, text);
	}
	snprintf(text, sizeof(text), "only %u %s", count(b->load), what);
	return stage_fail(b, text);
}
