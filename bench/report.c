#include "bench/report.h"

#include <event2/event.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

static void read_cpu(char ret[REPORT_TEXT])
{
	char line[256];
	FILE *f = fopen("/proc/cpuinfo", "re");

	snprintf(ret, REPORT_TEXT, "unknown");
	while (f && fgets(line, sizeof(line), f)) {
		char *at = strchr(line, ':');

		if (strncmp(line, "model name", 10) != 0 || !at)
			continue;
		at[strcspn(at, "\n")] = '\0';
		snprintf(ret, REPORT_TEXT, "%.100s", at + 2);
		break;
	}
	if (f)
		fclose(f);
}

void report_machine(struct report_machine *ret)
{
	struct utsname u;
	time_t now = time(NULL);
	struct tm tm;

	memset(ret, 0, sizeof(*ret));
	read_cpu(ret->cpu);
	if (uname(&u) == 0)
		snprintf(ret->kernel, sizeof(ret->kernel), "%.40s %.60s %.20s",
			u.sysname, u.release, u.machine);
	if (gmtime_r(&now, &tm))
		strftime(ret->date, sizeof(ret->date), "%Y-%m-%dT%H:%M:%SZ",
			&tm);
	ret->cpus = (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
	if (getloadavg(&ret->load, 1) != 1)
		ret->load = -1;
}

/* What was measured, and with what. */
static const struct {
	const char *name, *version;
} versions[] = {
	{ "hearth", HEARTH_VERSION },
	{ "build", BENCH_BUILD },
	{ "compiler", BENCH_COMPILER },
	{ "libsrtp2", BENCH_LIBSRTP2 },
	{ "mbedtls", BENCH_MBEDTLS },
	{ "usrsctp", BENCH_USRSCTP },
	{ "libnice", BENCH_LIBNICE },
};

void report_head(FILE *f, const struct report_machine *m)
{
	fprintf(f, "%s, %u CPUs, %s, %s, load %.1f\n", m->cpu, m->cpus,
		m->kernel, m->date, m->load);
	for (size_t i = 0; i < sizeof(versions) / sizeof(*versions); i++)
		fprintf(f, "%s %s, ", versions[i].name, versions[i].version);
	fprintf(f, "libevent %s\n", event_get_version());
}

void report_line(FILE *f, const struct report_row *r)
{
	if (!r) {
		fprintf(f, "server  receivers  ns/packet    user  kernel    "
			   "packets"
			   "      lost  per turn  worker  generator\n");
		return;
	}
	fprintf(f,
		"%-6s  %9u  %9.0f  %6.0f  %6.0f  %9" PRIu64 "  %8" PRIu64
		"  %8.1f  %5.1f%%     %5.1f%%\n",
		r->server, r->receivers, r->ns_per_packet, r->user_ns,
		r->kernel_ns, r->packets, r->lost,
		r->turns ? (double)r->packets / (double)r->turns : 0,
		r->worker_load * 100, r->generator_load * 100);
}

static const struct report_row *partner(
	const struct report_row *rows, unsigned n, const struct report_row *of)
{
	for (unsigned i = 0; i < n; i++)
		if (rows[i].receivers == of->receivers &&
			strcmp(rows[i].server, "bare") == 0)
			return &rows[i];
	return NULL;
}

static void print_ratios(FILE *f, const struct report_row *rows, unsigned n)
{
	fputs("\nhearth to bare:", f);
	for (unsigned i = 0; i < n; i++) {
		const struct report_row *bare = partner(rows, n, &rows[i]);

		if (bare && bare != &rows[i])
			fprintf(f, "  N=%u %.2f", rows[i].receivers,
				rows[i].ns_per_packet / bare->ns_per_packet);
	}
	fputs("\n", f);
}

static void print_phases(FILE *f, const struct report_row *rows, unsigned n)
{
	fputs("\nns/packet, with the clock read between phases\n"
	      "server  receivers",
		f);
	for (unsigned p = 0; p < INSIDE_PHASES; p++)
		fprintf(f, "  %7s", inside_phase_name((enum inside_phase)p));
	fputs("\n", f);
	for (unsigned i = 0; i < n; i++) {
		fprintf(f, "%-6s  %9u", rows[i].server, rows[i].receivers);
		for (unsigned p = 0; p < INSIDE_PHASES; p++)
			fprintf(f, "  %7.0f", rows[i].phase_ns[p]);
		fputs("\n", f);
	}
}

void report_tail(FILE *f, const struct report_row *rows, unsigned n)
{
	double least = 0;

	if (!n)
		return;
	print_ratios(f, rows, n);
	if (rows[0].has_phases)
		print_phases(f, rows, n);
	for (unsigned i = 0; i < n; i++)
		if (!least || rows[i].generator_ns < least)
			least = rows[i].generator_ns;
	fprintf(f,
		"\nThe generator's ceiling: %.0f ns a packet at best, so some "
		"%.0f packets a second on its CPU.\n",
		least, 1e9 / least);
}

static void text(FILE *f, const char *s)
{
	fputc('"', f);
	for (; *s; s++)
		if (*s == '"' || *s == '\\')
			fprintf(f, "\\%c", *s);
		else if ((unsigned char)*s >= 0x20)
			fputc(*s, f);
	fputc('"', f);
}

static void pair(FILE *f, const char *name, const char *value)
{
	text(f, name);
	fputs(": ", f);
	text(f, value);
}

void report_versions(FILE *f, const struct report_machine *m)
{
	fputs("      \"versions\": { ", f);
	for (size_t i = 0; i < sizeof(versions) / sizeof(*versions); i++) {
		pair(f, versions[i].name, versions[i].version);
		fputs(",\n        ", f);
	}
	pair(f, "libevent", event_get_version());
	fputs(",\n        ", f);
	pair(f, "kernel", m->kernel);
	fputs(" }", f);
}

static void json_phases(FILE *f, const struct report_row *r)
{
	fputs("      \"phases\": { ", f);
	for (unsigned p = 0; p < INSIDE_PHASES; p++)
		fprintf(f, "%s\"%s\": %.1f", p ? ", " : "",
			inside_phase_name((enum inside_phase)p),
			r->phase_ns[p]);
	fputs(" },\n", f);
}

static void json_row(
	FILE *f, const struct report_machine *m, const struct report_row *r)
{
	fprintf(f,
		"    { \"scenario\": \"forward\", \"server\": \"%s\", "
		"\"receivers\": %u, \"receive\": \"%s\",\n"
		"      \"ns_per_packet\": %.1f, \"user_ns\": %.1f, "
		"\"kernel_ns\": %.1f,\n"
		"      \"packets\": %" PRIu64 ", \"lost\": %" PRIu64
		", \"received\": %" PRIu64 ", \"opened\": %" PRIu64 ",\n"
		"      \"resent\": %" PRIu64 ", \"nacks\": %" PRIu64
		", \"turns\": %" PRIu64 ", \"seconds\": %.3f,\n"
		"      \"worker_load\": %.4f, \"generator_load\": %.4f, "
		"\"generator_ns\": %.1f,\n"
		"      \"worker_cpu\": %d, \"generator_cpu\": %d,\n",
		r->server, r->receivers, r->receive, r->ns_per_packet,
		r->user_ns, r->kernel_ns, r->packets, r->lost, r->received,
		r->opened, r->resent, r->nacks, r->turns, r->seconds,
		r->worker_load, r->generator_load, r->generator_ns,
		r->worker_cpu, r->generator_cpu);
	if (r->has_phases)
		json_phases(f, r);
	report_versions(f, m);
	fputs(" }", f);
}

void report_json_begin(FILE *f, const struct report_machine *m)
{
	fputs("{\n  ", f);
	pair(f, "date", m->date);
	fputs(",\n  \"machine\": { ", f);
	pair(f, "cpu", m->cpu);
	fprintf(f, ", \"cpus\": %u, \"load\": %.2f },\n  \"rows\": [\n",
		m->cpus, m->load);
}

void report_json_end(FILE *f)
{
	fputs("  ]\n}\n", f);
}

void report_json(FILE *f, const struct report_machine *m,
	const struct report_row *rows, unsigned n)
{
	report_json_begin(f, m);
	for (unsigned i = 0; i < n; i++) {
		json_row(f, m, &rows[i]);
		fputs(i + 1 < n ? ",\n" : "\n", f);
	}
	report_json_end(f);
}
