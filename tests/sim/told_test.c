/*
 * What clients are told of the choice of layers: receivers what is paused for
 * them and why, publishers which of their encodings nobody is to see.
 */
#include <stdio.h>
#include "sfu/conference_private.h"
#include "sfu/quality_tell.h"
#include "tests/sim/cmocka_sim.h"
#include "tests/sim/sim.h"

static struct sim s;

static int setup(void **state)
{
	(void)state;
	sim_init(&s, 17);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	sim_done(&s);
	return 0;
}

static struct sim_seat *join(uint32_t id, enum client_simulcast simulcast)
{
	struct client_config cfg = sim_usual(id);
	cfg.video = simulcast != CLIENT_SINGLE;
	cfg.simulcast = simulcast;
	cfg.spares = 1;
	return sim_join(&s, &cfg, NULL);
}

static void open_control(struct sim_seat *seat)
{
	static const struct assoc_reliability reliable;
	assert_non_null(channels_open(
		seat->client->channels, SFU_CONTROL_LABEL, "", &reliable));
	sim_run(&s, SIM_S);
}

static void who_hides_a_stream_is_told_that_it_is_paused(void **state)
{
	(void)state;
	struct sim_seat *from = join(1, CLIENT_RIDS);
	struct sim_seat *a = join(2, CLIENT_SINGLE);
	sim_run(&s, 6 * SIM_S);
	open_control(a);
	assert_int_equal(a->pauses, 0);
	sim_view(&s, a, 0, false);
	sim_run(&s, SIM_S);
	assert_int_equal(a->pauses, 1);
	assert_int_equal(a->n_paused, 1);
	assert_string_equal(a->paused.id, sim_video(a, 1)->stream);
	assert_int_equal(a->paused.owner, from->id);
	assert_int_equal(a->paused.paused, SFU_PAUSED_HIDDEN);
	sim_run(&s, 5 * SIM_S);
	assert_int_equal(a->pauses, 1);
	sim_view(&s, a, 0, true);
	sim_run(&s, SIM_S);
	assert_int_equal(a->pauses, 2);
	assert_int_equal(a->n_paused, 0);
	assert_int_equal(from->pauses, 0);
}

/* It is said when it can be heard. */
static void without_a_channel_nothing_is_told(void **state)
{
	(void)state;
	struct sim_seat *from = join(1, CLIENT_RIDS);
	struct sim_seat *a = join(2, CLIENT_SINGLE);
	sim_run(&s, 6 * SIM_S);
	sim_view(&s, a, 0, false);
	sim_run(&s, QUALITY_UNWATCHED_US + 2 * SIM_S);
	assert_int_equal(a->pauses + from->watches, 0);
	open_control(a);
	assert_int_equal(a->pauses, 1);
	open_control(from);
	sim_run(&s, QUALITY_UNWATCHED_US);
	assert_int_equal(from->watches, 1);
	assert_string_equal(from->watched, "");
}

static void others_come_first(void **state)
{
	(void)state;
	s.env.limits.last_n = 1;
	for (uint32_t i = 1; i <= 3; i++)
		join(i, CLIENT_RIDS);
	sim_run(&s, 6 * SIM_S);
	for (unsigned i = 0; i < 3; i++)
		open_control(&s.seat[i]);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(s.seat[i].n_paused, 1);
		assert_int_equal(s.seat[i].paused.paused, SFU_PAUSED_LAST_N);
	}
}

static void what_nobody_sees_need_not_be_sent(void **state)
{
	(void)state;
	struct sim_seat *from = join(1, CLIENT_RIDS);
	struct sim_seat *a = join(2, CLIENT_SINGLE);
	struct sim_seat *b = join(3, CLIENT_SINGLE);
	sim_run(&s, 6 * SIM_S);
	open_control(from);
	sim_view(&s, a, 180, true);
	sim_run(&s, QUALITY_UNWATCHED_US + SIM_S);
	/* The other one has not said how large. */
	assert_int_equal(from->watches, 0);
	sim_view(&s, b, 300, true);
	sim_run(&s, QUALITY_UNWATCHED_US - SIM_S);
	assert_int_equal(from->watches, 0);
	sim_run(&s, 2 * SIM_S);
	assert_int_equal(from->watches, 1);
	assert_string_equal(from->watched, "h;q");
	/* What nobody sees is not missed. */
	from->client->send[CLIENT_VIDEO].mute = true;
	sim_run(&s, 3 * SIM_S);
	assert_int_equal(sim_video(b, 1)->height, 360);
	/* Somebody enlarges it: at once, though it is not there to choose. */
	sim_view(&s, b, 720, true);
	sim_run(&s, SIM_S / 2);
	assert_int_equal(from->watches, 2);
	assert_string_equal(from->watched, "f;h;q");
	from->client->send[CLIENT_VIDEO].mute = false;
	sim_run(&s, 2 * SIM_S);
	assert_int_equal(sim_video(b, 1)->height, 720);
	assert_int_equal(sim_video(a, 1)->height, 180);
	assert_int_equal(a->watches + b->watches, 0);
	assert_int_equal(sim_faults(&s), 0);
}

static void a_moment_is_waited_for(void **state)
{
	(void)state;
	struct sim_seat *from = join(1, CLIENT_RIDS);
	struct sim_seat *a = join(2, CLIENT_SINGLE);
	sim_run(&s, 6 * SIM_S);
	open_control(from);
	for (unsigned i = 0; i < 5; i++) {
		sim_view(&s, a, 180, true);
		sim_run(&s, QUALITY_UNWATCHED_US - SIM_S);
		sim_view(&s, a, 720, true);
		sim_run(&s, SIM_S);
	}
	assert_int_equal(from->watches, 0);
}

/* Their wishes are not known here. */
static void all_is_sent_to_other_workers(void **state)
{
	(void)state;
	sim_spread(&s, 2);
	struct sim_seat *from = join(1, CLIENT_RIDS);
	s.joins_at = 1;
	struct sim_seat *a = join(2, CLIENT_SINGLE);
	sim_run(&s, 6 * SIM_S);
	open_control(from);
	sim_view(&s, a, 180, true);
	sim_run(&s, 2 * QUALITY_UNWATCHED_US);
	assert_int_equal(from->watches, 0);
	assert_int_equal(sim_video(a, 1)->height, 180);
}

static const struct track *video_track(const struct sim_seat *seat)
{
	const struct participant *p =
		conference_find(seat->conference, seat->id);
	for (unsigned i = 0; i < p->n_tracks; i++)
		if (p->track[i]->kind == SDP_VIDEO)
			return p->track[i];
	return NULL;
}

/* Said before the stream is there, or of one that is. */
static void a_screen_is_chosen_for_as_one(void **state)
{
	(void)state;
	struct sim_seat *from = join(1, CLIENT_RIDS);
	sim_run(&s, 6 * SIM_S);
	const struct track *t = video_track(from);
	assert_int_equal(t->sent.kind, ALLOCATE_CAMERA);
	conference_screen(
		s.conference, s.now_us, from->id, t->source_stream, true);
	assert_int_equal(t->sent.kind, ALLOCATE_SCREEN);
	for (unsigned i = 1; i < SFU_SCREENS_MAX; i++) {
		char name[16];
		snprintf(name, sizeof(name), "later%u", i);
		conference_screen(s.conference, s.now_us, from->id, name, true);
	}
	assert_int_equal(t->sent.kind, ALLOCATE_SCREEN);
	/* One too many: the one said first is forgotten. */
	conference_screen(s.conference, s.now_us, from->id, "more", true);
	assert_int_equal(t->sent.kind, ALLOCATE_CAMERA);
	conference_screen(
		s.conference, s.now_us, from->id, t->source_stream, true);
	conference_screen(
		s.conference, s.now_us, from->id, t->source_stream, false);
	assert_int_equal(t->sent.kind, ALLOCATE_CAMERA);
}

/* Of a far seat as well, whenever it is said. */
static void other_workers_know_of_screens(void **state)
{
	(void)state;
	sim_spread(&s, 2);
	struct sim_seat *from = join(1, CLIENT_RIDS);
	s.joins_at = 1;
	struct sim_seat *a = join(2, CLIENT_SINGLE);
	sim_run(&s, 6 * SIM_S);
	struct participant *far = conference_find(a->conference, from->id);
	assert_non_null(far);
	for (unsigned i = 0; i < 2; i++) {
		bool screen = i == 0;
		conference_screen(from->conference, s.now_us, from->id,
			video_track(from)->source_stream, screen);
		sim_settle(&s);
		sim_run(&s, SIM_S);
		for (unsigned k = 0; k < far->n_tracks; k++)
			if (far->track[k]->kind == SDP_VIDEO)
				assert_int_equal(far->track[k]->sent.kind,
					screen ? ALLOCATE_SCREEN
					       : ALLOCATE_CAMERA);
	}
	assert_int_equal(sim_video(a, 1)->height, 720);
	assert_int_equal(sim_faults(&s), 0);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(who_hides_a_stream_is_told_that_it_is_paused),
		CASE(without_a_channel_nothing_is_told),
		CASE(others_come_first),
		CASE(what_nobody_sees_need_not_be_sent),
		CASE(a_moment_is_waited_for),
		CASE(all_is_sent_to_other_workers),
		CASE(a_screen_is_chosen_for_as_one),
		CASE(other_workers_know_of_screens),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
