/*
 * What a participant costs in memory, once it is connected and silent: the
 * heap before and after all of them leave, their clients gone already. And what
 * is left when many have come and gone: nothing.
 *
 * Counted where everybody allocates, the libraries too: what malloc says of
 * itself has blocks in it that are free but kept at hand.
 */
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include "sfu/demux.h"
#include "sfu/participant.h"
#include "sfu/sdp/negotiation.h"
#include "tests/sim/cmocka_sim.h"
#include "tests/sim/sim.h"

enum {
	CROWD = 40,
	HALF = CROWD / 2,
	IDLE_DATA_MAX = 32000,
	IDLE_MAX = 12000,
	SUBSCRIPTION_MAX = 928,
	ROUNDS = 50, /* of HALF joins each */
	WARM = 10,
	ROUND = 2 * sizeof(size_t), /* what malloc counts in */
};

static struct sim s;
static size_t heap;

/* In place of glibc's, which has them by these names as well. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);
void *__libc_memalign(size_t align, size_t size);
void __libc_free(void *p);

/* What was asked for stands before a block, in the rounds that malloc makes of
 * it: what it really takes depends on what lay there before. */
struct mark {
	size_t magic, size;
};
enum { MAGIC = 0x68656170 };

static void *marked(struct mark *m, size_t size)
{
	if (!m)
		return NULL;
	size = (size + sizeof(size_t) + ROUND - 1) / ROUND * ROUND;
	m->magic = MAGIC ^ (uintptr_t)m;
	m->size = size < 2 * ROUND ? 2 * ROUND : size;
	heap += m->size;
	return m + 1;
}

/* NULL: a block that asked for an alignment, and has none. */
static struct mark *mark_of(void *p)
{
	struct mark *m = (struct mark *)p - 1;
	return m->magic == (MAGIC ^ (uintptr_t)m) ? m : NULL;
}

void *malloc(size_t size)
{
	return marked(__libc_malloc(size + sizeof(struct mark)), size);
}

void *calloc(size_t n, size_t size)
{
	size_t all;
	if (__builtin_mul_overflow(n, size, &all))
		return NULL;
	return marked(__libc_calloc(1, all + sizeof(struct mark)), all);
}

void *realloc(void *p, size_t size)
{
	if (!p)
		return malloc(size);
	struct mark *m = mark_of(p);
	if (!m)
		return __libc_realloc(p, size);
	size_t before = m->size;
	m->magic = 0;
	m = __libc_realloc(m, size + sizeof(*m));
	assert_non_null(m);
	heap -= before;
	return marked(m, size);
}

void *memalign(size_t align, size_t size)
{
	return __libc_memalign(align, size);
}

void *aligned_alloc(size_t align, size_t size)
{
	return memalign(align, size);
}

int posix_memalign(void **ret, size_t align, size_t size)
{
	*ret = memalign(align, size);
	return *ret ? 0 : ENOMEM;
}

void free(void *p)
{
	struct mark *m = p ? mark_of(p) : NULL;
	if (!m) {
		__libc_free(p);
		return;
	}
	heap -= m->size;
	m->magic = 0;
	__libc_free(m);
}

static void crowd(struct client_config cfg, unsigned n, unsigned publishers)
{
	for (unsigned i = 0; i < n; i++) {
		struct client_config c = cfg;
		c.id = i + 1;
		if (i < publishers)
			c.audio = c.video = true;
		sim_join(&s, &c, NULL);
		sim_run(&s, SIM_S / 10);
	}
	sim_run(&s, 12 * SIM_S);
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(s.seat[i].connected, 1);
}

/* Bytes of the server for all who are left when their clients are gone. */
static size_t measure(unsigned n)
{
	sfu_id id[CROWD];
	size_t before, after;
	for (unsigned i = 0; i < n; i++) {
		id[i] = s.seat[i].id;
		/* Its last words would undo what is to be measured. */
		s.seat[i].up.cut = true;
		sim_vanish(&s, &s.seat[i]);
	}
	sim_run(&s, SIM_S / 2);
	before = heap;
	for (unsigned i = 0; i < n; i++)
		conference_leave(
			s.conference, s.now_us, id[i], SFU_BY_COMMAND, &s.out);
	sim_settle(&s);
	sim_run(&s, SIM_S / 2);
	after = heap;
	return before - after;
}

static const struct client_config usual = {
	.spares = 1,
	.fps = 15,
	.packets_per_frame = 2,
	.packet_bytes = 600,
	.audio_ms = 20,
	.twcc = true,
	.rtx = true,
	.red = true,
};

static size_t all(struct client_config cfg, unsigned n, unsigned publishers)
{
	sim_init(&s, 7);
	crowd(cfg, n, publishers);
	size_t bytes = measure(n);
	sim_done(&s);
	return bytes;
}

static size_t idle(struct client_config cfg)
{
	return all(cfg, CROWD, 0) / CROWD + sizeof(struct demux_owner);
}

static void idle_participants_are_small(void **unused)
{
	(void)unused;
	struct client_config data = usual, server = usual, more = usual;
	data.data = true;
	server.dtls_client = true;
	more.spares = 9;
	size_t bare = idle(usual), with_data = idle(data),
	       as_server = idle(server), with_lines = idle(more);
	print_message("participant %zu (peer %zu, negotiation %zu, line %zu), "
		      "demux owner %zu\n",
		sizeof(struct participant), sizeof(struct peer),
		sizeof(struct negotiation), sizeof(struct line),
		sizeof(struct demux_owner));
	print_message("idle: %zu bytes, as DTLS server %zu, with data %zu, "
		      "m-line %zu\n",
		bare, as_server, with_data, (with_lines - bare) / 16);
	assert_true(bare <= IDLE_MAX);
	assert_true(as_server <= IDLE_MAX);
	assert_true(with_data <= IDLE_DATA_MAX);
}

/* What two more subscriptions of each of so many others add, their m-lines in
 * the negotiation with them, and the publisher's own once. */
static size_t second_publisher(unsigned n)
{
	return all(usual, n, 2) - all(usual, n, 1);
}

static void subscriptions_are_small(void **unused)
{
	(void)unused;
	/* The publisher's own takes itself off. */
	size_t each = (second_publisher(CROWD) - second_publisher(HALF)) /
		      (2 * (CROWD - HALF));
	print_message("subscription %zu bytes, of which the struct %zu and the "
		      "m-line %zu\n",
		each, sizeof(struct subscription), sizeof(struct line));
	assert_true(each <= SUBSCRIPTION_MAX);
}

static void come_and_go(unsigned round)
{
	struct client_config cfg = usual;
	struct sim_seat *seat[HALF];
	cfg.data = true;
	for (unsigned i = 0; i < HALF; i++) {
		cfg.id = round * HALF + i + 1;
		cfg.audio = cfg.video = i < 2;
		cfg.dtls_client = i % 2;
		seat[i] = sim_join(&s, &cfg, NULL);
	}
	sim_run(&s, 2 * SIM_S);
	for (unsigned i = 0; i < HALF; i++) {
		assert_int_equal(seat[i]->client->connected, 1);
		sim_leave(&s, seat[i]);
	}
	sim_run(&s, SIM_S);
}

static void a_thousand_joins_leave_nothing(void **unused)
{
	(void)unused;
	size_t at[2] = { 0, 0 };
	sim_init(&s, 8);
	for (unsigned i = 0; i < ROUNDS; i++) {
		come_and_go(i);
		if (i == WARM)
			at[0] = heap;
	}
	at[1] = heap;
	print_message("after %u joins %zu bytes, after %u %zu\n",
		(WARM + 1) * HALF, at[0], ROUNDS * HALF, at[1]);
	/* Less than the smallest block for each: usrsctp remembers tags of
	 * associations that are gone for a minute. */
	assert_true(at[1] < at[0] + (ROUNDS - WARM - 1) * HALF * 2 * ROUND);
	sim_done(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(idle_participants_are_small),
		cmocka_unit_test(subscriptions_are_small),
		cmocka_unit_test(a_thousand_joins_leave_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
