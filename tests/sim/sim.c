#include "tests/sim/sim.h"
#include <arpa/inet.h>
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include "tests/sim/sim_queue.h"

/* usrsctp reads the wall clock itself: in this program it is the virtual one.
 */
static uint64_t *virtual_now;
int gettimeofday(struct timeval *restrict tv, void *restrict tz)
{
	uint64_t now = virtual_now ? *virtual_now : 0;
	(void)tz;
	tv->tv_sec = (time_t)(1700000000 + now / SIM_S);
	tv->tv_usec = (suseconds_t)(now % SIM_S);
	return 0;
}

enum { SIM_BATCH = 32 };

uint64_t sim_random(struct sim *s)
{
	/* xorshift64*, so that a seed means the same on every machine. */
	s->seed ^= s->seed >> 12;
	s->seed ^= s->seed << 25;
	s->seed ^= s->seed >> 27;
	return s->seed * 2685821657736338717u;
}

static bool chance(struct sim *s, unsigned ppm)
{
	return sim_random(s) % 1000000 < ppm;
}

/* Lengths of DTLS records vary with signatures, so only kinds are digested. */
static void digest(struct sim *s, unsigned kind, unsigned seat, uint64_t at)
{
	s->digest ^= at * 31 + kind * 7 + seat;
	s->digest *= 1099511628211u;
}

enum { SIM_UDP = 28 }; /* IPv4 and UDP */

/* Over a path with a queue of its own: a copy waits there. */
static void enter_path(
	struct sim *s, struct sim_seat *seat, const uint8_t *buf, size_t len)
{
	struct sim_event *e = malloc(sizeof(*e) + len);
	assert(e);
	*e = (struct sim_event){ .kind = TO_CLIENT,
		.seat = (unsigned)(seat - s->seat),
		.id = seat->id,
		.buf = (uint8_t *)(e + 1),
		.len = len };
	memcpy(e->buf, buf, len);
	s->packets++;
	if (link_send(seat->path, s->now_us, len + SIM_UDP, (uintptr_t)e))
		return;
	s->lost++;
	free(e);
}

/* What is through, as any other packet that arrives. */
static void leave_path(struct sim *s, struct sim_seat *seat, uint64_t now_us)
{
	struct link_packet p;
	while (link_take(seat->path, now_us, &p)) {
		struct sim_event *e = (struct sim_event *)(uintptr_t)p.handle;
		s->lost += p.lost;
		if (!p.lost && seat->client && seat->id == e->id)
			client_input(seat->client, s->now_us, e->buf, e->len);
		free(e);
	}
}

void sim_set_path(struct sim *s, struct sim_seat *seat, struct link *path)
{
	struct link_packet p;
	while (seat->path && link_take(seat->path, UINT64_MAX - 1, &p))
		free((void *)(uintptr_t)p.handle);
	(void)s;
	seat->path = path;
}

static void travel(struct sim *s, const struct sim_link *l,
	enum event_kind kind, unsigned seat, const uint8_t *buf, size_t len)
{
	unsigned copies = 1 + chance(s, l->duplicate_ppm);
	bool lost = chance(s, l->loss_ppm);
	s->packets++;
	if (lost || l->cut) {
		s->lost++;
		return;
	}
	s->duplicated += copies - 1;
	while (copies--) {
		struct sim_event e = { .at_us = s->now_us + l->delay_us,
			.kind = kind,
			.seat = seat,
			.id = s->seat[seat].id,
			.from = s->seat[seat].addr,
			.buf = malloc(len ? len : 1),
			.len = len };
		assert(e.buf);
		memcpy(e.buf, buf, len);
		if (l->jitter_us)
			e.at_us += sim_random(s) % l->jitter_us;
		sim_queue_push(s, e);
	}
}

static void on_client_out(
	struct client_out *out, const uint8_t *buf, size_t len)
{
	struct sim_seat *seat = (struct sim_seat *)out;
	travel(seat->sim, &seat->up, TO_SERVER,
		(unsigned)(seat - seat->sim->seat), buf, len);
}

static struct sim_seat *seat_of_addr(struct sim *s, const struct sockaddr *a)
{
	for (unsigned i = 0; i < s->n_seats; i++)
		if (ice_addr_equal(a, (struct sockaddr *)&s->seat[i].addr))
			return &s->seat[i];
	return NULL;
}

static void flush(struct outbox *out)
{
	struct sim *s = out->owner;
	outbox_seal(out);
	for (unsigned i = 0; i < out->n; i++) {
		struct packet *p = &out->v[i];
		struct sim_seat *seat;
		if (p->plug && sim_cross(s, p))
			continue;
		if (p->plug) {
			s->plugs.packet(s, p->plug, p->rtcp, p->data, p->len);
			continue;
		}
		seat = seat_of_addr(s, outbox_to(out, p));
		/* Nobody is there any more: a rebound NAT, say. */
		if (!seat || !p->len)
			continue;
		if (seat->path) {
			enter_path(s, seat, p->data, p->len);
			continue;
		}
		travel(s, &seat->down, TO_CLIENT, (unsigned)(seat - s->seat),
			p->data, p->len);
	}
	out->n = out->n_plug = 0;
}

static void signal_later(struct sim *s, struct sim_seat *seat,
	enum event_kind kind, const char *text)
{
	size_t len = strlen(text) + 1;
	struct sim_event e = { .at_us = s->now_us + seat->signal_delay_us,
		.kind = kind,
		.seat = (unsigned)(seat - s->seat),
		.id = seat->id,
		.buf = malloc(len),
		.len = len };
	assert(e.buf);
	memcpy(e.buf, text, len);
	sim_queue_push(s, e);
}

static struct sim_seat *seat_of_id(struct sim *s, sfu_id id)
{
	for (unsigned i = 0; i < s->n_seats; i++)
		if (s->seat[i].id == id)
			return &s->seat[i];
	return NULL;
}

void sim_on_event(struct sim *s, const struct sfu_event *ev)
{
	struct sim_seat *seat = seat_of_id(s, ev->participant);
	if (!seat && s->plugs.event)
		s->plugs.event(s, ev);
	if (!seat)
		return;
	switch (ev->type) {
	case SFU_EV_ANSWER:
		seat->answers++;
		seat->n_streams = ev->n_streams;
		signal_later(s, seat, SIG_TO_CLIENT_ANSWER, ev->sdp);
		break;
	case SFU_EV_OFFER:
		seat->offers++;
		seat->n_streams = ev->n_streams;
		if (!seat->ignore_offers)
			signal_later(s, seat, SIG_TO_CLIENT_OFFER, ev->sdp);
		break;
	case SFU_EV_REFUSED:
		seat->refused++;
		break;
	case SFU_EV_CONNECTED:
		seat->connected++;
		break;
	case SFU_EV_SPEAKER:
		seat->speakers++;
		seat->speaker = ev->speaker;
		break;
	case SFU_EV_PAUSED:
		seat->pauses++;
		seat->n_paused = ev->n_streams;
		if (ev->n_streams)
			seat->paused = ev->streams[0];
		break;
	case SFU_EV_WATCHED:
		seat->watches++;
		snprintf(seat->watched, sizeof(seat->watched), "%s", ev->text);
		snprintf(seat->watched_stream, sizeof(seat->watched_stream),
			"%s", ev->streams[0].id);
		break;
	case SFU_EV_AWAY:
		seat->away++;
		break;
	case SFU_EV_BACK:
		seat->back++;
		break;
	case SFU_EV_LEFT:
		seat->left = true;
		seat->reason = ev->reason;
		break;
	default:
		break;
	}
}

/* What a worker does after every call of the core. */
void sim_settle(struct sim *s)
{
	struct sfu_event ev;
	bool more = true;
	while (more) {
		more = sim_parts_settle(s);
		for (unsigned i = 0; i < s->n_parts; i++) {
			struct conference *c = s->part[i].conference;
			while (c && conference_next_event(c, &ev))
				sim_event(s, i, &ev);
			if (c)
				conference_sweep(c);
		}
		flush(&s->out);
		more = more || sim_parts_settle(s);
	}
}

void sim_init(struct sim *s, uint64_t seed)
{
	static const char *const codecs[] = { "opus", "VP8", "H264", NULL };
	memset(s, 0, sizeof(*s));
	s->seed = seed * 2654435761u + 1;
	s->now_us = SIM_S;
	s->next_id = 1;
	virtual_now = &s->now_us;
	assert(assoc_global_init() == 0 && crypt_global_init() == 0);
	s->client_cert = cert_new(1700000000);
	s->env.cert = cert_new(1700000000);
	s->env.ice = ice_engine_new();
	s->env.codecs = codecs;
	s->env.wall_offset_us = 1700000000ull * SIM_S;
	s->env.candidate[0] =
		"candidate:1 1 udp 2130706431 10.0.0.1 7882 typ host";
	s->env.n_candidates = 1;
	/* Who vanished counts on until its consent has run out. */
	s->env.limits = (struct limits){ .participants = 2 * SIM_CLIENTS,
		.tracks = 8,
		.media_lines = 200,
		.video_max_bps = 2500000,
		.channel_queue = 4u << 20,
		.history_video = 512,
		.history_audio = 64,
		.resend_bps = 4000000 };
	assert(s->client_cert && s->env.cert && s->env.ice);
	assert(outbox_init(&s->out, flush, s) == 0);
	s->conference = conference_new(&s->env, "sim");
	assert(s->conference);
	s->part[0].conference = s->conference;
	s->n_parts = 1;
	for (unsigned i = 0; i < SIM_CLIENTS; i++) {
		s->seat[i].out.send = on_client_out;
		s->seat[i].sim = s;
	}
}

void sim_done(struct sim *s)
{
	for (unsigned i = 0; i < s->n_seats; i++) {
		sim_set_path(s, &s->seat[i], NULL);
		client_free(s->seat[i].client);
	}
	s->env.out = NULL;
	for (unsigned i = 0; i < s->n_parts; i++) {
		conference_free(s->part[i].conference);
		free(s->part[i].wire);
	}
	while (s->n_events)
		free(sim_queue_pop(s).buf);
	free(s->heap);
	outbox_done(&s->out);
	ice_engine_free(s->env.ice);
	cert_free(s->env.cert);
	cert_free(s->client_cert);
	virtual_now = NULL;
}

struct client_config sim_usual(uint32_t id)
{
	return (struct client_config){ .id = id,
		.audio = true,
		.video = true,
		.data = true,
		.fps = 15,
		.packets_per_frame = 2,
		.packet_bytes = 600 };
}

static struct sim_seat *free_seat(struct sim *s)
{
	for (unsigned i = 0; i < s->n_seats; i++)
		if (!s->seat[i].client)
			return &s->seat[i];
	assert(s->n_seats < SIM_CLIENTS);
	return &s->seat[s->n_seats++];
}

struct sim_seat *sim_join(struct sim *s, const struct client_config *cfg,
	const struct sim_link *link)
{
	struct sim_seat *seat = free_seat(s);
	struct sim_link usual = { .delay_us = 10000 };
	struct sfu_join_options opt = { .renegotiate = !cfg->metadata_free };
	char label[32];
	memset((char *)seat + offsetof(struct sim_seat, client), 0,
		sizeof(*seat) - offsetof(struct sim_seat, client));
	seat->id = s->next_id++;
	seat->conference = s->part[s->joins_at].conference;
	seat->up = seat->down = link ? *link : usual;
	seat->signal_delay_us = 50000;
	seat->addr.sin_family = AF_INET;
	seat->addr.sin_addr.s_addr = htonl(0x0a000100u + seat->id);
	seat->addr.sin_port = htons(40000);
	seat->client = client_new(cfg, s->client_cert, &seat->out);
	assert(seat->client);
	snprintf(label, sizeof(label), "client %u", cfg->id);
	int err = conference_join(
		seat->conference, s->now_us, seat->id, label, &opt);
	assert(err == 0);
	char *offer = client_offer(seat->client, false);
	signal_later(s, seat, SIG_OFFER, offer);
	free(offer);
	return seat;
}

static void empty_seat(struct sim_seat *seat)
{
	seat->client = client_free(seat->client);
	seat->id = 0;
	memset(&seat->addr, 0, sizeof(seat->addr));
}

void sim_leave(struct sim *s, struct sim_seat *seat)
{
	conference_leave(
		seat->conference, s->now_us, seat->id, SFU_BY_COMMAND, &s->out);
	sim_settle(s);
	empty_seat(seat);
}

void sim_vanish(struct sim *s, struct sim_seat *seat)
{
	(void)s;
	empty_seat(seat);
}

void sim_rebind(struct sim *s, struct sim_seat *seat)
{
	(void)s;
	seat->addr.sin_port = htons((uint16_t)(ntohs(seat->addr.sin_port) + 1));
}

static void offer_again(struct sim *s, struct sim_seat *seat, bool ice_restart)
{
	char *offer = client_offer(seat->client, ice_restart);
	assert(offer);
	signal_later(s, seat, SIG_OFFER, offer);
	free(offer);
}

void sim_reoffer(struct sim *s, struct sim_seat *seat)
{
	offer_again(s, seat, false);
}

void sim_ice_restart(struct sim *s, struct sim_seat *seat)
{
	offer_again(s, seat, true);
}

static void to_server(struct sim *s, struct sim_event *e)
{
	/* As the worker's demultiplexer does: a known address is its owner's, a
	 * check from a new one names its owner by ufrag. */
	digest(s, e->kind, e->seat, e->at_us);
	for (unsigned i = 0; i < s->n_parts; i++) {
		struct conference *c = s->part[i].conference;
		struct participant *p = c ? conference_find(c, e->id) : NULL;
		if (p && !sim_is_far(p))
			intake_take(&s->intake, s->now_us, e->at_us, p,
				(struct sockaddr *)&e->from, e->buf, e->len,
				&s->out);
	}
}

static bool is_due(const struct sim *s)
{
	return s->n_events && s->heap[0].at_us <= s->now_us;
}

/* What reaches the server at one instant is one batch of the worker's. */
static void batch_to_server(struct sim *s, struct sim_event *first)
{
	struct sim_event v[SIM_BATCH] = { *first };
	unsigned n = 1;
	to_server(s, first);
	while (n < SIM_BATCH && is_due(s) && s->heap[0].kind == TO_SERVER) {
		v[n] = sim_queue_pop(s);
		to_server(s, &v[n++]);
	}
	intake_end(&s->intake, s->now_us, &s->out);
	sim_settle(s);
	for (unsigned i = 0; i < n; i++)
		free(v[i].buf);
}

static void dispatch(struct sim *s, struct sim_event *e)
{
	struct sim_seat *seat = &s->seat[e->seat];
	char *text;
	digest(s, e->kind, e->seat, e->at_us);
	if (seat->id != e->id || !seat->client)
		return;
	switch (e->kind) {
	case TO_CLIENT:
		client_input(seat->client, s->now_us, e->buf, e->len);
		break;
	case SIG_OFFER:
		conference_offer(seat->conference, s->now_us, seat->id,
			(char *)e->buf, e->len - 1, &s->out);
		sim_settle(s);
		break;
	case SIG_ANSWER:
		conference_answer(seat->conference, s->now_us, seat->id,
			(char *)e->buf, e->len - 1, &s->out);
		sim_settle(s);
		break;
	case SIG_TO_CLIENT_ANSWER:
		seat->answered_us = s->now_us;
		client_answer(seat->client, s->now_us, (char *)e->buf);
		break;
	case SIG_TO_CLIENT_OFFER:
		text = client_negotiate(
			seat->client, s->now_us, (char *)e->buf);
		assert(text);
		signal_later(s, seat, SIG_ANSWER, text);
		free(text);
		break;
	default:
		break;
	}
}

static uint64_t next_time(const struct sim *s, uint64_t end_us)
{
	uint64_t at = (s->now_us / ASSOC_TICK_US + 1) * ASSOC_TICK_US;
	at = end_us < at ? end_us : at;
	for (unsigned i = 0; i < s->n_parts; i++) {
		struct conference *c = s->part[i].conference;
		if (c && conference_deadline(c) < at)
			at = conference_deadline(c);
	}
	if (s->n_events && s->heap[0].at_us < at)
		at = s->heap[0].at_us;
	for (unsigned i = 0; i < s->n_seats; i++) {
		if (!s->seat[i].client)
			continue;
		uint64_t d = client_deadline(s->seat[i].client);
		at = d < at ? d : at;
		d = s->seat[i].path ? link_deadline(s->seat[i].path)
				    : UINT64_MAX;
		at = d < at ? d : at;
	}
	return at > s->now_us ? at : s->now_us;
}

static void tick_sctp(struct sim *s)
{
	/* usrsctp's timers send for server and clients alike. */
	s->env.out = &s->out;
	s->env.now_us = s->now_us;
	assoc_global_tick(s->now_us);
	s->env.out = NULL;
	for (unsigned i = 0; i < s->n_parts; i++)
		if (s->part[i].conference)
			conference_channels(
				s->part[i].conference, s->now_us, &s->out);
	sim_settle(s);
	for (unsigned i = 0; i < s->n_seats; i++)
		if (s->seat[i].client)
			client_channels(s->seat[i].client, s->now_us);
}

void sim_run(struct sim *s, uint64_t for_us)
{
	uint64_t end = s->now_us + for_us, spins = 0, last = 0;
	while (s->now_us < end) {
		s->now_us = next_time(s, end);
		/* Something that is due for ever would hang a worker. */
		spins = s->now_us == last ? spins + 1 : 0;
		last = s->now_us;
		assert(spins < 100000);
		while (is_due(s)) {
			struct sim_event e = sim_queue_pop(s);
			if (e.kind == TO_SERVER) {
				batch_to_server(s, &e);
				continue;
			}
			dispatch(s, &e);
			free(e.buf);
		}
		for (unsigned i = 0; i < s->n_seats; i++)
			if (s->seat[i].path)
				leave_path(s, &s->seat[i], s->now_us);
		for (unsigned i = 0; i < s->n_parts; i++) {
			struct conference *c = s->part[i].conference;
			if (!c || conference_deadline(c) > s->now_us)
				continue;
			conference_tick(c, s->now_us, &s->out);
			sim_settle(s);
		}
		for (unsigned i = 0; i < s->n_seats; i++)
			if (s->seat[i].client &&
				client_deadline(s->seat[i].client) <= s->now_us)
				client_tick(s->seat[i].client, s->now_us);
		if (s->now_us % ASSOC_TICK_US == 0)
			tick_sctp(s);
	}
}
