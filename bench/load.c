/* The load generator's clients: signalling over the seam, and time. */
#include "bench/load_private.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "dtls/assoc.h"

enum {
	JOINING_MAX = 8, /* at a time: handshakes cost milliseconds */
	TICK_US = 5000,
	CHANNELS_US = 100000,
	FPS = 30,
	PACKET_BYTES = 1100,
	PACKETS_LEAST = 9, /* and one more in every other frame */
	CROWD_PACKETS = 3,
	LIVE_US = 1000000
};

uint64_t load_clock_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

void load_fail(struct load *l, const char *fmt, ...)
{
	va_list ap;

	if (l->error[0])
		return;
	va_start(ap, fmt);
	vsnprintf(l->error, sizeof(l->error), fmt, ap);
	va_end(ap);
}

const char *load_error(const struct load *l)
{
	return l->error[0] ? l->error : NULL;
}

/* Signalling. */

/* The port of the first candidate for loopback. 0: there is none. */
static unsigned port_of(const char *sdp)
{
	const char *at = strstr(sdp, " 127.0.0.1 ");

	return at ? (unsigned)strtoul(at + strlen(" 127.0.0.1 "), NULL, 10) : 0;
}

static void on_answer(struct load_seat *s, const char *sdp)
{
	unsigned port = port_of(sdp);
	int err = port ? load_socket_open(s, port) : -EADDRNOTAVAIL;

	if (err)
		load_fail(s->load, "participant %u: no socket: %s", s->id,
			strerror(-err));
	else if (client_answer(s->client, load_clock_us(), sdp) != 0)
		load_fail(s->load, "participant %u: bad answer", s->id);
}

static void on_offer(struct load_seat *s, const char *sdp)
{
	char *answer = client_negotiate(s->client, load_clock_us(), sdp);

	if (!answer || sfu_answer(s->load->sfu, s->id, answer) != 0)
		load_fail(s->load, "participant %u: bad offer", s->id);
	free(answer);
}

static void on_event(void *arg, const struct sfu_event *ev)
{
	struct load_seat *s = arg;

	switch (ev->type) {
	case SFU_EV_ANSWER:
		on_answer(s, ev->sdp);
		break;
	case SFU_EV_OFFER:
		on_offer(s, ev->sdp);
		break;
	case SFU_EV_CONNECTED:
		if (s->state == SEAT_JOINED)
			s->load->joining--;
		s->state = SEAT_CONNECTED;
		break;
	case SFU_EV_REFUSED:
		load_fail(s->load, "participant %u was refused: %s", s->id,
			ev->text ? ev->text : "");
		break;
	case SFU_EV_LEFT:
		load_fail(s->load, "participant %u is gone: %s", s->id,
			sfu_reason_text(ev->reason));
		break;
	default:
		break;
	}
}

static void join(struct load_seat *s)
{
	const struct sfu_join_options options = {
		.renegotiate = !s->client->cfg.metadata_free
	};
	struct load *l = s->load;
	char label[32], *offer = client_offer(s->client, false);
	int err = -ENOMEM;

	snprintf(label, sizeof(label), "bench %u", (unsigned)(s - l->seat));
	if (offer) {
		s->id = sfu_join(
			l->sfu, "bench", label, &options, on_event, s, &err);
		if (s->id)
			err = sfu_offer(l->sfu, s->id, offer);
	}
	free(offer);
	if (err)
		load_fail(l, "%s cannot join: %s", label, strerror(-err));
	s->state = SEAT_JOINED;
	l->joining++;
}

static void join_some(struct load *l)
{
	for (unsigned i = 0; i < l->n_seats && l->joining < JOINING_MAX; i++)
		if (l->seat[i].state == SEAT_WAITING && !l->error[0])
			join(&l->seat[i]);
}

/* Time. */

static void arm_frame(struct load *l)
{
	uint64_t due = client_deadline(l->seat[0].client);
	uint64_t now = load_clock_us(), wait = due > now ? due - now : 0;
	struct timeval tv;

	if (wait > TICK_US * 20)
		wait = TICK_US * 20;
	tv.tv_sec = 0;
	tv.tv_usec = (suseconds_t)wait;
	event_add(l->frame, &tv);
}

static void on_frame(evutil_socket_t fd, short what, void *arg)
{
	struct load *l = arg;
	struct client *c = l->seat[0].client;

	(void)fd;
	(void)what;
	if (!l->delays)
		c->cfg.packets_per_frame =
			PACKETS_LEAST + (c->send[CLIENT_VIDEO].counter & 1);
	client_tick(c, load_clock_us());
	if (l->paused)
		c->send[CLIENT_AUDIO].next_us = c->send[CLIENT_VIDEO].next_us =
			UINT64_MAX;
	load_socket_flush(l);
	arm_frame(l);
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct load *l = arg;
	uint64_t now = load_clock_us();
	bool channels = now - l->channels_us >= CHANNELS_US;

	(void)fd;
	(void)what;
	join_some(l);
	assoc_global_tick(now);
	if (channels)
		l->channels_us = now;
	for (unsigned i = 0; i < l->n_seats; i++) {
		struct client *c = l->seat[i].client;

		if (channels)
			client_channels(c, now);
		if (i && client_deadline(c) <= now)
			client_tick(c, load_clock_us());
	}
	load_socket_flush(l);
}

void load_pause(struct load *l, bool pause)
{
	struct client_send *send = l->seat[0].client->send;
	uint64_t next = pause ? UINT64_MAX : load_clock_us();

	l->paused = pause;
	send[CLIENT_AUDIO].next_us = send[CLIENT_VIDEO].next_us = next;
	if (!pause)
		arm_frame(l);
}

/* Life. */

static struct client_config config_of(const struct load *l, unsigned i)
{
	bool publishes = l->delays ? i < l->n_seats_max - 1 : i == 0;

	return (struct client_config){ .id = i + 1,
		.audio = publishes,
		.video = publishes,
		.data = !publishes || !l->delays,
		.metadata_free = publishes && l->delays,
		.fps = FPS,
		.packets_per_frame = CROWD_PACKETS,
		.packet_bytes = PACKET_BYTES };
}

static bool fill_seat(struct load *l, unsigned i)
{
	struct load_seat *s = &l->seat[i];
	struct client_config config = config_of(l, i);

	s->out.send = load_socket_send;
	s->load = l;
	s->fd = -1;
	s->stamped = l->delays && i == l->n_seats_max - 1;
	s->full = s->stamped || i % LOAD_FULL == 1;
	s->client = client_new(&config, l->cert, &s->out);
	if (s->client && s->stamped) {
		s->client->user = s;
		s->client->on_packet = load_crowd_packet;
	}
	return s->client != NULL;
}

static struct load *make(struct event_base *base, struct sfu *sfu,
	unsigned seats, uint32_t *delays)
{
	static const struct timeval every = { .tv_usec = TICK_US };
	struct load *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->base = base;
	l->sfu = sfu;
	l->delays = delays;
	l->n_seats_max = seats;
	l->cert = cert_new((uint64_t)time(NULL));
	l->seat = calloc(seats, sizeof(*l->seat));
	l->buffers = load_buffers_new();
	l->tick = event_new(base, -1, EV_PERSIST, on_tick, l);
	l->frame = evtimer_new(base, on_frame, l);
	if (!l->cert || !l->seat || !l->buffers || !l->tick || !l->frame)
		return load_free(l);
	for (unsigned i = 0; i < seats; i++) {
		l->n_seats++;
		if (!fill_seat(l, i))
			return load_free(l);
	}
	event_add(l->tick, &every);
	arm_frame(l);
	return l;
}

struct load *load_new(
	struct event_base *base, struct sfu *sfu, unsigned receivers)
{
	return make(base, sfu, receivers + 1, NULL);
}

struct load *load_crowd(
	struct event_base *base, struct sfu *sfu, unsigned publishers)
{
	uint32_t *delays = calloc(LOAD_DELAYS + 1, sizeof(*delays));

	return delays ? make(base, sfu, publishers + 1, delays) : NULL;
}

struct load *load_free(struct load *l)
{
	if (!l)
		return NULL;
	for (unsigned i = 0; i < l->n_seats; i++) {
		client_free(l->seat[i].client);
		load_socket_close(&l->seat[i]);
	}
	if (l->tick)
		event_free(l->tick);
	if (l->frame)
		event_free(l->frame);
	load_buffers_free(l->buffers);
	free(l->delays);
	free(l->seat);
	cert_free(l->cert);
	free(l);
	return NULL;
}

/* Questions. */

unsigned load_connected(const struct load *l)
{
	unsigned n = 0;

	for (unsigned i = 1; i < l->n_seats; i++)
		n += l->seat[i].state == SEAT_CONNECTED;
	return n;
}

static bool has(const struct client *c, enum client_kind kind, uint64_t since)
{
	for (unsigned i = 0; i < 2; i++) {
		const struct client_stream *s = &c->stream[i];

		if (s->used && s->started && s->kind == kind &&
			s->last_us >= since)
			return true;
	}
	return false;
}

unsigned load_watching(const struct load *l)
{
	unsigned n = 0;

	for (unsigned i = 1; i < l->n_seats; i++)
		n += has(l->seat[i].client, CLIENT_AUDIO, 0) &&
		     has(l->seat[i].client, CLIENT_VIDEO, 0);
	return n;
}

unsigned load_live(const struct load *l)
{
	uint64_t since = load_clock_us() - LIVE_US;
	unsigned n = 0;

	for (unsigned i = 1; i < l->n_seats; i++)
		n += has(l->seat[i].client, CLIENT_VIDEO, since);
	return n;
}

void load_counts(const struct load *l, struct load_counts *ret)
{
	const struct client_send *send = l->seat[0].client->send;

	memset(ret, 0, sizeof(*ret));
	ret->sent = send[CLIENT_AUDIO].packets + send[CLIENT_VIDEO].packets;
	for (unsigned i = 1; i < l->n_seats; i++) {
		const struct client *c = l->seat[i].client;

		for (unsigned k = 0; k < 2; k++) {
			const struct client_stream *s = &c->stream[k];

			ret->received += s->packets;
			ret->wrong += s->foreign + s->before_key;
		}
		ret->opened += l->seat[i].opened;
		ret->nacks += c->count.nacks_sent;
		ret->wrong += c->count.corrupt + c->count.foreign_ssrc;
	}
}
