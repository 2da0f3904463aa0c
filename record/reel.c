#include "record/reel.h"

#include <stdlib.h>
#include <string.h>

STAILQ_HEAD(pieces, piece);

struct lane { /* of one kind */
	struct pieces queue;
	bool expected, muted;
	bool starving;    /* video: nothing is written before a key frame */
	int64_t first_us; /* of what was dropped and is not noted yet */
	int64_t last_us;  /* of the last frame written or dropped */
	unsigned dropped;
	cJSON *mute; /* the open stretch, in the part */
};

struct reel {
	struct shelf *shelf;
	struct reel_numbers *numbers;
	unsigned person, parts;
	char *source;
	const char *purpose; /* NULL: not told */
	struct lane lane[PART_KINDS];
	size_t queued;
	struct part *part;
	cJSON *last_json;    /* of the last part, also when it has ended */
	uint64_t waiting_us; /* since when the header waits; 0: does not */
	uint64_t written_us; /* when something was written last */
	int last_codec;      /* of the picture; -1: none yet */
	bool wants_keyframe;
};

struct reel *reel_new(struct shelf *shelf, unsigned person,
	struct reel_numbers *numbers, const char *source)
{
	struct reel *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->source = strdup(source);
	if (!r->source) {
		free(r);
		return NULL;
	}
	r->shelf = shelf;
	r->person = person;
	r->numbers = numbers;
	r->last_codec = -1;
	for (int k = 0; k < PART_KINDS; k++)
		STAILQ_INIT(&r->lane[k].queue);
	return r;
}

static struct piece *head(const struct reel *r, enum part_kind k)
{
	return STAILQ_FIRST(&r->lane[k].queue);
}

static void pop(struct reel *r, enum part_kind k)
{
	struct piece *f = head(r, k);

	STAILQ_REMOVE_HEAD(&r->lane[k].queue, next);
	r->queued -= f->len;
	free(f);
}

/* What was dropped stands in the manifest, at the part it would have been in.
 */
static void note_dropped(struct reel *r, enum part_kind k)
{
	struct lane *l = &r->lane[k];

	if (!l->dropped || !r->last_json)
		return;
	manifest_gap(r->shelf->manifest, r->last_json, part_kind_name(k),
		shelf_ms(r->shelf, l->first_us), shelf_ms(r->shelf, l->last_us),
		l->dropped);
	l->dropped = 0;
}

static void drop(struct reel *r, enum part_kind k)
{
	struct lane *l = &r->lane[k];
	const struct piece *f = head(r, k);

	if (!l->dropped)
		l->first_us = f->time_us;
	l->last_us = f->time_us;
	l->dropped++;
	if (k == PART_VIDEO && !l->starving) {
		l->starving = true;
		r->wants_keyframe = true;
	}
	pop(r, k);
}

static void close_part(struct reel *r)
{
	for (int k = 0; k < PART_KINDS; k++) {
		note_dropped(r, k);
		r->lane[k].mute = NULL;
	}
	if (r->part)
		r->part = part_end(r->part);
	r->waiting_us = 0;
}

struct reel *reel_free(struct reel *r)
{
	if (!r)
		return NULL;
	close_part(r);
	for (int k = 0; k < PART_KINDS; k++)
		while (head(r, k))
			pop(r, k);
	free(r->source);
	free(r);
	return NULL;
}

void reel_expect(struct reel *r, enum part_kind k, bool expected)
{
	r->lane[k].expected = expected;
}

void reel_purpose(struct reel *r, const char *purpose)
{
	r->purpose = strcmp(purpose, "camera") == 0   ? "camera"
		     : strcmp(purpose, "screen") == 0 ? "screen"
						      : "other";
}

static void begin_mute(struct reel *r, enum part_kind k, int64_t now_us)
{
	struct lane *l = &r->lane[k];

	if (l->muted && r->part && part_has(r->part, k) && !l->mute)
		l->mute = manifest_mute(r->shelf->manifest, part_json(r->part),
			part_kind_name(k), shelf_ms(r->shelf, now_us));
}

void reel_muted(struct reel *r, enum part_kind k, bool muted, int64_t now_us)
{
	struct lane *l = &r->lane[k];

	if (l->muted == muted)
		return;
	reel_prolong(r, now_us);
	l->muted = muted;
	l->mute = NULL;
	begin_mute(r, k, now_us);
}

void reel_prolong(struct reel *r, int64_t now_us)
{
	for (int k = 0; k < PART_KINDS; k++)
		manifest_set(
			r->lane[k].mute, "to_ms", shelf_ms(r->shelf, now_us));
}

void reel_frame(struct reel *r, const struct take_frame *f, uint64_t now_us)
{
	const enum part_kind k = part_kind_of(f->codec);
	struct piece *p = piece_new(f, now_us);

	if (!p) {
		if (k == PART_VIDEO)
			r->lane[k].starving = r->wants_keyframe = true;
		return;
	}
	STAILQ_INSERT_TAIL(&r->lane[k].queue, p, next);
	r->queued += p->len;
}

void reel_gap(struct reel *r, enum part_kind k, const struct take_gap *g)
{
	if (r->last_json)
		manifest_gap(r->shelf->manifest, r->last_json,
			part_kind_name(k), shelf_ms(r->shelf, g->from_us),
			shelf_ms(r->shelf, g->to_us), g->packets);
}

static void drop_all(struct reel *r)
{
	for (int k = 0; k < PART_KINDS; k++)
		while (head(r, k))
			drop(r, k);
}

/* Until a key frame a picture cannot begin. */
static void drop_leading(struct reel *r)
{
	struct lane *l = &r->lane[PART_VIDEO];

	while (head(r, PART_VIDEO) && !head(r, PART_VIDEO)->keyframe)
		drop(r, PART_VIDEO);
	if (head(r, PART_VIDEO))
		l->starving = false;
}

static bool complete(const struct reel *r)
{
	for (int k = 0; k < PART_KINDS; k++)
		if (r->lane[k].expected && !r->lane[k].muted &&
			!STAILQ_FIRST(&r->lane[k].queue))
			return false;
	return r->purpose != NULL;
}

static bool may_begin(struct reel *r, uint64_t now_us)
{
	if (!head(r, PART_AUDIO) && !head(r, PART_VIDEO))
		return false;
	if (!r->waiting_us)
		r->waiting_us = now_us;
	return complete(r) || now_us - r->waiting_us >= REEL_HEADER_US ||
	       r->queued > REEL_QUEUE_MAX;
}

static unsigned next_number(struct reel *r)
{
	const char *purpose = r->purpose ? r->purpose : "other";

	if (strcmp(purpose, "camera") == 0)
		return ++r->numbers->camera;
	if (strcmp(purpose, "screen") == 0)
		return ++r->numbers->screen;
	return ++r->numbers->other;
}

static void note_codec(struct reel *r, const struct piece *video)
{
	const int before = r->last_codec;

	if (!video)
		return;
	r->last_codec = (int)video->codec;
	if (before >= 0 && before != r->last_codec)
		manifest_codec_change(r->shelf->manifest, r->person,
			shelf_ms(r->shelf, video->time_us), "video",
			part_codec_name((enum take_codec)before),
			part_codec_name(video->codec));
}

static struct mux_track track_of(const struct piece *f)
{
	return (struct mux_track){
		.codec = f->codec,
		/* Some sizes are only known inside of the frames. */
		.width = f->width ? f->width : 640,
		.height = f->height ? f->height : 480,
		.setup = f->setup,
		.setup_len = f->setup_len,
	};
}

static void begin_part(struct reel *r)
{
	const struct piece *audio = head(r, PART_AUDIO),
			   *video = head(r, PART_VIDEO);
	/* Opus needs nothing from its frames: whoever may speak later has his
	 * track now. */
	const bool has[PART_KINDS] = {
		[PART_AUDIO] = audio || r->lane[PART_AUDIO].expected,
		[PART_VIDEO] = video != NULL,
	};
	struct mux_track tracks[PART_KINDS] = { { .codec = TAKE_OPUS } };
	struct part_info info = {
		.person = r->person,
		.purpose = r->purpose ? r->purpose : "other",
		.number = next_number(r),
		.source = r->source,
		.from_us = audio ? audio->time_us : video->time_us,
	};

	if (video)
		tracks[PART_VIDEO] = track_of(video);
	if (video && video->time_us < info.from_us)
		info.from_us = video->time_us;
	note_codec(r, video);
	for (int k = 0; k < PART_KINDS; k++)
		note_dropped(r, k);
	r->waiting_us = 0;
	r->parts++;
	if (part_new(&r->part, r->shelf, &info, tracks, has) != 0) {
		r->part = NULL;
		drop_all(r);
		return;
	}
	r->last_json = part_json(r->part);
	for (int k = 0; k < PART_KINDS; k++)
		begin_mute(r, k, info.from_us);
}

static bool is_due(const struct reel *r, enum part_kind k, uint64_t now_us)
{
	const struct piece *f = head(r, k);
	const struct lane *other = &r->lane[!k];

	if (!f)
		return false;
	if (head(r, !k))
		return f->time_us <= head(r, !k)->time_us;
	return !other->expected || other->muted ||
	       f->time_us - other->last_us > REEL_SILENT_US ||
	       now_us - f->arrived_us > REEL_WAIT_US ||
	       r->queued > REEL_QUEUE_MAX;
}

/* Sound that came only later waits for the next key frame of a picture that
 * runs, so that nothing of it is lost at the seam. */
static bool waits_for_seam(
	struct reel *r, const struct piece *f, uint64_t now_us)
{
	if (f->codec != TAKE_OPUS || part_has(r->part, PART_AUDIO) ||
		!r->lane[PART_VIDEO].expected || r->lane[PART_VIDEO].muted)
		return false;
	if (head(r, PART_VIDEO) && head(r, PART_VIDEO)->keyframe)
		return false;
	r->wants_keyframe = true;
	return now_us - f->arrived_us < REEL_HEADER_US;
}

static void write_head(struct reel *r, enum part_kind k, uint64_t now_us)
{
	struct lane *l = &r->lane[k];
	struct piece *f = head(r, k);

	if (r->shelf->slow || (l->starving && !f->keyframe)) {
		drop(r, k);
		return;
	}
	if (k == PART_VIDEO)
		l->starving = false;
	note_dropped(r, k);
	l->last_us = f->time_us;
	r->written_us = now_us;
	/* A frame from before the file, or one that the muxer refuses. */
	if (!part_write(r->part, f))
		drop(r, k);
	else
		pop(r, k);
}

static bool fits(const struct reel *r, enum part_kind k)
{
	const struct piece *f = head(r, k);

	/* Who changes his parameters without end gets no file for each. */
	return part_fits(r->part, f) ||
	       (r->parts >= REEL_PARTS_MAX && part_has(r->part, k) &&
		       part_codec(r->part, k) == f->codec);
}

static bool step_begin(struct reel *r, uint64_t now_us)
{
	drop_leading(r);
	if (!may_begin(r, now_us))
		return false;
	if (r->parts >= REEL_PARTS_MAX)
		drop_all(r);
	else
		begin_part(r);
	return r->part != NULL;
}

/* True: something changed, go on. */
static bool step(struct reel *r, uint64_t now_us)
{
	enum part_kind k;

	if (!r->part)
		return step_begin(r, now_us);
	for (k = 0; k < PART_KINDS; k++)
		if (is_due(r, k, now_us))
			break;
	if (k == PART_KINDS)
		return false;
	if (fits(r, k)) {
		write_head(r, k, now_us);
		return true;
	}
	if (r->parts >= REEL_PARTS_MAX) {
		drop(r, k);
		return true;
	}
	if (!waits_for_seam(r, head(r, k), now_us)) {
		close_part(r);
		return true;
	}
	if (!head(r, PART_VIDEO))
		return false;
	write_head(r, PART_VIDEO, now_us);
	return true;
}

void reel_tick(struct reel *r, uint64_t now_us)
{
	if (r->shelf->blocked) {
		drop_all(r);
		return;
	}
	while (step(r, now_us))
		;
	if (r->part && now_us - r->written_us > REEL_FLUSH_US)
		part_flush(r->part);
}

void reel_end(struct reel *r, uint64_t now_us)
{
	for (int k = 0; k < PART_KINDS; k++)
		r->lane[k].expected = false;
	if (!r->purpose)
		r->purpose = "other";
	reel_tick(r, now_us);
	drop_all(r);
	reel_prolong(r, (int64_t)now_us);
	close_part(r);
}

void reel_drop(struct reel *r)
{
	drop_all(r);
	close_part(r);
}

bool reel_wants_keyframe(struct reel *r)
{
	bool wants = r->wants_keyframe || r->lane[PART_VIDEO].starving;

	if (r->shelf->slow || r->shelf->blocked)
		return false;
	r->wants_keyframe = false;
	return wants;
}
