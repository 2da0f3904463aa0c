#include "record/plan.h"

#include <string.h>

static unsigned even(unsigned v)
{
	return v & ~1u;
}

/* The largest 16:9 that fits. */
static void fit(unsigned w, unsigned h, unsigned *ret_w, unsigned *ret_h)
{
	if (w * 9 > h * 16) {
		*ret_h = even(h);
		*ret_w = even(h * 16 / 9);
	} else {
		*ret_w = even(w);
		*ret_h = even(w * 9 / 16);
	}
}

void plan_grid(struct plan_box area, unsigned n, struct plan_box *ret)
{
	unsigned columns = 1, w = 0, h = 0, top;

	for (unsigned c = 1; c <= n; c++) {
		unsigned rows = (n + c - 1) / c, tw, th;

		if ((c + 1) * PLAN_GAP >= area.w ||
			(rows + 1) * PLAN_GAP >= area.h)
			continue;
		fit((area.w - (c + 1) * PLAN_GAP) / c,
			(area.h - (rows + 1) * PLAN_GAP) / rows, &tw, &th);
		if (tw > w) {
			columns = c;
			w = tw;
			h = th;
		}
	}
	top = (n + columns - 1) / columns;
	top = (area.h - top * h - (top - 1) * PLAN_GAP) / 2;
	for (unsigned i = 0; i < n; i++) {
		unsigned row = i / columns, in_row = n - row * columns;

		if (in_row > columns)
			in_row = columns;
		ret[i].x = (uint16_t)even(
			area.x +
			(area.w - in_row * w - (in_row - 1) * PLAN_GAP) / 2 +
			i % columns * (w + PLAN_GAP));
		ret[i].y = (uint16_t)even(area.y + top + row * (h + PLAN_GAP));
		ret[i].w = (uint16_t)w;
		ret[i].h = (uint16_t)h;
	}
}

bool plan_file_shows(const struct plan_file *f, int64_t t_ms)
{
	if (!f->video || t_ms < f->from_ms || t_ms < f->video_from_ms ||
		t_ms >= f->to_ms)
		return false;
	for (unsigned i = 0; i < f->n_muted; i++)
		if (t_ms >= f->muted[i].from_ms && t_ms < f->muted[i].to_ms)
			return false;
	return true;
}

/* Who is there, in the order of the people; a screen has a tile of its own. */
static unsigned collect(
	const struct plan_input *in, int64_t t_ms, struct plan_tile *ret)
{
	unsigned n = 0;

	for (unsigned p = 0; p < in->n_people; p++) {
		bool there = plan_present(in, p, t_ms), face = false;

		for (unsigned i = 0; i < in->n_files; i++) {
			const struct plan_file *f = &in->files[i];

			if (f->person != p || !plan_file_shows(f, t_ms))
				continue;
			there = true;
			face |= !f->screen;
			ret[n++] = (struct plan_tile){ .person = (int)p,
				.file = (int)i,
				.screen = f->screen };
		}
		if (there && !face)
			ret[n++] = (struct plan_tile){ .person = (int)p,
				.file = -1 };
	}
	return n;
}

/* The tile that gets the large place: the newest screen, else the speaker. */
static int find_large(const struct plan_input *in, enum plan_view view,
	int speaker, const struct plan_tile *tiles, unsigned n)
{
	int large = -1;

	for (unsigned i = 0; i < n; i++)
		if (tiles[i].screen &&
			(large < 0 ||
				in->files[tiles[i].file].from_ms >=
					in->files[tiles[large].file].from_ms))
			large = (int)i;
	for (unsigned i = 0; large < 0 && view == PLAN_SPEAKER && i < n; i++)
		if (tiles[i].person == speaker)
			large = (int)i;
	return large;
}

/* Names make room for pictures, from the end. What had no room is counted in
 * the last tile. */
static unsigned reduce(struct plan_tile *tiles, unsigned n, unsigned room)
{
	unsigned kept = 0, leave = n > room ? n - room + 1 : 0;
	unsigned more = leave, names = 0;

	for (unsigned i = 0; i < n; i++)
		names += tiles[i].file < 0;
	for (unsigned i = 0; i < n; i++) {
		/* of the names, the last ones go */
		if (tiles[i].file < 0 && names-- <= more && leave) {
			leave--;
			continue;
		}
		tiles[kept++] = tiles[i];
	}
	if (!more)
		return kept;
	kept -= leave;
	tiles[kept++] =
		(struct plan_tile){ .person = -1, .file = -1, .more = more };
	return kept;
}

/* A column at the right, as wide as its number of tiles lets it be. */
static unsigned strip(struct plan_scene *s, unsigned first)
{
	unsigned n = s->n - first, w, h, y;

	fit(228, (PLAN_HEIGHT - (n + 1) * PLAN_GAP) / n, &w, &h);
	y = (PLAN_HEIGHT - n * h - (n - 1) * PLAN_GAP) / 2;
	for (unsigned i = first; i < s->n; i++, y += h + PLAN_GAP)
		s->tile[i].box = (struct plan_box){
			.x = (uint16_t)(PLAN_WIDTH - PLAN_GAP - w),
			.y = (uint16_t)even(y),
			.w = (uint16_t)w,
			.h = (uint16_t)h
		};
	return w + PLAN_GAP;
}

static void arrange_large(struct plan_scene *s, struct plan_tile *tiles,
	unsigned n, unsigned large)
{
	struct plan_box area = { .w = PLAN_WIDTH, .h = PLAN_HEIGHT };

	s->tile[0] = tiles[large];
	s->tile[0].large = true;
	memmove(&tiles[large], &tiles[large + 1],
		(n - large - 1) * sizeof(*tiles));
	n = reduce(tiles, n - 1, PLAN_STRIP);
	memcpy(&s->tile[1], tiles, n * sizeof(*tiles));
	s->n = n + 1;
	area.w = (uint16_t)(area.w - strip(s, 1));
	if (s->tile[0].screen) {
		/* screens have any shape: all there is */
		area.x = area.y = PLAN_GAP;
		area.w = (uint16_t)even(area.w - 2u * PLAN_GAP);
		area.h = (uint16_t)even(area.h - 2u * PLAN_GAP);
		s->tile[0].box = area;
	} else {
		plan_grid(area, 1, &s->tile[0].box);
	}
}

void plan_arrange(const struct plan_input *in, enum plan_view view, int speaker,
	int64_t t_ms, struct plan_tile *scratch, struct plan_scene *ret)
{
	struct plan_box box[PLAN_TILES];
	unsigned n = collect(in, t_ms, scratch);
	int large = find_large(in, view, speaker, scratch, n);

	memset(ret->tile, 0, sizeof(ret->tile));
	if (n == 1) {
		ret->n = 1;
		ret->tile[0] = scratch[0];
		ret->tile[0].large = true;
		ret->tile[0].box =
			(struct plan_box){ .w = PLAN_WIDTH, .h = PLAN_HEIGHT };
		return;
	}
	if (large >= 0) {
		arrange_large(ret, scratch, n, (unsigned)large);
		return;
	}
	ret->n = reduce(scratch, n, PLAN_TILES);
	plan_grid((struct plan_box){ .w = PLAN_WIDTH, .h = PLAN_HEIGHT },
		ret->n, box);
	for (unsigned i = 0; i < ret->n; i++) {
		ret->tile[i] = scratch[i];
		ret->tile[i].box = box[i];
	}
}
