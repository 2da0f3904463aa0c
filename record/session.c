#include "record/session_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rtp/rtcp.h"

static void on_began(void *arg, const cJSON *file)
{
	struct session *s = arg;
	const unsigned number = (unsigned)manifest_get(file, "participant", 0);
	const cJSON *tracks = cJSON_GetObjectItemCaseSensitive(file, "tracks");
	cJSON *line = cJSON_CreateObject();

	if (!line)
		return;
	manifest_set_text(line, "type", "track");
	manifest_set_text(line, "file", manifest_text(file, "name"));
	manifest_set(line, "participant", number);
	manifest_set_text(line, "user_id", people_user(&s->people, number));
	manifest_set_text(line, "purpose", manifest_text(file, "purpose"));
	cJSON_AddItemToObject(line, "tracks", cJSON_Duplicate(tracks, true));
	s->hooks.report(s->hooks.arg, line);
	s->save_us = 0;
}

int session_new(struct session **ret, int dir, const struct session_config *c,
	uint64_t zero_us, uint64_t wall_us, const struct session_hooks *hooks)
{
	struct session *s = calloc(1, sizeof(*s));
	int err;

	if (!s)
		return -ENOMEM;
	s->hooks = *hooks;
	s->keyframe_us = (uint64_t)c->keyframe_s * 1000000;
	TAILQ_INIT(&s->tracks);
	s->manifest = manifest_new(
		c->id, c->room, c->about, (int64_t)(wall_us / 1000));
	err = s->manifest ? disk_new(&s->disk, dir, c->ops) : -ENOMEM;
	if (err) {
		manifest_free(s->manifest);
		free(s);
		return err;
	}
	shelf_init(&s->shelf, s->disk, s->manifest);
	s->shelf.zero_us = (int64_t)zero_us;
	s->shelf.started_ms = (int64_t)(wall_us / 1000);
	s->shelf.queue_max = c->queue_max ? c->queue_max : SESSION_QUEUE_MAX;
	s->shelf.began = on_began;
	s->shelf.arg = s;
	people_init(&s->people, &s->shelf);
	disk_probe(s->disk);
	session_save(s, zero_us);
	*ret = s;
	return 0;
}

static void free_track(struct session *s, struct track *t)
{
	TAILQ_REMOVE(&s->tracks, t, next);
	s->n_tracks--;
	take_free(t->take);
	free(t);
}

struct session *session_free(struct session *s)
{
	struct track *t;

	if (!s)
		return NULL;
	while ((t = TAILQ_FIRST(&s->tracks)))
		free_track(s, t);
	people_done(&s->people);
	s->disk = disk_free(s->disk);
	shelf_done(&s->shelf);
	manifest_free(s->manifest);
	free(s->sdp);
	free(s);
	return NULL;
}

/* --- Packets --- */

static void pump(struct session *s, struct track *t, uint64_t now_us)
{
	struct reel *reel = t->source->reel;
	struct take_frame frame;
	enum take_got got;
	struct take_gap gap;

	(void)s;
	t->touched = false;
	while ((got = take_next(t->take, now_us, &frame, &gap)) !=
		TAKE_NOTHING) {
		if (got == TAKE_GAP) {
			reel_gap(reel, t->stream.kind, &gap);
			continue;
		}
		if (frame.keyframe)
			t->keyframe_us = now_us;
		if (frame.len)
			reel_frame(reel, &frame, now_us);
	}
}

static bool is_keyframe_due(struct session *s, struct track *t, uint64_t now_us)
{
	const uint64_t last =
		t->keyframe_us > t->asked_us ? t->keyframe_us : t->asked_us;
	bool due = take_wants_keyframe(t->take, now_us);

	if (reel_wants_keyframe(t->source->reel) &&
		now_us - t->asked_us >= SESSION_KEYFRAME_US)
		due = true;
	return due || (s->keyframe_us && now_us - last >= s->keyframe_us);
}

static void ask_keyframe(struct session *s, struct track *t, uint64_t now_us)
{
	uint8_t buf[16];
	struct rtcp_build b;

	t->asked_us = now_us;
	rtcp_build_init(&b, buf, sizeof(buf));
	if (rtcp_add_pli(&b, 1, t->stream.ssrc))
		s->hooks.send(s->hooks.arg, FEED_RTCP, buf, b.len);
}

static struct track *find(struct session *s, uint32_t ssrc)
{
	struct track *t;

	TAILQ_FOREACH(t, &s->tracks, next)
	{
		if (t->stream.ssrc == ssrc)
			return t;
	}
	return NULL;
}

/* RFC 3550 section 5.1: the SSRC is the third word. */
static void on_rtp(struct session *s, const struct feed_frame *f)
{
	const uint8_t *p = f->payload;
	struct track *t;

	if (f->len < 12)
		return;
	t = find(s, (uint32_t)p[8] << 24 | (uint32_t)p[9] << 16 |
			    (uint32_t)p[10] << 8 | p[11]);
	if (!t)
		return;
	take_rtp(t->take, f->time_us, p, f->len);
	t->touched = true;
}

static void on_rtcp(struct session *s, const struct feed_frame *f)
{
	struct rtcp_item item;
	struct rtcp_walk walk;
	struct track *t;

	if (rtcp_walk_init(&walk, f->payload, f->len) != 0)
		return;
	while (rtcp_next(&walk, &item)) {
		if (item.type != RTCP_SR)
			continue;
		t = find(s, item.sender);
		if (t)
			take_report(t->take, f->time_us, item.ntp, item.rtp_ts);
	}
}

/* --- Streams --- */

static void end_track(struct session *s, struct track *t, uint64_t now_us)
{
	take_end(t->take);
	pump(s, t, now_us);
	reel_expect(t->source->reel, t->stream.kind, false);
	reel_tick(t->source->reel, now_us);
	/* The take's clock is the seat's: the take goes first. */
	t->take = take_free(t->take);
	people_leave(&s->people, t->seat, t->source, (int64_t)now_us);
	free_track(s, t);
}

static void name_codecs(struct track *t, const struct stream *stream)
{
	for (unsigned i = 0; i < stream->n_codecs; i++)
		take_payload(
			t->take, stream->codec[i].pt, stream->codec[i].codec);
}

static int add_track(
	struct session *s, const struct stream *stream, uint64_t now_us)
{
	struct track *t = calloc(1, sizeof(*t));
	int err;

	if (!t)
		return -ENOMEM;
	t->stream = *stream;
	t->seen = true;
	err = people_enter(
		&s->people, stream, (int64_t)now_us, &t->seat, &t->source);
	if (err) {
		free(t);
		return err;
	}
	err = take_new(&t->take, stream->clock_hz, t->seat->clock);
	if (err) {
		people_leave(&s->people, t->seat, t->source, (int64_t)now_us);
		free(t);
		return err;
	}
	name_codecs(t, stream);
	reel_expect(t->source->reel, stream->kind, true);
	TAILQ_INSERT_TAIL(&s->tracks, t, next);
	s->n_tracks++;
	if (stream->kind == PART_VIDEO)
		ask_keyframe(s, t, now_us);
	return 0;
}

static struct track *find_same(struct session *s, const struct stream *stream)
{
	struct track *t;

	TAILQ_FOREACH(t, &s->tracks, next)
	{
		if (stream_same(&t->stream, stream))
			return t;
	}
	return NULL;
}

static void apply(struct session *s, const struct stream *list, unsigned n,
	uint64_t now_us)
{
	struct track *t, *next;

	TAILQ_FOREACH(t, &s->tracks, next)
	{
		t->seen = false;
	}
	for (unsigned i = 0; i < n; i++) {
		t = find_same(s, &list[i]);
		if (!t)
			continue;
		t->seen = true;
		name_codecs(t, &list[i]);
	}
	for (t = TAILQ_FIRST(&s->tracks); t; t = next) {
		next = TAILQ_NEXT(t, next);
		if (!t->seen)
			end_track(s, t, now_us);
	}
	for (unsigned i = 0; i < n; i++)
		/* Without memory one stream is missing, the others go on. */
		if (!find_same(s, &list[i]) && s->n_tracks < STREAMS_MAX &&
			add_track(s, &list[i], now_us) != 0)
			session_lost(s, now_us, 0);
}

static void on_streams(struct session *s, const struct feed_frame *f)
{
	struct stream *list;
	unsigned n;

	if (!s->sdp ||
		streams_read(s->sdp, s->sdp_len, (const char *)f->payload,
			f->len, &list, &n) != 0)
		return;
	apply(s, list, n, f->time_us);
	free(list);
	/* Who leaves does not speak on; who has only other streams now does. */
	if (!people_present(&s->people, manifest_speaking(s->manifest)))
		manifest_speaker(s->manifest, 0,
			shelf_ms(&s->shelf, (int64_t)f->time_us));
	s->save_us = 0;
}

static void on_sdp(struct session *s, const struct feed_frame *f)
{
	char *copy = malloc(f->len + 1);

	if (!copy)
		return;
	memcpy(copy, f->payload, f->len);
	copy[f->len] = '\0';
	free(s->sdp);
	s->sdp = copy;
	s->sdp_len = f->len;
}

static uint64_t number(const struct feed_frame *f)
{
	uint64_t v = 0;

	for (size_t i = 0; i < f->len && i < 18; i++) {
		if (f->payload[i] < '0' || f->payload[i] > '9')
			break;
		v = v * 10 + (uint64_t)(f->payload[i] - '0');
	}
	return v;
}

void session_frame(struct session *s, const struct feed_frame *f)
{
	if (s->stopped)
		return;
	switch (f->type) {
	case FEED_RTP:
		on_rtp(s, f);
		break;
	case FEED_RTCP:
		on_rtcp(s, f);
		break;
	case FEED_SDP:
		on_sdp(s, f);
		break;
	case FEED_STREAMS:
		on_streams(s, f);
		break;
	case FEED_SPEAKER:
		manifest_speaker(s->manifest,
			people_number(&s->people, (uint32_t)number(f)),
			shelf_ms(&s->shelf, (int64_t)f->time_us));
		break;
	case FEED_LOST:
		session_lost(s, f->time_us, number(f));
		break;
	default:
		break;
	}
}

void session_tick(struct session *s, uint64_t now_us)
{
	struct track *t;

	if (s->stopped)
		return;
	TAILQ_FOREACH(t, &s->tracks, next)
	{
		if (t->touched || take_deadline(t->take) <= now_us)
			pump(s, t, now_us);
		if (t->stream.kind == PART_VIDEO &&
			is_keyframe_due(s, t, now_us))
			ask_keyframe(s, t, now_us);
	}
	people_tick(&s->people, now_us);
	session_disk_tick(s, now_us);
}

int session_who(struct session *s, const char *label, const char *user_id,
	const char *name)
{
	s->save_us = 0;
	return people_who(&s->people, label, user_id, name);
}

int session_source(struct session *s, const char *label, const char *source,
	const char *purpose, bool audio_muted, bool video_muted,
	uint64_t now_us)
{
	return people_source(&s->people, label, source, purpose, audio_muted,
		video_muted, (int64_t)now_us);
}

void session_stop(struct session *s, const char *reason, uint64_t now_us)
{
	struct track *t;

	if (s->stopped)
		return;
	manifest_set_text(
		manifest_root(s->manifest), "stopped_because", reason);
	disk_release(s->disk);
	while ((t = TAILQ_FIRST(&s->tracks)))
		end_track(s, t, now_us);
	session_save(s, now_us);
	s->stopped = true;
}

unsigned session_open_files(const struct session *s)
{
	const struct shelf_file *f;
	unsigned n = 0;

	TAILQ_FOREACH(f, &s->shelf.open, next)
	{
		n++;
	}
	return n;
}

struct manifest *session_finish(struct session *s, bool *ret_unfinished)
{
	struct manifest *m = s->manifest;

	*ret_unfinished = s->shelf.unfinished;
	s->manifest = NULL;
	session_free(s);
	return m;
}
