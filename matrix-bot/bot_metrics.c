#include "matrix-bot/bot_impl.h"

#include <event2/buffer.h>

static void put(struct evbuffer *out, const char *name, const char *type,
	uint64_t value, const char *help)
{
	evbuffer_add_printf(out,
		"# HELP hearth_matrix_%s %s\n# TYPE hearth_matrix_%s %s\n"
		"hearth_matrix_%s %llu\n",
		name, help, name, type, name, (unsigned long long)value);
}

static void put_dropped(const struct desk_counters *d, struct evbuffer *out)
{
	evbuffer_add_printf(out,
		"# HELP hearth_matrix_dropped_total Call events ignored\n"
		"# TYPE hearth_matrix_dropped_total counter\n");
	for (unsigned i = 0; i < CALL_DROPS; i++)
		evbuffer_add_printf(out,
			"hearth_matrix_dropped_total{why=\"%s\"} %llu\n",
			call_drop_text((enum call_drop)i),
			(unsigned long long)d->dropped[i]);
}

static void put_feed(const struct feed *f, struct evbuffer *out)
{
	const struct feed_counters *c = feed_counted(f);

	put(out, "programs", "gauge", feed_count(f),
		"Local programs that receive a call");
	put(out, "programs_asked_total", "counter", c->connections,
		"Connections of local programs");
	put(out, "programs_refused_total", "counter", c->refused,
		"Local programs not let in");
	put(out, "programs_entered_total", "counter", c->entered,
		"Local programs let in");
}

void bot_metrics(const struct bot *b, struct evbuffer *out)
{
	const struct client_counters *c = client_counted(b->client);
	const struct sync_counters *s = sync_counted(b->sync);
	const struct desk_counters *d = desk_counted(b->desk);
	const struct deck_counters *k = deck_counted(b->deck);
	const struct {
		const char *name, *type;
		uint64_t value;
		const char *help;
	} rows[] = {
		{ "ready", "gauge", bot_ready(b), "Logged in and in sync" },
		{ "rooms", "gauge", hall_count(b->hall), "Rooms joined" },
		{ "calls", "gauge", desk_count(b->desk), "Calls alive" },
		{ "calls_total", "counter", d->calls, "Invites taken up" },
		{ "calls_refused_total", "counter", d->refused,
			"Invites refused by a ceiling" },
		{ "answers_total", "counter", d->answered, "Answers sent" },
		{ "connected_total", "counter", d->up,
			"Calls whose media came up" },
		{ "early_total", "counter", d->early,
			"Events that came before their invite" },
		{ "control_odd_total", "counter", d->control_odd,
			"Control messages not understood" },
		{ "too_large_total", "counter", d->too_large,
			"Messages the homeserver found too large" },
		{ "channel_waits_total", "counter", d->waited,
			"Descriptions too large for the homeserver that had "
			"to wait for the control channel" },
		{ "unsent_total", "counter", d->unsent,
			"Messages that could not be sent" },
		{ "requests_total", "counter", c->requests,
			"Requests to the homeserver" },
		{ "retries_total", "counter", c->retries,
			"Requests sent again" },
		{ "limited_total", "counter", c->limited, "429 replies" },
		{ "failures_total", "counter", c->failures,
			"Requests refused" },
		{ "logins_total", "counter", c->logins, "Password logins" },
		{ "syncs_total", "counter", s->syncs, "Syncs processed" },
		{ "gaps_total", "counter", s->gaps, "Timeline gaps filled" },
		{ "sync_resets_total", "counter", s->resets,
			"Sync positions the homeserver had forgotten" },
		{ "recordings", "gauge", deck_live(b->deck),
			"Calls being recorded" },
		{ "recordings_asked_total", "counter", k->asked,
			"Recordings asked for" },
		{ "recordings_refused_total", "counter", k->refused,
			"Refusals told to people" },
		{ "recordings_unannounced_total", "counter", k->unannounced,
			"Recordings not made, for the notice was not taken" },
		{ "recordings_waiting", "gauge", deck_waiting(b->deck),
			"Recordings on their way into their rooms" },
		{ "recordings_delivered_total", "counter", k->delivered,
			"Recordings posted into their rooms" },
		{ "recordings_linked_total", "counter", k->linked,
			"Recordings told by a link" },
		{ "recordings_undelivered_total", "counter", k->undelivered,
			"Recordings whose rooms could not be told" },
		{ "recording_links_total", "counter", k->links,
			"Pages of a recording answered" },
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		put(out, rows[i].name, rows[i].type, rows[i].value,
			rows[i].help);
	put_dropped(d, out);
	if (b->feed)
		put_feed(b->feed, out);
	if (b->studio)
		studio_metrics(b->studio, out);
}
