/* The tracks a participant publishes: made, named and ended as its negotiation
 * says. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "sfu/conference_private.h"
#include "sfu/participant.h"
#include "sfu/quality.h"

static struct track *track_at(
	struct participant *p, unsigned transceiver, unsigned *ret_index)
{
	for (unsigned i = 0; i < p->n_tracks; i++) {
		if (p->track[i]->transceiver == transceiver) {
			*ret_index = i;
			return p->track[i];
		}
	}
	return NULL;
}

void participant_end_track(
	struct participant *p, unsigned index, uint64_t now_us)
{
	struct track *t = p->track[index];
	conference_forward(p->conference, now_us);
	while (t->n_subs) {
		struct subscription *s = t->sub[t->n_subs - 1];
		if (s->switched) {
			subscription_retarget(s, NULL, now_us);
			s->active = false;
			continue;
		}
		struct participant *to = s->to;
		for (unsigned i = 0; i < to->n_subs; i++) {
			if (to->sub[i] == s) {
				participant_unsubscribe(to, i, now_us);
				break;
			}
		}
	}
	for (unsigned i = 0; i < p->n_sources; i++)
		if (p->source[i].track == t)
			p->source[i].track = NULL;
	track_free(t);
	p->track[index] = p->track[--p->n_tracks];
}

/* Tracks of one published stream share a forwarded stream. */
static void name_track(
	struct participant *p, struct track *t, const struct transceiver *tr)
{
	snprintf(t->source_stream, sizeof(t->source_stream), "%s",
		tr->recv_stream);
	snprintf(
		t->source_track, sizeof(t->source_track), "%s", tr->recv_track);
	unsigned number = p->next_stream++;
	snprintf(t->stream, sizeof(t->stream), "h%u-%u", p->id, number);
	snprintf(t->track, sizeof(t->track), "h%u-%u-%c", p->id, number,
		t->kind == SDP_AUDIO ? 'a' : 'v');
	snprintf(t->cname, sizeof(t->cname), "h%u", p->id);
	for (unsigned i = 0; i < p->n_tracks; i++)
		if (strcmp(p->track[i]->source_stream, t->source_stream) == 0)
			memcpy(t->stream, p->track[i]->stream,
				sizeof(t->stream));
}

/* Where the stream stands among the screens, or NULL. */
static char **screen_at(struct participant *p, const char *stream)
{
	for (unsigned i = 0; i < SFU_SCREENS_MAX; i++)
		if (p->screen[i] && strcmp(p->screen[i], stream) == 0)
			return &p->screen[i];
	return NULL;
}

/* Its front says that it is a screen, or its SDP does. */
static void note_kind(struct participant *p, struct track *t, uint64_t now_us)
{
	bool screen =
		screen_at(p, t->source_stream) ||
		negotiation_at(p->negotiation, t->transceiver)->recv_slides;
	if (screen == t->screen)
		return;
	t->screen = screen;
	track_describe(t);
	quality_track_changed(t, now_us);
}

/* The last said stands last: the first gives way. */
static void note_screen(struct participant *p, const char *stream)
{
	char *copy = strdup(stream);
	if (!copy)
		return;
	free(p->screen[0]);
	memmove(p->screen, p->screen + 1,
		(SFU_SCREENS_MAX - 1) * sizeof(*p->screen));
	p->screen[SFU_SCREENS_MAX - 1] = copy;
}

void participant_screen(
	struct participant *p, uint64_t now_us, const char *stream, bool screen)
{
	char **at = screen_at(p, stream);
	if (screen == (at != NULL))
		return;
	if (screen) {
		note_screen(p, stream);
	} else {
		free(*at);
		*at = NULL;
	}
	for (unsigned i = 0; i < p->n_tracks; i++)
		note_kind(p, p->track[i], now_us);
	relay_describe(p);
}

static struct track *make_track(
	struct participant *p, unsigned index, enum sdp_kind kind)
{
	const struct limits *limits = &p->conference->env->limits;
	struct track *t;
	void *v = realloc(p->track, (p->n_tracks + 1) * sizeof(*p->track));
	if (!v)
		return NULL;
	p->track = v;
	if (!p->source)
		p->source = calloc(PARTICIPANT_SOURCES, sizeof(*p->source));
	if (!p->source)
		return NULL;
	if (!p->conference->fanout)
		p->conference->fanout = fanout_new();
	if (!p->conference->fanout)
		return NULL;
	if (track_new(&t, p, index, kind,
		    kind == SDP_AUDIO ? limits->history_audio
				      : limits->history_video))
		return NULL;
	return t;
}

static bool publish(
	struct participant *p, unsigned index, const struct transceiver *tr)
{
	if (p->n_tracks >= p->conference->env->limits.tracks)
		return false;
	struct track *t = make_track(p, index, tr->kind);
	if (!t) {
		participant_starve(p);
		return false;
	}
	name_track(p, t, tr);
	p->track[p->n_tracks++] = t;
	/* Of a picture is measured how much of it comes. */
	participant_due(p, p->measure_us);
	return true;
}

/* The stream of a live m-line was renamed: to everybody else that is another
 * track, browsers fire `track` only so. */
static bool renamed(const struct track *t, const struct transceiver *tr)
{
	return strcmp(t->source_stream, tr->recv_stream) != 0;
}

static bool is_media(const struct transceiver *tr)
{
	return tr->receiving && tr->n_codecs > 0 && tr->kind != SDP_APPLICATION;
}

/* A peer that names its streams need not mean a track by an m-line without one
 * (MSC3077: streamless tracks are ignored); packets say that it does. */
static bool waits_for_media(
	const struct participant *p, const struct transceiver *tr)
{
	return p->opt.renegotiate && tr->recv_streamless;
}

bool participant_heard(
	struct participant *p, uint64_t now_us, const struct rtp_packet *pkt)
{
	unsigned at;
	const struct rtp_ext *mid =
		rtp_ext_find(pkt, negotiation_ext(p->negotiation, EXT_MID));
	for (unsigned i = 0; i < negotiation_count(p->negotiation); i++) {
		const struct transceiver *tr =
			negotiation_at(p->negotiation, i);
		if (!is_media(tr) || track_at(p, i, &at) ||
			!participant_is_source(tr, pkt->ssrc, mid) ||
			!publish(p, i, tr))
			continue;
		track_set_codecs(track_at(p, i, &at), tr);
		conference_tracks_changed(p->conference, p, now_us);
		return true;
	}
	return false;
}

bool participant_sync_tracks(struct participant *p, uint64_t now_us)
{
	bool changed = false;
	unsigned at = 0;
	for (unsigned i = 0; i < negotiation_count(p->negotiation); i++) {
		const struct transceiver *tr =
			negotiation_at(p->negotiation, i);
		struct track *t = track_at(p, i, &at);
		bool want = !p->away && is_media(tr) &&
			    (t || !waits_for_media(p, tr));
		if (t && (!want || renamed(t, tr))) {
			participant_end_track(p, at, now_us);
			changed = true;
			t = NULL;
		}
		if (want && !t)
			changed |= publish(p, i, tr);
		if ((t = track_at(p, i, &at)) != NULL) {
			track_set_codecs(t, tr);
			note_kind(p, t, now_us);
		}
	}
	return changed;
}
