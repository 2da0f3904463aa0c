#include <errno.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "fake_conference.h"
#include "ice/ice.h"
#include "sfu/worker.h"

enum { DTLS = 22, RTP = 0x80 };

struct fixture {
	struct event_base *base;
	struct pipe *pipe;
	struct worker *worker;
	unsigned port;
	char sorry[WIRE_TEXT_MAX];
	struct sfu_event event[256];
	unsigned n_events;
	struct worker_stats stats;
	unsigned n_stats, byes, ended;
	int fd;
};

static void on_message(void *arg, const struct wire_message *m)
{
	struct fixture *f = arg;

	if (!m)
		return;
	if (m->type == WIRE_HELLO)
		f->port = (unsigned)atoi(m->u.text.v);
	else if (m->type == WIRE_SORRY)
		snprintf(f->sorry, sizeof(f->sorry), "%s", m->u.text.v);
	else if (m->type == WIRE_EVENT && f->n_events < 256)
		f->event[f->n_events++] = m->u.event;
	else if (m->type == WIRE_BYE)
		f->byes++;
	else if (m->type == WIRE_STATS) {
		f->stats = m->u.stats;
		f->n_stats++;
	}
}

static void on_end(void *arg, int code)
{
	struct fixture *f = arg;

	assert_int_equal(code, 0);
	f->ended++;
}

static void turn(struct fixture *f, unsigned ms)
{
	struct timeval tv = { .tv_usec = (suseconds_t)ms * 1000 };

	event_base_loopexit(f->base, &tv);
	event_base_dispatch(f->base);
}

static void tell(
	struct fixture *f, enum wire_type type, sfu_id id, const char *text)
{
	struct wire_message m = { .type = type, .id = id };

	if (type == WIRE_JOIN) {
		m.u.join.conference = text;
		m.u.join.label = "label";
	} else if (text) {
		m.u.text.v = text;
	}
	assert_int_equal(pipe_send(f->pipe, &m), 0);
	turn(f, 5);
}

static int set_up(void **state)
{
	struct wire_message m = { .type = WIRE_OPTIONS };
	struct fixture *f = calloc(1, sizeof(*f));
	struct pipe *ends[2];
	struct sockaddr_storage to;

	memset(&fake, 0, sizeof(fake));
	fake.deadline_us = UINT64_MAX;
	f->base = event_base_new();
	event_base_priority_init(f->base, WORKER_PRIORITIES);
	assert_int_equal(pipe_pair(f->base, ends), 0);
	f->pipe = ends[0];
	pipe_listen(f->pipe, on_message, f);
	assert_int_equal(
		worker_new(&f->worker, f->base, ends[1], false, on_end, f), 0);
	m.u.options.n_listen = 1;
	m.u.options.conferences = 2;
	strcpy(m.u.options.listen[0], "127.0.0.1");
	assert_int_equal(pipe_send(f->pipe, &m), 0);
	turn(f, 5);
	assert_string_equal(f->sorry, "");
	assert_true(f->port != 0);
	f->fd = socket(AF_INET, SOCK_DGRAM, 0);
	assert_int_equal(udp_address_parse("127.0.0.1", f->port, &to), 0);
	assert_int_equal(connect(f->fd, (struct sockaddr *)&to,
				 ice_addr_len((struct sockaddr *)&to)),
		0);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	worker_free(f->worker);
	pipe_free(f->pipe);
	event_base_free(f->base);
	close(f->fd);
	assert_int_equal(fake.made, fake.freed);
	free(f);
	return 0;
}

/* A binding request, good enough for ice_peek_ufrag. */
static void send_check(struct fixture *f, const char *ufrag)
{
	uint8_t b[64] = { 0, 1, 0, 16, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5, 6,
		7, 8, 9, 10, 11, 12, 0, 6, 0, 12 };

	memcpy(b + 24, ufrag, 8);
	memcpy(b + 32, ":abc", 4);
	assert_int_equal(send(f->fd, b, 36, 0), 36);
}

static void send_byte(struct fixture *f, uint8_t first)
{
	uint8_t b[20] = { first };

	assert_int_equal(send(f->fd, b, sizeof(b), 0), sizeof(b));
}

/* n datagrams of 20 bytes in one call: the socket cuts them, or we do. */
static void send_train(struct fixture *f, uint8_t first, unsigned n)
{
	uint8_t b[64 * 20] = { 0 };
	int size = 20, off = 0;

	assert_true(n * 20 <= sizeof(b));
	for (unsigned i = 0; i < n; i++)
		b[20 * i] = first;
	assert_int_equal(
		setsockopt(f->fd, SOL_UDP, UDP_SEGMENT, &size, sizeof(size)),
		0);
	assert_int_equal(send(f->fd, b, n * 20, 0), n * 20);
	assert_int_equal(
		setsockopt(f->fd, SOL_UDP, UDP_SEGMENT, &off, sizeof(off)), 0);
}

static unsigned seen(uint8_t first)
{
	unsigned n = 0;

	for (unsigned i = 0; i < fake.n_seen; i++)
		n += fake.seen[i] == first;
	return n;
}

static void ask(struct fixture *f)
{
	unsigned before = f->n_stats;

	tell(f, WIRE_ASK_STATS, 0, NULL);
	assert_int_equal(f->n_stats, before + 1);
}

static void test_routing(void **state)
{
	struct fixture *f = *state;
	uint8_t reply = 0;

	tell(f, WIRE_JOIN, 7, "room");
	send_byte(f, RTP);
	turn(f, 5);
	assert_int_equal(fake.n_seen, 0); /* not proven yet */
	send_check(f, "ufrag999");
	turn(f, 5);
	assert_int_equal(fake.n_seen, 0); /* nobody's */
	send_check(f, "ufrag007");
	turn(f, 5);
	assert_int_equal(fake.n_seen, 1);
	assert_true(fake.out_was_set);
	assert_int_equal(recv(f->fd, &reply, 1, MSG_DONTWAIT), 1);
	send_byte(f, RTP);
	turn(f, 5);
	assert_int_equal(seen(RTP), 1);
	assert_int_equal(recv(f->fd, &reply, 1, MSG_DONTWAIT), 1);
	assert_int_equal(reply, RTP);
	ask(f);
	assert_int_equal(f->stats.unknown_source, 2);
	assert_int_equal(f->stats.core.participants, 1);
	assert_int_equal(f->stats.conferences, 1);
}

/* What only the end of a batch brings about is told in the same turn. */
static void test_end_of_batch(void **state)
{
	struct fixture *f = *state;
	unsigned before;

	tell(f, WIRE_JOIN, 7, "room");
	send_check(f, "ufrag007");
	turn(f, 5);
	before = f->n_events;
	fake.events_of_end = 1;
	send_byte(f, RTP);
	turn(f, 5);
	assert_int_equal(fake.events_of_end, 0);
	assert_int_equal(f->n_events, before + 1);
	assert_int_equal(f->event[before].type, SFU_EV_CONNECTED);
}

/* What is in the outbox of a turn that took long is said to leave late. */
static void test_late(void **state)
{
	struct fixture *f = *state;

	tell(f, WIRE_JOIN, 7, "room");
	send_check(f, "ufrag007");
	turn(f, 5);
	fake.nap_us = 20000;
	send_byte(f, RTP);
	turn(f, 40);
	assert_int_equal(fake.late_at_us, fake.seen_us[fake.n_seen - 1]);
	assert_true(fake.late_us >= 20000);
	ask(f);
	assert_true(f->stats.late_turns >= 1);
}

static void test_leave(void **state)
{
	struct fixture *f = *state;

	tell(f, WIRE_JOIN, 7, "room");
	send_check(f, "ufrag007");
	turn(f, 5);
	tell(f, WIRE_LEAVE, 7, NULL);
	assert_int_equal(f->n_events, 1);
	assert_int_equal(f->event[0].type, SFU_EV_LEFT);
	assert_int_equal(f->event[0].reason, SFU_BY_COMMAND);
	assert_int_equal(fake.freed, 1); /* the conference went with them */
	send_byte(f, RTP);
	send_check(f, "ufrag007");
	tell(f, WIRE_OFFER, 7, "v=0"); /* late command: harmless */
	assert_int_equal(f->n_events, 1);
	assert_int_equal(seen(RTP), 0);
	ask(f);
	assert_int_equal(f->stats.unknown_source, 2);
	assert_int_equal(f->stats.core.participants, 0);
	assert_int_equal(f->stats.core.rtp_in, 10); /* kept after the end */
}

static void test_commands(void **state)
{
	struct fixture *f = *state;

	tell(f, WIRE_JOIN, 7, "room");
	tell(f, WIRE_JOIN, 7, "room"); /* twice: ignored */
	tell(f, WIRE_OFFER, 7, "v=0");
	assert_int_equal(f->n_events, 1);
	assert_int_equal(f->event[0].type, SFU_EV_ANSWER);
	assert_int_equal(f->event[0].participant, 7);
	tell(f, WIRE_JOIN, 8, "other");
	tell(f, WIRE_JOIN, 9, "third"); /* options say two */
	assert_int_equal(f->n_events, 2);
	assert_int_equal(f->event[1].type, SFU_EV_LEFT);
	assert_int_equal(f->event[1].participant, 9);
	assert_int_equal(f->event[1].reason, SFU_FULL);
	fake.join_error = -EBUSY;
	tell(f, WIRE_JOIN, 10, "room");
	assert_int_equal(f->n_events, 3);
	assert_int_equal(f->event[2].reason, SFU_FULL);
	ask(f);
	assert_int_equal(f->stats.conferences, 2);
}

static void test_view(void **state)
{
	struct fixture *f = *state;
	struct wire_message m = { .type = WIRE_VIEW, .id = 7 };

	tell(f, WIRE_JOIN, 7, "room");
	m.u.view.stream = "h8-0";
	m.u.view.height = 360;
	m.u.view.visible = true;
	assert_int_equal(pipe_send(f->pipe, &m), 0);
	turn(f, 5);
	assert_string_equal(fake.view, "7 h8-0 360 1");
	/* Nobody of that id. */
	m.id = 8;
	m.u.view.visible = false;
	assert_int_equal(pipe_send(f->pipe, &m), 0);
	turn(f, 5);
	assert_string_equal(fake.view, "7 h8-0 360 1");
}

static void test_screen(void **state)
{
	struct fixture *f = *state;
	struct wire_message m = { .type = WIRE_SCREEN, .id = 7 };

	tell(f, WIRE_JOIN, 7, "room");
	m.u.screen.stream = "s1";
	m.u.screen.on = true;
	assert_int_equal(pipe_send(f->pipe, &m), 0);
	turn(f, 5);
	assert_string_equal(fake.screen, "7 s1 1");
}

static void test_failed_first_join(void **state)
{
	struct fixture *f = *state;

	fake.join_error = -ENOMEM;
	tell(f, WIRE_JOIN, 7, "room");
	assert_int_equal(fake.made, 1);
	assert_int_equal(fake.freed, 1);
}

/* What the cores were lent, as a peer of one of them uses it. */
static struct handshake *shake(struct env *env, sfu_id id)
{
	struct dtls *d;

	assert_int_equal(dtls_new(&d, env->cert, DTLS_CLIENT, "sha-256",
				 cert_fingerprint(env->cert)),
		0);
	return handshake_new(d, id);
}

/* More in trains than one turn takes: the rest needs nothing new to come. */
static void test_trains_outlast_a_turn(void **state)
{
	struct fixture *f = *state;

	tell(f, WIRE_JOIN, 7, "room");
	send_check(f, "ufrag007");
	turn(f, 5);
	for (unsigned i = 0; i < 8; i++)
		send_train(f, RTP, 60);
	turn(f, 30);
	assert_int_equal(seen(RTP), 480);
}

/* Errands come back to their conference while it is there. */
static void test_errands(void **state)
{
	struct fixture *f = *state;
	struct handshake *h[2];
	struct env *env;

	tell(f, WIRE_JOIN, 7, "room");
	env = fake_env();
	for (unsigned i = 0; i < 2; i++) {
		h[i] = shake(env, 7 + i);
		assert_true(errand_send(
			env->errands, h[i], ERRAND_START, 1, NULL, 0));
	}
	handshake_give_up(h[1]); /* nobody has its id either */
	while (h[0]->out)
		turn(f, 1);
	assert_int_equal(fake.errands, 1);
	assert_true(fake.out_was_set);
	assert_int_equal(dtls_state(h[0]->dtls), DTLS_HANDSHAKE);
	dtls_free(h[0]->dtls);
	handshake_free(h[0]);
	do
		ask(f);
	while (f->stats.handshakes_waiting);
	assert_int_equal(f->stats.handshake_drops, 0);
}

static void test_timer(void **state)
{
	struct fixture *f = *state;

	fake.deadline_us = 1; /* long past */
	tell(f, WIRE_JOIN, 7, "room");
	turn(f, 5 * ASSOC_TICK_US / 1000);
	assert_int_equal(fake.ticks, 3); /* its own two more, then none */
	assert_in_range(fake.channels, 3, 6);
	tell(f, WIRE_LEAVE, 7, NULL);
	fake.channels = 0;
	turn(f, 2 * ASSOC_TICK_US / 1000);
	assert_int_equal(fake.channels, 0); /* nobody here */
}

static void test_stop(void **state)
{
	struct fixture *f = *state;

	tell(f, WIRE_JOIN, 7, "room");
	tell(f, WIRE_JOIN, 8, "room");
	tell(f, WIRE_JOIN, 9, "other");
	tell(f, WIRE_STOP, 0, NULL);
	assert_int_equal(f->n_events, 3);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(f->event[i].type, SFU_EV_LEFT);
	assert_int_equal(f->byes, 1);
	f->pipe = pipe_free(f->pipe);
	turn(f, 5);
	assert_int_equal(f->ended, 1);
}

static void test_port_in_use(void **state)
{
	struct wire_message m = { .type = WIRE_OPTIONS };
	struct fixture *f = *state, g = { 0 };
	struct worker *second = NULL;
	struct pipe *ends[2];

	assert_int_equal(pipe_pair(f->base, ends), 0);
	pipe_listen(ends[0], on_message, &g);
	assert_int_equal(
		worker_new(&second, f->base, ends[1], false, on_end, &g), 0);
	m.u.options.n_listen = 1;
	m.u.options.port = f->port;
	strcpy(m.u.options.listen[0], "127.0.0.1");
	assert_int_equal(pipe_send(ends[0], &m), 0);
	turn(f, 5);
	assert_non_null(strstr(g.sorry, "media.port"));
	m.type = WIRE_JOIN;
	m.id = 3;
	m.u.join.conference = m.u.join.label = "x";
	assert_int_equal(pipe_send(ends[0], &m), 0);
	turn(f, 5);
	assert_int_equal(g.n_events, 1);
	assert_int_equal(g.event[0].type, SFU_EV_LEFT);
	worker_free(second);
	pipe_free(ends[0]);
}

static void test_bad_advertise(void **state)
{
	struct wire_message m = { .type = WIRE_OPTIONS };
	struct fixture *f = *state, g = { 0 };
	struct worker *second = NULL;
	struct pipe *ends[2];

	assert_int_equal(pipe_pair(f->base, ends), 0);
	pipe_listen(ends[0], on_message, &g);
	assert_int_equal(
		worker_new(&second, f->base, ends[1], false, on_end, &g), 0);
	m.u.options.n_listen = m.u.options.n_advertise = 1;
	strcpy(m.u.options.listen[0], "127.0.0.1");
	strcpy(m.u.options.advertise[0], "example.org");
	assert_int_equal(pipe_send(ends[0], &m), 0);
	turn(f, 5);
	assert_non_null(strstr(g.sorry, "media.advertise"));
	worker_free(second);
	pipe_free(ends[0]);
}

/* More events in one turn than a sane conference makes. */
static void test_many_events(void **state)
{
	struct fixture *f = *state;

	tell(f, WIRE_JOIN, 7, "room");
	fake.events_of_input = 60;
	send_check(f, "ufrag007");
	turn(f, 5);
	assert_int_equal(f->n_events, 60);
}

#define WITH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH(test_routing),
		WITH(test_end_of_batch),
		WITH(test_late),
		WITH(test_leave),
		WITH(test_commands),
		WITH(test_view),
		WITH(test_screen),
		WITH(test_failed_first_join),
		WITH(test_errands),
		WITH(test_trains_outlast_a_turn),
		WITH(test_timer),
		WITH(test_stop),
		WITH(test_port_in_use),
		WITH(test_bad_advertise),
		WITH(test_many_events),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
