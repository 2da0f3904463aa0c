/*
 * bench/run peers: hearth and other conference servers under the same load, in
 * pairs, with more and more receivers until each begins to lose packets.
 */
#include "bench/peers/peers.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include "bench/bare.h"
#include "bench/common.h"
#include "bench/load.h"

enum { SERVERS_MAX = 8, COUNTS_MAX = 16, SECONDS_MAX = 20 };

static const char usage[] =
	"usage: bench/run peers [--servers hearth,janus-loops,janus-threads,"
	"livekit]\n"
	"                       [--receivers 50,100,200,400,700,1000]\n"
	"                       [--receive plain|gro] [--seconds 5]\n"
	"                       [--json FILE] [--no-pin]\n"
	"\n"
	"CPU time of the whole server process for each packet a receiver "
	"gets: one\n"
	"publisher, N receivers, real ICE, DTLS and SRTP over loopback. For "
	"each N\n"
	"hearth and each other server in turn; one that has begun to lose "
	"packets is\n"
	"asked for no more. Without hearth among the servers the others run "
	"alone.\n";

struct plan {
	struct common common; /* first: common_run hands it on */
	char names[256];
	const char *peer[SERVERS_MAX];
	bool lost[SERVERS_MAX];
	unsigned n_peers;
	bool hearth, trains;
	unsigned receivers[COUNTS_MAX], n_counts;
	struct round_row row[PEERS_ROWS];
	unsigned n_rows;
};

/* Options. */

static bool is_known(const char *name)
{
	static const char *const known[] = { "janus-loops", "janus-threads",
		"livekit", "livekit-mux" };

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (strcmp(known[i], name) == 0)
			return true;
	return false;
}

static bool read_servers(struct plan *p, const char *list)
{
	char *at, *rest = NULL;

	snprintf(p->names, sizeof(p->names), "%s", list);
	p->n_peers = 0;
	p->hearth = false;
	for (at = strtok_r(p->names, ",", &rest); at;
		at = strtok_r(NULL, ",", &rest)) {
		if (strcmp(at, ROUND_HEARTH) == 0)
			p->hearth = true;
		else if (p->n_peers < SERVERS_MAX && is_known(at))
			p->peer[p->n_peers++] = at;
		else
			return false;
	}
	return p->hearth || p->n_peers;
}

static bool read_number(
	const char **text, unsigned long max, unsigned *ret_number)
{
	char *end;
	unsigned long v = strtoul(*text, &end, 10);

	if (**text < '0' || **text > '9' || !v || v > max)
		return false;
	*text = end;
	*ret_number = (unsigned)v;
	return true;
}

static bool read_receivers(struct plan *p, const char *list)
{
	p->n_counts = 0;
	do {
		list += p->n_counts && *list == ',';
		if (p->n_counts == COUNTS_MAX ||
			!read_number(&list, ROUND_RECEIVERS_MAX,
				&p->receivers[p->n_counts++]))
			return false;
	} while (*list == ',');
	return !*list;
}

static bool read_option(struct plan *p, int o)
{
	const char *text = optarg;

	switch (o) {
	case 'S':
		return read_servers(p, text);
	case 'r':
		return read_receivers(p, text);
	case 'g':
		return load_receive_read(text, &p->trains);
	case 's':
		return read_number(&text, SECONDS_MAX, &p->common.seconds) &&
		       !*text;
	case 'j':
		p->common.json = text;
		return true;
	case 'p':
		p->common.pin = false;
		return true;
	default:
		return false;
	}
}

/* -1: go on; else the exit code. */
static int read_options(struct plan *p, int argc, char **argv)
{
	static const struct option known[] = {
		{ "servers", required_argument, NULL, 'S' },
		{ "receivers", required_argument, NULL, 'r' },
		{ "receive", required_argument, NULL, 'g' },
		{ "seconds", required_argument, NULL, 's' },
		{ "json", required_argument, NULL, 'j' },
		{ "no-pin", no_argument, NULL, 'p' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	bool good = true;
	int o;

	while (good && (o = getopt_long(argc, argv, "h", known, NULL)) != -1) {
		if (o == 'h') {
			fputs(usage, stdout);
			return EXIT_SUCCESS;
		}
		good = read_option(p, o);
	}
	if (good && optind == argc)
		return -1;
	fputs(usage, stderr);
	return COMMON_USAGE;
}

/* Rounds. */

static const struct round_row *measure(struct plan *p, const char *server,
	const char *partner, unsigned receivers)
{
	const struct round round = { .server = server,
		.receivers = receivers,
		.seconds = p->common.seconds,
		.trains = p->trains,
		.pin = p->common.pin };
	struct round_row *row = &p->row[p->n_rows++];

	snprintf(row->partner, sizeof(row->partner), "%s", partner);
	round_run(&round, row);
	peers_line(stdout, row, peers_partner(p->row, p->n_rows, row));
	fflush(stdout);
	return row;
}

static bool has_room(const struct plan *p)
{
	return p->n_rows + 2 <= PEERS_ROWS;
}

/* Everybody who still keeps up, each beside hearth. */
static void compare(struct plan *p, unsigned receivers)
{
	bool alone = p->hearth;

	for (unsigned i = 0; i < p->n_peers && has_room(p); i++) {
		const struct round_row *row;

		if (p->lost[i])
			continue;
		alone = false;
		if (p->hearth)
			measure(p, ROUND_HEARTH, p->peer[i], receivers);
		row = measure(p, p->peer[i], p->hearth ? ROUND_HEARTH : "",
			receivers);
		p->lost[i] = !round_holds(row);
	}
	if (alone && has_room(p))
		measure(p, ROUND_HEARTH, "", receivers);
}

static bool run(const struct common *c, FILE *json, char *ret_error)
{
	struct plan *p = (struct plan *)(uintptr_t)c;
	unsigned good = 0;

	peers_line(stdout, NULL, NULL);
	for (unsigned i = 0; i < p->n_counts; i++)
		compare(p, p->receivers[i]);
	peers_tail(stdout, p->row, p->n_rows);
	for (unsigned i = 0; i < p->n_rows; i++) {
		good += !*p->row[i].error;
		if (json)
			peers_json(json, &c->machine, &p->row[i],
				i + 1 == p->n_rows);
	}
	/* That the first of a row of sizes is held is what a test asks for. */
	for (unsigned i = 0; i < p->n_rows; i++)
		if (p->row[i].receivers == p->receivers[0] && *p->row[i].error)
			snprintf(ret_error, COMMON_ERROR, "%s: %s",
				p->row[i].server, p->row[i].error);
	return good && !*ret_error;
}

int main(int argc, char **argv)
{
	static struct plan p = {
		.common = { .name = "peers", .seconds = 5, .pin = true }
	};
	char servers[] = "hearth,janus-loops,janus-threads,livekit";
	int code;

	if (argc > 1 && strcmp(argv[1], "--worker") == 0)
		return bare_worker_main();
	read_servers(&p, servers);
	read_receivers(&p, "50,100,200,400,700,1000");
	code = read_options(&p, argc, argv);
	return code >= 0 ? code : common_run(&p.common, run);
}
