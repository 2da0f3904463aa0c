#include "bench/common.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include "bench/bare.h"
#include "bench/inside.h"
#include "dtls/assoc.h"
#include "rtp/crypt.h"
#include "sfu/log.h"

enum { SECONDS_MAX = 20 };

static bool read_seconds(struct common *c, const char *text)
{
	char *end;
	unsigned long v = strtoul(text, &end, 10);

	c->seconds = (unsigned)v;
	return *text >= '0' && *text <= '9' && !*end && v && v <= SECONDS_MAX;
}

int common_options(struct common *c, int argc, char **argv, const char *usage)
{
	static const struct option known[] = {
		{ "seconds", required_argument, NULL, 's' },
		{ "json", required_argument, NULL, 'j' },
		{ "no-pin", no_argument, NULL, 'p' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	bool good = true;
	int o;

	if (argc > 1 && strcmp(argv[1], "--worker") == 0)
		return bare_worker_main();
	c->pin = true;
	while (good && (o = getopt_long(argc, argv, "h", known, NULL)) != -1) {
		if (o == 's')
			good = read_seconds(c, optarg);
		else if (o == 'j')
			c->json = optarg;
		else if (o == 'p')
			c->pin = false;
		else if (o == 'h') {
			fputs(usage, stdout);
			return 0;
		} else
			good = false;
	}
	if (good && optind == argc)
		return -1;
	fputs(usage, stderr);
	return COMMON_USAGE;
}

static void raise_file_limit(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) == 0 && r.rlim_cur < r.rlim_max) {
		r.rlim_cur = r.rlim_max;
		setrlimit(RLIMIT_NOFILE, &r);
	}
}

static bool fail(const struct common *c, const char *what, const char *why)
{
	fprintf(stderr, "%s: %s: %s\n", c->name, what, why);
	return false;
}

static bool with_file(struct common *c,
	bool (*run)(const struct common *c, FILE *json, char *ret_error))
{
	FILE *json = c->json ? fopen(c->json, "we") : NULL;
	char error[COMMON_ERROR] = "";
	bool good;

	if (c->json && !json)
		return fail(c, c->json, strerror(errno));
	report_machine(&c->machine);
	report_head(stdout, &c->machine);
	if (json)
		report_json_begin(json, &c->machine);
	good = run(c, json, error);
	if (!good)
		fail(c, "not measured", error);
	if (json)
		report_json_end(json);
	if (json && fclose(json) != 0)
		return fail(c, c->json, strerror(errno));
	return good;
}

int common_run(struct common *c,
	bool (*run)(const struct common *c, FILE *json, char *ret_error))
{
	bool good;

	signal(SIGPIPE, SIG_IGN);
	raise_file_limit();
	log_init(LOG_LVL_WARN, false, "control");
	if (crypt_global_init() != 0 || assoc_global_init() != 0 ||
		inside_make() != 0) {
		fail(c, "cannot start", "no SRTP, SCTP or shared memory");
		return EXIT_FAILURE;
	}
	good = with_file(c, run);
	assoc_global_done();
	return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
