#include "sfu/stats.h"

#include <event2/buffer.h>
#include <inttypes.h>
#include <stddef.h>
#include <string.h>

/* LEAST: a gauge of which the smallest one counts, but for 0. */
enum kind { GAUGE, LEAST, COUNTER };

struct row {
	const char *name;
	enum kind kind;
	size_t offset;
	const char *help;
};

#define CORE(field) offsetof(struct worker_stats, core.field)
#define UDP(field)  offsetof(struct worker_stats, udp.field)
#define PLUG(field) offsetof(struct worker_stats, plug.field)
#define LINK(field) offsetof(struct worker_stats, link.field)
#define EDGE(field) offsetof(struct worker_stats, field)

static const struct row rows[] = {
	{ "hearth_conferences", GAUGE, EDGE(conferences),
		"Conferences at present." },
	{ "hearth_participants", GAUGE, CORE(participants),
		"Participants at present." },
	{ "hearth_tracks", GAUGE, CORE(tracks), "Published tracks." },
	{ "hearth_subscriptions", GAUGE, CORE(subscriptions),
		"Tracks forwarded to a receiver." },
	{ "hearth_handshakes_waiting", GAUGE, EDGE(handshakes_waiting),
		"Steps of DTLS handshakes under way to the helper thread or "
		"back." },
	{ "hearth_plugs", GAUGE, PLUG(plugs),
		"Local programs in conferences: recorders and feeds." },
	{ "hearth_links", GAUGE, LINK(links),
		"Parts of conferences at other workers, at both ends." },
	{ "hearth_rtp_in_packets_total", COUNTER, CORE(rtp_in),
		"RTP packets accepted." },
	{ "hearth_rtp_in_bytes_total", COUNTER, CORE(rtp_in_bytes),
		"Bytes of RTP packets accepted." },
	{ "hearth_rtp_out_packets_total", COUNTER, CORE(rtp_out),
		"RTP packets forwarded." },
	{ "hearth_rtp_out_bytes_total", COUNTER, CORE(rtp_out_bytes),
		"Bytes of RTP packets forwarded." },
	{ "hearth_rtcp_in_packets_total", COUNTER, CORE(rtcp_in),
		"RTCP packets accepted." },
	{ "hearth_rtcp_out_packets_total", COUNTER, CORE(rtcp_out),
		"RTCP packets sent." },
	{ "hearth_nacks_in_total", COUNTER, CORE(nacks_in),
		"Packets asked for again by receivers." },
	{ "hearth_nacks_out_total", COUNTER, CORE(nacks_out),
		"Packets asked for again from publishers." },
	{ "hearth_resent_packets_total", COUNTER, CORE(resent),
		"Packets sent again." },
	{ "hearth_rtx_in_packets_total", COUNTER, CORE(rtx_in),
		"Packets that publishers sent again by RTX, or probed with." },
	{ "hearth_rtx_out_packets_total", COUNTER, CORE(rtx_out),
		"Packets sent again by RTX, or to probe." },
	{ "hearth_keyframe_requests_in_total", COUNTER, CORE(plis_in),
		"Keyframe requests of receivers." },
	{ "hearth_keyframe_requests_out_total", COUNTER, CORE(plis_out),
		"Keyframe requests sent to publishers." },
	{ "hearth_downlinks", GAUGE, CORE(downlinks),
		"Receivers whose path is estimated." },
	{ "hearth_downlink_estimate_bits", GAUGE, CORE(estimate_bps),
		"What their paths are thought to carry, bits a second, "
		"summed." },
	{ "hearth_downlink_estimate_min_bits", LEAST, CORE(estimate_min_bps),
		"The same of the worst of them; 0: there is none." },
	{ "hearth_probes_total", COUNTER, CORE(probes),
		"Times it was tried whether a path carries more." },
	{ "hearth_layer_switches_total", COUNTER, CORE(layer_switches),
		"Changes of a receiver to another encoding of a video." },
	{ "hearth_replays_total", COUNTER, CORE(replays),
		"Pictures that began with a key frame of before." },
	{ "hearth_downlink_wanted_bits", GAUGE, CORE(wanted_bps),
		"What they subscribe to, bits a second, summed." },
	{ "hearth_downlink_waiting_bytes", GAUGE, CORE(paced_bytes),
		"Bytes that wait because a receiver's path is full." },
	{ "hearth_padding_out_packets_total", COUNTER, CORE(padding_out),
		"RTX packets sent to probe a path." },
	{ "hearth_red_out_packets_total", COUNTER, CORE(red_out),
		"Packets of audio sent with redundancy." },
	{ "hearth_feedback_in_total", COUNTER, CORE(feedbacks_in),
		"Transport-wide feedback of receivers." },
	{ "hearth_feedback_out_total", COUNTER, CORE(feedbacks_out),
		"Transport-wide feedback sent to publishers." },
	{ "hearth_messages_in_total", COUNTER, CORE(messages_in),
		"Data messages accepted." },
	{ "hearth_messages_out_total", COUNTER, CORE(messages_out),
		"Data messages delivered." },
	{ "hearth_channel_overflows_total", COUNTER, CORE(channel_overflows),
		"Data messages a slow receiver had no room for." },
	{ "hearth_joins_total", COUNTER, CORE(joins), "Participants joined." },
	{ "hearth_leaves_total", COUNTER, CORE(leaves), "Participants left." },
	{ "hearth_dtls_failed_total", COUNTER, CORE(dtls_failed),
		"DTLS handshakes that failed." },
	{ "hearth_ice_restarts_total", COUNTER, CORE(ice_restarts),
		"ICE restarts." },
	{ "hearth_udp_in_datagrams_total", COUNTER, UDP(in),
		"UDP datagrams received." },
	{ "hearth_udp_in_bytes_total", COUNTER, UDP(in_bytes),
		"Bytes of UDP datagrams received." },
	{ "hearth_udp_out_datagrams_total", COUNTER, UDP(out),
		"UDP datagrams sent." },
	{ "hearth_udp_out_bytes_total", COUNTER, UDP(out_bytes),
		"Bytes of UDP datagrams sent." },
	{ "hearth_plug_in_frames_total", COUNTER, PLUG(in),
		"Frames received from local programs." },
	{ "hearth_plug_out_frames_total", COUNTER, PLUG(out),
		"Frames for local programs." },
	{ "hearth_plug_out_bytes_total", COUNTER, PLUG(out_bytes),
		"Bytes of frames for local programs." },
	{ "hearth_plug_lost_packets_total", COUNTER, PLUG(lost),
		"RTP packets local programs were too slow for." },
	{ "hearth_link_in_frames_total", COUNTER, LINK(in),
		"Frames received from other workers." },
	{ "hearth_link_out_frames_total", COUNTER, LINK(out),
		"Frames for other workers." },
	{ "hearth_link_out_bytes_total", COUNTER, LINK(out_bytes),
		"Bytes of frames for other workers." },
	{ "hearth_link_lost_packets_total", COUNTER, LINK(lost),
		"Packets other workers were too slow for." },
	{ "hearth_link_overflows_total", COUNTER, EDGE(relay_overflows),
		"Data messages other workers were too slow for." },
	{ "hearth_udp_trains_total", COUNTER, UDP(trains),
		"Sends of several datagrams to one receiver at once." },
	{ "hearth_loop_turns_total", COUNTER, EDGE(turns),
		"Turns of the packet loop." },
	{ "hearth_loop_busy_microseconds_total", COUNTER, EDGE(busy_us),
		"Time the packet loop spent working." },
	{ "hearth_loop_late_total", COUNTER, EDGE(late_turns),
		"Turns whose packets left late: others had the CPU." },
	{ "hearth_loop_cpu_microseconds_total", COUNTER, EDGE(cpu_us),
		"CPU time of the packet loop's thread." },
	{ "hearth_events_lost_total", COUNTER, EDGE(events_lost),
		"Events the control process was too slow for." },
};

/* One family, hearth_drops_total, by reason. */
static const struct row drops[] = {
	{ "udp_too_long", COUNTER, UDP(too_long), NULL },
	{ "udp_not_taken", COUNTER, UDP(not_taken), NULL },
	{ "udp_no_socket", COUNTER, UDP(no_socket), NULL },
	{ "udp_send_error", COUNTER, UDP(send_error), NULL },
	{ "edge_unknown_source", COUNTER, EDGE(unknown_source), NULL },
	{ "edge_handshake_queue", COUNTER, EDGE(handshake_drops), NULL },
	{ "edge_address_refused", COUNTER, EDGE(address_refused), NULL },
	{ "unsealed", COUNTER, EDGE(unsealed), NULL },
};

/* hearth_paused_videos, by reason. */
static const struct row paused[] = {
	{ "bandwidth", GAUGE, CORE(paused[SFU_PAUSED_BANDWIDTH]), NULL },
	{ "last_n", GAUGE, CORE(paused[SFU_PAUSED_LAST_N]), NULL },
	{ "not_shown", GAUGE, CORE(paused[SFU_PAUSED_HIDDEN]), NULL },
};

static uint64_t value(const struct worker_stats *s, const struct row *r)
{
	return *(const uint64_t *)(const void *)((const char *)s + r->offset);
}

static void add_row(struct worker_stats *a, const struct worker_stats *b,
	const struct row *r)
{
	uint64_t *at = (uint64_t *)(void *)((char *)a + r->offset);
	uint64_t v = value(b, r);

	if (r->kind != LEAST)
		*at += v;
	else if (v && (!*at || v < *at))
		*at = v;
}

static void add_rows(struct worker_stats *a, const struct worker_stats *b,
	bool gauges, const struct row *r, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (gauges || r[i].kind == COUNTER)
			add_row(a, b, &r[i]);
}

#define COUNT(table) (sizeof(table) / sizeof(*(table)))

void stats_add(
	struct worker_stats *a, const struct worker_stats *b, bool gauges)
{
	add_rows(a, b, gauges, rows, COUNT(rows));
	add_rows(a, b, gauges, paused, COUNT(paused));
	add_rows(a, b, gauges, drops, COUNT(drops));
	for (unsigned i = 0; i < CONFERENCE_DROPS; i++)
		a->core.drops[i] += b->core.drops[i];
}

static void print_head(struct evbuffer *out, const char *name, enum kind kind,
	const char *help)
{
	evbuffer_add_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help,
		name, kind == COUNTER ? "counter" : "gauge");
}

void stats_print(const struct worker_stats *s, struct evbuffer *out)
{
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct row *r = &rows[i];

		print_head(out, r->name, r->kind, r->help);
		evbuffer_add_printf(
			out, "%s %" PRIu64 "\n", r->name, value(s, r));
	}
	print_head(out, "hearth_paused_videos", GAUGE,
		"Videos that are not sent to a receiver, by reason.");
	for (size_t i = 0; i < COUNT(paused); i++)
		evbuffer_add_printf(out,
			"hearth_paused_videos{reason=\"%s\"} %" PRIu64 "\n",
			paused[i].name, value(s, &paused[i]));
	print_head(out, "hearth_drops_total", COUNTER,
		"Packets dropped, by reason.");
	for (size_t i = 0; i < COUNT(drops); i++)
		evbuffer_add_printf(out,
			"hearth_drops_total{reason=\"%s\"} %" PRIu64 "\n",
			drops[i].name, value(s, &drops[i]));
	for (unsigned i = 0; i < CONFERENCE_DROPS; i++)
		evbuffer_add_printf(out,
			"hearth_drops_total{reason=\"%s\"} %" PRIu64 "\n",
			conference_drop_text((enum conference_drop)i),
			s->core.drops[i]);
}

/* Single conferences. */

#define ROOM(field) offsetof(struct stats_room, field)

static const struct row room_rows[] = {
	{ "hearth_conference_participants", GAUGE, ROOM(participants),
		"Participants of a conference, the largest ones of each "
		"worker." },
	{ "hearth_conference_subscriptions", GAUGE, ROOM(subscriptions),
		"Tracks forwarded in it." },
	{ "hearth_conference_downlinks", GAUGE, ROOM(downlinks),
		"Its receivers whose path is estimated." },
	{ "hearth_conference_estimate_bits", GAUGE, ROOM(estimate_bps),
		"What their paths are thought to carry, bits a second, "
		"summed." },
	{ "hearth_conference_estimate_min_bits", GAUGE, ROOM(estimate_min_bps),
		"The same of the worst of them; 0: there is none." },
	{ "hearth_conference_wanted_bits", GAUGE, ROOM(wanted_bps),
		"What they subscribe to, bits a second, summed." },
	{ "hearth_conference_paused_bandwidth", GAUGE,
		ROOM(paused[SFU_PAUSED_BANDWIDTH]),
		"Videos not sent to a receiver for want of bandwidth." },
	{ "hearth_conference_paused_last_n", GAUGE,
		ROOM(paused[SFU_PAUSED_LAST_N]),
		"Videos not sent because others come first." },
	{ "hearth_conference_paused_not_shown", GAUGE,
		ROOM(paused[SFU_PAUSED_HIDDEN]),
		"Videos not sent because the receiver does not show them." },
	{ "hearth_conference_layer_switches_total", COUNTER,
		ROOM(layer_switches),
		"Changes of a receiver to another encoding." },
	{ "hearth_conference_keyframe_requests_total", COUNTER, ROOM(plis_out),
		"Keyframe requests sent to its publishers." },
	{ "hearth_conference_rtx_packets_total", COUNTER, ROOM(rtx_out),
		"Packets sent again by RTX, or to probe." },
	{ "hearth_conference_probes_total", COUNTER, ROOM(probes),
		"Times it was tried whether a path carries more." },
	{ "hearth_conference_red_packets_total", COUNTER, ROOM(red_out),
		"Packets of audio sent with redundancy." },
};

/* FNV-1a. */
uint64_t stats_room_key(const char *name)
{
	uint64_t h = 14695981039346656037u;

	for (; *name; name++)
		h = (h ^ (uint8_t)*name) * 1099511628211u;
	return h;
}

void stats_rooms_note(struct stats_rooms *to, const char *name,
	const struct conference_stats *s)
{
	struct stats_room *at = &to->v[to->n];

	if (to->n == STATS_ROOMS) {
		at = &to->v[0];
		for (size_t i = 1; i < STATS_ROOMS; i++)
			if (to->v[i].participants < at->participants)
				at = &to->v[i];
		if (at->participants >= s->participants)
			return;
	} else {
		to->n++;
	}
	*at = (struct stats_room){ .key = stats_room_key(name),
		.participants = s->participants,
		.subscriptions = s->subscriptions,
		.downlinks = s->downlinks,
		.estimate_bps = s->estimate_bps,
		.estimate_min_bps = s->estimate_min_bps,
		.wanted_bps = s->wanted_bps,
		.layer_switches = s->layer_switches,
		.plis_out = s->plis_out,
		.rtx_out = s->rtx_out,
		.probes = s->probes,
		.red_out = s->red_out };
	memcpy(at->paused, s->paused, sizeof(at->paused));
}

void stats_print_rooms(
	const struct stats_room_row *v, size_t n, struct evbuffer *out)
{
	for (size_t i = 0; n && i < COUNT(room_rows); i++) {
		const struct row *r = &room_rows[i];

		print_head(out, r->name, r->kind, r->help);
		for (size_t k = 0; k < n; k++)
			evbuffer_add_printf(out,
				"%s{conference=\"%s\",worker=\"%u\"} %" PRIu64
				"\n",
				r->name, v[k].conference, v[k].worker,
				*(const uint64_t *)(const void
						*)((const char *)v[k].room +
						   r->offset));
	}
}
