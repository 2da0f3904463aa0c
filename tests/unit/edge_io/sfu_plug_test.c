/*
 * Local programs through the whole seam: one publishes, others listen, over
 * real sockets, with the worker in this process and in one of its own.
 */
#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>
#include "feed/frame.h"
#include "sfu/config.h"
#include "sfu/log.h"
#include "sfu/sfu_private.h"
#include "sfu/worker.h"

#define HEAD                                                                   \
	"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"                  \
	"a=group:BUNDLE 0 2\r\n"
#define LISTEN                                                                 \
	"m=audio 9 RTP/AVPF 111\r\na=mid:0\r\na=recvonly\r\na=rtcp-mux\r\n"    \
	"a=rtpmap:111 opus/48000/2\r\n"
#define PUBLISH                                                                \
	"m=audio 9 RTP/AVPF 111\r\na=mid:2\r\na=sendonly\r\na=rtcp-mux\r\n"    \
	"a=msid:music track\r\na=rtpmap:111 opus/48000/2\r\n"                  \
	"a=ssrc:1234 cname:music\r\n"

struct guest_log {
	unsigned n[SFU_EV_LEFT + 1];
	enum sfu_reason reason;
};

/* A program and its end of the socket. */
struct program {
	int fd;
	sfu_id id;
	struct guest_log log;
	uint8_t in[1 << 20];
	size_t len;
	bool ended;
	unsigned n[FEED_TYPES];
	uint64_t last_us;
	char hello[128], sdp[16384], streams[2048], bye[64], refused[256];
	char speaker[16];
	uint8_t rtp[2048];
	size_t rtp_len;
	uint64_t lost;
};

struct fixture {
	struct event_base *base;
	struct sfu *sfu;
	struct config config;
};

static char *loopback[] = { "127.0.0.1" };

static void on_event(void *arg, const struct sfu_event *ev)
{
	struct guest_log *g = arg;

	assert_int_equal(g->n[SFU_EV_LEFT], 0);
	g->n[ev->type]++;
	g->reason = ev->reason;
}

static void on_failed(void *arg, const char *text)
{
	(void)arg;
	fail_msg("%s", text);
}

static void turn(struct fixture *f, unsigned ms)
{
	struct timeval tv = { .tv_usec = (suseconds_t)ms * 1000 };

	event_base_loopexit(f->base, &tv);
	event_base_dispatch(f->base);
}

static void begin(struct fixture *f, unsigned workers)
{
	memset(f, 0, sizeof(*f));
	f->config.media.listen.v = loopback;
	f->config.media.listen.n = 1;
	f->config.media.workers = workers;
	f->config.limits.participants = 2;
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
	while (!sfu_ready(f->sfu))
		turn(f, 5);
}

static void end(struct fixture *f)
{
	f->sfu = sfu_free(f->sfu);
	event_base_free(f->base);
}

static void keep(char *ret, size_t size, const struct feed_frame *f)
{
	assert_true(f->len < size);
	memcpy(ret, f->payload, f->len);
	ret[f->len] = 0;
}

static void note(struct program *p, const struct feed_frame *f)
{
	char number[24];

	/* HELLO is first, BYE last, time never steps back, and each SDP is
	 * followed by its streams. */
	assert_int_equal(p->n[FEED_HELLO], f->type != FEED_HELLO);
	assert_int_equal(p->n[FEED_BYE], 0);
	assert_true(f->time_us >= p->last_us);
	if (p->n[FEED_SDP] != p->n[FEED_STREAMS])
		assert_int_equal(f->type, FEED_STREAMS);
	p->last_us = f->time_us;
	p->n[f->type]++;
	if (f->type == FEED_HELLO)
		keep(p->hello, sizeof(p->hello), f);
	else if (f->type == FEED_SDP)
		keep(p->sdp, sizeof(p->sdp), f);
	else if (f->type == FEED_STREAMS)
		keep(p->streams, sizeof(p->streams), f);
	else if (f->type == FEED_BYE)
		keep(p->bye, sizeof(p->bye), f);
	else if (f->type == FEED_REFUSED)
		keep(p->refused, sizeof(p->refused), f);
	else if (f->type == FEED_SPEAKER)
		keep(p->speaker, sizeof(p->speaker), f);
	else if (f->type == FEED_LOST) {
		keep(number, sizeof(number), f);
		p->lost += strtoull(number, NULL, 10);
	} else if (f->type == FEED_RTP) {
		memcpy(p->rtp, f->payload, f->len);
		p->rtp_len = f->len;
	}
}

static void read_frames(struct program *p)
{
	ssize_t n = recv(
		p->fd, p->in + p->len, sizeof(p->in) - p->len, MSG_DONTWAIT);
	struct feed_frame f;
	size_t at = 0;
	int64_t took;

	if (n == 0)
		p->ended = true;
	if (n > 0)
		p->len += (size_t)n;
	while ((took = feed_frame_read(p->in + at, p->len - at, &f)) > 0) {
		note(p, &f);
		at += (size_t)took;
	}
	assert_int_equal(took, 0);
	memmove(p->in, p->in + at, p->len - at);
	p->len -= at;
}

#define WAIT_FOR(f, p, what)                                                   \
	do {                                                                   \
		for (int tries_ = 0; tries_ < 1000 && !(what); tries_++) {     \
			turn(f, 5);                                            \
			read_frames(p);                                        \
		}                                                              \
		assert_true(what);                                             \
	} while (0)

static void say(
	struct program *p, enum feed_type type, const void *data, size_t len)
{
	struct feed_frame f = { .type = type, .len = len };
	uint8_t header[FEED_HEADER];

	feed_header_write(&f, header);
	assert_int_equal(send(p->fd, header, sizeof(header), 0),
		(ssize_t)sizeof(header));
	assert_int_equal(send(p->fd, data, len, 0), (ssize_t)len);
}

static void say_text(struct program *p, enum feed_type type, const char *text)
{
	say(p, type, text, strlen(text));
}

static struct program *plug(struct fixture *f, const char *where,
	const char *label, bool listen, bool publish)
{
	struct sfu_plug_options opt = { .listen = listen, .publish = publish };
	struct program *p = calloc(1, sizeof(*p));
	int fd[2], err = 0;

	assert_non_null(p);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	p->fd = fd[0];
	p->id = sfu_plug(
		f->sfu, where, label, &opt, fd[1], on_event, &p->log, &err);
	assert_int_equal(err, 0);
	assert_true(p->id != 0);
	WAIT_FOR(f, p, p->n[FEED_HELLO]);
	return p;
}

static void unplug(struct program *p)
{
	close(p->fd);
	free(p);
}

static void send_rtp(struct program *p, uint16_t seq)
{
	uint8_t packet[20] = { 0x80, 111, (uint8_t)(seq >> 8), (uint8_t)seq, 0,
		0, 0, 0, 0, 0, 1234 >> 8, 1234 & 255, 'm', 'u', 's', 'i', 'c',
		'-', (uint8_t)(seq >> 8), (uint8_t)seq };
	uint32_t ts = (uint32_t)seq * 960;

	for (int i = 0; i < 4; i++)
		packet[4 + i] = (uint8_t)(ts >> (24 - 8 * i));
	say(p, FEED_RTP, packet, sizeof(packet));
}

static void a_feed(unsigned workers)
{
	struct fixture f;
	struct program *band, *ear;
	struct feed_stream s = { .id = "" };
	unsigned id = 0, version = 0;
	unsigned long long wall = 0;
	const char *at;
	char line[160];

	begin(&f, workers);
	band = plug(&f, "hall", "@band:x DEV", false, true);
	ear = plug(&f, "hall", "@ear:x", true, false);
	assert_int_equal(sscanf(ear->hello, "version=%u id=%u wall_us=%llu",
				 &version, &id, &wall),
		3);
	assert_int_equal(version, FEED_VERSION);
	assert_int_equal(id, ear->id);
	assert_true(wall / 1000000 > 1700000000ull);
	say_text(ear, FEED_OFFER, HEAD LISTEN);
	WAIT_FOR(&f, ear, ear->n[FEED_STREAMS] == 1);
	assert_string_equal(ear->streams, "");
	assert_non_null(strstr(ear->sdp, "m=audio 9 RTP/AVPF 111\r\n"));
	assert_null(strstr(ear->sdp, "ice"));
	WAIT_FOR(&f, ear, ear->log.n[SFU_EV_CONNECTED]);

	say_text(band, FEED_OFFER, HEAD LISTEN PUBLISH);
	WAIT_FOR(&f, band, band->n[FEED_STREAMS] == 1);
	assert_non_null(strstr(band->sdp, "a=recvonly"));
	WAIT_FOR(&f, ear, ear->n[FEED_STREAMS] == 2);
	at = ear->streams;
	assert_int_equal(feed_stream_next(&at, at + strlen(at), &s), 1);
	assert_int_equal(s.owner, band->id);
	assert_string_equal(s.source, "music");
	assert_string_equal(s.label, "@band:x DEV");
	assert_true(s.audio && !s.video);
	snprintf(line, sizeof(line), "a=msid:%s ", s.id);
	assert_non_null(strstr(ear->sdp, line));
	assert_non_null(strstr(ear->sdp, "a=sendonly"));

	for (uint16_t i = 1; i <= 200; i++) {
		send_rtp(band, i);
		if (i % 40 == 0)
			turn(&f, 5);
	}
	WAIT_FOR(&f, ear, ear->n[FEED_RTP] == 200);
	assert_int_equal(ear->rtp_len, 20);
	assert_memory_equal(ear->rtp + 12, "music-\0\xc8", 8);
	/* A listener that may not speak, and one that may not listen. */
	assert_int_equal(band->n[FEED_RTP], 0);

	assert_int_equal(sfu_leave(f.sfu, ear->id), 0);
	WAIT_FOR(&f, ear, ear->ended);
	assert_string_equal(ear->bye, "by_command");
	assert_int_equal(ear->log.n[SFU_EV_LEFT], 1);
	assert_int_equal(ear->log.n[SFU_EV_ANSWER], 0);
	assert_int_equal(ear->log.n[SFU_EV_OFFER], 0);
	close(band->fd);
	band->fd = dup(0);
	for (int i = 0; i < 200 && !band->log.n[SFU_EV_LEFT]; i++)
		turn(&f, 5);
	assert_int_equal(band->log.n[SFU_EV_LEFT], 1);
	assert_int_equal(band->log.reason, SFU_CLOSED);
	end(&f);
	unplug(ear);
	unplug(band);
}

/* Waits for an end the program has not asked for. */
static void wait_left(
	struct fixture *f, struct program *p, enum sfu_reason reason)
{
	WAIT_FOR(f, p, p->log.n[SFU_EV_LEFT] && p->ended);
	assert_int_equal(p->log.reason, reason);
	assert_string_equal(p->bye, sfu_reason_text(reason));
}

static void test_refused(void **state)
{
	struct fixture f;
	struct program *p, *q;

	(void)state;
	begin(&f, 0);
	p = plug(&f, "hall", "p", true, true);
	say_text(p, FEED_OFFER, "garbage");
	wait_left(&f, p, SFU_REFUSED);
	assert_true(strlen(p->refused) > 4);
	assert_int_equal(p->log.n[SFU_EV_CONNECTED], 0);

	/* Later ones are answered by a sentence, and all goes on. */
	q = plug(&f, "hall", "q", true, true);
	say_text(q, FEED_OFFER, HEAD LISTEN);
	WAIT_FOR(&f, q, q->n[FEED_STREAMS] == 1);
	say_text(q, FEED_OFFER, HEAD "m=video 9 RTP/AVPF 96\r\na=mid:0\r\n");
	WAIT_FOR(&f, q, q->n[FEED_REFUSED] == 1);
	say_text(q, FEED_OFFER, HEAD LISTEN);
	WAIT_FOR(&f, q, q->n[FEED_STREAMS] == 2);
	assert_int_equal(q->log.n[SFU_EV_REFUSED], 0);
	assert_int_equal(q->log.n[SFU_EV_LEFT], 0);
	end(&f);
	unplug(p);
	unplug(q);
}

static void test_nonsense(void **state)
{
	static const uint8_t bad[FEED_HEADER] = { 0xff, 0xff };
	struct fixture f;
	struct program *p;

	(void)state;
	begin(&f, 0);
	p = plug(&f, "hall", "p", true, true);
	assert_int_equal(send(p->fd, bad, sizeof(bad), 0), sizeof(bad));
	wait_left(&f, p, SFU_CLOSED);
	unplug(p);
	/* What a program may not say. */
	p = plug(&f, "hall", "p", true, true);
	say_text(p, FEED_BYE, "me first");
	wait_left(&f, p, SFU_CLOSED);
	unplug(p);
	end(&f);
}

/* Packets before any description, and rubbish after one. */
static void test_packets_out_of_place(void **state)
{
	struct fixture f;
	struct program *p;

	(void)state;
	begin(&f, 0);
	p = plug(&f, "hall", "p", true, true);
	send_rtp(p, 1);
	say_text(p, FEED_RTCP, "rubbish");
	say_text(p, FEED_OFFER, HEAD LISTEN PUBLISH);
	WAIT_FOR(&f, p, p->n[FEED_STREAMS] == 1);
	say_text(p, FEED_RTP, "");
	say_text(p, FEED_RTP, "\x80");
	say_text(p, FEED_RTCP, "\x80\xc8");
	send_rtp(p, 2);
	WAIT_FOR(&f, p, p->n[FEED_RTCP] > 0);
	assert_int_equal(p->log.n[SFU_EV_LEFT], 0);
	end(&f);
	unplug(p);
}

/* One that never reads is a nuisance to nobody. */
static void test_asleep(void **state)
{
	enum { PACKETS = 12000, BYTES = 1000 };
	static uint8_t packet[BYTES] = { 0x80, 111, 0, 0, 0, 0, 0, 0, 0, 0,
		1234 >> 8, 1234 & 255 };
	struct fixture f;
	struct program *band, *ear, *sleeper;
	struct evbuffer *metrics = evbuffer_new();
	char *text;

	(void)state;
	begin(&f, 0);
	band = plug(&f, "hall", "band", false, true);
	ear = plug(&f, "hall", "ear", true, false);
	sleeper = plug(&f, "hall", "sleeper", true, false);
	say_text(band, FEED_OFFER, HEAD LISTEN PUBLISH);
	WAIT_FOR(&f, band, band->n[FEED_STREAMS]);
	say_text(ear, FEED_OFFER, HEAD LISTEN);
	say_text(sleeper, FEED_OFFER, HEAD LISTEN);
	WAIT_FOR(&f, ear, strstr(ear->sdp, "a=ssrc:"));
	WAIT_FOR(&f, sleeper, strstr(sleeper->sdp, "a=ssrc:"));
	for (unsigned i = 0; i < PACKETS; i++) {
		packet[2] = (uint8_t)(i >> 8);
		packet[3] = (uint8_t)i;
		say(band, FEED_RTP, packet, sizeof(packet));
		if (i % 20 == 0) {
			event_base_loop(f.base, EVLOOP_NONBLOCK);
			read_frames(ear);
		}
	}
	WAIT_FOR(&f, ear, ear->n[FEED_RTP] == PACKETS);
	assert_int_equal(ear->n[FEED_LOST], 0);
	assert_int_equal(sleeper->log.n[SFU_EV_LEFT], 0);
	/* It wakes, and is told with the next packet. */
	for (int i = 0; i < 400; i++) {
		turn(&f, 1);
		read_frames(sleeper);
	}
	packet[2] = PACKETS >> 8;
	packet[3] = PACKETS & 255;
	say(band, FEED_RTP, packet, sizeof(packet));
	WAIT_FOR(&f, sleeper, sleeper->n[FEED_LOST] == 1);
	WAIT_FOR(&f, sleeper,
		sleeper->n[FEED_RTP] + sleeper->lost == PACKETS + 1);
	assert_true(sleeper->lost > 1000);

	turn(&f, 1100);
	turn(&f, 50);
	sfu_metrics(f.sfu, metrics);
	evbuffer_add(metrics, "", 1);
	text = (char *)evbuffer_pullup(metrics, -1);
	assert_non_null(strstr(text, "\nhearth_plugs 3\n"));
	assert_null(strstr(text, "\nhearth_plug_lost_packets_total 0\n"));
	assert_null(strstr(text, "\nhearth_plug_in_frames_total 0\n"));
	assert_null(strstr(text, "\nhearth_plug_out_frames_total 0\n"));
	evbuffer_free(metrics);
	end(&f);
	unplug(band);
	unplug(ear);
	unplug(sleeper);
}

/* The socket handed over is closed on every way on which nothing comes of it.
 */
static bool is_closed(int fd)
{
	char c;

	return recv(fd, &c, 1, MSG_DONTWAIT) == 0;
}

static int try_plug(struct fixture *f, const char *where, const char *label)
{
	struct sfu_plug_options opt = { .listen = true };
	struct guest_log log = { .n = { 0 } };
	int fd[2], err = 0;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	assert_int_equal(sfu_plug(f->sfu, where, label, &opt, fd[1], on_event,
				 &log, &err),
		0);
	assert_true(is_closed(fd[0]));
	close(fd[0]);
	return err;
}

static void test_ceilings(void **state)
{
	struct fixture f;
	struct program *p[CONFERENCE_PLUGS];
	struct guest_log log = { .n = { 0 } };
	char longest[SFU_LABEL_MAX + 2];
	int err = 0;

	(void)state;
	begin(&f, 0);
	for (unsigned i = 0; i < CONFERENCE_PLUGS; i++)
		p[i] = plug(&f, "hall", "label", true, true);
	assert_int_equal(try_plug(&f, "hall", "one more"), -EBUSY);
	/* People have seats of their own: two here. */
	assert_true(sfu_join(f.sfu, "hall", "x", NULL, on_event, &log, &err));
	assert_true(sfu_join(f.sfu, "hall", "y", NULL, on_event, &log, &err));
	assert_false(sfu_join(f.sfu, "hall", "z", NULL, on_event, &log, &err));
	assert_int_equal(err, -EBUSY);
	turn(&f, 20);
	assert_int_equal(log.n[SFU_EV_LEFT], 0);

	memset(longest, 'l', sizeof(longest));
	longest[sizeof(longest) - 1] = 0;
	assert_int_equal(try_plug(&f, "other", longest), -E2BIG);
	assert_int_equal(try_plug(&f, "other", "a\nb"), -EINVAL);
	assert_int_equal(try_plug(&f, "", "label"), -EINVAL);

	/* A seat is free again. */
	assert_int_equal(sfu_leave(f.sfu, p[0]->id), 0);
	WAIT_FOR(&f, p[0], p[0]->ended);
	unplug(p[0]);
	p[0] = plug(&f, "hall", "label", true, true);
	end(&f);
	for (unsigned i = 0; i < CONFERENCE_PLUGS; i++) {
		read_frames(p[i]);
		unplug(p[i]);
	}
}

static void test_worker_dies(void **state)
{
	struct fixture f;
	struct program *p;

	(void)state;
	begin(&f, 1);
	p = plug(&f, "hall", "p", true, true);
	kill(f.sfu->child[0].pid, SIGKILL);
	WAIT_FOR(&f, p, p->log.n[SFU_EV_LEFT] && p->ended);
	assert_int_equal(p->log.reason, SFU_WORKER_DIED);
	assert_int_equal(p->n[FEED_BYE], 0);
	end(&f);
	unplug(p);
}

/* The daemon goes down in good order. */
static void on_stopped(void *arg)
{
	++*(unsigned *)arg;
}

static void stops(unsigned workers)
{
	struct fixture f;
	struct program *p;
	unsigned stopped = 0;

	begin(&f, workers);
	p = plug(&f, "hall", "p", true, true);
	sfu_stop(f.sfu, on_stopped, &stopped);
	assert_int_equal(try_plug(&f, "hall", "late"), -EBUSY);
	WAIT_FOR(&f, p, stopped && p->ended);
	assert_string_equal(p->bye, "by_command");
	end(&f);
	unplug(p);
}

static void test_stop(void **state)
{
	(void)state;
	stops(0);
	stops(1);
}

static void test_local(void **state)
{
	(void)state;
	a_feed(0);
}

static void test_process(void **state)
{
	(void)state;
	a_feed(1);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_local),
		cmocka_unit_test(test_process),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_nonsense),
		cmocka_unit_test(test_packets_out_of_place),
		cmocka_unit_test(test_asleep),
		cmocka_unit_test(test_ceilings),
		cmocka_unit_test(test_worker_dies),
		cmocka_unit_test(test_stop),
	};

	if (argc == 3 && !strcmp(argv[1], "--worker"))
		return worker_main();
	log_init(LOG_LVL_ERROR, false, "");
	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
