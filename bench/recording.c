/*
 * What a recording costs: a conference of 50 publishers, 100 tracks, without
 * and with a recorder (hearth-record, a process of its own, as in production),
 * in turns within one run. CPU time of the worker and of the recorder for each
 * track, and how long packets were under way to a receiver that has them all.
 *
 * This program is a front over the seam and the load generator in one, as
 * bench/forward.c is.
 *
 * Exit codes: 0 measured; 1 the call or the recorder was lost; 2 usage.
 */
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "bench/measure.h"
#include "bench/report.h"
#include "bench/stage.h"
#include "bench/tape.h"
#include "dtls/assoc.h"
#include "rtp/crypt.h"
#include "sfu/log.h"
#include "sfu/worker.h"

enum {
	EXIT_USAGE = 2,
	PUBLISHERS_MAX = 120, /* 2 m-lines each, of the 256 a client has */
	SECONDS_MAX = 600,
	ROUNDS_MAX = 100,
	SETTLE_MS = 2500, /* key frames, file headers */
	BEGIN_MS = 20000,
	STOP_MS = 60000,
	STEP_MS = 50,
};

struct options {
	unsigned publishers, seconds, rounds;
	const char *directory;
};

/* One way of the two, summed over the rounds. */
struct side {
	double seconds, worker_ns, recorder_ns, generator_ns;
	double p50[ROUNDS_MAX], p99[ROUNDS_MAX], p999[ROUNDS_MAX];
	unsigned rounds, max_us;
	uint64_t packets, bytes, frames;
};

static unsigned watched(const struct load *l)
{
	return load_tracks(l);
}

static bool connect_all(struct stage *b, unsigned publishers)
{
	b->load = load_crowd(b->base, b->sfu, publishers);
	if (!b->load)
		return stage_fail(b, "out of memory");
	return stage_await(b, load_connected, publishers, "connected") &&
	       stage_await(b, watched, 2 * publishers, "tracks are received");
}

/* One window. */

static bool cpu_of(struct stage *b, const struct tape *t, double ret[3])
{
	uint64_t worker, recorder = 0;

	if (measure_threads(b->worker, &worker) != 0 ||
		(t && measure_threads(tape_pid(t), &recorder) != 0))
		return stage_fail(b, "/proc does not tell CPU times");
	ret[0] = (double)worker;
	ret[1] = (double)recorder;
	ret[2] = (double)stage_clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	return true;
}

static bool window(
	struct stage *b, struct side *s, const struct tape *t, unsigned seconds)
{
	double from[3], to[3];
	uint64_t begin;
	struct load_delays d;

	if (!stage_run_ms(b, SETTLE_MS) || !cpu_of(b, t, from))
		return false;
	load_delays_reset(b->load);
	begin = stage_clock_ns(CLOCK_MONOTONIC);
	if (!stage_run_ms(b, seconds * 1000ull) || !cpu_of(b, t, to))
		return false;
	s->seconds += (double)(stage_clock_ns(CLOCK_MONOTONIC) - begin) / 1e9;
	load_delays(b->load, &d);
	s->worker_ns += to[0] - from[0];
	s->recorder_ns += to[1] - from[1];
	s->generator_ns += to[2] - from[2];
	s->packets += d.packets;
	s->p50[s->rounds] = d.p50_us;
	s->p99[s->rounds] = d.p99_us;
	s->p999[s->rounds] = d.p999_us;
	s->max_us = d.max_us > s->max_us ? d.max_us : s->max_us;
	s->rounds++;
	return d.packets || stage_fail(b, "nothing was forwarded");
}

/* Until the recorder has said so, or the time is up. */
static bool begun(struct stage *b, struct tape *t, unsigned files)
{
	for (unsigned ms = 0; ms < BEGIN_MS; ms += STEP_MS) {
		if (!stage_run_ms(b, STEP_MS))
			return false;
		if (tape_trouble(t))
			return stage_fail(b, tape_trouble(t));
		if (tape_files(t) >= files)
			return true;
	}
	return stage_fail(b, "the recorder does not begin all files");
}

static bool ended(struct stage *b, struct tape *t, struct tape_report *ret)
{
	tape_stop(t);
	for (unsigned ms = 0; ms < STOP_MS; ms += STEP_MS) {
		if (!stage_run_ms(b, STEP_MS))
			return false;
		if (tape_trouble(t))
			return stage_fail(b, tape_trouble(t));
		if (tape_stopped(t, ret))
			return true;
	}
	return stage_fail(b, "the recorder does not complete its files");
}

static bool recorded(struct stage *b, struct side *s, const struct options *o)
{
	char error[TAPE_ERROR] = "";
	struct tape *t =
		tape_start(b->base, b->sfu, "bench 0", o->directory, error);
	struct tape_report report = { 0 };
	bool good;

	if (!t)
		return stage_fail(b, error);
	good = begun(b, t, o->publishers) && window(b, s, t, o->seconds) &&
	       ended(b, t, &report);
	if (good && report.files != o->publishers)
		good = stage_fail(b, "files of the recording are missing");
	s->bytes += report.bytes;
	s->frames += report.frames;
	tape_free(t);
	return good;
}

static bool run(struct stage *b, const struct options *o, struct side side[2])
{
	char text[64];

	stage_say(b, "starting a worker");
	if (!stage_start(b, false) || !connect_all(b, o->publishers))
		return false;
	for (unsigned i = 0; i < o->rounds; i++) {
		snprintf(
			text, sizeof(text), "round %u of %u", i + 1, o->rounds);
		stage_say(b, text);
		if (!window(b, &side[0], NULL, o->seconds) ||
			!recorded(b, &side[1], o))
			return false;
	}
	return true;
}

/* The result. */

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Of the rounds: one that something else on the machine disturbed is not the
 * recorder's doing. */
static double median(const double *values, unsigned n)
{
	double sorted[ROUNDS_MAX];

	memcpy(sorted, values, n * sizeof(*values));
	qsort(sorted, n, sizeof(*sorted), ascending);
	return (sorted[(n - 1) / 2] + sorted[n / 2]) / 2;
}

static void print_side(const char *name, const struct side *s, unsigned tracks)
{
	double cpu = 100 / (s->seconds * 1e9);

	printf("%-9s  %9.0f  %7.0f  %7.0f  %8.0f  %8u  %6.1f%%  %8.3f%%  "
	       "%7.1f%%  %8.3f%%  %8.1f%%\n",
		name, (double)s->packets / s->seconds,
		median(s->p50, s->rounds), median(s->p99, s->rounds),
		median(s->p999, s->rounds), s->max_us, s->worker_ns * cpu,
		s->worker_ns * cpu / tracks, s->recorder_ns * cpu,
		s->recorder_ns * cpu / tracks, s->generator_ns * cpu);
}

static void print(const struct options *o, const struct side side[2])
{
	unsigned tracks = 2 * o->publishers;

	printf("%u publishers, %u tracks, %u rounds of %u s each way; delays "
	       "in microseconds, the rounds' medians\n",
		o->publishers, tracks, o->rounds, o->seconds);
	printf("recording  packets/s      p50      p99     p99.9       max  "
	       "worker  per track  recorder  per track  generator\n");
	print_side("no", &side[0], tracks);
	print_side("yes", &side[1], tracks);
	printf("recorded: %" PRIu64 " frames, %.1f MB\n", side[1].frames,
		(double)side[1].bytes / 1e6);
}

static bool bench(const struct options *o)
{
	char error[STAGE_ERROR] = "";
	/* One more than there are: the recorder has a seat too. */
	struct stage b = {
		.name = "recording", .people = o->publishers + 2, .error = error
	};
	struct side side[2] = { { 0 } };
	struct report_machine machine;
	bool good;

	report_machine(&machine);
	good = run(&b, o, side);
	stage_stop(&b);
	if (!good) {
		fprintf(stderr, "recording: %s\n", error);
		return false;
	}
	report_head(stdout, &machine);
	print(o, side);
	return true;
}

/* Usage. */

static void print_usage(FILE *f)
{
	fputs("usage: bench/run recording [--publishers 50] [--seconds 10] "
	      "[--rounds 3]\n"
	      "                           [--directory DIR]\n"
	      "\n"
	      "  --publishers  two tracks each, at most 120\n"
	      "  --seconds     of each round, without and with the recorder\n"
	      "  --directory   where it writes; what it wrote is removed\n",
		f);
}

static bool number(const char *text, unsigned max, unsigned *ret)
{
	char *end;
	unsigned long v = strtoul(text, &end, 10);

	*ret = (unsigned)v;
	return *text >= '0' && *text <= '9' && !*end && v && v <= max;
}

/* -1: go on; else the exit code. */
static int read_options(struct options *o, int argc, char **argv)
{
	static const struct option known[] = {
		{ "publishers", required_argument, NULL, 'p' },
		{ "seconds", required_argument, NULL, 's' },
		{ "rounds", required_argument, NULL, 'r' },
		{ "directory", required_argument, NULL, 'd' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	bool good = true;
	int c;

	while (good && (c = getopt_long(argc, argv, "h", known, NULL)) != -1) {
		if (c == 'p')
			good = number(optarg, PUBLISHERS_MAX, &o->publishers);
		else if (c == 's')
			good = number(optarg, SECONDS_MAX, &o->seconds);
		else if (c == 'r')
			good = number(optarg, ROUNDS_MAX, &o->rounds);
		else if (c == 'd')
			o->directory = optarg;
		else if (c == 'h') {
			print_usage(stdout);
			return 0;
		} else
			good = false;
	}
	if (good && optind == argc)
		return -1;
	print_usage(stderr);
	return EXIT_USAGE;
}

int main(int argc, char **argv)
{
	const char *tmp = getenv("TMPDIR");
	struct options o = { .publishers = 50,
		.seconds = 10,
		.rounds = 3,
		.directory = tmp && *tmp ? tmp : "/tmp" };
	int code;

	if (argc > 1 && strcmp(argv[1], "--worker") == 0)
		return worker_main();
	code = read_options(&o, argc, argv);
	if (code >= 0)
		return code;
	signal(SIGPIPE, SIG_IGN);
	log_init(LOG_LVL_WARN, false, "control");
	if (crypt_global_init() != 0 || assoc_global_init() != 0) {
		fprintf(stderr, "recording: no SRTP or SCTP\n");
		return EXIT_FAILURE;
	}
	code = bench(&o) ? EXIT_SUCCESS : EXIT_FAILURE;
	assoc_global_done();
	return code;
}
