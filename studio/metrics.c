#include "studio/studio_impl.h"

#include <inttypes.h>
#include <event2/buffer.h>

struct row {
	const char *name, *type, *help;
	uint64_t value;
};

static void put(struct evbuffer *out, const struct row *rows, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		evbuffer_add_printf(out,
			"# HELP hearth_%s %s\n# TYPE hearth_%s %s\n"
			"hearth_%s %" PRIu64 "\n",
			rows[i].name, rows[i].help, rows[i].name, rows[i].type,
			rows[i].name, rows[i].value);
}

static void put_recordings(const struct studio *s, struct evbuffer *out)
{
	const struct studio_counters *c = &s->counters;
	const struct entry *entry;
	uint64_t bytes = 0;

	TAILQ_FOREACH(entry, &s->entries.all, next)
	bytes += entry->bytes;
	const struct row rows[] = {
		{ "recordings_running", "gauge", "Calls being recorded",
			s->n_sessions },
		{ "recordings_kept", "gauge", "Recordings on disk",
			s->entries.n },
		{ "recordings_bytes", "gauge",
			"Bytes of recordings on disk, as last told", bytes },
		{ "recordings_started_total", "counter", "Recordings begun",
			c->started },
		{ "recordings_finished_total", "counter", "Recordings whole",
			c->finished },
		{ "recordings_composed_total", "counter", "Recordings composed",
			c->composed },
		{ "recordings_deleted_total", "counter", "Recordings deleted",
			c->deleted },
		{ "recording_troubles_total", "counter",
			"Troubles of recordings: disks, recorders that died",
			c->troubles },
		{ "recorder_deaths_total", "counter",
			"Recorders that ended before their recording",
			c->deaths },
		{ "recording_jobs_waiting", "gauge",
			"Recordings that wait to be finished or composed",
			s->jobs_waiting },
		{ "recording_jobs_running", "gauge",
			"Recordings being finished or composed",
			s->jobs_running },
		{ "recording_jobs_failed_total", "counter",
			"Recordings that could not be finished or composed",
			c->jobs_failed },
		{ "recording_events_lost_total", "counter",
			"Events there was no memory for", c->lost },
	};

	put(out, rows, sizeof(rows) / sizeof(*rows));
}

static void put_hooks(const struct studio *s, struct evbuffer *out)
{
	static const struct programs_counters no_programs;
	static const struct webhooks_counters no_webhooks;
	const struct programs_counters *p =
		s->programs ? programs_counted(s->programs) : &no_programs;
	const struct webhooks_counters *w =
		s->webhooks ? webhooks_counted(s->webhooks) : &no_webhooks;
	const struct row rows[] = {
		{ "hook_programs_total", "counter", "Hook programs run",
			p->run },
		{ "hook_programs_failed_total", "counter",
			"Hook programs that failed or were not run",
			p->failed },
		{ "hook_programs_waiting", "gauge",
			"Hook programs that wait or run",
			p->waiting + p->running },
		{ "webhooks_delivered_total", "counter", "Webhooks taken",
			w->delivered },
		{ "webhooks_failed_total", "counter", "Webhooks given up",
			w->failed },
		{ "webhooks_retries_total", "counter", "Webhooks tried again",
			w->retries },
		{ "webhooks_waiting", "gauge", "Webhooks that wait",
			w->waiting },
	};

	put(out, rows, sizeof(rows) / sizeof(*rows));
}

void studio_metrics(const struct studio *s, struct evbuffer *out)
{
	put_recordings(s, out);
	put_hooks(s, out);
}
