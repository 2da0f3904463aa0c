/* The thread that does the steps of handshakes. */
#include <dirent.h>
#include <event2/event.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>
#include "sfu/worker_helper.h"

enum { PAIRS = 40, NOW_S = 1795500000 };

/* A session of ours as server, its client in place. */
struct pair {
	struct dtls_out to_server; /* first: of the client */
	struct handshake *server;
	struct dtls *client;
	struct fixture *all;
	unsigned back; /* errands that came back */
	bool stray;    /* a participant nobody asks for */
};

struct fixture {
	struct event_base *base;
	struct event *often; /* so that the loop comes back to look at clocks */
	struct helper *helper;
	struct cert *ours, *theirs;
	struct pair pair[PAIRS];
	unsigned wakes, at_once; /* taken by each wake */
	int watched[2];          /* a pipe; the first is a socket of the loop */
};

static struct fixture f;
static atomic_uint pauses;

/* In place of libc's: only the thread calls it here. */
int nanosleep(const struct timespec *wanted, struct timespec *left)
{
	pauses++;
	return clock_nanosleep(CLOCK_MONOTONIC, 0, wanted, left);
}

static void from_client(struct dtls_out *out, const uint8_t *buf, size_t len)
{
	struct pair *p = (struct pair *)out;

	/* Refused is lost, and would be sent again. */
	errand_send(
		helper_errands(f.helper), p->server, ERRAND_INPUT, 1, buf, len);
}

static struct pair *pair_of(const struct errand *e)
{
	for (unsigned i = 0; i < PAIRS; i++)
		if (f.pair[i].server == e->handshake)
			return &f.pair[i];
	return NULL;
}

static void come_back(struct errand *e)
{
	struct pair *p = pair_of(e);
	const uint8_t *at = e->out;

	if (!p || p->stray) {
		errand_forget(e);
		return;
	}
	e->handshake->out--;
	p->back++;
	assert_true(e->now_us > 1); /* the time it was run */
	for (unsigned i = 0; i < e->sent; at += e->sent_len[i++])
		dtls_input(p->client, e->now_us, at, e->sent_len[i],
			&p->to_server);
}

static void on_wake(void *arg)
{
	struct errand *e;

	(void)arg;
	f.wakes++;
	for (unsigned i = 0; i < f.at_once; i++) {
		e = helper_next(f.helper);
		if (!e)
			return;
		come_back(e);
		helper_put(f.helper, e);
	}
}

static struct dtls *session(
	enum dtls_role role, struct cert *own, struct cert *other)
{
	struct dtls *d = NULL;

	assert_int_equal(
		dtls_new(&d, own, role, "sha-256", cert_fingerprint(other)), 0);
	return d;
}

static void meet(unsigned i)
{
	struct pair *p = &f.pair[i];

	p->to_server.send = from_client;
	p->client = session(DTLS_CLIENT, f.theirs, f.ours);
	p->server =
		handshake_new(session(DTLS_SERVER, f.ours, f.theirs), i + 1);
	assert_non_null(p->server);
}

static void part(struct pair *p)
{
	dtls_free(p->client);
	if (p->stray)
		return;
	dtls_free(p->server->dtls);
	handshake_free(p->server);
}

static void on_often(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
}

static int set_up(void **state)
{
	static const struct timeval often = { .tv_usec = 10000 };

	(void)state;
	memset(&f, 0, sizeof(f));
	f.at_once = 3;
	f.base = event_base_new();
	f.often = event_new(f.base, -1, EV_PERSIST, on_often, NULL);
	event_add(f.often, &often);
	f.ours = cert_new(NOW_S);
	f.theirs = cert_new(NOW_S);
	assert_int_equal(helper_new(&f.helper, f.base, on_wake, NULL), 0);
	assert_int_equal(pipe(f.watched), 0);
	assert_int_equal(helper_watch(f.helper, f.watched, 1), 0);
	pauses = 0;
	for (unsigned i = 0; i < PAIRS; i++)
		meet(i);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	f.helper = helper_free(f.helper);
	for (unsigned i = 0; i < PAIRS; i++)
		part(&f.pair[i]);
	cert_free(f.ours);
	cert_free(f.theirs);
	event_free(f.often);
	event_base_free(f.base);
	close(f.watched[0]);
	close(f.watched[1]);
	return 0;
}

static uint64_t clock_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void start(struct pair *p)
{
	assert_true(errand_send(
		helper_errands(f.helper), p->server, ERRAND_START, 1, NULL, 0));
	dtls_start(p->client, clock_us(), &p->to_server);
}

static void run_while_waiting(void)
{
	while (helper_waiting(f.helper))
		event_base_loop(f.base, EVLOOP_ONCE);
}

static bool is_connected(const struct pair *p)
{
	return !handshake_is_away(p->server) &&
	       dtls_state(p->server->dtls) == DTLS_CONNECTED &&
	       dtls_state(p->client) == DTLS_CONNECTED;
}

/* What a busy machine was too slow for is sent again, by both. */
static void tick(struct pair *p)
{
	uint64_t now_us = clock_us();

	if (dtls_deadline(p->client) <= now_us)
		dtls_tick(p->client, now_us, &p->to_server);
	if (!handshake_is_away(p->server) &&
		dtls_deadline(p->server->dtls) <= now_us)
		errand_send(helper_errands(f.helper), p->server, ERRAND_TICK, 1,
			NULL, 0);
}

/* How many of the first n are. */
static unsigned connected(unsigned n)
{
	unsigned done = 0;

	for (unsigned i = 0; i < n; i++) {
		tick(&f.pair[i]);
		done += is_connected(&f.pair[i]);
	}
	return done;
}

/* A crowd at a time, each pair's keys are right; the loop is woken until all is
 * done though it takes few at once, and uses its random generator meanwhile. */
static void test_crowd(void **state)
{
	uint8_t a[DTLS_KEYS_LEN], b[DTLS_KEYS_LEN];

	(void)state;
	for (unsigned i = 0; i < PAIRS; i++)
		start(&f.pair[i]);
	while (connected(PAIRS) < PAIRS) {
		assert_int_equal(cert_random(f.ours, a, sizeof(a)), 0);
		event_base_loop(f.base, EVLOOP_ONCE);
	}
	assert_true(f.wakes > 0);
	for (unsigned i = 0; i < PAIRS; i++) {
		struct pair *p = &f.pair[i];

		assert_false(handshake_is_away(p->server));
		assert_int_equal(dtls_state(p->server->dtls), DTLS_CONNECTED);
		assert_int_equal(dtls_state(p->client), DTLS_CONNECTED);
		assert_int_equal(dtls_keys(p->server->dtls, a), 0);
		assert_int_equal(dtls_keys(p->client, b), 0);
		assert_memory_equal(a, b, sizeof(a));
		assert_true(p->back >= 3);
	}
}

/* Whoever was given up is not worked for, and is freed when all came back. */
static void test_given_up(void **state)
{
	(void)state;
	for (unsigned i = 0; i < PAIRS; i += 2) {
		start(&f.pair[i]);
		f.pair[i].stray = true;
		handshake_give_up(f.pair[i].server);
	}
	start(&f.pair[1]);
	while (!is_connected(&f.pair[1])) {
		event_base_loop(f.base, EVLOOP_ONCE);
		tick(&f.pair[1]);
	}
	run_while_waiting();
	assert_int_equal(dtls_state(f.pair[0].client), DTLS_HANDSHAKE);
}

/* It is full while the loop takes nothing back; after that there is room. */
static void test_ceiling(void **state)
{
	struct errands *all = helper_errands(f.helper);
	uint8_t nothing[1] = { 0 };
	unsigned sent = 0;

	(void)state;
	for (unsigned i = 0; i < PAIRS; i++)
		for (unsigned k = 0; k < ERRAND_EACH; k++)
			sent += errand_send(all, f.pair[i].server, ERRAND_INPUT,
				1, nothing, 1);
	assert_int_equal(sent, HELPER_ERRANDS);
	assert_int_equal(helper_waiting(f.helper), HELPER_ERRANDS);
	assert_int_equal(
		helper_refused(f.helper), PAIRS * ERRAND_EACH - HELPER_ERRANDS);
	run_while_waiting();
	start(&f.pair[0]);
	while (connected(1) < 1)
		event_base_loop(f.base, EVLOOP_NONBLOCK);
}

/* With steps waiting and done: nothing is lost of it. */
static void test_end_at_work(void **state)
{
	(void)state;
	for (unsigned i = 0; i < PAIRS; i++)
		start(&f.pair[i]);
	f.pair[PAIRS - 1].stray = true;
	handshake_give_up(f.pair[PAIRS - 1].server);
	event_base_loop(f.base, EVLOOP_ONCE);
	f.helper = helper_free(f.helper);
	for (unsigned i = 0; i < PAIRS - 1; i++)
		assert_false(handshake_is_away(f.pair[i].server));
}

static void connect_one(unsigned i)
{
	start(&f.pair[i]);
	while (!is_connected(&f.pair[i])) {
		event_base_loop(f.base, EVLOOP_ONCE);
		tick(&f.pair[i]);
	}
}

/* The loop has something to read: the thread lets it. */
static void something_to_read(void)
{
	assert_int_equal(write(f.watched[1], "x", 1), 1);
}

static void test_pauses(void **state)
{
	unsigned i;

	(void)state;
	connect_one(0);
	assert_int_equal(pauses, 0);
	something_to_read();
	/* A single one may be that quick. */
	for (i = 1; i < PAIRS && !pauses; i++)
		connect_one(i);
	assert_true(pauses > 0);
}

/* What a loop has to do elsewhere. */
static void be_busy(uint64_t for_us)
{
	uint64_t until_us = clock_us() + for_us;

	while (clock_us() < until_us)
		;
}

/* The only CPU is never free, and something always waits for the loop:
 * handshakes come to an end all the same. */
static void test_no_cpu_is_free(void **state)
{
	(void)state;
	something_to_read();
	for (unsigned i = 0; i < PAIRS; i++)
		start(&f.pair[i]);
	while (connected(PAIRS) < PAIRS) {
		event_base_loop(f.base, EVLOOP_NONBLOCK);
		be_busy(5000);
	}
}

/* The number of this process's thread of that name; 0: there is none. */
static pid_t thread_named(const char *wanted)
{
	DIR *all = opendir("/proc/self/task");
	char path[300], name[32];
	struct dirent *d;
	pid_t ret = 0;

	assert_non_null(all);
	while (!ret && (d = readdir(all))) {
		FILE *file;

		snprintf(path, sizeof(path), "/proc/self/task/%s/comm",
			d->d_name);
		file = fopen(path, "r");
		if (file && fgets(name, sizeof(name), file) &&
			strcmp(name, wanted) == 0)
			ret = (pid_t)atoi(d->d_name);
		if (file)
			fclose(file);
	}
	closedir(all);
	return ret;
}

/* Below the loop, but not so low that others could keep it from a step that it
 * has begun. */
static void test_rank(void **state)
{
	int nice = getpriority(PRIO_PROCESS, 0) + HELPER_NICE;
	pid_t id;

	(void)state;
	start(&f.pair[0]);
	while (connected(1) < 1)
		event_base_loop(f.base, EVLOOP_ONCE);
	id = thread_named("hearth-dtls\n");
	assert_true(id > 0);
	assert_int_equal(sched_getscheduler(id), SCHED_BATCH);
	assert_int_equal(
		getpriority(PRIO_PROCESS, (id_t)id), nice < 19 ? nice : 19);
}

static cpu_set_t all_cpus;

static int set_up_on_one_cpu(void **state)
{
	cpu_set_t one;

	assert_int_equal(sched_getaffinity(0, sizeof(all_cpus), &all_cpus), 0);
	CPU_ZERO(&one);
	for (int i = 0; i < CPU_SETSIZE && CPU_COUNT(&one) == 0; i++)
		if (CPU_ISSET(i, &all_cpus))
			CPU_SET(i, &one);
	assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
	return set_up(state);
}

static int tear_down_on_one_cpu(void **state)
{
	int err = tear_down(state);

	assert_int_equal(sched_setaffinity(0, sizeof(all_cpus), &all_cpus), 0);
	return err;
}

int main(void)
{
#define WITH(t) cmocka_unit_test_setup_teardown(t, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		WITH(test_crowd),
		WITH(test_given_up),
		WITH(test_ceiling),
		WITH(test_end_at_work),
		WITH(test_pauses),
		WITH(test_rank),
		cmocka_unit_test_setup_teardown(test_no_cpu_is_free,
			set_up_on_one_cpu, tear_down_on_one_cpu),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
