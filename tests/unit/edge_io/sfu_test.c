/*
 * The seam over real conferences, real sockets on loopback, and (main's
 * --worker) real worker processes.
 */
#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "../ice/check.h"
#include "sfu/config.h"
#include "sfu/log.h"
#include "sfu/sfu_private.h"
#include "sfu/udp.h"
#include "sfu/worker.h"

static const char offer[] =
	"v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
	"a=group:BUNDLE 0\r\n"
	"m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n"
	"c=IN IP4 0.0.0.0\r\na=ice-ufrag:" CHECK_UFRAG
	"\r\na=ice-pwd:" CHECK_PWD "\r\n"
	"a=fingerprint:sha-256 "
	"00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:"
	"10:11:12:13:14:15:16:17:18:19:1A:1B:1C:1D:1E:1F\r\n"
	"a=setup:actpass\r\na=mid:0\r\na=sctp-port:5000\r\n";

struct guest_log {
	unsigned n[SFU_EV_LEFT + 1];
	enum sfu_reason reason;
	char sdp[8192];
	sfu_id id;
	struct sfu *again; /* joins that one when it has left */
	sfu_id again_id;
	struct guest_log *again_log;
};

struct fixture {
	struct event_base *base;
	struct sfu *sfu;
	struct config config;
	unsigned failures, stops;
	char failure[512];
};

static char *loopback[] = { "127.0.0.1" };
static bool inside; /* a command */

static void on_event(void *arg, const struct sfu_event *ev)
{
	struct guest_log *g = arg;

	assert_false(inside);
	assert_int_equal(ev->participant, g->id);
	assert_int_equal(g->n[SFU_EV_LEFT], 0);
	g->n[ev->type]++;
	g->reason = ev->reason;
	if (ev->type == SFU_EV_ANSWER)
		snprintf(g->sdp, sizeof(g->sdp), "%s", ev->sdp);
	if (ev->type == SFU_EV_LEFT && g->again) {
		g->again_id = sfu_join(g->again, "again", "label", NULL,
			on_event, g->again_log, NULL);
		g->again_log->id = g->again_id;
	}
}

static void on_failed(void *arg, const char *text)
{
	struct fixture *f = arg;

	f->failures++;
	snprintf(f->failure, sizeof(f->failure), "%s", text);
}

static void on_stopped(void *arg)
{
	((struct fixture *)arg)->stops++;
}

/* A free port with a free one above it, so that two workers can have them. */
static unsigned free_port(void)
{
	static unsigned last;
	char error[UDP_ERROR_MAX];
	const char *listen[] = { "127.0.0.1" };

	for (unsigned p = last ? last + 2 : 20000 + (unsigned)getpid() % 9000;
		p < 32000; p += 2) {
		struct udp a, b;
		int ea = udp_init(&a, listen, 1, p, error);
		int eb = udp_init(&b, listen, 1, p + 1, error);

		udp_done(&a);
		udp_done(&b);
		last = p;
		if (!ea && !eb)
			return p;
	}
	fail_msg("no free ports");
	return 0;
}

static void turn(struct fixture *f, unsigned ms)
{
	struct timeval tv = { .tv_usec = (suseconds_t)ms * 1000 };

	event_base_loopexit(f->base, &tv);
	event_base_dispatch(f->base);
}

#define WAIT_FOR(f, what)                                                      \
	do {                                                                   \
		for (int tries_ = 0; tries_ < 1000 && !(what); tries_++)       \
			turn(f, 5);                                            \
		assert_true(what);                                             \
	} while (0)

static void begin(struct fixture *f, unsigned workers)
{
	memset(f, 0, sizeof(*f));
	f->config.media.listen.v = loopback;
	f->config.media.listen.n = 1;
	f->config.media.workers = workers;
	f->config.media.split_load = 100;
	f->config.media.port = free_port();
	f->config.limits.participants = 4;
	f->config.limits.conferences = 3;
	f->config.limits.tracks = 4;
	f->config.limits.media_lines = 16;
	f->config.limits.video_max_bps = 2500000;
	f->config.limits.channel_queue_bytes = 1 << 20;
	f->config.limits.resend_bps = 1000000;
	f->base = event_base_new();
	event_base_priority_init(f->base, WORKER_PRIORITIES);
	assert_int_equal(
		sfu_new(&f->sfu, f->base, &f->config, on_failed, f), 0);
}

static bool all_ready(const struct fixture *f)
{
	for (unsigned i = 0; i < f->sfu->n_children; i++)
		if (f->sfu->child[i].state != CHILD_READY)
			return false;
	return true;
}

static void end(struct fixture *f)
{
	f->sfu = sfu_free(f->sfu);
	event_base_free(f->base);
}

static void join(struct fixture *f, struct guest_log *g, const char *where)
{
	struct sfu_join_options opt = { .renegotiate = true };
	int err = 0;

	memset(g, 0, sizeof(*g));
	inside = true;
	g->id = sfu_join(f->sfu, where, "label", &opt, on_event, g, &err);
	inside = false;
	assert_int_equal(err, 0);
	assert_true(g->id != 0);
}

static void give_offer(struct fixture *f, struct guest_log *g)
{
	inside = true;
	assert_int_equal(sfu_offer(f->sfu, g->id, offer), 0);
	inside = false;
	WAIT_FOR(f, g->n[SFU_EV_ANSWER] == 1);
}

/* The value of an SDP attribute, up to the end of its line. */
static const char *attribute(const char *sdp, const char *name)
{
	static char value[4][256];
	static unsigned at;
	const char *p = strstr(sdp, name);

	assert_non_null(p);
	at = (at + 1) % 4;
	p += strlen(name);
	snprintf(value[at], sizeof(value[at]), "%.*s", (int)strcspn(p, "\r\n"),
		p);
	return value[at];
}

static unsigned candidate_port(const char *sdp)
{
	unsigned port = 0;
	const char *p = attribute(sdp, "a=candidate:");

	assert_int_equal(
		sscanf(p, "%*s %*u %*s %*u 127.0.0.1 %u typ", &port), 1);
	return port;
}

/* A full circle through the socket: an ICE check is answered. */
static void check_media(struct fixture *f, const struct guest_log *g)
{
	struct check check = { .theirs = CHECK_UFRAG, .use_candidate = true };
	struct sockaddr_storage to;
	struct check_reply reply;
	uint8_t buf[CHECK_MAX];
	struct pollfd p = { .events = POLLIN };
	ssize_t n;

	check.ours = attribute(g->sdp, "a=ice-ufrag:");
	check.pwd = attribute(g->sdp, "a=ice-pwd:");
	assert_int_equal(
		udp_address_parse("127.0.0.1", candidate_port(g->sdp), &to), 0);
	p.fd = socket(AF_INET, SOCK_DGRAM, 0);
	assert_int_equal(connect(p.fd, (struct sockaddr *)&to,
				 ice_addr_len((struct sockaddr *)&to)),
		0);
	n = (ssize_t)check_make(&check, buf);
	assert_int_equal(send(p.fd, buf, (size_t)n, 0), n);
	for (int i = 0; i < 200 && poll(&p, 1, 0) == 0; i++)
		turn(f, 5);
	n = recv(p.fd, buf, sizeof(buf), MSG_DONTWAIT);
	assert_true(n > 0);
	reply = check_read(buf, (size_t)n, check.pwd);
	assert_int_equal(reply.code, 0);
	assert_true(reply.authentic);
	close(p.fd);
}

static void a_call(unsigned workers)
{
	struct fixture f;
	struct guest_log a, b, bad;

	begin(&f, workers);
	assert_false(sfu_ready(f.sfu));
	join(&f, &a, "one"); /* before the worker is up */
	WAIT_FOR(&f, all_ready(&f));
	assert_true(sfu_ready(f.sfu));
	give_offer(&f, &a);
	check_media(&f, &a);
	join(&f, &b, "one");
	give_offer(&f, &b);
	check_media(&f, &b);
	assert_int_equal(candidate_port(a.sdp), candidate_port(b.sdp));

	join(&f, &bad, "one");
	assert_int_equal(sfu_offer(f.sfu, bad.id, "garbage"), 0);
	WAIT_FOR(&f, bad.n[SFU_EV_LEFT]);
	assert_int_equal(bad.n[SFU_EV_REFUSED], 1);
	assert_int_equal(bad.reason, SFU_REFUSED);
	assert_int_equal(sfu_offer(f.sfu, bad.id, offer), -ENOENT);

	assert_int_equal(sfu_leave(f.sfu, a.id), 0);
	WAIT_FOR(&f, a.n[SFU_EV_LEFT]);
	assert_int_equal(a.reason, SFU_BY_COMMAND);
	assert_int_equal(b.n[SFU_EV_LEFT], 0);
	assert_int_equal(sfu_close(f.sfu, "one"), 0);
	WAIT_FOR(&f, b.n[SFU_EV_LEFT]);
	assert_int_equal(f.sfu->n_places, 0);
	assert_int_equal(sfu_close(f.sfu, "one"), -ENOENT);
	assert_int_equal(f.failures, 0);
	end(&f);
}

static void test_call_in_process(void **state)
{
	(void)state;
	a_call(0);
}

static void test_call_workers(void **state)
{
	(void)state;
	a_call(2);
}

static void test_placement(void **state)
{
	struct guest_log a, b, c;
	struct fixture f;

	(void)state;
	begin(&f, 2);
	WAIT_FOR(&f, all_ready(&f));
	join(&f, &a, "one");
	join(&f, &b, "two");
	join(&f, &c, "one");
	give_offer(&f, &a);
	give_offer(&f, &b);
	give_offer(&f, &c);
	assert_int_equal(candidate_port(a.sdp), candidate_port(c.sdp));
	assert_int_not_equal(candidate_port(a.sdp), candidate_port(b.sdp));
	check_media(&f, &a);
	check_media(&f, &b);
	end(&f);
}

/* A worker that dies takes only its conferences; they can be called again from
 * inside the very event that says so. */
static void test_worker_dies(void **state)
{
	struct guest_log a, b, again;
	struct evbuffer *out = evbuffer_new();
	struct child *victim;
	struct fixture f;

	(void)state;
	begin(&f, 2);
	WAIT_FOR(&f, all_ready(&f));
	join(&f, &a, "one");
	join(&f, &b, "two");
	give_offer(&f, &a);
	give_offer(&f, &b);
	a.again = f.sfu;
	a.again_log = &again;
	memset(&again, 0, sizeof(again));
	victim = &f.sfu->child[candidate_port(a.sdp) - f.config.media.port];
	kill(victim->pid, SIGKILL);
	WAIT_FOR(&f, a.n[SFU_EV_LEFT]);
	assert_int_equal(a.reason, SFU_WORKER_DIED);
	assert_true(a.again_id != 0);
	assert_int_equal(sfu_leave(f.sfu, a.id), -ENOENT);
	give_offer(&f, &again);
	check_media(&f, &again);
	check_media(&f, &b);
	assert_int_equal(b.n[SFU_EV_LEFT], 0);
	WAIT_FOR(&f, all_ready(&f));
	sfu_metrics(f.sfu, out);
	evbuffer_add(out, "", 1);
	assert_non_null(strstr((char *)evbuffer_pullup(out, -1),
		"\nhearth_worker_restarts_total 1\n"));
	evbuffer_free(out);
	end(&f);
}

/* One that dies again and again is started ever more rarely; the other goes on.
 */
static void test_back_off(void **state)
{
	struct fixture f;
	struct child *c;

	(void)state;
	begin(&f, 2);
	c = &f.sfu->child[0];
	for (unsigned i = 1; i <= 2; i++) {
		WAIT_FOR(&f, all_ready(&f));
		kill(c->pid, SIGKILL);
		WAIT_FOR(&f, c->deaths == i);
	}
	assert_int_equal(c->state, CHILD_RESTING);
	assert_true(sfu_ready(f.sfu));
	WAIT_FOR(&f, all_ready(&f));
	end(&f);
}

/* One that hangs is ended and started again. */
static void test_hang(void **state)
{
	struct fixture f;
	struct child *c;

	(void)state;
	begin(&f, 1);
	c = &f.sfu->child[0];
	WAIT_FOR(&f, all_ready(&f));
	kill(c->pid, SIGSTOP);
	child_ask(c);
	assert_true(c->asked_us != 0);
	c->asked_us -= CHILD_SILENT_US + 1; /* as if long ago */
	child_ask(c);
	WAIT_FOR(&f, c->deaths == 1);
	WAIT_FOR(&f, all_ready(&f));
	end(&f);
}

static void stops(unsigned workers)
{
	struct guest_log a, b;
	struct fixture f;
	uint64_t begun;
	int err = 0;

	begin(&f, workers);
	WAIT_FOR(&f, all_ready(&f));
	join(&f, &a, "one");
	join(&f, &b, "two");
	give_offer(&f, &a);
	check_media(&f, &a);
	begun = sfu_clock_us();
	sfu_stop(f.sfu, on_stopped, &f);
	assert_int_equal(sfu_join(f.sfu, "x", "", NULL, on_event, &a, &err), 0);
	assert_int_equal(err, -EBUSY);
	WAIT_FOR(&f, f.stops == 1);
	assert_true(sfu_clock_us() - begun < 500000);
	assert_int_equal(a.n[SFU_EV_LEFT], 1);
	assert_int_equal(b.n[SFU_EV_LEFT], 1);
	assert_int_equal(a.reason, SFU_BY_COMMAND);
	assert_false(sfu_ready(f.sfu));
	end(&f);
	assert_int_equal(f.stops, 1);
}

static void test_stop_in_process(void **state)
{
	(void)state;
	stops(0);
}

static void test_stop_workers(void **state)
{
	(void)state;
	stops(2);
}

/* A worker that does not answer delays the end, but not for ever. */
static void test_stop_hanging(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f, 1);
	WAIT_FOR(&f, all_ready(&f));
	kill(f.sfu->child[0].pid, SIGSTOP);
	sfu_stop(f.sfu, on_stopped, &f);
	WAIT_FOR(&f, f.stops == 1);
	end(&f);
}

static void test_ceilings(void **state)
{
	struct guest_log g[8];
	char long_name[SFU_NAME_MAX + 2];
	struct fixture f;
	int err = 0;

	(void)state;
	begin(&f, 0);
	memset(long_name, 'n', sizeof(long_name));
	long_name[sizeof(long_name) - 1] = 0;
	assert_int_equal(
		sfu_join(f.sfu, long_name, "", NULL, on_event, &g, &err), 0);
	assert_int_equal(err, -E2BIG);
	assert_int_equal(
		sfu_join(f.sfu, "a", long_name, NULL, on_event, &g, &err), 0);
	assert_int_equal(err, -E2BIG);
	assert_int_equal(
		sfu_join(f.sfu, "a", "x\ny", NULL, on_event, &g, &err), 0);
	assert_int_equal(err, -EINVAL);
	assert_int_equal(sfu_join(f.sfu, "", "", NULL, on_event, &g, NULL), 0);
	assert_int_equal(f.sfu->n_places, 0);
	for (unsigned i = 0; i < 4; i++)
		join(&f, &g[i], "one");
	assert_int_equal(
		sfu_join(f.sfu, "one", "", NULL, on_event, &g, &err), 0);
	assert_int_equal(err, -EBUSY);
	join(&f, &g[4], "two");
	join(&f, &g[5], "three");
	err = 0;
	assert_int_equal(
		sfu_join(f.sfu, "four", "", NULL, on_event, &g, &err), 0);
	assert_int_equal(err, -EBUSY);
	assert_int_equal(sfu_offer(f.sfu, 999, offer), -ENOENT);
	assert_int_equal(sfu_message(f.sfu, g[0].id, true, offer, 0), 0);
	assert_int_equal(sfu_message(f.sfu, g[0].id, true, long_name,
				 SFU_CONTROL_MAX + 1),
		-E2BIG);
	end(&f);
}

static void port_in_use(unsigned workers)
{
	const char *listen[] = { "127.0.0.1" };
	char error[UDP_ERROR_MAX];
	struct fixture f;
	struct udp u;
	unsigned port = free_port();

	assert_int_equal(udp_init(&u, listen, 1, port, error), 0);
	begin(&f, workers);
	f.sfu = sfu_free(f.sfu);
	f.config.media.port = port;
	assert_int_equal(sfu_new(&f.sfu, f.base, &f.config, on_failed, &f), 0);
	WAIT_FOR(&f, f.failures == 1);
	assert_non_null(strstr(f.failure, "media.port"));
	turn(&f, 50);
	assert_int_equal(f.failures, 1);
	end(&f);
	udp_done(&u);
}

static void test_port_in_use(void **state)
{
	(void)state;
	port_in_use(0);
	port_in_use(1);
}

static void test_reasons(void **state)
{
	(void)state;
	for (int r = SFU_BY_COMMAND; r <= SFU_UNANSWERED; r++)
		assert_string_not_equal(
			sfu_reason_text((enum sfu_reason)r), "unknown");
	for (int w = SFU_PAUSED_BANDWIDTH; w <= SFU_PAUSED_HIDDEN; w++)
		assert_string_not_equal(
			sfu_paused_text((enum sfu_paused)w), "unknown");
	assert_string_equal(sfu_paused_text((enum sfu_paused)99), "unknown");
	assert_string_equal(
		sfu_reason_text((enum sfu_reason)(SFU_UNANSWERED + 1)),
		"unknown");
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_call_in_process),
		cmocka_unit_test(test_call_workers),
		cmocka_unit_test(test_placement),
		cmocka_unit_test(test_worker_dies),
		cmocka_unit_test(test_back_off),
		cmocka_unit_test(test_hang),
		cmocka_unit_test(test_stop_in_process),
		cmocka_unit_test(test_stop_workers),
		cmocka_unit_test(test_stop_hanging),
		cmocka_unit_test(test_ceilings),
		cmocka_unit_test(test_port_in_use),
		cmocka_unit_test(test_reasons),
	};

	if (argc > 1 && !strcmp(argv[1], "--worker"))
		return worker_main();
	signal(SIGPIPE, SIG_IGN);
	log_init(LOG_LVL_ERROR, false, "test");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
