#include <inttypes.h>
#include <string.h>
#include "bench/peers/peers.h"

const struct round_row *peers_partner(
	const struct round_row *rows, unsigned n, const struct round_row *of)
{
	for (unsigned i = 0; i < n; i++)
		if (rows[i].receivers == of->receivers &&
			strcmp(rows[i].server, of->partner) == 0 &&
			strcmp(rows[i].partner, of->server) == 0)
			return &rows[i];
	return NULL;
}

void peers_line(
	FILE *f, const struct round_row *r, const struct round_row *other)
{
	if (!r) {
		fputs("server         receivers  ns/packet    user  kernel  "
		      "     lost         worst  behind ms  server  others  "
		      "generator  to hearth\n",
			f);
		return;
	}
	if (*r->error) {
		fprintf(f, "%-13s  %9u  not measured: %s\n", r->server,
			r->receivers, r->error);
		return;
	}
	fprintf(f,
		"%-13s  %9u  %9.0f  %6.0f  %6.0f  %9" PRIu64
		" %5.1f%%  %5.1f%%  %9.0f  %5.1f%%  %5.1f%%     %5.1f%%",
		r->server, r->receivers, r->ns_per_packet, r->user_ns,
		r->kernel_ns, r->lost, round_loss(r) * 100, r->least * 100,
		r->behind_ms, r->server_load * 100, r->others_load * 100,
		r->generator_load * 100);
	if (other && !*other->error)
		fprintf(f, "  %9.2f", r->ns_per_packet / other->ns_per_packet);
	fputs("\n", f);
}

/* Nothing is known about more receivers than were tried. Of several rows with
 * as many the best counts: what others on the machine took is nobody's. */
static void print_limit(FILE *f, const struct round_row *rows, unsigned n,
	const struct round_row *of)
{
	unsigned good = 0, bad = 0;

	for (unsigned i = 0; i < n; i++) {
		const struct round_row *r = &rows[i];

		if (strcmp(r->server, of->server) != 0)
			continue;
		if (round_holds(r))
			good = r->receivers > good ? r->receivers : good;
	}
	for (unsigned i = 0; i < n; i++)
		if (strcmp(rows[i].server, of->server) == 0 &&
			rows[i].receivers > good &&
			(!bad || rows[i].receivers < bad))
			bad = rows[i].receivers;
	fprintf(f, "%s (%s%s%s) ", of->server,
		*of->about.version ? of->about.version : HEARTH_VERSION,
		*of->about.settings ? "; " : "", of->about.settings);
	if (bad)
		fprintf(f, "begins to lose or to lag at %u receivers\n", bad);
	else
		fprintf(f, "holds up to %u receivers\n", good);
}

static bool is_first(const struct round_row *rows, unsigned i)
{
	for (unsigned k = 0; k < i; k++)
		if (strcmp(rows[k].server, rows[i].server) == 0)
			return false;
	return true;
}

void peers_tail(FILE *f, const struct round_row *rows, unsigned n)
{
	fputs("\n", f);
	for (unsigned i = 0; i < n; i++)
		if (is_first(rows, i))
			print_limit(f, rows, n, &rows[i]);
}

/* Their drivers' own words, in which nothing needs an escape; were it there,
 * it would be left out. */
static void member(FILE *f, const char *name, const char *value)
{
	fprintf(f, "\"%s\": \"", name);
	for (; *value; value++)
		if (*value != '"' && *value != '\\' &&
			(unsigned char)*value >= 0x20)
			fputc(*value, f);
	fputs("\"", f);
}

void peers_json(FILE *f, const struct report_machine *m,
	const struct round_row *r, bool last)
{
	fprintf(f,
		"    { \"scenario\": \"peers\", \"server\": \"%s\", "
		"\"receivers\": %u, \"receive\": \"%s\", "
		"\"partner\": \"%s\",\n      ",
		r->server, r->receivers, r->receive, r->partner);
	member(f, "server_version",
		*r->about.version ? r->about.version : HEARTH_VERSION);
	fputs(", ", f);
	member(f, "settings", r->about.settings);
	fputs(", ", f);
	member(f, "error", r->error);
	fprintf(f,
		",\n      \"ns_per_packet\": %.1f, \"user_ns\": %.1f, "
		"\"kernel_ns\": %.1f,\n"
		"      \"sent\": %" PRIu64 ", \"received\": %" PRIu64
		", \"lost\": %" PRIu64 ", \"loss\": %.6f,\n"
		"      \"worst_receiver\": %.6f, \"behind_ms\": %.1f, "
		"\"live\": %u, "
		"\"nacks\": "
		"%" PRIu64 ", \"seconds\": %.3f,\n"
		"      \"server_load\": %.4f, \"others_load\": %.4f, "
		"\"generator_load\": %.4f,\n"
		"      \"server_cpu\": %d, \"generator_cpu\": %d,\n",
		r->ns_per_packet, r->user_ns, r->kernel_ns, r->sent,
		r->received, r->lost, round_loss(r), r->least, r->behind_ms,
		r->live, r->nacks, r->seconds, r->server_load, r->others_load,
		r->generator_load, r->server_cpu, r->generator_cpu);
	report_versions(f, m);
	fprintf(f, " }%s\n", last ? "" : ",");
}
