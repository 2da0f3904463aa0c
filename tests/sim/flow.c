#include "tests/sim/flow.h"

#include <string.h>

enum {
	FRAME_US = 33333,
	AUDIO_US = 20000,
	AUDIO_BYTES = 120,
	PACKET_BYTES = 1200,
	KEY_FRAMES = 300, /* frames from one to the next */
};

bool flow_init(struct flow *f, const struct flow_config *cfg, unsigned id,
	uint64_t now_us, uint64_t seed)
{
	const struct estimate_config estimate = { .twcc = !cfg->no_twcc };

	memset(f, 0, sizeof(*f));
	f->cfg = *cfg;
	f->id = id;
	f->random = seed;
	f->next_frame_us = now_us + link_random(&f->random) % FRAME_US;
	f->next_audio_us = now_us + link_random(&f->random) % AUDIO_US;
	pace_init(&f->pace, ESTIMATE_START_BPS);
	pace_queue_init(&f->queue);
	arrival_init(&f->arrival);
	if (cfg->n_layers)
		f->layer = 1;
	return estimate_init(&f->estimate, now_us, &estimate) == 0;
}

void flow_done(struct flow *f)
{
	estimate_done(&f->estimate);
}

static void put(struct flow *f, uint64_t now_us, size_t bytes,
	enum sent_kind kind, struct link *down)
{
	uint16_t seq = estimate_sent(&f->estimate, now_us, bytes, kind);
	uint64_t handle = (uint64_t)f->id << 56 | (uint64_t)kind << 48 | seq;

	pace_sent(&f->pace, now_us, bytes);
	if (f->server_wakes_us <= now_us) {
		link_send(down, now_us, bytes, handle);
	} else if (f->n_held < FLOW_HELD) {
		f->held[f->n_held].handle = handle;
		f->held[f->n_held++].len = bytes;
	}
}

/* A layered source takes the best layer that fits, with a tenth to spare for
 * going up; what it could use is the next one. */
static uint64_t choose_rate(struct flow *f, uint64_t now_us)
{
	uint64_t bps = estimate_bps(&f->estimate, now_us);
	const uint64_t *layer = f->cfg.layer_bps;
	unsigned n = f->cfg.n_layers;

	if (n == 0)
		return bps - AUDIO_BYTES * 8 * 50;
	while (f->layer > 1 && layer[f->layer - 1] > bps)
		f->layer--;
	while (f->layer < n && layer[f->layer] * 11 / 10 < bps)
		f->layer++;
	estimate_want(&f->estimate, layer[n - 1] * 13 / 10);
	return layer[f->layer - 1];
}

static void make_frame(struct flow *f, uint64_t now_us)
{
	uint64_t bps = choose_rate(f, now_us);
	size_t bytes = (size_t)(bps * 20 / 21 * FRAME_US / 8000000);

	/* Up to a quarter more or less; key frames of four. */
	bytes = bytes * (75 + link_random(&f->random) % 51) / 100;
	if (f->frames++ % KEY_FRAMES == 0)
		bytes *= 4;
	while (bytes > 0) {
		size_t n = bytes > PACKET_BYTES ? PACKET_BYTES : bytes;

		pace_queue_push(
			&f->queue, now_us, PACE_VIDEO, 1, f->packet++, n + 60);
		bytes -= n;
	}
}

static void send_queued(struct flow *f, uint64_t now_us, struct link *down)
{
	struct pace_ref ref;
	enum pace_next next;

	while (!pace_queue_empty(&f->queue) &&
		pace_may_send(&f->pace, now_us, PACE_VIDEO)) {
		next = pace_queue_next(&f->queue, now_us, &ref);
		if (next == PACE_SEND)
			put(f, now_us, ref.bytes, SENT_VIDEO, down);
	}
}

static void send_padding(struct flow *f, uint64_t now_us, struct link *down)
{
	size_t bytes;

	while ((bytes = estimate_padding(&f->estimate, now_us)) > 0)
		put(f, now_us, bytes, SENT_PADDING, down);
	if (estimate_stall_us(&f->estimate) && pace_queue_empty(&f->queue) &&
		pace_may_send(&f->pace, now_us, PACE_PADDING))
		put(f, now_us, 300, SENT_PADDING, down);
}

static void note_estimate(struct flow *f, uint64_t now_us)
{
	uint64_t tenth = now_us / 100000;

	if (tenth < FLOW_SECONDS * 10)
		f->estimate_bps[tenth] = estimate_bps(&f->estimate, now_us);
}

static bool sleeps(const struct flow *f, uint64_t now_us)
{
	return now_us >= f->sleeps_us && now_us < f->wakes_us;
}

/* What came meanwhile is read at once, and the next sleep chosen. */
static void wake(struct flow *f, uint64_t now_us)
{
	if (!f->cfg.sleep_us || now_us < f->wakes_us)
		return;
	for (unsigned i = 0; i < f->n_asleep; i++)
		arrival_note(&f->arrival, now_us, f->asleep[i].seq,
			f->asleep[i].len);
	f->n_asleep = 0;
	f->sleeps_us = now_us + link_random(&f->random) % f->cfg.awake_us;
	f->wakes_us = f->sleeps_us + link_random(&f->random) % f->cfg.sleep_us;
}

static void read_feedback(struct flow *f, uint64_t now_us, uint64_t handle)
{
	unsigned i = (unsigned)(handle % FLOW_FEEDBACKS);

	estimate_feedback(
		&f->estimate, now_us, f->feedback[i], f->feedback_len[i]);
}

/* Half of the time it ticks before it reads what came. */
static void server_wakes(struct flow *f, uint64_t now_us, struct link *down)
{
	estimate_late(&f->estimate, f->turn_us, now_us - f->turn_us);
	for (unsigned i = 0; i < f->n_held; i++)
		link_send(down, now_us, f->held[i].len, f->held[i].handle);
	f->n_held = 0;
	if (link_random(&f->random) % 2)
		estimate_tick(&f->estimate, now_us);
	for (unsigned i = 0; i < f->n_came; i++)
		read_feedback(f, now_us, f->came[i]);
	f->n_came = 0;
}

/* False: it sleeps, and the turn that it fell asleep in is done. */
static bool server_runs(struct flow *f, uint64_t now_us, struct link *down)
{
	const struct flow_config *cfg = &f->cfg;

	if (!cfg->server_sleep_us)
		return true;
	if (now_us < f->server_wakes_us)
		return false;
	if (f->turn_us)
		server_wakes(f, now_us, down);
	f->turn_us = 0;
	if (!f->server_sleeps_us)
		f->server_sleeps_us =
			now_us + link_random(&f->random) % cfg->server_awake_us;
	if (now_us < f->server_sleeps_us)
		return true;
	f->server_wakes_us =
		now_us + link_random(&f->random) % cfg->server_sleep_us;
	f->server_sleeps_us = 0;
	f->turn_us = now_us;
	return true;
}

void flow_run(struct flow *f, uint64_t now_us, struct link *down)
{
	wake(f, now_us);
	if (!server_runs(f, now_us, down))
		return;
	estimate_tick(&f->estimate, now_us);
	if (now_us >= f->next_audio_us) {
		f->next_audio_us += AUDIO_US;
		put(f, now_us, AUDIO_BYTES, SENT_AUDIO, down);
	}
	if (now_us >= f->next_frame_us) {
		f->next_frame_us += FRAME_US;
		make_frame(f, now_us);
	}
	pace_set_rate(
		&f->pace, now_us, estimate_pace_bps(&f->estimate, now_us));
	pace_stall(&f->pace, estimate_stall_us(&f->estimate));
	send_queued(f, now_us, down);
	send_padding(f, now_us, down);
	note_estimate(f, now_us);
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

uint64_t flow_deadline(const struct flow *f, uint64_t now_us)
{
	uint64_t at_us = least(f->next_audio_us, f->next_frame_us);

	if (now_us < f->server_wakes_us)
		return least(f->server_wakes_us,
			sleeps(f, now_us) ? f->wakes_us
					  : arrival_deadline(&f->arrival));
	at_us = least(at_us, estimate_deadline(&f->estimate, now_us));
	if (!pace_queue_empty(&f->queue))
		at_us = least(at_us, pace_deadline(&f->pace));
	if (sleeps(f, now_us))
		return least(at_us, f->wakes_us);
	return least(at_us, arrival_deadline(&f->arrival));
}

void flow_receive(struct flow *f, uint64_t now_us, const struct link_packet *p,
	uint64_t path_us)
{
	uint64_t tenth = now_us / 100000;
	uint64_t ms = (p->ready_us - p->sent_us - path_us) / 1000;

	f->delay_ms[ms < FLOW_DELAYS ? ms : FLOW_DELAYS - 1]++;
	f->got_bytes += p->len;
	f->got_packets++;
	if ((p->handle >> 48 & 0xff) == SENT_PADDING)
		f->padding_bytes += p->len;
	else
		f->media_bytes += p->len;
	if (tenth < FLOW_SECONDS * 10)
		f->second_bytes[tenth] += (uint32_t)p->len;
	if (!sleeps(f, now_us)) {
		arrival_note(&f->arrival, now_us, (uint16_t)p->handle, p->len);
	} else if (f->n_asleep < FLOW_ASLEEP) {
		f->asleep[f->n_asleep].seq = (uint16_t)p->handle;
		f->asleep[f->n_asleep++].len = p->len;
	}
}

void flow_reply(struct flow *f, uint64_t now_us, struct link *up)
{
	unsigned i = f->next_feedback;
	size_t len;

	if (f->cfg.no_twcc || sleeps(f, now_us))
		return;
	while ((len = arrival_feedback(&f->arrival, now_us, 1, 2,
			f->feedback[i], sizeof(f->feedback[i]))) > 0) {
		f->feedback_len[i] = len;
		f->feedback_bytes += len + 42;
		link_send(up, now_us, len + 42, (uint64_t)f->id << 56 | i);
		i = f->next_feedback = (i + 1) % FLOW_FEEDBACKS;
	}
}

void flow_feedback(struct flow *f, uint64_t now_us, uint64_t handle)
{
	if (now_us >= f->server_wakes_us)
		read_feedback(f, now_us, handle);
	else if (f->n_came < FLOW_FEEDBACKS)
		f->came[f->n_came++] = handle;
}

uint64_t flow_got_bps(const struct flow *f, unsigned from, unsigned to)
{
	uint64_t sum = 0;

	for (unsigned i = from; i < to; i++)
		sum += f->second_bytes[i];
	return sum * 80 / (to - from);
}

unsigned flow_reaches(
	const struct flow *f, unsigned from, uint64_t bps, unsigned percent)
{
	for (unsigned i = from; i + 10 < FLOW_SECONDS * 10; i++)
		if (flow_got_bps(f, i, i + 10) * 100 >= bps * percent)
			return i;
	return UINT32_MAX;
}

unsigned flow_estimates(
	const struct flow *f, unsigned from, uint64_t bps, unsigned percent)
{
	for (unsigned i = from; i < FLOW_SECONDS * 10; i++)
		if (f->estimate_bps[i] * 100 >= bps * percent)
			return i;
	return UINT32_MAX;
}

unsigned flow_delay_ms(const struct flow *f, double quantile)
{
	uint64_t seen = 0;
	double want = quantile * (double)f->got_packets;

	for (unsigned ms = 0; ms < FLOW_DELAYS; ms++) {
		seen += f->delay_ms[ms];
		if ((double)seen >= want)
			return ms;
	}
	return FLOW_DELAYS;
}
