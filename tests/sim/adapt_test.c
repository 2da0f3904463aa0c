/*
 * A publisher with three encodings and receivers behind paths of their own:
 * each gets the layer that its path carries, soon after the path has changed,
 * and nobody notices the paths of others.
 */
#include <string.h>
#include "sfu/participant.h"
#include "tests/sim/cmocka_sim.h"
#include "tests/sim/sim.h"

enum { RECEIVERS = 10, LOOK_US = 10000 };

static struct sim s;

struct viewer {
	struct sim_seat *seat;
	struct link path;
	bool has_path;
	/* Since begin_watch. */
	uint16_t picture;
	uint64_t picture_us, longest_gap_us, heights, packets, sound;
	uint64_t waits_ms[1000], looks;
};

static struct sim_seat *source;
static struct viewer viewer[RECEIVERS];

static int setup(void **state)
{
	(void)state;
	sim_init(&s, 11);
	memset(viewer, 0, sizeof(viewer));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	for (unsigned i = 0; i < RECEIVERS; i++) {
		if (!viewer[i].has_path)
			continue;
		sim_set_path(&s, viewer[i].seat, NULL);
		link_done(&viewer[i].path);
	}
	sim_done(&s);
	return 0;
}

/* Three encodings of 1.6 Mbit/s, 420 and 120 kbit/s, with all headers. */
static struct client_config usual(uint32_t id)
{
	struct client_config cfg = sim_usual(id);
	cfg.twcc = cfg.rtx = true;
	cfg.fps = 30;
	cfg.packets_per_frame = 8;
	cfg.packet_bytes = 760;
	return cfg;
}

static void publish(void)
{
	struct client_config cfg = usual(1);
	cfg.simulcast = CLIENT_RIDS;
	source = sim_join(&s, &cfg, NULL);
}

static struct link_config path_of(uint64_t rate_bps)
{
	return (struct link_config){
		.rate_bps = rate_bps, .queue_us = 1000000, .delay_us = 20000
	};
}

static void watch_with(unsigned i, const struct link_config *path, bool rtx)
{
	struct client_config cfg = usual(i + 2);
	cfg.rtx = rtx;
	cfg.video = cfg.audio = false;
	cfg.spares = 1;
	viewer[i].seat = sim_join(&s, &cfg, NULL);
	if (!path)
		return;
	assert_true(link_init(&viewer[i].path, path, 3 + i, s.now_us));
	sim_set_path(&s, viewer[i].seat, &viewer[i].path);
	viewer[i].has_path = true;
}

/* NULL: a path without limits. */
static void watch(unsigned i, const struct link_config *path)
{
	watch_with(i, path, true);
}

static struct client_stream *stream_of(
	const struct viewer *v, enum client_kind kind)
{
	struct client *c = v->seat->client;
	for (unsigned i = 0; i < CLIENT_STREAMS; i++)
		if (c->stream[i].used && c->stream[i].kind == kind &&
			c->stream[i].from == 1)
			return &c->stream[i];
	return NULL;
}

static unsigned lines(const struct viewer *v)
{
	const struct client_stream *st = stream_of(v, CLIENT_VIDEO);
	return st ? st->height : 0;
}

static void look(struct viewer *v)
{
	const struct client_stream *st = stream_of(v, CLIENT_VIDEO);
	if (st && st->picture != v->picture) {
		v->picture = st->picture;
		v->picture_us = s.now_us;
	}
	if (s.now_us - v->picture_us > v->longest_gap_us)
		v->longest_gap_us = s.now_us - v->picture_us;
	if (!v->has_path)
		return;
	uint64_t ms = link_wait_us(&v->path, s.now_us) / 1000;
	v->waits_ms[ms < 999 ? ms : 999]++;
	v->looks++;
}

static void run(unsigned ms)
{
	for (unsigned i = 0; i < ms / 10; i++) {
		sim_run(&s, LOOK_US);
		for (unsigned k = 0; k < RECEIVERS; k++)
			if (viewer[k].seat)
				look(&viewer[k]);
	}
}

static void begin_watch(void)
{
	for (unsigned i = 0; i < RECEIVERS && viewer[i].seat; i++) {
		struct viewer *v = &viewer[i];
		const struct client_stream *st = stream_of(v, CLIENT_VIDEO);
		v->picture_us = s.now_us;
		v->longest_gap_us = v->looks = 0;
		memset(v->waits_ms, 0, sizeof(v->waits_ms));
		v->heights = st ? st->heights : 0;
		v->packets = st ? st->packets : 0;
		st = stream_of(v, CLIENT_AUDIO);
		v->sound = st ? st->packets : 0;
	}
}

/* Since begin_watch. */
static uint64_t changes(const struct viewer *v)
{
	const struct client_stream *st = stream_of(v, CLIENT_VIDEO);
	return st ? st->heights - v->heights : 0;
}

static uint64_t pictures(const struct viewer *v)
{
	const struct client_stream *st = stream_of(v, CLIENT_VIDEO);
	return st ? (st->packets - v->packets) / 8 : 0;
}

static uint64_t sound(const struct viewer *v)
{
	return stream_of(v, CLIENT_AUDIO)->packets - v->sound;
}

static unsigned wait_p95(const struct viewer *v)
{
	uint64_t n = 0;
	for (unsigned ms = 0; ms < 1000; ms++) {
		n += v->waits_ms[ms];
		if (n * 100 >= v->looks * 95)
			return ms;
	}
	return 1000;
}

static void tell(const struct viewer *v, const char *what)
{
	const struct participant *p =
		conference_find(v->seat->conference, v->seat->id);
	print_message("%s: %u lines, %u changes, longest gap %u ms, queue p95 "
		      "%u ms, estimate %u kbit/s\n",
		what, lines(v), (unsigned)changes(v),
		(unsigned)(v->longest_gap_us / 1000), wait_p95(v),
		(unsigned)(p->down->estimate.control.bps / 1000));
}

/* How long until it gets so many lines, at most so many ms. */
static unsigned until(const struct viewer *v, unsigned want, unsigned most_ms)
{
	unsigned ms = 0;
	while (lines(v) != want && ms < most_ms) {
		run(10);
		ms += 10;
	}
	return ms;
}

static void each_gets_what_its_path_carries(void **state)
{
	(void)state;
	static const uint64_t kbps[] = { 300, 1000, 4000 };
	static const unsigned gets[] = { 180, 360, 720 };
	publish();
	for (unsigned i = 0; i < 3; i++) {
		struct link_config path = path_of(kbps[i] * 1000);
		watch(i, &path);
	}
	run(15000);
	begin_watch();
	run(45000);
	for (unsigned i = 0; i < 3; i++) {
		const struct viewer *v = &viewer[i];
		tell(v, i == 0 ? "0.3 Mbit/s" : i == 1 ? "1 Mbit/s" : "4");
		assert_int_equal(lines(v), gets[i]);
		assert_int_equal(changes(v), 0);
		assert_true(v->longest_gap_us < 500000);
		assert_true(wait_p95(v) < 200);
		assert_in_range(sound(v), 50 * 45 - 25, 50 * 45 + 25);
		assert_int_equal(stream_of(v, CLIENT_VIDEO)->before_key, 0);
	}
	assert_int_equal(sim_faults(&s), 0);
}

static void begins_soon(void **state)
{
	(void)state;
	publish();
	run(3000);
	struct link_config path = path_of(4000000);
	watch(0, &path);
	unsigned ms = 0;
	while (lines(&viewer[0]) == 0 && ms < 5000) {
		run(10);
		ms += 10;
	}
	unsigned first_ms = ms, top_ms = ms + until(&viewer[0], 720, 5000);
	print_message("first picture after %u ms, all of it after %u ms\n",
		first_ms, top_ms);
	assert_true(first_ms <= 1000);
	assert_true(top_ms <= 2000);
}

static void down_at_once(void **state)
{
	(void)state;
	const struct link_config wide = path_of(2000000),
				 narrow = path_of(500000);
	publish();
	watch(0, &wide);
	run(15000);
	assert_int_equal(lines(&viewer[0]), 720);
	begin_watch();
	link_set(&viewer[0].path, s.now_us, &narrow);
	unsigned ms = until(&viewer[0], 180, 5000);
	run(10000);
	print_message("below after %u ms; ", ms);
	tell(&viewer[0], "2 -> 0.5 Mbit/s");
	assert_true(ms <= 2000);
	assert_true(viewer[0].longest_gap_us <= 500000);
	assert_int_equal(lines(&viewer[0]), 180);
}

static void up_soon(void **state)
{
	(void)state;
	const struct link_config wide = path_of(4000000),
				 narrow = path_of(500000);
	publish();
	watch(0, &narrow);
	run(15000);
	assert_int_equal(lines(&viewer[0]), 180);
	begin_watch();
	link_set(&viewer[0].path, s.now_us, &wide);
	unsigned ms = until(&viewer[0], 720, 20000);
	run(10000);
	print_message("all of it after %u ms; ", ms);
	tell(&viewer[0], "0.5 -> 4 Mbit/s");
	assert_true(ms <= 10000);
	assert_true(viewer[0].longest_gap_us <= 500000);
	assert_int_equal(lines(&viewer[0]), 720);
}

/* A path with room that begins to lose packets shows what it did before, and
 * what ends a picture comes twice. */
static void loss_alone_costs_no_picture(void **state)
{
	(void)state;
	struct link_config path = path_of(4000000);
	publish();
	watch(0, &path);
	run(15000);
	assert_int_equal(lines(&viewer[0]), 720);
	const struct participant_stats *stats =
		&conference_find(viewer[0].seat->conference, viewer[0].seat->id)
			 ->stats;
	begin_watch();
	path.loss_ppm = 100000;
	link_set(&viewer[0].path, s.now_us, &path);
	run(5000);
	uint64_t unasked = stats->rtx_out - stats->resent;
	run(10000);
	unasked = stats->rtx_out - stats->resent - unasked;
	tell(&viewer[0], "10 % loss");
	print_message("%u packets again unasked\n", (unsigned)unasked);
	assert_int_equal(lines(&viewer[0]), 720);
	assert_int_equal(changes(&viewer[0]), 0);
	assert_true(viewer[0].longest_gap_us <= 200000);
	assert_true(unasked > 290);
	assert_int_equal(stream_of(&viewer[0], CLIENT_VIDEO)->before_key, 0);
	assert_int_equal(sim_faults(&s), 0);
}

/* Whoever comes back with another address waits for one key frame, and no time
 * before it is asked for. */
static void begins_at_once_elsewhere(void **state)
{
	(void)state;
	struct link_config path = path_of(4000000);
	publish();
	watch(0, &path);
	run(10000);
	path.cut = true;
	link_set(&viewer[0].path, s.now_us, &path);
	run(2700);
	path.cut = false;
	link_set(&viewer[0].path, s.now_us, &path);
	sim_rebind(&s, viewer[0].seat);
	sim_ice_restart(&s, viewer[0].seat);
	begin_watch();
	uint64_t begun_us = s.now_us;
	uint16_t before = stream_of(&viewer[0], CLIENT_VIDEO)->picture;
	while (stream_of(&viewer[0], CLIENT_VIDEO)->picture == before &&
		s.now_us - begun_us < 3000000)
		run(10);
	unsigned ms = (unsigned)(s.now_us - begun_us) / 1000;
	print_message("a picture after %u ms\n", ms);
	assert_true(ms <= 400);
	run(3000);
	assert_int_equal(lines(&viewer[0]), 720);
	assert_int_equal(stream_of(&viewer[0], CLIENT_VIDEO)->before_key, 0);
	assert_int_equal(sim_faults(&s), 0);
}

/* With nothing but sound on the path, and no RTX to probe it by, it is seen all
 * the same that it carries more by now. */
static void comes_back_without_rtx(void **state)
{
	(void)state;
	const struct link_config wide = path_of(4000000),
				 narrow = path_of(70000);
	publish();
	watch_with(0, &wide, false);
	run(10000);
	assert_true(lines(&viewer[0]) > 0);
	link_set(&viewer[0].path, s.now_us, &narrow);
	run(20000);
	begin_watch();
	run(5000);
	assert_int_equal(pictures(&viewer[0]), 0);
	link_set(&viewer[0].path, s.now_us, &wide);
	uint64_t pictures_a_second = 0;
	unsigned ms = 0;
	while (pictures_a_second < 25 && ms < 20000) {
		begin_watch();
		run(1000);
		ms += 1000;
		pictures_a_second = pictures(&viewer[0]);
	}
	print_message("pictures again within %u ms; ", ms);
	tell(&viewer[0], "0.07 -> 4 Mbit/s without RTX");
	assert_true(ms <= 10000);
	assert_int_equal(stream_of(&viewer[0], CLIENT_VIDEO)->before_key, 0);
	assert_int_equal(sim_faults(&s), 0);
}

/* A picture of one size that nobody's path carries must become smaller; as soon
 * as somebody's does it need not. */
static void one_size_is_for_the_best(void **state)
{
	(void)state;
	const struct link_config narrow = path_of(600000);
	struct client_config cfg = usual(1);
	source = sim_join(&s, &cfg, NULL);
	watch(0, &narrow);
	run(10000);
	uint64_t told_bps = source->client->remb_bps;
	print_message(
		"%u kbit/s for a path of 600\n", (unsigned)(told_bps / 1000));
	assert_in_range(told_bps, 300000, 550000);
	/* It does not, and is not sent then. */
	begin_watch();
	run(5000);
	assert_int_equal(pictures(&viewer[0]), 0);
	assert_true(sound(&viewer[0]) > 245);
	watch(1, NULL);
	run(5000);
	assert_true(source->client->remb_bps > 1600000);
	assert_int_equal(sim_faults(&s), 0);
}

static void nobody_notices_a_bad_path(void **state)
{
	(void)state;
	struct link_config bad = path_of(200000);
	bad.loss_ppm = 100000;
	publish();
	for (unsigned i = 0; i < 9; i++)
		watch(i, NULL);
	run(15000);
	begin_watch();
	const struct client_send *theirs = &source->client->send[CLIENT_VIDEO];
	uint64_t plis = source->client->count.plis;
	uint64_t keys = theirs->keyframes;
	run(60000);
	assert_int_equal(source->client->count.plis, plis);
	assert_int_equal(theirs->keyframes, keys);
	watch(9, &bad);
	run(5000); /* joins as everybody does */
	begin_watch();
	plis = source->client->count.plis;
	keys = theirs->keyframes;
	run(60000);
	plis = source->client->count.plis - plis;
	print_message("%u key frames asked for in a minute; ", (unsigned)plis);
	tell(&viewer[9], "the bad one");
	/* Not one of what the others see, few of the smallest. */
	assert_int_equal(theirs->keyframes, keys);
	assert_true(plis <= 4);
	for (unsigned i = 0; i < 9; i++) {
		assert_int_equal(lines(&viewer[i]), 720);
		assert_int_equal(changes(&viewer[i]), 0);
		assert_true(viewer[i].longest_gap_us <= 50000);
		assert_in_range(pictures(&viewer[i]), 30 * 60 - 2, 30 * 60 + 2);
	}
	/* Sound first: what the path itself does not lose. */
	assert_true(sound(&viewer[9]) > 50 * 60 * 85 / 100);
	assert_true(wait_p95(&viewer[9]) < 200);
	assert_int_equal(sim_faults(&s), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			each_gets_what_its_path_carries, setup, teardown),
		cmocka_unit_test_setup_teardown(begins_soon, setup, teardown),
		cmocka_unit_test_setup_teardown(down_at_once, setup, teardown),
		cmocka_unit_test_setup_teardown(up_soon, setup, teardown),
		cmocka_unit_test_setup_teardown(
			loss_alone_costs_no_picture, setup, teardown),
		cmocka_unit_test_setup_teardown(
			begins_at_once_elsewhere, setup, teardown),
		cmocka_unit_test_setup_teardown(
			one_size_is_for_the_best, setup, teardown),
		cmocka_unit_test_setup_teardown(
			comes_back_without_rtx, setup, teardown),
		cmocka_unit_test_setup_teardown(
			nobody_notices_a_bad_path, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
