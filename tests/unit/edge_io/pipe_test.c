#include <errno.h>
#include <event2/event.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>
#include "sfu/pipe.h"

struct side {
	struct pipe *pipe;
	unsigned got, ends;
	sfu_id last_id;
	size_t last_len;
	bool inside; /* a pipe_send is running */
	bool intact;
};

struct fixture {
	struct event_base *base;
	struct side a, b;
	int raw; /* the far end's descriptor where there is no b */
};

static void on_message(void *arg, const struct wire_message *m)
{
	struct side *s = arg;

	assert_false(s->inside);
	if (!m) {
		s->ends++;
		return;
	}
	s->got++;
	s->intact = s->intact && m->id == s->last_id + 1;
	s->last_id = m->id;
	if (m->type == WIRE_OFFER) {
		s->last_len = m->u.text.len;
		for (size_t i = 0; i < m->u.text.len; i++)
			s->intact = s->intact &&
				    m->u.text.v[i] == (char)('a' + i % 26);
	}
}

static void set_up_memory(struct fixture *f)
{
	struct pipe *ends[2];

	memset(f, 0, sizeof(*f));
	f->base = event_base_new();
	assert_int_equal(pipe_pair(f->base, ends), 0);
	f->a.pipe = ends[0];
	f->b.pipe = ends[1];
	f->a.intact = f->b.intact = true;
	pipe_listen(ends[0], on_message, &f->a);
	pipe_listen(ends[1], on_message, &f->b);
}

static void set_up_socket(struct fixture *f, bool raw)
{
	int fd[2];

	memset(f, 0, sizeof(*f));
	f->base = event_base_new();
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fd), 0);
	f->a.intact = f->b.intact = true;
	f->a.pipe = pipe_new(f->base, fd[0], on_message, &f->a);
	f->raw = fd[1];
	if (!raw)
		f->b.pipe = pipe_new(f->base, fd[1], on_message, &f->b);
}

static void tear_down(struct fixture *f)
{
	pipe_free(f->a.pipe);
	pipe_free(f->b.pipe);
	event_base_free(f->base);
}

static void turn(struct fixture *f)
{
	for (int i = 0; i < 20; i++)
		event_base_loop(f->base, EVLOOP_NONBLOCK);
}

static char *text(size_t len)
{
	char *t = malloc(len + 1);

	for (size_t i = 0; i < len; i++)
		t[i] = (char)('a' + i % 26);
	t[len] = 0;
	return t;
}

static int send_text(
	struct fixture *f, struct side *from, sfu_id id, const char *t)
{
	struct wire_message m = { .type = WIRE_OFFER, .id = id };
	int err;

	m.u.text.v = t;
	f->a.inside = f->b.inside = true;
	err = pipe_send(from->pipe, &m);
	f->a.inside = f->b.inside = false;
	return err;
}

/* Both kinds: order, sizes around the fragment's, never inside the send. */
static void both_ways(struct fixture *f)
{
	static const size_t sizes[] = { 0, 1, PIPE_FRAGMENT - 6,
		PIPE_FRAGMENT - 5, PIPE_FRAGMENT - 4, 2 * PIPE_FRAGMENT - 5,
		SFU_SDP_MAX };

	for (unsigned i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		char *t = text(sizes[i]);

		assert_int_equal(send_text(f, &f->a, i + 1, t), 0);
		assert_int_equal(send_text(f, &f->b, i + 1, t), 0);
		assert_int_equal(f->b.got, i);
		turn(f);
		assert_int_equal(f->a.got, i + 1);
		assert_int_equal(f->b.got, i + 1);
		assert_int_equal(f->a.last_len, sizes[i]);
		assert_int_equal(f->b.last_len, sizes[i]);
		free(t);
	}
	assert_true(f->a.intact && f->b.intact);
}

static void test_memory(void **state)
{
	struct fixture f;

	(void)state;
	set_up_memory(&f);
	both_ways(&f);
	tear_down(&f);
}

static void test_socket(void **state)
{
	struct fixture f;

	(void)state;
	set_up_socket(&f, false);
	both_ways(&f);
	tear_down(&f);
}

/* A reader that sleeps: what the kernel does not take waits, up to a ceiling,
 * and arrives whole and in order once it wakes. */
static void ceiling(struct fixture *f)
{
	char *t = text(SFU_SDP_MAX);
	unsigned sent = 0;
	int err = 0;

	while (sent < 1000 && !err) {
		err = send_text(f, &f->a, sent + 1, t);
		sent += !err;
	}
	assert_int_equal(err, -ENOBUFS);
	assert_true(sent > 100);
	assert_true(pipe_queued(f->a.pipe) <= PIPE_QUEUE_MAX + 4096);
	for (int i = 0; i < 2000 && f->b.got < sent; i++)
		event_base_loop(f->base, EVLOOP_NONBLOCK);
	assert_int_equal(f->b.got, sent);
	assert_true(f->b.intact);
	assert_int_equal(pipe_queued(f->a.pipe), 0);
	assert_int_equal(send_text(f, &f->a, sent + 1, t), 0);
	free(t);
}

static void test_ceiling_memory(void **state)
{
	struct fixture f;

	(void)state;
	set_up_memory(&f);
	ceiling(&f);
	tear_down(&f);
}

static void test_ceiling_socket(void **state)
{
	struct fixture f;

	(void)state;
	set_up_socket(&f, false);
	ceiling(&f);
	tear_down(&f);
}

/* What was sent before the end is still handled, then the end, once. */
static void goes(struct fixture *f)
{
	assert_int_equal(send_text(f, &f->a, 1, "abc"), 0);
	f->a.pipe = pipe_free(f->a.pipe);
	turn(f);
	assert_int_equal(f->b.got, 1);
	assert_int_equal(f->b.ends, 1);
	assert_int_equal(send_text(f, &f->b, 1, "abc"), -EPIPE);
	turn(f);
	assert_int_equal(f->b.ends, 1);
}

static void test_end_memory(void **state)
{
	struct fixture f;

	(void)state;
	set_up_memory(&f);
	goes(&f);
	tear_down(&f);
}

static void test_end_socket(void **state)
{
	struct fixture f;

	(void)state;
	set_up_socket(&f, false);
	goes(&f);
	tear_down(&f);
}

/* A worker that was taken over sends what it likes: it is cut off. */
static void test_nonsense(void **state)
{
	static const struct {
		uint32_t head[4];
		size_t len;
	} rows[] = {
		{ { WIRE_BYE, 0, 0, 0 }, 3 },    /* half a header */
		{ { WIRE_BYE, 0, 5, 0 }, 16 },   /* length lies */
		{ { WIRE_BYE, 0, 0, 2 }, 16 },   /* bad flag */
		{ { WIRE_BYE, 0, 0, 1 }, 16 },   /* empty fragment */
		{ { 999, 0, 0, 0 }, 16 },        /* no such type */
		{ { WIRE_EVENT, 0, 0, 0 }, 16 }, /* no payload */
		{ { WIRE_STATS, 0, UINT32_MAX, 0 }, 16 },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct fixture f;

		set_up_socket(&f, true);
		assert_int_equal(send(f.raw, rows[i].head, rows[i].len, 0),
			(ssize_t)rows[i].len);
		turn(&f);
		assert_int_equal(f.a.ends, 1);
		assert_int_equal(f.a.got, 0);
		close(f.raw);
		turn(&f);
		assert_int_equal(f.a.ends, 1);
		tear_down(&f);
	}
}

/* Fragments without end stop at the ceiling. */
static void test_endless(void **state)
{
	static uint8_t packet[16 + PIPE_FRAGMENT];
	const uint32_t head[4] = { WIRE_EVENT, 1, PIPE_FRAGMENT, 1 };
	struct fixture f;
	int sent = 0;

	(void)state;
	set_up_socket(&f, true);
	memcpy(packet, head, sizeof(head));
	for (int i = 0; i < 100 && !f.a.ends; i++) {
		sent += send(f.raw, packet, sizeof(packet), MSG_DONTWAIT) > 0;
		event_base_loop(f.base, EVLOOP_NONBLOCK);
	}
	assert_int_equal(f.a.ends, 1);
	assert_true(sent <= WIRE_PAYLOAD_MAX / PIPE_FRAGMENT + 2);
	close(f.raw);
	tear_down(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_socket),
		cmocka_unit_test(test_ceiling_memory),
		cmocka_unit_test(test_ceiling_socket),
		cmocka_unit_test(test_end_memory),
		cmocka_unit_test(test_end_socket),
		cmocka_unit_test(test_nonsense),
		cmocka_unit_test(test_endless),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
