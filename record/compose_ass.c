#include "record/compose_ass.h"

#include <string.h>

#include "record/compose_text.h"

enum {
	RADIUS = 10,
	RING = 3,
	LABEL_PADDING = 6,
	SPEAKS_LEAST_MS = 600, /* a shorter frame would flicker */
	SPEAKS_AFTER_MS = 300,
	UNDER_MS = 10 * PLAN_FRAME_MS /* one picture is made of it */
};

/* Layers, lowest first. */
enum { ON_TILE, ON_DISC, ON_TEXT, ON_RING };

static const char head[] = "[Script Info]\n"
			   "ScriptType: v4.00+\n"
			   "WrapStyle: 2\n"
			   "ScaledBorderAndShadow: yes\n";
/* `label` has one box around the whole text (libass's border style 4), as far
 * out as its shadow; encoding -1 finds the direction of each text. */
static const char styles[] =
	"\n[V4+ Styles]\n"
	"Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, "
	"OutlineColour, BackColour, Bold, Italic, Underline, StrikeOut, "
	"ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, "
	"Alignment, MarginL, MarginR, MarginV, Encoding\n"
	"Style: shape,DejaVu Sans,20,&H00FFFFFF,&H00FFFFFF,&H00000000,"
	"&H00000000,0,0,0,0,100,100,0,0,1,0,0,7,0,0,0,-1\n"
	"Style: label,DejaVu Sans,20,&H00F4F4F4,&H00FFFFFF,&H00000000,"
	"&H6A14100E,0,0,0,0,100,100,0,0,4,0,6,1,0,0,0,-1\n"
	"\n[Events]\n"
	"Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, "
	"Effect, Text\n";

static void print_time(FILE *f, int64_t ms)
{
	fprintf(f, "%d:%02d:%02d.%02d", (int)(ms / 3600000),
		(int)(ms / 60000 % 60), (int)(ms / 1000 % 60),
		(int)(ms / 10 % 100));
}

static void begin(
	FILE *f, int layer, const char *style, int64_t from_ms, int64_t to_ms)
{
	fprintf(f, "Dialogue: %d,", layer);
	print_time(f, from_ms);
	fputc(',', f);
	print_time(f, to_ms);
	fprintf(f, ",%s,,0,0,0,,", style);
}

static void shape(FILE *f, unsigned x, unsigned y, uint32_t rgb)
{
	fprintf(f, "{\\pos(%u,%u)\\p1\\1c&H%02X%02X%02X&}", x, y,
		(unsigned)(rgb & 0xff), (unsigned)(rgb >> 8 & 0xff),
		(unsigned)(rgb >> 16 & 0xff));
}

/* A rounded rectangle, clockwise, or the other way round: a hole. */
static void rounded(FILE *f, int x, int y, int w, int h, int r, bool hole)
{
	int k = r * 45 / 100, x2 = x + w, y2 = y + h;

	if (!hole)
		fprintf(f,
			"m %d %d l %d %d b %d %d %d %d %d %d "
			"l %d %d b %d %d %d %d %d %d "
			"l %d %d b %d %d %d %d %d %d "
			"l %d %d b %d %d %d %d %d %d ",
			x + r, y, x2 - r, y, x2 - k, y, x2, y + k, x2, y + r,
			x2, y2 - r, x2, y2 - k, x2 - k, y2, x2 - r, y2, x + r,
			y2, x + k, y2, x, y2 - k, x, y2 - r, x, y + r, x, y + k,
			x + k, y, x + r, y);
	else
		fprintf(f,
			"m %d %d b %d %d %d %d %d %d l %d %d "
			"b %d %d %d %d %d %d l %d %d "
			"b %d %d %d %d %d %d l %d %d "
			"b %d %d %d %d %d %d l %d %d ",
			x + r, y, x + k, y, x, y + k, x, y + r, x, y2 - r, x,
			y2 - k, x + k, y2, x + r, y2, x2 - r, y2, x2 - k, y2,
			x2, y2 - k, x2, y2 - r, x2, y + r, x2, y + k, x2 - k, y,
			x2 - r, y, x + r, y);
}

/* The picture's corners get the background's colour. */
static void corners(FILE *f, const struct plan_box *b)
{
	int w = b->w, h = b->h, r = RADIUS, k = RADIUS * 45 / 100;

	shape(f, b->x, b->y, ASS_BACKGROUND);
	fprintf(f, "m 0 0 l %d 0 b %d 0 0 %d 0 %d l 0 0 ", r, k, k, r);
	fprintf(f, "m %d 0 l %d %d b %d %d %d 0 %d 0 l %d 0 ", w, w, r, w, k,
		w - k, w - r, w);
	fprintf(f, "m %d %d l %d %d b %d %d %d %d %d %d l %d %d ", w, h, w - r,
		h, w - k, h, w, h - k, w, h - r, w, h);
	fprintf(f, "m 0 %d l 0 %d b 0 %d %d %d %d %d l 0 %d{\\p0}\n", h, h - r,
		h - k, k, h, r, h, h);
}

static uint32_t shade(uint32_t rgb, unsigned percent)
{
	return (rgb >> 16 & 0xff) * percent / 100 << 16 |
	       (rgb >> 8 & 0xff) * percent / 100 << 8 |
	       (rgb & 0xff) * percent / 100;
}

static unsigned font_for(const struct plan_box *b)
{
	unsigned px = b->h / 16u;

	return px < 15 ? 15 : px > 26 ? 26 : px;
}

static void centred(
	FILE *f, unsigned x, unsigned y, unsigned font_px, const char *text)
{
	begin(f, ON_TEXT, "shape", 0, UNDER_MS);
	fprintf(f, "{\\an5\\pos(%u,%u)\\fs%u}%s\n", x, y, font_px, text);
}

static void name_tile(
	FILE *f, const struct plan_input *in, const struct plan_tile *t)
{
	const struct plan_person *p = &in->people[t->person];
	const struct plan_box *b = &t->box;
	uint32_t colour = text_colour((unsigned)t->person);
	unsigned disc = b->h * 2u / 5, x = b->x + b->w / 2u;
	/* a small tile's name would lie over it */
	unsigned y = b->y + (b->h < 200 ? b->h * 2u / 5 : b->h / 2u);
	char local[256], initial[TEXT_INITIAL_MAX];

	text_local(p->user_id, local, sizeof(local));
	text_initial(*p->name ? p->name : local, initial);
	begin(f, ON_DISC, "shape", 0, UNDER_MS);
	shape(f, x - disc / 2, y - disc / 2, colour);
	rounded(f, 0, 0, (int)disc, (int)disc, (int)disc / 2, false);
	fputs("{\\p0}\n", f);
	centred(f, x, y, disc * 60 / 100, initial);
}

static void background(FILE *f, const struct plan_tile *t)
{
	const struct plan_box *b = &t->box;
	uint32_t colour = ASS_TILE;

	if (t->person >= 0)
		colour = shade(text_colour((unsigned)t->person), 45);
	begin(f, ON_TILE, "shape", 0, UNDER_MS);
	shape(f, b->x, b->y, colour);
	rounded(f, 0, 0, b->w, b->h, RADIUS, false);
	fputs("{\\p0}\n", f);
}

static void label(FILE *f, const struct plan_input *in,
	const struct plan_tile *t, int64_t to_ms)
{
	const struct plan_person *p = &in->people[t->person];
	const struct plan_box *b = &t->box;
	unsigned px = font_for(b), inset = b->h > 300 ? 14 : 8;
	unsigned edge = inset + LABEL_PADDING;
	unsigned width = b->w - 2 * edge;
	char text[TEXT_LABEL_MAX], local[256];
	const char *what = t->screen ? " \xc2\xb7 screen" : "";

	if (t->screen)
		width = width > 12 * px ? width - 5 * px : width;
	text_local(p->user_id, local, sizeof(local));
	if (!text_label(p->name, width, px, text) &&
		!text_label(local, width, px, text))
		snprintf(text, sizeof(text), "Guest");
	begin(f, ON_TEXT, "label", 0, to_ms);
	fprintf(f, "{\\an1\\pos(%u,%u)\\fs%u\\clip(%u,%u,%u,%u)}%s%s\n",
		b->x + edge, b->y + b->h - edge, px, b->x + inset, b->y + 0u,
		b->x + b->w - inset, b->y + b->h - inset, text, what);
}

/* In the scene's time, for each time this person speaks. */
static void frames(FILE *f, const struct plan_input *in,
	const struct plan_scene *scene, const struct plan_tile *t)
{
	int64_t length = scene->to_ms - scene->from_ms, shown = 0;

	for (unsigned i = 0; i < in->n_speakers; i++) {
		const struct plan_speaker *s = &in->speakers[i];
		int64_t from = s->from_ms - scene->from_ms;
		int64_t to = s->to_ms - scene->from_ms;

		if (s->from_ms >= scene->to_ms)
			break;
		if ((int)s->person != t->person)
			continue;
		if (to < from + SPEAKS_LEAST_MS)
			to = from + SPEAKS_LEAST_MS;
		to += SPEAKS_AFTER_MS;
		from = from < shown ? shown : from;
		to = to > length ? length : to;
		if (from >= to)
			continue;
		shown = to;
		begin(f, ON_RING, "shape", from, to);
		shape(f, t->box.x, t->box.y, ASS_SPEAKS);
		rounded(f, 0, 0, t->box.w, t->box.h, RADIUS, false);
		rounded(f, RING, RING, t->box.w - 2 * RING, t->box.h - 2 * RING,
			RADIUS - RING, true);
		fputs("{\\p0}\n", f);
	}
}

static void write_head(FILE *f)
{
	fputs(head, f);
	fprintf(f, "PlayResX: %d\nPlayResY: %d\n", PLAN_WIDTH, PLAN_HEIGHT);
	fputs(styles, f);
}

void ass_write_under(
	FILE *f, const struct plan_input *in, const struct plan_scene *scene)
{
	char more[32];

	write_head(f);
	for (unsigned i = 0; i < scene->n; i++) {
		const struct plan_tile *t = &scene->tile[i];

		background(f, t);
		if (t->person >= 0) {
			name_tile(f, in, t);
			continue;
		}
		snprintf(more, sizeof(more), "+%u", t->more);
		centred(f, t->box.x + t->box.w / 2u, t->box.y + t->box.h / 2u,
			t->box.h / 4u, more);
	}
}

void ass_write_over(
	FILE *f, const struct plan_input *in, const struct plan_scene *scene)
{
	int64_t to_ms = scene->to_ms - scene->from_ms + PLAN_FRAME_MS;

	write_head(f);
	for (unsigned i = 0; i < scene->n; i++) {
		const struct plan_tile *t = &scene->tile[i];

		if (t->person < 0)
			continue;
		if (t->file >= 0 && scene->n > 1) {
			begin(f, ON_TILE, "shape", 0, to_ms);
			corners(f, &t->box);
		}
		label(f, in, t, to_ms);
		if (!t->large)
			frames(f, in, scene, t);
	}
}
