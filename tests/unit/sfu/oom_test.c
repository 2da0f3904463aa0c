/*
 * Memory runs out once, at each place in turn: the core must neither crash nor
 * leak (ASan), and whoever is harmed is told or goes; the others' call goes on.
 *
 * The linker puts the functions below in the place of the allocator's and of
 * the core's entries: only what is allocated inside of the core fails, by
 * whatever of our own code.
 */
#include "tests/sim/cmocka_sim.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "tests/unit/sfu/stage.h"

static struct {
	bool in_core;
	unsigned n, fail_at; /* 0: never */
} memory;

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);

static bool fails(void)
{
	return memory.in_core && ++memory.n == memory.fail_at;
}

void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t size)
{
	return fails() ? NULL : __real_realloc(p, size);
}

#define ENTRY(name, parameters, arguments)                                     \
	void __real_##name parameters;                                         \
	void __wrap_##name parameters;                                         \
	void __wrap_##name parameters                                          \
	{                                                                      \
		memory.in_core = true;                                         \
		__real_##name arguments;                                       \
		memory.in_core = false;                                        \
	}

ENTRY(conference_offer,
	(struct conference * c, uint64_t now_us, sfu_id id, const char *sdp,
		size_t len, struct outbox *out),
	(c, now_us, id, sdp, len, out))
ENTRY(conference_answer,
	(struct conference * c, uint64_t now_us, sfu_id id, const char *sdp,
		size_t len, struct outbox *out),
	(c, now_us, id, sdp, len, out))
ENTRY(conference_leave,
	(struct conference * c, uint64_t now_us, sfu_id id,
		enum sfu_reason reason, struct outbox *out),
	(c, now_us, id, reason, out))
ENTRY(conference_tick,
	(struct conference * c, uint64_t now_us, struct outbox *out),
	(c, now_us, out))
ENTRY(conference_channels,
	(struct conference * c, uint64_t now_us, struct outbox *out),
	(c, now_us, out))

ENTRY(intake_end, (struct intake * in, uint64_t now_us, struct outbox *out),
	(in, now_us, out))

bool __real_intake_take(struct intake *in, uint64_t now_us, uint64_t at_us,
	struct participant *p, const struct sockaddr *from, uint8_t *buf,
	size_t len, struct outbox *out);
bool __wrap_intake_take(struct intake *in, uint64_t now_us, uint64_t at_us,
	struct participant *p, const struct sockaddr *from, uint8_t *buf,
	size_t len, struct outbox *out);
bool __wrap_intake_take(struct intake *in, uint64_t now_us, uint64_t at_us,
	struct participant *p, const struct sockaddr *from, uint8_t *buf,
	size_t len, struct outbox *out)
{
	memory.in_core = true;
	bool ret =
		__real_intake_take(in, now_us, at_us, p, from, buf, len, out);
	memory.in_core = false;
	return ret;
}

static void arm(unsigned at)
{
	memory.n = 0;
	memory.fail_at = at;
}

/* --- one thing at a time
 * ------------------------------------------------------
 */

static void conferences_are_made_whole(void **state)
{
	(void)state;
	struct env env = { 0 };
	for (unsigned at = 1;; at++) {
		assert_true(at < 10);
		arm(at);
		memory.in_core = true;
		struct conference *c = conference_new(&env, "room");
		memory.in_core = false;
		bool failed = memory.n >= at;
		assert_true(failed == !c);
		conference_free(c);
		if (!failed)
			break;
	}
}

static void joining_is_all_or_nothing(void **state)
{
	(void)state;
	static struct sim s;
	const struct sfu_join_options opt = { .renegotiate = true };
	sim_init(&s, 1);
	for (unsigned at = 1;; at++) {
		assert_true(at < 20);
		arm(at);
		memory.in_core = true;
		int err = conference_join(
			s.conference, s.now_us, 7, "label", &opt);
		memory.in_core = false;
		if (!err) {
			assert_true(memory.n < at);
			break;
		}
		assert_int_equal(err, -ENOMEM);
		assert_null(conference_find(s.conference, 7));
		assert_true(conference_empty(s.conference));
	}
	sim_done(&s);
}

static void plugging_in_is_all_or_nothing(void **state)
{
	(void)state;
	static struct sim s;
	const struct sfu_plug_options may = { .listen = true };
	sim_init(&s, 1);
	for (unsigned at = 1;; at++) {
		assert_true(at < 20);
		arm(at);
		memory.in_core = true;
		int err = conference_plug(
			s.conference, s.now_us, 7, "label", &may);
		memory.in_core = false;
		if (!err) {
			assert_true(memory.n < at);
			break;
		}
		assert_int_equal(err, -ENOMEM);
		assert_true(conference_empty(s.conference));
	}
	sim_done(&s);
}

/* --- a whole call ------------------------------------------------------------
 */

static struct sim world;
static void (*flush_for_real)(struct outbox *);

/* The network's memory is not the core's. */
static void flush_outside(struct outbox *out)
{
	bool in = memory.in_core;
	memory.in_core = false;
	flush_for_real(out);
	memory.in_core = in;
}

static struct client_config slow(uint32_t id)
{
	struct client_config cfg = sim_usual(id);
	cfg.fps = 5;
	cfg.packets_per_frame = 1;
	cfg.packet_bytes = 100;
	cfg.audio_ms = 60;
	return cfg;
}

static void say(struct sim_seat *seat, const char *label)
{
	static const struct assoc_reliability reliable;
	struct channels *ch = seat->client->channels;
	struct channel *open =
		ch ? channels_open(ch, label, SFU_FROM_PROTOCOL, &reliable)
		   : NULL;
	if (open)
		channels_send(ch, open, true, (const uint8_t *)"x", 1);
}

/* Who was not told of an error or to go sees and hears all others who stayed.
 */
static void the_rest_goes_on(struct sim_seat *const *seat, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		if (seat[i]->left || seat[i]->refused)
			continue;
		assert_int_equal(seat[i]->connected, 1);
		assert_int_equal(seat[i]->client->count.corrupt, 0);
		for (unsigned k = 0; k < n; k++) {
			if (i == k || seat[k]->left ||
				seat[i]->client->cfg.metadata_free)
				continue;
			assert_int_equal(
				client_live(seat[i]->client,
					seat[k]->client->cfg.id, world.now_us),
				2);
		}
	}
}

/* Join, offer, answer, connect, publish, subscribe, renegotiate, talk, leave.
 * Returns the number of allocations. */
static unsigned call(unsigned fail_at)
{
	struct sim_seat *seat[3];
	struct client_config cfg = slow(1);
	sim_init(&world, 3);
	flush_for_real = world.out.flush;
	world.out.flush = flush_outside;
	arm(fail_at);
	seat[0] = sim_join(&world, &cfg, NULL);
	sim_run(&world, 200000);
	cfg = slow(2);
	seat[1] = sim_join(&world, &cfg, NULL);
	cfg = slow(3);
	cfg.metadata_free = true;
	seat[2] = sim_join(&world, &cfg, NULL);
	sim_run(&world, SIM_S);
	say(seat[0], SFU_CONTROL_LABEL);
	say(seat[0], "notes");
	sim_run(&world, SIM_S);
	the_rest_goes_on(seat, 3);
	sim_ice_restart(&world, seat[0]);
	sim_leave(&world, seat[1]);
	seat[1] = seat[2];
	sim_run(&world, 500000);
	if (!seat[0]->left && !seat[1]->left && !seat[0]->refused)
		assert_true(client_live(seat[1]->client, 1, world.now_us) == 2);
	unsigned n = memory.n, left = seat[0]->left + seat[1]->left;
	arm(0);
	/* Nothing of those who went is left. */
	assert_int_equal(sim_stats(&world).participants, 2 - left);
	sim_done(&world);
	return n;
}

static void a_call_survives_each_failure(void **state)
{
	(void)state;
	unsigned total = call(0), again = call(0);
	assert_true(total > 50);
	/* The same call allocates the same: each place is met. */
	assert_in_range(again, total - total / 10, total + total / 10);
	for (unsigned at = 1; at <= total + total / 10; at++)
		call(at);
}

/* --- with a program ----------------------------------------------------------
 */

static const char description[] =
	"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
	"m=audio 9 RTP/AVPF 111\r\na=mid:a\r\na=recvonly\r\n"
	"a=rtpmap:111 opus/48000/2\r\n"
	"m=video 9 RTP/AVPF 96\r\na=mid:v\r\na=recvonly\r\n"
	"a=rtpmap:96 VP8/90000\r\n"
	"m=audio 9 RTP/AVPF 111\r\na=mid:p\r\na=sendonly\r\n"
	"a=rtpmap:111 opus/48000/2\r\na=msid:s t\r\n";

static struct {
	unsigned packets, refused, left;
} program;

static void on_packet(
	struct sim *s, sfu_id id, bool rtcp, const uint8_t *buf, size_t len)
{
	(void)s;
	(void)id;
	(void)buf;
	(void)len;
	program.packets += !rtcp;
}

static void on_event(struct sim *s, const struct sfu_event *ev)
{
	(void)s;
	program.refused += ev->type == SFU_EV_REFUSED;
	program.left += ev->type == SFU_EV_LEFT;
}

/* It describes itself, tracks come and go on both sides. */
static unsigned feed(unsigned fail_at)
{
	const struct sfu_plug_options may = { .listen = true, .publish = true };
	struct client_config cfg = slow(1);
	sim_init(&world, 3);
	memset(&program, 0, sizeof(program));
	world.plugs.packet = on_packet;
	world.plugs.event = on_event;
	flush_for_real = world.out.flush;
	world.out.flush = flush_outside;
	struct sim_seat *one = sim_join(&world, &cfg, NULL);
	sim_run(&world, SIM_S);
	assert_int_equal(conference_plug(world.conference, world.now_us, 900,
				 "program", &may),
		0);
	arm(fail_at);
	for (unsigned i = 0; i < 2; i++) {
		conference_offer(world.conference, world.now_us, 900,
			description, sizeof(description) - 1, &world.out);
		sim_settle(&world);
		sim_run(&world, 500000);
	}
	cfg = slow(2);
	struct sim_seat *two = sim_join(&world, &cfg, NULL);
	sim_run(&world, SIM_S);
	if (!two->left && !one->left && !two->refused)
		assert_int_equal(client_live(two->client, 1, world.now_us), 2);
	sim_leave(&world, two);
	sim_run(&world, 200000);
	/* It hears, or knows why not. */
	assert_true(program.packets > 0 || program.left || program.refused ||
		    one->left);
	unsigned n = memory.n;
	arm(0);
	sim_done(&world);
	return n;
}

static void a_feed_survives_each_failure(void **state)
{
	(void)state;
	unsigned total = feed(0);
	assert_true(total > 30);
	assert_int_equal(program.left + program.refused, 0);
	for (unsigned at = 1; at <= total + total / 10; at++)
		feed(at);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(conferences_are_made_whole),
		cmocka_unit_test(joining_is_all_or_nothing),
		cmocka_unit_test(a_call_survives_each_failure),
		cmocka_unit_test(plugging_in_is_all_or_nothing),
		cmocka_unit_test(a_feed_survives_each_failure),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
