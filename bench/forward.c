/*
 * What one forwarded packet costs hearth, and what it costs a bare loop: one
 * publisher of 4.4 Mbit/s video and N receivers with real ICE, DTLS and SRTP
 * over loopback. CPU nanoseconds, user and kernel, of a worker process divided
 * by the packets it forwarded.
 *
 * This program is a front over the seam (sfu.h) and the load generator in one;
 * the worker is its child, as it is hearth's: sfu/child.c runs /proc/self/exe
 * with --worker, which here is hearth's worker that can lend itself (bare.h).
 *
 * Exit codes: 0 measured; 1 the call was lost or could not be held; 2 usage.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include "bench/bare.h"
#include "bench/inside.h"
#include "bench/load.h"
#include "bench/report.h"
#include "bench/scenario.h"
#include "dtls/assoc.h"
#include "rtp/crypt.h"
#include "sfu/log.h"

enum { EXIT_USAGE = 2 };

struct options {
	unsigned receivers[REPORT_ROWS], n, seconds;
	const char *json;
	const char *server; /* NULL: both in turn */
	bool pin, phases, trains;
};

static void print_usage(FILE *f)
{
	fputs("usage: bench/run forward [--receivers 1,10,50,200,1000]\n"
	      "                         [--server hearth|bare] [--seconds 5]\n"
	      "                         [--receive plain|gro] [--phases]\n"
	      "                         [--json FILE] [--no-pin]\n"
	      "\n"
	      "  --receivers  one pair of runs for each number, at most 3000\n"
	      "  --server     only that one\n"
	      "  --seconds    measured in each run, at most 10\n"
	      "  --receive    gro: the receivers' sockets take segments in "
	      "one\n"
	      "               piece (UDP_GRO); plain: one by one\n"
	      "  --phases     and 2 s more for the split into phases\n"
	      "  --json       write the result there too\n"
	      "  --no-pin     leave the choice of CPUs to the kernel\n",
		f);
}

/* A whole number from 1 to max at *at, which moves behind it; 0: none. */
static unsigned number(const char **at, unsigned max)
{
	char *end;
	unsigned long v;

	if (**at < '0' || **at > '9')
		return 0;
	v = strtoul(*at, &end, 10);
	*at = end;
	return v <= max ? (unsigned)v : 0;
}

static bool read_receivers(struct options *o, const char *text)
{
	o->n = 0;
	do {
		unsigned v = number(&text, SCENARIO_RECEIVERS_MAX);

		if (!v || o->n == REPORT_ROWS / 2)
			return false;
		o->receivers[o->n++] = v;
	} while (*text++ == ',');
	return text[-1] == '\0';
}

static bool read_server(struct options *o, const char *text)
{
	o->server = text;
	return strcmp(text, "hearth") == 0 || strcmp(text, "bare") == 0;
}

static bool read_seconds(struct options *o, const char *text)
{
	o->seconds = number(&text, SCENARIO_SECONDS_MAX);
	return o->seconds && !*text;
}

/* -1: go on; else the exit code. */
static int read_options(struct options *o, int argc, char **argv)
{
	static const struct option known[] = {
		{ "receivers", required_argument, NULL, 'r' },
		{ "seconds", required_argument, NULL, 's' },
		{ "server", required_argument, NULL, 'w' },
		{ "receive", required_argument, NULL, 'g' },
		{ "phases", no_argument, NULL, 't' },
		{ "json", required_argument, NULL, 'j' },
		{ "no-pin", no_argument, NULL, 'p' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	bool good = true;
	int c;

	while (good && (c = getopt_long(argc, argv, "h", known, NULL)) != -1) {
		if (c == 'r')
			good = read_receivers(o, optarg);
		else if (c == 's')
			good = read_seconds(o, optarg);
		else if (c == 'w')
			good = read_server(o, optarg);
		else if (c == 'g')
			good = load_receive_read(optarg, &o->trains);
		else if (c == 't')
			o->phases = true;
		else if (c == 'j')
			o->json = optarg;
		else if (c == 'p')
			o->pin = false;
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

static void raise_file_limit(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) == 0 && r.rlim_cur < r.rlim_max) {
		r.rlim_cur = r.rlim_max;
		setrlimit(RLIMIT_NOFILE, &r);
	}
}

static bool run_one(
	const struct options *o, unsigned i, bool bare, struct report_row *row)
{
	struct scenario s = { .receivers = o->receivers[i],
		.seconds = o->seconds,
		.pin = o->pin,
		.phases = o->phases,
		.trains = o->trains,
		.bare = bare };
	char error[SCENARIO_ERROR];

	if (!scenario_forward(&s, row, error)) {
		fprintf(stderr, "forward: %s, %u receivers: %s\n",
			bare ? "bare" : "hearth", s.receivers, error);
		return false;
	}
	report_line(stdout, row);
	fflush(stdout);
	return true;
}

static bool run(const struct options *o, FILE *json)
{
	struct report_row rows[REPORT_ROWS];
	struct report_machine machine;
	unsigned n = 0;
	bool good = true;

	report_machine(&machine);
	report_head(stdout, &machine);
	report_line(stdout, NULL);
	fflush(stdout);
	memset(rows, 0, sizeof(rows));
	for (unsigned i = 0; i < 2 * o->n && good; i++) {
		bool bare = i % 2;

		if (o->server && (*o->server == 'b') != bare)
			continue;
		good = run_one(o, i / 2, bare, &rows[n]);
		n += good;
	}
	report_tail(stdout, rows, n);
	if (json)
		report_json(json, &machine, rows, n);
	return good;
}

static bool complain(const char *path)
{
	fprintf(stderr, "forward: %s: %s\n", path, strerror(errno));
	return false;
}

/* The file first: hours of measuring are not lost for a wrong path. */
static bool run_with_file(const struct options *o)
{
	FILE *json = o->json ? fopen(o->json, "we") : NULL;
	bool good;

	if (o->json && !json)
		return complain(o->json);
	good = run(o, json);
	if (json && fclose(json) != 0)
		good = complain(o->json);
	return good;
}

int main(int argc, char **argv)
{
	struct options o = { .receivers = { 1, 10, 50, 200, 1000 },
		.n = 5,
		.seconds = 5,
		.pin = true };
	int code;

	if (argc > 1 && strcmp(argv[1], "--worker") == 0)
		return bare_worker_main();
	code = read_options(&o, argc, argv);
	if (code >= 0)
		return code;
	signal(SIGPIPE, SIG_IGN);
	raise_file_limit();
	log_init(LOG_LVL_WARN, false, "control");
	if (crypt_global_init() != 0 || assoc_global_init() != 0) {
		fprintf(stderr, "forward: no SRTP or SCTP\n");
		return EXIT_FAILURE;
	}
	if (inside_make() != 0) {
		fprintf(stderr, "forward: no memory to share\n");
		return EXIT_FAILURE;
	}
	code = run_with_file(&o) ? EXIT_SUCCESS : EXIT_FAILURE;
	assoc_global_done();
	return code;
}
