#include "program.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "sfu/worker.h"

static char *loopback[] = { "127.0.0.1" };

void stage_on_event(void *arg, const struct sfu_event *ev)
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

void stage_turn(struct fixture *f, unsigned ms)
{
	struct timeval tv = { .tv_usec = (suseconds_t)ms * 1000 };

	event_base_loopexit(f->base, &tv);
	event_base_dispatch(f->base);
}

void stage_begin(struct fixture *f, unsigned workers)
{
	memset(f, 0, sizeof(*f));
	f->config.media.listen.v = loopback;
	f->config.media.listen.n = 1;
	f->config.media.workers = workers;
	f->config.media.split_load = 100;
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
		stage_turn(f, 5);
}

void stage_end(struct fixture *f)
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

void program_read_frames(struct program *p)
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

void program_say(
	struct program *p, enum feed_type type, const void *data, size_t len)
{
	struct feed_frame f = { .type = type, .len = len };
	uint8_t header[FEED_HEADER];

	feed_header_write(&f, header);
	assert_int_equal(send(p->fd, header, sizeof(header), 0),
		(ssize_t)sizeof(header));
	assert_int_equal(send(p->fd, data, len, 0), (ssize_t)len);
}

void program_say_text(struct program *p, enum feed_type type, const char *text)
{
	program_say(p, type, text, strlen(text));
}

struct program *program_plug(struct fixture *f, const char *where,
	const char *label, bool listen, bool publish)
{
	struct sfu_plug_options opt = { .listen = listen, .publish = publish };
	struct program *p = calloc(1, sizeof(*p));
	int fd[2], err = 0;

	assert_non_null(p);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	p->fd = fd[0];
	p->id = sfu_plug(f->sfu, where, label, &opt, fd[1], stage_on_event,
		&p->log, &err);
	assert_int_equal(err, 0);
	assert_true(p->id != 0);
	WAIT_FOR(f, p, p->n[FEED_HELLO]);
	return p;
}

void program_unplug(struct program *p)
{
	close(p->fd);
	free(p);
}

void program_send_rtp(struct program *p, uint16_t seq)
{
	uint8_t packet[20] = { 0x80, 111, (uint8_t)(seq >> 8), (uint8_t)seq, 0,
		0, 0, 0, 0, 0, 1234 >> 8, 1234 & 255, 'm', 'u', 's', 'i', 'c',
		'-', (uint8_t)(seq >> 8), (uint8_t)seq };
	uint32_t ts = (uint32_t)seq * 960;

	for (int i = 0; i < 4; i++)
		packet[4 + i] = (uint8_t)(ts >> (24 - 8 * i));
	program_say(p, FEED_RTP, packet, sizeof(packet));
}
