/* The load generator's clients: signalling over the seam, and time. */
#include "bench/load_private.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include "dtls/assoc.h"

enum {
	JOINING_MAX = 8, /* at a time: handshakes cost milliseconds */
	TICK_US = 5000,
	/* Frames that a thread sends are made before, so that a loop which
	 * joins people (7 ms for each) can be busy for long. */
	AHEAD_US = 250000,
	CHANNELS_US = 100000,
	FPS = 50,
	CROWD_FPS = 30,
	TRICKLE_FPS = 5,
	PACKET_BYTES = 1100,
	PACKETS = 10, /* of a frame */
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

/* The first candidate that is UDP over IPv4 (RFC 8839 5.1). */
static bool candidate_of(const char *sdp, struct sockaddr_in *ret)
{
	char protocol[8], address[INET_ADDRSTRLEN];
	unsigned port;

	memset(ret, 0, sizeof(*ret));
	ret->sin_family = AF_INET;
	while ((sdp = strstr(sdp, "a=candidate:"))) {
		sdp += strlen("a=candidate:");
		if (sscanf(sdp, "%*s 1 %7s %*u %15s %u", protocol, address,
			    &port) != 3 ||
			strcasecmp(protocol, "udp") != 0 ||
			inet_pton(AF_INET, address, &ret->sin_addr) != 1)
			continue;
		ret->sin_port = htons((uint16_t)port);
		return true;
	}
	return false;
}

int load_reach(struct load_seat *s, const char *sdp)
{
	struct sockaddr_in to;

	if (s->fd >= 0)
		return 0;
	return candidate_of(sdp, &to) ? load_socket_open(s, &to)
				      : -EADDRNOTAVAIL;
}

static void on_answer(struct load_seat *s, const char *sdp)
{
	int err = load_reach(s, sdp);

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

void load_join(struct load_seat *s)
{
	const struct sfu_join_options options = {
		.renegotiate = !s->client->cfg.metadata_free
	};
	struct load *l = s->load;
	char room[32], label[32], *offer = client_offer(s->client, false);
	int err = -ENOMEM;

	snprintf(room, sizeof(room), "bench %u", s->room);
	snprintf(label, sizeof(label), "bench %u", (unsigned)(s - l->seat));
	if (offer) {
		s->id = sfu_join(
			l->sfu, room, label, &options, on_event, s, &err);
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
	for (unsigned i = 0; i < l->n_seats && l->joining < JOINING_MAX; i++) {
		struct load_seat *s = &l->seat[i];

		if (s->state != SEAT_WAITING || s->late || l->error[0])
			continue;
		if (!l->way)
			load_join(s);
		else if (load_foreign_may(s))
			load_foreign_join(s);
	}
}

/* Time. */

static struct load_seat *next_timed(const struct load *l, uint64_t *ret_due)
{
	struct load_seat *next = NULL;

	*ret_due = UINT64_MAX;
	for (unsigned i = 0; i < l->n_seats; i++) {
		uint64_t due;

		if (!load_is_timed(l, i))
			continue;
		due = client_deadline(l->seat[i].client);
		if (due >= *ret_due)
			continue;
		*ret_due = due;
		next = &l->seat[i];
	}
	return next;
}

/* Frames are made before their time where a thread sends them. */
static uint64_t made_at(const struct load *l, uint64_t due_us)
{
	return l->pace && due_us > AHEAD_US ? due_us - AHEAD_US : due_us;
}

static void arm_frame(struct load *l)
{
	uint64_t due, now = load_clock_us(), wait;
	struct timeval tv;

	next_timed(l, &due);
	due = made_at(l, due);
	wait = due > now ? due - now : 0;
	if (wait > TICK_US * 20)
		wait = TICK_US * 20;
	tv.tv_sec = 0;
	tv.tv_usec = (suseconds_t)wait;
	event_add(l->frame, &tv);
}

static void send_frame(struct load *l, struct client *c, uint64_t due_us)
{
	uint64_t now = load_clock_us();

	load_socket_flush(l);
	l->due_us = l->pace ? due_us : 0;
	client_tick(c, l->due_us > now ? l->due_us : now);
	if (l->paused)
		c->send[CLIENT_AUDIO].next_us = c->send[CLIENT_VIDEO].next_us =
			UINT64_MAX;
	load_socket_flush(l);
	l->due_us = 0;
}

static void on_frame(evutil_socket_t fd, short what, void *arg)
{
	struct load *l = arg;
	struct load_seat *s;
	uint64_t due;

	(void)fd;
	(void)what;
	while ((s = next_timed(l, &due)) && made_at(l, due) <= load_clock_us())
		send_frame(l, s->client, due);
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
	load_storm_tick(l, now);
	if (l->way)
		load_foreign_tick(l);
	load_detour_drain(l);
	if (now - l->sctp_us >= ASSOC_TICK_US) {
		assoc_global_tick(now);
		l->sctp_us = now;
	}
	if (channels)
		l->channels_us = now;
	for (unsigned i = 0; i < l->n_seats; i++) {
		struct client *c = l->seat[i].client;

		if (channels)
			client_channels(c, now);
		if (!load_is_timed(l, i) && client_deadline(c) <= now)
			client_tick(c, load_clock_us());
	}
	load_socket_flush(l);
}

/* Their frames are spread over the time of one. */
static uint64_t first_frame(const struct load *l, const struct load_seat *s)
{
	unsigned of = l->playing ? l->playing : 1;

	if (l->paused || s->room >= of)
		return UINT64_MAX;
	return load_clock_us() + (l->pace ? AHEAD_US : 0) +
	       1000000 / FPS * s->room / of;
}

void load_pause(struct load *l, bool pause)
{
	l->paused = pause;
	for (unsigned i = 0; i < l->n_seats; i++) {
		struct client_send *send = l->seat[i].client->send;

		if (load_is_timed(l, i))
			send[CLIENT_AUDIO].next_us =
				send[CLIENT_VIDEO].next_us =
					first_frame(l, &l->seat[i]);
	}
	if (!pause)
		arm_frame(l);
}

static void set_rate(struct load *l)
{
	for (unsigned i = 0; i < l->n_seats; i++) {
		struct client_config *cfg = &l->seat[i].client->cfg;

		cfg->fps = l->trickles ? TRICKLE_FPS : FPS;
		cfg->packets_per_frame = l->trickles ? 1 : PACKETS;
	}
}

void load_trickle(struct load *l, bool on)
{
	l->trickles = on;
	set_rate(l);
	load_pause(l, l->paused);
}

void load_playing(struct load *l, unsigned conferences)
{
	l->playing = conferences;
	load_pause(l, l->paused);
}

/* Life. */

static struct client_config config_of(const struct load *l, unsigned i)
{
	const struct load_seat *s = &l->seat[i];

	return (struct client_config){ .id = i + 1,
		.audio = s->publishes && l->crowd,
		.video = s->publishes,
		.data = l->crowd ? !s->publishes : !l->shape.no_data,
		.spares = !l->crowd && l->shape.no_data && !s->publishes,
		.metadata_free = s->publishes && l->crowd,
		.fps = l->crowd ? CROWD_FPS : FPS,
		.packets_per_frame = l->crowd ? CROWD_PACKETS : PACKETS,
		.packet_bytes = PACKET_BYTES };
}

static void place(struct load *l, unsigned i)
{
	const struct load_shape *shape = &l->shape;
	struct load_seat *s = &l->seat[i];
	unsigned publishers = load_publishers(shape);
	unsigned each = shape->receivers + publishers;
	bool first = i % each < publishers;

	if (l->crowd) {
		s->publishes = i < l->n_seats_max - 1;
		s->receives = i > 0;
		return;
	}
	s->room = i / each < shape->conferences ? i / each : shape->conferences;
	s->late = i / each >= shape->conferences;
	s->publishes = !s->late && first && !shape->idle;
	s->receives = !s->late && !first;
}

static bool fill_seat(struct load *l, unsigned i)
{
	struct load_seat *s = &l->seat[i];
	struct client_config config;

	place(l, i);
	config = config_of(l, i);
	s->out.send = load_socket_send;
	s->load = l;
	s->fd = -1;
	s->full = i % LOAD_FULL == 1;
	s->stamped = l->crowd ? i == l->n_seats_max - 1
			      : l->delays && s->full && s->receives;
	s->full = s->full || s->stamped;
	s->client = client_new(&config, l->cert, &s->out);
	if (s->client && s->stamped) {
		s->client->user = s;
		s->client->on_packet = load_crowd_packet;
	}
	return s->client != NULL;
}

static struct load *make(struct event_base *base, struct sfu *sfu,
	unsigned seats, const struct load_shape *shape, bool delays)
{
	static const struct timeval every = { .tv_usec = TICK_US };
	struct load *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->base = base;
	l->sfu = sfu;
	if (shape) {
		l->shape = *shape;
		l->playing = shape->conferences;
	}
	l->crowd = !shape;
	l->detour[0] = l->detour[1] = -1;
	if (delays)
		l->delays = calloc(LOAD_DELAYS + 1, sizeof(*l->delays));
	l->n_seats_max = seats;
	l->cert = cert_new((uint64_t)time(NULL));
	l->seat = calloc(seats, sizeof(*l->seat));
	l->buffers = load_buffers_new(shape && shape->trains);
	if (shape && delays)
		l->pace = load_pace_new();
	l->tick = event_new(base, -1, EV_PERSIST, on_tick, l);
	l->frame = evtimer_new(base, on_frame, l);
	if (!l->cert || !l->seat || !l->buffers || !l->tick || !l->frame ||
		(delays && !l->delays) || (shape && delays && !l->pace))
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

struct load *load_new(struct event_base *base, struct sfu *sfu,
	const struct load_shape *shape)
{
	unsigned each = shape->receivers + load_publishers(shape);
	unsigned seats = shape->conferences * each + shape->late;

	return make(base, sfu, seats, shape, shape->delays);
}

struct load *load_new_foreign(struct event_base *base, struct load_way *way,
	const struct load_shape *shape)
{
	struct load *l = make(base, NULL,
		shape->conferences * (shape->receivers + 1), shape, false);

	if (l)
		l->way = way;
	return l;
}

struct load *load_crowd(
	struct event_base *base, struct sfu *sfu, unsigned publishers)
{
	return make(base, sfu, publishers + 1, NULL, true);
}

struct load *load_free(struct load *l)
{
	if (!l)
		return NULL;
	l->pace = load_pace_free(l->pace);
	for (unsigned i = 0; i < l->n_seats; i++) {
		client_free(l->seat[i].client);
		load_socket_close(&l->seat[i]);
	}
	if (l->tick)
		event_free(l->tick);
	if (l->frame)
		event_free(l->frame);
	load_buffers_free(l->buffers);
	load_side_free(l);
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

	for (unsigned i = 0; i < l->n_seats; i++)
		n += l->seat[i].receives && l->seat[i].state == SEAT_CONNECTED;
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

	for (unsigned i = 0; i < l->n_seats; i++)
		n += l->seat[i].receives &&
		     has(l->seat[i].client, CLIENT_VIDEO, 0) &&
		     (!l->crowd || has(l->seat[i].client, CLIENT_AUDIO, 0));
	return n;
}

unsigned load_live(const struct load *l)
{
	uint64_t since = load_clock_us() - LIVE_US;
	unsigned n = 0;

	for (unsigned i = 0; i < l->n_seats; i++)
		n += l->seat[i].receives &&
		     has(l->seat[i].client, CLIENT_VIDEO, since);
	return n;
}

static void count_seat(const struct load_seat *seat, struct load_counts *ret)
{
	const struct client *c = seat->client;

	for (unsigned k = 0; k < 2; k++) {
		const struct client_stream *s = &c->stream[k];

		ret->received += s->packets;
		ret->wrong += s->foreign;
		/* Others send at once, in the middle of a picture. */
		if (!seat->load->way)
			ret->wrong += s->before_key;
	}
	ret->opened += seat->opened;
	ret->nacks += c->count.nacks_sent;
	ret->wrong += c->count.corrupt + c->count.foreign_ssrc;
}

void load_counts(const struct load *l, struct load_counts *ret)
{
	memset(ret, 0, sizeof(*ret));
	for (unsigned i = 0; i < l->n_seats; i++) {
		const struct client_send *send = l->seat[i].client->send;

		if (load_is_timed(l, i))
			ret->sent += send[CLIENT_AUDIO].packets +
				     send[CLIENT_VIDEO].packets;
		if (l->seat[i].receives)
			count_seat(&l->seat[i], ret);
	}
}
