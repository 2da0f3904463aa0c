/* What is shown when: geometry, scenes, turns of speakers, and what holds for
 * any input. */
#include "record/plan.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define N(a) (sizeof(a) / sizeof(*(a)))

static const struct plan_span always = { 0, 10000 };

static bool apart(const struct plan_box *a, const struct plan_box *b)
{
	return a->x + a->w <= b->x || b->x + b->w <= a->x ||
	       a->y + a->h <= b->y || b->y + b->h <= a->y;
}

static void assert_box(const struct plan_box *b)
{
	assert_true(b->w >= 16 && b->h >= 8);
	assert_true(b->x + b->w <= PLAN_WIDTH && b->y + b->h <= PLAN_HEIGHT);
	assert_int_equal((b->x | b->y | b->w | b->h) & 1, 0);
}

static void test_grid(void **state)
{
	static const unsigned columns[] = { 1, 2, 2, 2, 3, 3, 3, 3, 3, 4, 4,
		4 };
	struct plan_box area = { .w = PLAN_WIDTH, .h = PLAN_HEIGHT };
	struct plan_box box[PLAN_TILES];

	(void)state;
	for (unsigned n = 1; n <= PLAN_TILES; n++) {
		unsigned first = 0;

		plan_grid(area, n, box);
		for (unsigned i = 0; i < n; i++) {
			assert_box(&box[i]);
			assert_int_equal(box[i].w, box[0].w);
			assert_int_equal(box[i].h, box[0].h);
			assert_true(abs(box[i].w * 9 - box[i].h * 16) <= 32);
			first += box[i].y == box[0].y;
			for (unsigned j = 0; j < i; j++)
				assert_true(apart(&box[i], &box[j]));
		}
		if (n <= N(columns))
			assert_int_equal(first, columns[n - 1]);
		/* as much room left of the last row as right of it */
		for (unsigned i = n; i-- > 0 && box[i].y == box[n - 1].y;)
			first = i;
		assert_true(abs(box[first].x - (PLAN_WIDTH - box[n - 1].x -
						       box[n - 1].w)) <= 3);
		assert_true(abs(box[0].y - (PLAN_HEIGHT - box[n - 1].y -
						   box[n - 1].h)) <= 3);
	}
}

/* A late joins, B leaves, C has no picture. */
static const struct plan_span late = { 3010, 10000 }, early = { 0, 6000 };
static const struct plan_person three[] = {
	{ .name = "A", .user_id = "@a:x", .present = &late, .n_present = 1 },
	{ .name = "B", .user_id = "@b:x", .present = &early, .n_present = 1 },
	{ .name = "C", .user_id = "@c:x", .present = &always, .n_present = 1 },
};

static struct plan_file camera(unsigned person, int64_t from, int64_t to)
{
	return (struct plan_file){ .name = "p.webm",
		.person = person,
		.audio = true,
		.video = true,
		.from_ms = from,
		.to_ms = to,
		.video_from_ms = from };
}

static void test_scenes(void **state)
{
	struct plan_file files[] = { camera(0, 3200, 10000),
		camera(1, 0, 5900) };
	struct plan_input in = { .people = three,
		.n_people = 3,
		.files = files,
		.n_files = 2,
		.duration_ms = 9990 };
	struct plan p;

	(void)state;
	assert_int_equal(plan_make(&in, PLAN_GRID, &p), 0);
	assert_int_equal(p.n, 3);
	assert_int_equal(p.scenes[0].from_ms, 0);
	/* the first of two near cuts, on a frame */
	assert_int_equal(p.scenes[0].to_ms, 3000);
	assert_int_equal(p.scenes[1].to_ms, 5920);
	assert_int_equal(p.scenes[2].to_ms, 10000);
	assert_int_equal(p.scenes[0].n, 2);
	assert_int_equal(p.scenes[0].tile[0].person, 1);
	assert_int_equal(p.scenes[0].tile[0].file, 1);
	assert_int_equal(p.scenes[0].tile[1].person, 2);
	assert_int_equal(p.scenes[0].tile[1].file, -1);
	assert_int_equal(p.scenes[1].n, 3);
	assert_int_equal(p.scenes[1].tile[0].file, 0);
	assert_int_equal(p.scenes[2].n, 2);
	assert_int_equal(p.scenes[2].tile[0].person, 0);
	assert_int_equal(plan_best_ms(&p), (3000 + 5920) / 2);
	plan_done(&p);
	assert_null(p.scenes);
}

static void test_muted_and_alone(void **state)
{
	const struct plan_span muted = { 4000, 6000 };
	struct plan_file f = camera(2, 0, 10000);
	struct plan_input in = { .people = &three[2],
		.n_people = 1,
		.files = &f,
		.n_files = 1,
		.duration_ms = 10000 };
	struct plan p;

	(void)state;
	f.person = 0;
	f.video_from_ms = 2000;
	f.muted = &muted;
	f.n_muted = 1;
	assert_false(plan_file_shows(&f, 1999));
	assert_true(plan_file_shows(&f, 2000));
	assert_false(plan_file_shows(&f, 4000));
	assert_true(plan_file_shows(&f, 6000));
	assert_false(plan_file_shows(&f, 10000));
	assert_int_equal(plan_make(&in, PLAN_SPEAKER, &p), 0);
	assert_int_equal(p.n, 4);
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(p.scenes[i].n, 1);
		assert_int_equal(p.scenes[i].tile[0].file, i & 1 ? 0 : -1);
		assert_int_equal(p.scenes[i].tile[0].box.w, PLAN_WIDTH);
		assert_int_equal(p.scenes[i].tile[0].box.h, PLAN_HEIGHT);
	}
	plan_done(&p);
}

static void test_screen(void **state)
{
	struct plan_file files[] = { camera(0, 3200, 10000),
		camera(1, 0, 10000), camera(1, 1000, 10000),
		camera(2, 2000, 10000) };
	struct plan_input in = { .people = three,
		.n_people = 3,
		.files = files,
		.n_files = 4,
		.duration_ms = 10000 };
	struct plan_scene s;
	struct plan_tile scratch[7];

	(void)state;
	files[2].screen = files[3].screen = true;
	plan_arrange(&in, PLAN_GRID, -1, 5000, scratch, &s);
	assert_int_equal(s.n, 5);
	assert_true(s.tile[0].large && s.tile[0].screen);
	assert_int_equal(s.tile[0].file, 3); /* the newest */
	assert_true(s.tile[0].box.w > 900 && s.tile[0].box.h > 600);
	for (unsigned i = 1; i < s.n; i++) {
		assert_false(s.tile[i].large);
		assert_true(
			s.tile[i].box.x >= s.tile[0].box.x + s.tile[0].box.w);
		assert_true(s.tile[i].box.w < 240);
	}
	assert_int_equal(s.tile[4].person, 2); /* who shows it is there, too */
	assert_int_equal(s.tile[4].file, -1);
}

static void test_turns(void **state)
{
	static const struct plan_speaker said[] = { { 0, 0, 3000 },
		{ 1, 500, 1500 },  /* has fallen silent when it may */
		{ 2, 1800, 5000 }, /* waits until 2000 */
		{ 1, 3000, 9000 }, /* until 4000 */
		{ 1, 7000, 7500 }, /* the same one: no turn */
		{ 0, 8000, 10000 } };
	static const struct plan_turn wanted[] = { { 0, 0 }, { 2000, 2 },
		{ 4000, 1 }, { 8000, 0 } };
	struct plan_input in = { .people = three,
		.n_people = 3,
		.speakers = said,
		.n_speakers = 6,
		.duration_ms = 10000 };
	struct plan_turn turns[6];

	(void)state;
	assert_int_equal(plan_turns(&in, turns), 4);
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(turns[i].at_ms, wanted[i].at_ms);
		assert_int_equal(turns[i].person, wanted[i].person);
	}
	/* 0 is not there before 3010: the first who is */
	assert_int_equal(plan_turn_at(&in, turns, 4, 100), 1);
	assert_int_equal(plan_turn_at(&in, turns, 4, 2500), 2);
	assert_int_equal(plan_turn_at(&in, turns, 4, 5000), 1);
	/* 1 is gone at 6000: who was before */
	assert_int_equal(plan_turn_at(&in, turns, 4, 7000), 2);
	assert_int_equal(plan_turn_at(&in, turns, 4, 9000), 0);
	assert_int_equal(plan_turn_at(&in, turns, 0, 9000), 0);
	in.n_people = 0;
	assert_int_equal(plan_turn_at(&in, turns, 0, 0), -1);
}

static void test_speaker_view(void **state)
{
	struct plan_file files[] = { camera(1, 0, 10000), camera(2, 0, 10000) };
	static const struct plan_speaker said[] = { { 1, 0, 2000 },
		{ 2, 5000, 9000 } };
	static const struct plan_person people[] = { { "A", "@a:x", &always,
							     1 },
		{ "B", "@b:x", &always, 1 }, { "C", "@c:x", &always, 1 } };
	struct plan_input in = { .people = people,
		.n_people = 3,
		.files = files,
		.n_files = 2,
		.speakers = said,
		.n_speakers = 2,
		.duration_ms = 10000 };
	struct plan p;

	(void)state;
	assert_int_equal(plan_make(&in, PLAN_SPEAKER, &p), 0);
	assert_int_equal(p.n, 2);
	assert_int_equal(p.scenes[0].to_ms, 5000);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(p.scenes[i].n, 3);
		assert_int_equal(p.scenes[i].tile[0].person, i + 1);
		assert_true(p.scenes[i].tile[0].large);
		assert_true(p.scenes[i].tile[0].box.w > 900);
	}
	plan_done(&p);
	/* in a grid it makes no difference who speaks */
	assert_int_equal(plan_make(&in, PLAN_GRID, &p), 0);
	assert_int_equal(p.n, 1);
	plan_done(&p);
}

static void test_too_many(void **state)
{
	struct plan_person people[40];
	struct plan_file files[30];
	struct plan_input in = { .people = people,
		.n_people = 40,
		.files = files,
		.n_files = 20,
		.duration_ms = 10000 };
	struct plan_tile scratch[70];
	struct plan_scene s;
	unsigned pictures = 0;

	(void)state;
	for (unsigned i = 0; i < 40; i++)
		people[i] = (struct plan_person){ "x", "@x:x", &always, 1 };
	for (unsigned i = 0; i < 30; i++)
		files[i] = camera(39 - i, 0, 10000);
	plan_arrange(&in, PLAN_GRID, -1, 5000, scratch, &s);
	assert_int_equal(s.n, PLAN_TILES);
	for (unsigned i = 0; i < s.n; i++)
		pictures += s.tile[i].file >= 0;
	assert_int_equal(pictures, 20); /* names make room for pictures */
	assert_int_equal(s.tile[PLAN_TILES - 1].person, -1);
	assert_int_equal(s.tile[PLAN_TILES - 1].more, 40 - PLAN_TILES + 1);
	/* more pictures than room */
	in.n_files = 30;
	plan_arrange(&in, PLAN_GRID, -1, 5000, scratch, &s);
	assert_int_equal(s.n, PLAN_TILES);
	assert_int_equal(s.tile[PLAN_TILES - 1].more, 40 - PLAN_TILES + 1);
	/* a strip */
	plan_arrange(&in, PLAN_SPEAKER, 20, 5000, scratch, &s);
	assert_int_equal(s.n, PLAN_STRIP + 1);
	assert_int_equal(s.tile[0].person, 20);
	assert_int_equal(s.tile[PLAN_STRIP].more, 40 - PLAN_STRIP);
}

static void test_empty(void **state)
{
	struct plan_input in = { .duration_ms = 1000 };
	struct plan p = { 0 };

	(void)state;
	assert_int_equal(plan_make(&in, PLAN_GRID, &p), 0);
	assert_int_equal(p.n, 1);
	assert_int_equal(p.scenes[0].n, 0);
	plan_done(&p);
	in.duration_ms = 0;
	assert_int_equal(plan_make(&in, PLAN_GRID, &p), -EINVAL);
	in.duration_ms = 1; /* one frame */
	assert_int_equal(plan_make(&in, PLAN_GRID, &p), 0);
	assert_int_equal(p.scenes[0].to_ms, PLAN_FRAME_MS);
	plan_done(&p);
}

static uint32_t seed = 1;

static int64_t draw(int64_t below)
{
	seed = seed * 1664525 + 1013904223;
	return (int64_t)(seed >> 8) % below;
}

static struct plan_span draw_span(void)
{
	int64_t from = draw(20000);

	return (struct plan_span){ from, from + 1 + draw(20000 - from) };
}

enum { PEOPLE = 12, FILES = 30, SAID = 40 };

static void assert_plan(const struct plan_input *in, const struct plan *p)
{
	int64_t at = 0;

	for (unsigned i = 0; i < p->n; i++) {
		const struct plan_scene *s = &p->scenes[i];

		assert_int_equal(s->from_ms, at);
		assert_int_equal(s->to_ms % PLAN_FRAME_MS, 0);
		assert_true(s->to_ms - s->from_ms >= PLAN_SHORTEST_MS);
		at = s->to_ms;
		assert_true(s->n <= PLAN_TILES);
		for (unsigned j = 0; j < s->n; j++) {
			const struct plan_tile *t = &s->tile[j];

			assert_box(&t->box);
			assert_true(t->person < (int)in->n_people);
			assert_true(t->person >= 0 || t->more > 1);
			assert_true(t->file < (int)in->n_files);
			assert_true(t->file < 0 ||
				    (in->files[t->file].video &&
					    (int)in->files[t->file].person ==
						    t->person));
			for (unsigned k = 0; k < j; k++)
				assert_true(apart(&t->box, &s->tile[k].box));
		}
	}
	assert_true(at >= in->duration_ms);
	assert_true(at < in->duration_ms + PLAN_FRAME_MS);
}

static void test_any(void **state)
{
	struct plan_span present[PEOPLE], muted[FILES];
	struct plan_person people[PEOPLE];
	struct plan_file files[FILES];
	struct plan_speaker said[SAID];
	struct plan_input in = { .people = people,
		.files = files,
		.speakers = said,
		.duration_ms = 20000 };

	(void)state;
	for (unsigned round = 0; round < 400; round++) {
		struct plan p;

		in.n_people = 1 + (unsigned)draw(PEOPLE);
		in.n_files = (unsigned)draw(FILES);
		in.n_speakers = (unsigned)draw(SAID);
		for (unsigned i = 0; i < in.n_people; i++) {
			present[i] = draw_span();
			people[i] = (struct plan_person){ "x", "@x:x",
				&present[i], 1 };
		}
		for (unsigned i = 0; i < in.n_files; i++) {
			struct plan_span s = draw_span();

			muted[i] = draw_span();
			files[i] = camera((unsigned)draw(in.n_people),
				s.from_ms, s.to_ms);
			files[i].screen = draw(6) == 0;
			files[i].video = draw(4) != 0;
			files[i].muted = &muted[i];
			files[i].n_muted = 1;
		}
		for (unsigned i = 0; i < in.n_speakers; i++) {
			said[i].person = (unsigned)draw(in.n_people);
			said[i].from_ms = i * 20000 / SAID;
			said[i].to_ms = said[i].from_ms + 1 + draw(3000);
		}
		assert_int_equal(
			plan_make(
				&in, round & 1 ? PLAN_GRID : PLAN_SPEAKER, &p),
			0);
		assert_plan(&in, &p);
		plan_done(&p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_grid),
		cmocka_unit_test(test_scenes),
		cmocka_unit_test(test_muted_and_alone),
		cmocka_unit_test(test_screen),
		cmocka_unit_test(test_turns),
		cmocka_unit_test(test_speaker_view),
		cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_any),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
