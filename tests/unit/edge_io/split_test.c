/*
 * A conference on two real worker processes: whole clients on loopback, that
 * cannot tell it from one.
 */
#include <errno.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>
#include "dtls/assoc.h"
#include "feed/frame.h"
#include "rtp/crypt.h"
#include "sfu/config.h"
#include "sfu/log.h"
#include "sfu/sfu_private.h"
#include "sfu/worker.h"
#include "tests/sim/client.h"

enum { PEOPLE = 6 };

struct person {
	struct client_out out; /* first: the client's way out */
	struct client *client;
	char label[32];
	sfu_id id;
	int fd;
	struct event *readable;
	unsigned n[SFU_EV_LEFT + 1];
	enum sfu_reason reason;
	struct sfu_stream stream[PEOPLE];
	unsigned n_streams; /* of the last SDP */
	sfu_id speaker;
	unsigned messages;
	char message[128];
};

static struct {
	struct event_base *base;
	struct event *tick;
	struct config config;
	struct sfu *sfu;
	struct cert *cert;
	struct person person[PEOPLE];
	unsigned n;
	char failure[512];
} w;

static char *loopback[] = { "127.0.0.1" };

static uint64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void turn(unsigned ms)
{
	struct timeval tv = { .tv_usec = (suseconds_t)ms * 1000 };

	event_base_loopexit(w.base, &tv);
	event_base_dispatch(w.base);
}

/* As long as it takes on a machine that is busy. */
#define WAIT_FOR(what)                                                         \
	do {                                                                   \
		for (int tries_ = 0; tries_ < 6000 && !(what); tries_++)       \
			turn(10);                                              \
		assert_true(what);                                             \
	} while (0)

/* --- people ------------------------------------------------------------------
 */

static void on_out(struct client_out *out, const uint8_t *buf, size_t len)
{
	const struct person *p = (const struct person *)(const void *)out;

	if (p->fd >= 0)
		send(p->fd, buf, len, MSG_DONTWAIT);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct person *p = arg;
	uint8_t buf[2048];
	ssize_t n;

	(void)what;
	while ((n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT)) > 0)
		client_input(p->client, now_us(), buf, (size_t)n);
}

static void connect_to(struct person *p, const char *sdp)
{
	const char *at = strstr(sdp, " 127.0.0.1 ");
	struct sockaddr_in to = { .sin_family = AF_INET };

	assert_non_null(at);
	to.sin_port = htons((uint16_t)atoi(at + strlen(" 127.0.0.1 ")));
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	p->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(p->fd, (struct sockaddr *)&to, sizeof(to)), 0);
	p->readable =
		event_new(w.base, p->fd, EV_READ | EV_PERSIST, on_readable, p);
	event_add(p->readable, NULL);
}

static void keep_streams(struct person *p, const struct sfu_event *ev)
{
	assert_in_range(ev->n_streams, 0, PEOPLE);
	p->n_streams = ev->n_streams;
	if (ev->n_streams)
		memcpy(p->stream, ev->streams,
			ev->n_streams * sizeof(*ev->streams));
}

static void on_event(void *arg, const struct sfu_event *ev)
{
	struct person *p = arg;
	char *answer;

	assert_int_equal(ev->participant, p->id);
	assert_int_equal(p->n[SFU_EV_LEFT], 0);
	p->n[ev->type]++;
	p->reason = ev->reason;
	if (ev->type == SFU_EV_SPEAKER)
		p->speaker = ev->speaker;
	if (ev->type == SFU_EV_ANSWER) {
		keep_streams(p, ev);
		connect_to(p, ev->sdp);
		assert_int_equal(
			client_answer(p->client, now_us(), ev->sdp), 0);
	} else if (ev->type == SFU_EV_OFFER) {
		keep_streams(p, ev);
		answer = client_negotiate(p->client, now_us(), ev->sdp);
		assert_non_null(answer);
		assert_int_equal(sfu_answer(w.sfu, p->id, answer), 0);
		free(answer);
	}
}

static void on_message(struct client *c, const struct channel *ch, bool binary,
	const uint8_t *data, size_t len)
{
	struct person *p = c->user;

	(void)ch;
	(void)binary;
	p->messages++;
	snprintf(p->message, sizeof(p->message), "%.*s", (int)len,
		(const char *)data);
}

static struct person *join(void)
{
	static const struct sfu_join_options options = { .renegotiate = true };
	struct person *p = &w.person[w.n++];
	struct client_config config = { .id = w.n,
		.audio = true,
		.video = true,
		.data = true,
		.fps = 15,
		.packets_per_frame = 2,
		.packet_bytes = 600 };
	char *offer;

	assert_in_range(w.n, 1, PEOPLE);
	p->out.send = on_out;
	p->fd = -1;
	p->client = client_new(&config, w.cert, &p->out);
	assert_non_null(p->client);
	p->client->user = p;
	p->client->on_message = on_message;
	snprintf(p->label, sizeof(p->label), "person %u", w.n);
	offer = client_offer(p->client, false);
	p->id = sfu_join(w.sfu, "room", p->label, &options, on_event, p, NULL);
	assert_int_not_equal(p->id, 0);
	assert_int_equal(sfu_offer(w.sfu, p->id, offer), 0);
	free(offer);
	return p;
}

static void vanish(struct person *p)
{
	if (p->readable)
		event_free(p->readable);
	p->readable = NULL;
	if (p->fd >= 0)
		close(p->fd);
	p->fd = -1;
	p->client = client_free(p->client);
}

/* --- what holds --------------------------------------------------------------
 */

/* The worker a person is at, -1: none. */
static int worker_of(const struct person *p)
{
	const struct guest *g;

	for (unsigned i = 0; i < w.sfu->n_children; i++)
		TAILQ_FOREACH(g, &w.sfu->child[i].guests, of_child)
	if (g->id == p->id)
		return (int)i;
	return -1;
}

static unsigned bridges(void)
{
	const struct bridge *b;
	unsigned n = 0;

	LIST_FOREACH(b, &w.sfu->bridges, next)
	n++;
	return n;
}

/* Everybody gets sound and picture of everybody else. */
static bool all_live(void)
{
	for (unsigned i = 0; i < w.n; i++)
		for (unsigned k = 0; k < w.n; k++) {
			const struct client *a = w.person[i].client;
			const struct client *b = w.person[k].client;

			if (a && b && a != b &&
				client_live(a, b->cfg.id, now_us()) != 2)
				return false;
		}
	return true;
}

static bool has_stream_of(const struct person *p, const struct person *of)
{
	for (unsigned i = 0; i < p->n_streams; i++)
		if (p->stream[i].owner == of->id)
			return p->stream[i].audio && p->stream[i].video &&
			       p->stream[i].source[0];
	return false;
}

static void nothing_is_wrong(void)
{
	for (unsigned i = 0; i < w.n; i++) {
		const struct client *c = w.person[i].client;

		if (!c)
			continue;
		assert_int_equal(c->count.corrupt, 0);
		for (unsigned k = 0; k < CLIENT_STREAMS; k++) {
			assert_int_equal(c->stream[k].foreign, 0);
			assert_int_equal(c->stream[k].before_key, 0);
		}
	}
	assert_string_equal(w.failure, "");
}

/* --- life --------------------------------------------------------------------
 */

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	assoc_global_tick(now_us());
	for (unsigned i = 0; i < w.n; i++) {
		struct client *c = w.person[i].client;

		if (!c)
			continue;
		client_channels(c, now_us());
		if (client_deadline(c) <= now_us())
			client_tick(c, now_us());
	}
}

static void on_failed(void *arg, const char *text)
{
	(void)arg;
	snprintf(w.failure, sizeof(w.failure), "%s", text);
}

static bool all_ready(void)
{
	for (unsigned i = 0; i < w.sfu->n_children; i++)
		if (w.sfu->child[i].state != CHILD_READY)
			return false;
	return true;
}

static int set_up(void **state)
{
	static const struct timeval every = { .tv_usec = 5000 };

	(void)state;
	memset(&w, 0, sizeof(w));
	assert_int_equal(assoc_global_init(), 0);
	assert_int_equal(crypt_global_init(), 0);
	w.config.media.listen.v = loopback;
	w.config.media.listen.n = 1;
	w.config.media.workers = 2;
	w.config.limits.participants = PEOPLE;
	w.config.limits.conferences = 3;
	w.config.limits.tracks = 4;
	w.config.limits.media_lines = 64;
	w.config.limits.video_max_bps = 2500000;
	w.config.limits.channel_queue_bytes = 4 << 20;
	w.config.limits.resend_bps = 1000000;
	w.cert = cert_new((uint64_t)time(NULL));
	w.base = event_base_new();
	event_base_priority_init(w.base, WORKER_PRIORITIES);
	w.tick = event_new(w.base, -1, EV_PERSIST, on_tick, NULL);
	event_add(w.tick, &every);
	assert_int_equal(
		sfu_new(&w.sfu, w.base, &w.config, on_failed, NULL), 0);
	WAIT_FOR(all_ready());
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	w.sfu = sfu_free(w.sfu);
	for (unsigned i = 0; i < w.n; i++)
		vanish(&w.person[i]);
	event_free(w.tick);
	event_base_free(w.base);
	cert_free(w.cert);
	return 0;
}

/* --- tests -------------------------------------------------------------------
 */

static void a_call_on_two_workers_is_one_call(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 4; i++)
		join();
	assert_int_equal(bridges(), 1);
	WAIT_FOR(all_live());
	for (unsigned i = 0; i < 4; i++)
		for (unsigned k = 0; k < 4; k++)
			if (i != k)
				assert_true(has_stream_of(
					&w.person[i], &w.person[k]));
	assert_int_equal(w.sfu->child[0].n_guests, 2);
	assert_int_equal(w.sfu->child[1].n_guests, 2);
	/* Late, from the worker that has fewer of them. */
	join();
	WAIT_FOR(all_live());
	/* The one who is heard loudest is the same to all. */
	WAIT_FOR(w.person[0].speaker && w.person[1].speaker);
	nothing_is_wrong();
}

static void messages_cross_with_their_sender(void **state)
{
	static const struct assoc_reliability reliable;
	struct person *a = join(), *b = join();
	struct channel *ch;

	(void)state;
	assert_int_not_equal(worker_of(a), worker_of(b));
	WAIT_FOR(all_live() && a->client->channels && b->client->channels &&
		 channels_is_up(a->client->channels) &&
		 channels_is_up(b->client->channels));
	assert_non_null(channels_open(
		b->client->channels, "chat", SFU_FROM_PROTOCOL, &reliable));
	ch = channels_open(
		a->client->channels, "chat", SFU_FROM_PROTOCOL, &reliable);
	assert_non_null(ch);
	turn(200);
	channels_send(a->client->channels, ch, false, (const uint8_t *)"hi", 2);
	WAIT_FOR(b->messages == 1);
	assert_string_equal(b->message, "person 1\nhi");
	nothing_is_wrong();
}

static void who_leaves_is_gone_at_the_other_worker(void **state)
{
	struct person *a = join(), *b = join(), *c = join();

	(void)state;
	WAIT_FOR(all_live());
	assert_int_equal(worker_of(a), worker_of(c));
	assert_int_equal(sfu_leave(w.sfu, b->id), 0);
	WAIT_FOR(b->n[SFU_EV_LEFT] == 1);
	assert_int_equal(b->reason, SFU_BY_COMMAND);
	vanish(b);
	WAIT_FOR(a->n_streams == 1 && c->n_streams == 1);
	/* Its part was the last there: no worker is kept busy with it. */
	WAIT_FOR(bridges() == 0);
	assert_true(has_stream_of(a, c));
	nothing_is_wrong();
}

/* The worker is about to end an empty part when somebody joins there. */
static void a_part_that_empties_as_somebody_joins_is_linked(void **state)
{
	struct person *a = join(), *b = join(), *c;

	(void)state;
	WAIT_FOR(all_live());
	assert_int_equal(sfu_leave(w.sfu, b->id), 0);
	w.sfu->child[0].load = PLACEMENT_FULL;
	c = join();
	assert_int_not_equal(worker_of(a), worker_of(c));
	WAIT_FOR(b->n[SFU_EV_LEFT] == 1);
	vanish(b);
	WAIT_FOR(all_live() && has_stream_of(a, c) && has_stream_of(c, a));
	assert_int_equal(bridges(), 1);
	nothing_is_wrong();
}

static void a_worker_dies_and_the_other_goes_on(void **state)
{
	struct person *a = join(), *b = join(), *c = join(), *d;

	(void)state;
	WAIT_FOR(all_live());
	assert_int_equal(worker_of(b), 1);
	kill(w.sfu->child[1].pid, SIGKILL);
	WAIT_FOR(b->n[SFU_EV_LEFT] == 1);
	assert_int_equal(b->reason, SFU_WORKER_DIED);
	vanish(b);
	WAIT_FOR(a->n_streams == 1 && c->n_streams == 1);
	assert_int_equal(a->n[SFU_EV_LEFT] + c->n[SFU_EV_LEFT], 0);
	/* And comes back to the one that was started in its place. */
	WAIT_FOR(all_ready());
	d = join();
	assert_int_equal(worker_of(d), 1);
	WAIT_FOR(all_live());
	assert_int_equal(bridges(), 1);
	nothing_is_wrong();
}

/* A program at one part, and what it was sent. */
struct program {
	int fd;
	unsigned left;
	uint8_t in[1 << 18];
	size_t len;
	unsigned rtp, bad;
	char streams[1024];
};

static void on_program(void *arg, const struct sfu_event *ev)
{
	struct program *p = arg;

	p->left += ev->type == SFU_EV_LEFT;
}

static void read_frames(struct program *p)
{
	struct feed_frame f;
	int64_t n;
	ssize_t got = recv(
		p->fd, p->in + p->len, sizeof(p->in) - p->len, MSG_DONTWAIT);

	if (got > 0)
		p->len += (size_t)got;
	while (p->len && (n = feed_frame_read(p->in, p->len, &f)) != 0) {
		assert_true(n > 0);
		p->rtp += f.type == FEED_RTP;
		if (f.type == FEED_STREAMS)
			snprintf(p->streams, sizeof(p->streams), "%.*s",
				(int)f.len, (const char *)f.payload);
		p->len -= (size_t)n;
		memmove(p->in, p->in + n, p->len);
	}
}

static void a_program_at_one_worker_hears_all(void **state)
{
	static const char offer[] =
		"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
		"m=audio 9 RTP/AVPF 100\r\na=mid:a\r\na=recvonly\r\n"
		"a=rtcp-mux\r\na=rtpmap:100 opus/48000/2\r\n";
	static const struct sfu_plug_options options = { .listen = true };
	struct program *p = calloc(1, sizeof(*p));
	struct feed_frame f = { .type = FEED_OFFER, .len = sizeof(offer) - 1 };
	uint8_t header[FEED_HEADER];
	int fd[2];
	sfu_id id;

	(void)state;
	join();
	join();
	WAIT_FOR(all_live());
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	p->fd = fd[0];
	id = sfu_plug(w.sfu, "room", "recorder", &options, fd[1], on_program, p,
		NULL);
	assert_int_not_equal(id, 0);
	feed_header_write(&f, header);
	assert_int_equal(
		send(p->fd, header, sizeof(header), 0), sizeof(header));
	assert_int_equal(send(p->fd, offer, f.len, 0), f.len);
	for (unsigned i = 0;
		i < 6000 && !(strstr(p->streams, "person 1") &&
				    strstr(p->streams, "person 2"));
		i++) {
		turn(10);
		read_frames(p);
	}
	assert_non_null(strstr(p->streams, "person 1"));
	assert_non_null(strstr(p->streams, "person 2"));
	for (unsigned i = 0; i < 6000 && p->rtp < 100; i++) {
		turn(10);
		read_frames(p);
	}
	assert_true(p->rtp >= 100);
	sfu_leave(w.sfu, id);
	WAIT_FOR(p->left == 1);
	close(p->fd);
	free(p);
	nothing_is_wrong();
}

int main(int argc, char **argv)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(a_call_on_two_workers_is_one_call),
		CASE(messages_cross_with_their_sender),
		CASE(who_leaves_is_gone_at_the_other_worker),
		CASE(a_part_that_empties_as_somebody_joins_is_linked),
		CASE(a_worker_dies_and_the_other_goes_on),
		CASE(a_program_at_one_worker_hears_all),
	};

	if (argc > 1 && !strcmp(argv[1], "--worker"))
		return worker_main();
	signal(SIGPIPE, SIG_IGN);
	log_init(LOG_LVL_ERROR, false, "test");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
