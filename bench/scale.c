/*
 * What more of everything costs: two workers against one, for the same two
 * conferences and for one conference that has a part in both; joins by full
 * handshakes; memory of participants and of subscriptions.
 *
 * Exit codes: 0 measured; 1 not; 2 usage.
 */
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include "bench/common.h"
#include "bench/inside.h"
#include "bench/load.h"
#include "bench/measure.h"
#include "bench/stage.h"

enum {
	PEOPLE = 200,     /* of whom memory and joins are measured */
	RECEIVERS = 100,  /* of each of two conferences */
	SETTLE_MS = 2000, /* channels open, buffers of handshakes are freed */
	HEAP_MS = 2000,
	STEP_MS = 20,
	ROWS = 13,
};

struct row {
	const char *scenario, *unit;
	unsigned receivers;
	double value, ns_per_packet;
	uint64_t lost;
};

struct table {
	struct row row[ROWS];
	unsigned n;
};

static struct row *add(struct table *t, const char *scenario,
	unsigned receivers, double value, const char *unit)
{
	struct row *r = &t->row[t->n++];

	*r = (struct row){ .scenario = scenario,
		.unit = unit,
		.receivers = receivers,
		.value = value };
	return r;
}

static bool join_all(struct stage *b, const struct load_shape *shape)
{
	b->load = load_new(b->base, b->sfu, shape);
	if (!b->load)
		return stage_fail(b, "out of memory");
	load_pause(b->load, true);
	return stage_await(b, load_connected,
		shape->conferences * shape->receivers, "connected");
}

/* Workers. */

static bool forward(struct stage *b, const struct load_shape *shape,
	unsigned seconds, struct row *ret)
{
	struct load_counts at[2];
	uint64_t cpu[2];

	load_counts(b->load, &at[0]);
	if (!stage_cpu_ns(b, &cpu[0]) || !stage_run_ms(b, seconds * 1000))
		return false;
	load_pause(b->load, true);
	if (!stage_run_ms(b, SETTLE_MS) || !stage_cpu_ns(b, &cpu[1]))
		return false;
	load_counts(b->load, &at[1]);
	at[1].received -= at[0].received;
	at[1].sent -= at[0].sent;
	if (!at[1].received)
		return stage_fail(b, "nothing was forwarded");
	ret->ns_per_packet = (double)(cpu[1] - cpu[0]) / (double)at[1].received;
	if (at[1].sent * shape->receivers > at[1].received)
		ret->lost = at[1].sent * shape->receivers - at[1].received;
	ret->value = 1e9 / ret->ns_per_packet;
	return true;
}

static bool with_workers(const struct common *c, unsigned conferences,
	unsigned workers, struct row *ret, char *ret_error)
{
	struct load_shape shape = { .conferences = conferences,
		.receivers = 2 * RECEIVERS / conferences };
	struct stage b = { .name = workers == 1 ? "scale: one worker"
						: "scale: two workers",
		.people = 2 * (RECEIVERS + 1),
		.workers = workers,
		.split = conferences == 1,
		.error = ret_error };
	bool good = stage_start(&b, c->pin) && join_all(&b, &shape);

	if (good) {
		load_pause(b.load, false);
		good = stage_await(
			       &b, load_watching, 2 * RECEIVERS, "get video") &&
		       stage_run_ms(&b, SETTLE_MS) &&
		       forward(&b, &shape, c->seconds, ret);
	}
	stage_stop(&b);
	return good;
}

static bool compare(const struct common *c, struct table *t,
	unsigned conferences, const char *what[3], char *ret_error)
{
	struct row *one =
		add(t, what[0], 2 * RECEIVERS, 0, "packets/s a worker");
	struct row *two =
		add(t, what[1], 2 * RECEIVERS, 0, "packets/s a worker");

	if (!with_workers(c, conferences, 1, one, ret_error) ||
		!with_workers(c, conferences, 2, two, ret_error))
		return false;
	add(t, what[2], 2 * RECEIVERS, 2 * two->value / one->value, "times");
	return true;
}

static bool workers(const struct common *c, struct table *t, char *ret_error)
{
	static const char *what[] = { "forward, one worker",
		"forward, two workers", "two workers to one" };

	return compare(c, t, 2, what, ret_error);
}

/* One publisher, whose packets cross to the other worker once. */
static bool parts(const struct common *c, struct table *t, char *ret_error)
{
	static const char *what[] = { "one conference, one worker",
		"one conference, on two", "… two workers to one" };

	return compare(c, t, 1, what, ret_error);
}

/* Memory and joins. */

struct memory {
	double heap, rss;
};

static bool read_memory(struct stage *b, struct memory *ret)
{
	struct inside *page = inside_page();
	uint64_t before = page->heap_reads;

	kill(b->worker, SIGUSR2);
	for (unsigned ms = 0; page->heap_reads == before; ms += STEP_MS)
		if (ms > HEAP_MS || !stage_run_ms(b, STEP_MS))
			return stage_fail(b, "the worker tells no memory");
	ret->heap = (double)page->heap_bytes;
	ret->rss = (double)measure_rss(b->worker);
	return true;
}

struct growth {
	struct memory each; /* bytes for each participant */
	double all;         /* heap bytes of them together */
	double cpu_ms;      /* of the worker for each join */
	double seconds;
};

/* shape: one conference. */
static bool grow(
	struct stage *b, const struct load_shape *shape, struct growth *ret)
{
	struct memory at[2];
	uint64_t cpu[2], began = stage_clock_ns(CLOCK_MONOTONIC);
	double people = shape->receivers + shape->publishers;

	if (!read_memory(b, &at[0]) || !stage_cpu_ns(b, &cpu[0]) ||
		!join_all(b, shape) || !stage_cpu_ns(b, &cpu[1]))
		return false;
	ret->seconds = (double)(stage_clock_ns(CLOCK_MONOTONIC) - began) / 1e9;
	ret->cpu_ms = (double)(cpu[1] - cpu[0]) / 1e6 / people;
	if (!shape->idle) {
		load_pause(b->load, false);
		if (!stage_await(
			    b, load_watching, shape->receivers, "get video"))
			return false;
		load_pause(b->load, true);
	}
	if (!stage_run_ms(b, SETTLE_MS) || !read_memory(b, &at[1]))
		return false;
	ret->all = at[1].heap - at[0].heap;
	ret->each.heap = ret->all / people;
	ret->each.rss = (at[1].rss - at[0].rss) / people;
	return true;
}

static bool growth(
	struct load_shape shape, bool pin, struct growth *ret, char *ret_error)
{
	struct stage b = { .name = "scale: memory",
		.people = shape.receivers + shape.publishers,
		.error = ret_error };
	bool good;

	shape.conferences = 1;
	good = stage_start(&b, pin) && grow(&b, &shape, ret);
	stage_stop(&b);
	return good;
}

/* Bytes of each receiver, by two sizes of one conference: what publishers need
 * for themselves, their histories for one, takes itself off. */
static bool of_each(unsigned publishers, bool pin, double *ret, char *ret_error)
{
	struct growth few, many;
	struct load_shape shape = { .publishers = publishers,
		.receivers = PEOPLE / 2 };

	if (!growth(shape, pin, &few, ret_error))
		return false;
	shape.receivers = PEOPLE;
	if (!growth(shape, pin, &many, ret_error))
		return false;
	*ret = (many.all - few.all) / (PEOPLE - PEOPLE / 2);
	return true;
}

/* The first subscription of a kind brings that kind's codecs into the
 * receiver's negotiation; it has them once. */
static bool subscriptions(
	const struct common *c, struct table *t, double idle, char *ret_error)
{
	double one, two;

	if (!of_each(1, c->pin, &one, ret_error) ||
		!of_each(2, c->pin, &two, ret_error))
		return false;
	add(t, "memory, first subscription", PEOPLE, (one - idle) / 1e3, "kB");
	add(t, "memory, one subscription", PEOPLE, (two - one) / 1e3, "kB");
	return true;
}

static bool memory(const struct common *c, struct table *t, char *ret_error)
{
	struct load_shape shape = {
		.publishers = 1, .receivers = PEOPLE, .idle = true
	};
	struct growth data, bare;

	if (!growth(shape, c->pin, &data, ret_error))
		return false;
	shape.no_data = true;
	if (!growth(shape, c->pin, &bare, ret_error))
		return false;
	add(t, "joins, CPU of the worker each", PEOPLE, data.cpu_ms, "ms");
	add(t, "joins, a whole CPU", PEOPLE, 1000 / data.cpu_ms, "a second");
	printf("memory of an idle participant, heap and resident, kB: with a "
	       "data channel %.1f and %.1f, without %.1f and %.1f\n",
		data.each.heap / 1e3, data.each.rss / 1e3, bare.each.heap / 1e3,
		bare.each.rss / 1e3);
	add(t, "memory, data channel", PEOPLE, data.each.heap / 1e3, "kB");
	add(t, "memory, no data channel", PEOPLE, bare.each.heap / 1e3, "kB");
	return subscriptions(c, t, data.each.heap, ret_error);
}

static void print(const struct table *t)
{
	for (unsigned i = 0; i < t->n; i++) {
		const struct row *r = &t->row[i];

		printf("%-30s  N=%-4u  %10.2f %s", r->scenario, r->receivers,
			r->value, r->unit);
		if (r->ns_per_packet > 0)
			printf(", %.0f ns a packet, %" PRIu64 " lost",
				r->ns_per_packet, r->lost);
		putchar('\n');
	}
}

static void write_rows(
	FILE *f, const struct report_machine *m, const struct table *t)
{
	for (unsigned i = 0; i < t->n; i++) {
		const struct row *r = &t->row[i];

		fprintf(f,
			"    { \"scenario\": \"%s\", \"server\": "
			"\"hearth\", \"receivers\": %u,\n"
			"      \"ns_per_packet\": %.1f, \"lost\": %" PRIu64
			", \"value\": %.3f, \"unit\": \"%s\",\n",
			r->scenario, r->receivers, r->ns_per_packet, r->lost,
			r->value, r->unit);
		report_versions(f, m);
		fputs(i + 1 < t->n ? " },\n" : " }\n", f);
	}
}

static bool run(const struct common *c, FILE *json, char *ret_error)
{
	struct table t;

	memset(&t, 0, sizeof(t));
	if (!workers(c, &t, ret_error) || !parts(c, &t, ret_error) ||
		!memory(c, &t, ret_error))
		return false;
	print(&t);
	if (json)
		write_rows(json, &c->machine, &t);
	return true;
}

int main(int argc, char **argv)
{
	struct common c = { .name = "scale", .seconds = 3 };
	int code = common_options(&c, argc, argv,
		"usage: bench/run scale [--seconds 3] [--json FILE] "
		"[--no-pin]\n");

	return code >= 0 ? code : common_run(&c, run);
}
