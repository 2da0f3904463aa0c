/*
 * Local programs through the whole seam: one publishes, others listen, over
 * real sockets, with the worker in this process and in one of its own.
 */
#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "program.h"
#include "sfu/conference.h"
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

static void a_feed(unsigned workers)
{
	struct fixture f;
	struct program *band, *ear;
	struct feed_stream s = { .id = "" };
	unsigned id = 0, version = 0;
	unsigned long long wall = 0;
	const char *at;
	char line[160];

	stage_begin(&f, workers);
	band = program_plug(&f, "hall", "@band:x DEV", false, true);
	ear = program_plug(&f, "hall", "@ear:x", true, false);
	assert_int_equal(sscanf(ear->hello, "version=%u id=%u wall_us=%llu",
				 &version, &id, &wall),
		3);
	assert_int_equal(version, FEED_VERSION);
	assert_int_equal(id, ear->id);
	assert_true(wall / 1000000 > 1700000000ull);
	program_say_text(ear, FEED_OFFER, HEAD LISTEN);
	WAIT_FOR(&f, ear, ear->n[FEED_STREAMS] == 1);
	assert_string_equal(ear->streams, "");
	assert_non_null(strstr(ear->sdp, "m=audio 9 RTP/AVPF 111\r\n"));
	assert_null(strstr(ear->sdp, "ice"));
	WAIT_FOR(&f, ear, ear->log.n[SFU_EV_CONNECTED]);

	program_say_text(band, FEED_OFFER, HEAD LISTEN PUBLISH);
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
		program_send_rtp(band, i);
		if (i % 40 == 0)
			stage_turn(&f, 5);
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
		stage_turn(&f, 5);
	assert_int_equal(band->log.n[SFU_EV_LEFT], 1);
	assert_int_equal(band->log.reason, SFU_CLOSED);
	stage_end(&f);
	program_unplug(ear);
	program_unplug(band);
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
	stage_begin(&f, 0);
	p = program_plug(&f, "hall", "p", true, true);
	program_say_text(p, FEED_OFFER, "garbage");
	wait_left(&f, p, SFU_REFUSED);
	assert_true(strlen(p->refused) > 4);
	assert_int_equal(p->log.n[SFU_EV_CONNECTED], 0);

	/* Later ones are answered by a sentence, and all goes on. */
	q = program_plug(&f, "hall", "q", true, true);
	program_say_text(q, FEED_OFFER, HEAD LISTEN);
	WAIT_FOR(&f, q, q->n[FEED_STREAMS] == 1);
	program_say_text(
		q, FEED_OFFER, HEAD "m=video 9 RTP/AVPF 96\r\na=mid:0\r\n");
	WAIT_FOR(&f, q, q->n[FEED_REFUSED] == 1);
	program_say_text(q, FEED_OFFER, HEAD LISTEN);
	WAIT_FOR(&f, q, q->n[FEED_STREAMS] == 2);
	assert_int_equal(q->log.n[SFU_EV_REFUSED], 0);
	assert_int_equal(q->log.n[SFU_EV_LEFT], 0);
	stage_end(&f);
	program_unplug(p);
	program_unplug(q);
}

static void test_nonsense(void **state)
{
	static const uint8_t bad[FEED_HEADER] = { 0xff, 0xff };
	struct fixture f;
	struct program *p;

	(void)state;
	stage_begin(&f, 0);
	p = program_plug(&f, "hall", "p", true, true);
	assert_int_equal(send(p->fd, bad, sizeof(bad), 0), sizeof(bad));
	wait_left(&f, p, SFU_CLOSED);
	program_unplug(p);
	/* What a program may not say. */
	p = program_plug(&f, "hall", "p", true, true);
	program_say_text(p, FEED_BYE, "me first");
	wait_left(&f, p, SFU_CLOSED);
	program_unplug(p);
	stage_end(&f);
}

/* Packets before any description, and rubbish after one. */
static void test_packets_out_of_place(void **state)
{
	struct fixture f;
	struct program *p;

	(void)state;
	stage_begin(&f, 0);
	p = program_plug(&f, "hall", "p", true, true);
	program_send_rtp(p, 1);
	program_say_text(p, FEED_RTCP, "rubbish");
	program_say_text(p, FEED_OFFER, HEAD LISTEN PUBLISH);
	WAIT_FOR(&f, p, p->n[FEED_STREAMS] == 1);
	program_say_text(p, FEED_RTP, "");
	program_say_text(p, FEED_RTP, "\x80");
	program_say_text(p, FEED_RTCP, "\x80\xc8");
	program_send_rtp(p, 2);
	WAIT_FOR(&f, p, p->n[FEED_RTCP] > 0);
	assert_int_equal(p->log.n[SFU_EV_LEFT], 0);
	stage_end(&f);
	program_unplug(p);
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
	stage_begin(&f, 0);
	band = program_plug(&f, "hall", "band", false, true);
	ear = program_plug(&f, "hall", "ear", true, false);
	sleeper = program_plug(&f, "hall", "sleeper", true, false);
	program_say_text(band, FEED_OFFER, HEAD LISTEN PUBLISH);
	WAIT_FOR(&f, band, band->n[FEED_STREAMS]);
	program_say_text(ear, FEED_OFFER, HEAD LISTEN);
	program_say_text(sleeper, FEED_OFFER, HEAD LISTEN);
	WAIT_FOR(&f, ear, strstr(ear->sdp, "a=ssrc:"));
	WAIT_FOR(&f, sleeper, strstr(sleeper->sdp, "a=ssrc:"));
	for (unsigned i = 0; i < PACKETS; i++) {
		packet[2] = (uint8_t)(i >> 8);
		packet[3] = (uint8_t)i;
		program_say(band, FEED_RTP, packet, sizeof(packet));
		if (i % 20 == 0) {
			event_base_loop(f.base, EVLOOP_NONBLOCK);
			program_read_frames(ear);
		}
	}
	WAIT_FOR(&f, ear, ear->n[FEED_RTP] == PACKETS);
	assert_int_equal(ear->n[FEED_LOST], 0);
	assert_int_equal(sleeper->log.n[SFU_EV_LEFT], 0);
	/* It wakes, and is told with the next packet. */
	for (int i = 0; i < 400; i++) {
		stage_turn(&f, 1);
		program_read_frames(sleeper);
	}
	packet[2] = PACKETS >> 8;
	packet[3] = PACKETS & 255;
	program_say(band, FEED_RTP, packet, sizeof(packet));
	WAIT_FOR(&f, sleeper, sleeper->n[FEED_LOST] == 1);
	WAIT_FOR(&f, sleeper,
		sleeper->n[FEED_RTP] + sleeper->lost == PACKETS + 1);
	assert_true(sleeper->lost > 1000);

	stage_turn(&f, 1100);
	stage_turn(&f, 50);
	sfu_metrics(f.sfu, metrics);
	evbuffer_add(metrics, "", 1);
	text = (char *)evbuffer_pullup(metrics, -1);
	assert_non_null(strstr(text, "\nhearth_plugs 3\n"));
	assert_null(strstr(text, "\nhearth_plug_lost_packets_total 0\n"));
	assert_null(strstr(text, "\nhearth_plug_in_frames_total 0\n"));
	assert_null(strstr(text, "\nhearth_plug_out_frames_total 0\n"));
	evbuffer_free(metrics);
	stage_end(&f);
	program_unplug(band);
	program_unplug(ear);
	program_unplug(sleeper);
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
	assert_int_equal(sfu_plug(f->sfu, where, label, &opt, fd[1],
				 stage_on_event, &log, &err),
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
	stage_begin(&f, 0);
	for (unsigned i = 0; i < CONFERENCE_PLUGS; i++)
		p[i] = program_plug(&f, "hall", "label", true, true);
	assert_int_equal(try_plug(&f, "hall", "one more"), -EBUSY);
	/* People have seats of their own: two here. */
	assert_true(
		sfu_join(f.sfu, "hall", "x", NULL, stage_on_event, &log, &err));
	assert_true(
		sfu_join(f.sfu, "hall", "y", NULL, stage_on_event, &log, &err));
	assert_false(
		sfu_join(f.sfu, "hall", "z", NULL, stage_on_event, &log, &err));
	assert_int_equal(err, -EBUSY);
	stage_turn(&f, 20);
	assert_int_equal(log.n[SFU_EV_LEFT], 0);

	memset(longest, 'l', sizeof(longest));
	longest[sizeof(longest) - 1] = 0;
	assert_int_equal(try_plug(&f, "other", longest), -E2BIG);
	assert_int_equal(try_plug(&f, "other", "a\nb"), -EINVAL);
	assert_int_equal(try_plug(&f, "", "label"), -EINVAL);

	/* A seat is free again. */
	assert_int_equal(sfu_leave(f.sfu, p[0]->id), 0);
	WAIT_FOR(&f, p[0], p[0]->ended);
	program_unplug(p[0]);
	p[0] = program_plug(&f, "hall", "label", true, true);
	stage_end(&f);
	for (unsigned i = 0; i < CONFERENCE_PLUGS; i++) {
		program_read_frames(p[i]);
		program_unplug(p[i]);
	}
}

static void test_worker_dies(void **state)
{
	struct fixture f;
	struct program *p;

	(void)state;
	stage_begin(&f, 1);
	p = program_plug(&f, "hall", "p", true, true);
	kill(f.sfu->child[0].pid, SIGKILL);
	WAIT_FOR(&f, p, p->log.n[SFU_EV_LEFT] && p->ended);
	assert_int_equal(p->log.reason, SFU_WORKER_DIED);
	assert_int_equal(p->n[FEED_BYE], 0);
	stage_end(&f);
	program_unplug(p);
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

	stage_begin(&f, workers);
	p = program_plug(&f, "hall", "p", true, true);
	sfu_stop(f.sfu, on_stopped, &stopped);
	assert_int_equal(try_plug(&f, "hall", "late"), -EBUSY);
	WAIT_FOR(&f, p, stopped && p->ended);
	assert_string_equal(p->bye, "by_command");
	stage_end(&f);
	program_unplug(p);
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
