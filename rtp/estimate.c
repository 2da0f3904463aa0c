#include "rtp/estimate.h"

#include <errno.h>
#include <string.h>

enum {
	RATE_WINDOW_US = 250000,
	BUSY_MIN_US = 50000,
	TICK_US = 25000,
	/* Without feedback for so many of its intervals and a round trip the
	 * path stalls. */
	SILENCE_INTERVALS = 5,
	SILENCE_MIN_US = 250000,
	SILENCE_MAX_US = 750000,
	/* Before there was any: it is not the path that is busy. */
	SILENCE_FIRST_US = 1500000,
	INTERVAL_US = 100000, /* at first */
	BACK_OFF_US = 500000,
	REMB_TIMEOUT_US = 10000000,
	CONGESTED_US = 40000,
	PACE_PERCENT = 250,
	ASLEEP_US = 150000, /* no tick for that long: not only busy */
};
#define BACK_OFF 0.7
#define RESUME   0.75 /* of the rate before a stall */
#define TRIAL    0.95 /* of what arrives, while a loss trial runs */
#define SPARE    0.85 /* of the estimate is sent: not all that there is */

/* In place of whatever else was wished. */
static void begin(struct estimate *e)
{
	probe_cancel(&e->probe);
	probe_wish(&e->probe, 3 * e->control.bps);
	probe_wish(&e->probe, 6 * e->control.bps);
}

int estimate_init(
	struct estimate *e, uint64_t now_us, const struct estimate_config *cfg)
{
	uint64_t start = cfg->start_bps ? cfg->start_bps : ESTIMATE_START_BPS;
	int r;

	memset(e, 0, sizeof(*e));
	e->twcc = cfg->twcc;
	r = sent_init(&e->sent, cfg->n_sent ? cfg->n_sent : SENT_USUAL);
	if (r < 0)
		return r;
	estimate_delay_init(&e->delay);
	estimate_rate_init(&e->rate);
	estimate_rate_init(&e->left);
	estimate_loss_init(&e->loss);
	probe_init(&e->probe);
	control_init(&e->control, now_us, start,
		cfg->min_bps ? cfg->min_bps : ESTIMATE_MIN_BPS,
		cfg->max_bps ? cfg->max_bps : ESTIMATE_MAX_BPS);
	e->wanted_bps = UINT64_MAX;
	e->interval_us = INTERVAL_US;
	e->start_us = e->reported_us = now_us;
	if (e->twcc)
		begin(e);
	return 0;
}

void estimate_done(struct estimate *e)
{
	sent_done(&e->sent);
}

uint16_t estimate_sent(
	struct estimate *e, uint64_t now_us, size_t bytes, enum sent_kind kind)
{
	uint8_t cluster = 0;

	e->report_bytes += bytes;
	if (!e->twcc)
		return 0;
	estimate_rate_add(&e->left, now_us, bytes);
	if (kind != SENT_AUDIO)
		cluster = probe_sent(&e->probe, now_us, bytes);
	return sent_add(&e->sent, now_us, bytes, kind, cluster);
}

void estimate_late(struct estimate *e, uint64_t now_us, uint64_t by_us)
{
	if (e->twcc)
		sent_late(&e->sent, now_us, by_us);
}

static uint64_t backlog_of(const struct estimate *e, uint64_t acked_bps)
{
	uint64_t usual_us = e->sent.min_rtt_us + e->interval_us;
	uint64_t us;

	if (acked_bps == 0)
		return 0;
	us = e->sent.in_flight * 8000000 / acked_bps;
	return us > usual_us ? us - usual_us : 0;
}

static uint64_t busy_of(const struct estimate *e)
{
	uint64_t us = e->delay.queue_us;

	if (us < BUSY_MIN_US)
		return 0;
	return estimate_rate_bps(
		&e->rate, us < RATE_WINDOW_US ? us : RATE_WINDOW_US);
}

static struct control_view view_of(const struct estimate *e, uint64_t now_us)
{
	double arrive = 1 - e->loss.inherent;
	uint64_t bps = estimate_rate_bps(&e->rate, RATE_WINDOW_US);

	return (struct control_view){
		.now_us = now_us,
		.rtt_us = e->sent.rtt_us,
		.acked_bps = (uint64_t)((double)bps / arrive),
		.busy_bps = busy_of(e),
		.sent_bps = estimate_rate_bps(&e->left, RATE_WINDOW_US),
		.queue_us = e->delay.queue_us,
		.backlog_us = backlog_of(e, bps),
		.competing = e->delay.limit_us > DELAY_QUEUE_MIN_US,
	};
}

/* A feedback was lost. What it would have told of has arrived before what this
 * one does, but for the usual loss. */
static void note_untold(
	struct estimate *e, struct sent_walk *w, uint64_t arrival_us)
{
	double arrive = 1 - e->loss.last;

	estimate_rate_add(&e->rate, arrival_us,
		(size_t)((double)w->untold_bytes * arrive));
	w->untold_bytes = 0;
}

static void read_fates(struct estimate *e, struct sent_walk *w)
{
	struct sent_fate f;

	while (sent_next(w, &f)) {
		const struct sent_packet *p = &f.packet;

		if (!f.arrived) {
			estimate_loss_packet(&e->loss, p->sent_us, 1);
			continue;
		}
		estimate_loss_packet(&e->loss, p->sent_us, f.revived ? -1 : 0);
		if (w->untold_bytes)
			note_untold(e, w, f.arrival_us);
		if (!f.untold)
			estimate_rate_add(&e->rate, f.arrival_us, p->bytes);
		estimate_delay_packet(
			&e->delay, p->sent_us, f.arrival_us, p->cluster != 0);
		probe_arrived(&e->probe, p->cluster, p->sent_us, f.arrival_us,
			p->bytes);
	}
}

/* The path is back. What the silence did to the measures is forgotten; the
 * rate before it is the best guess, and a probe checks it at once. */
static void resume(struct estimate *e, uint64_t now_us)
{
	uint64_t before = e->control.before_bps;
	uint64_t bps = (uint64_t)((double)before * RESUME);

	e->stalled = false;
	e->resumed_us = now_us;
	estimate_delay_restart(&e->delay);
	estimate_loss_restart(&e->loss, now_us);
	probe_cancel(&e->probe);
	control_release(&e->control, now_us,
		bps > e->control.bps ? bps : e->control.bps);
	if (e->control.bps < e->wanted_bps && probe_wish(&e->probe, before))
		e->probes++;
}

static void judge_probes(struct estimate *e, uint64_t now_us)
{
	struct probe_result r;
	struct control_view v = view_of(e, now_us);
	uint64_t next;

	while (probe_judge(&e->probe, now_us, &r)) {
		next = control_probed(&e->control, &v, &r);
		if (next && e->control.bps < e->wanted_bps &&
			probe_wish(&e->probe, next))
			e->probes++;
	}
}

/* Seen to carry more than we send. */
static bool has_spare(const struct estimate *e, const struct control_view *v)
{
	const struct estimate_control *c = &e->control;

	return c->phase == CONTROL_GROW &&
	       (double)v->sent_bps < SPARE * (double)c->bps;
}

static void judge_loss(struct estimate *e, uint64_t now_us)
{
	struct control_view v = view_of(e, now_us);
	uint64_t arrives = estimate_rate_bps(&e->rate, RATE_WINDOW_US * 2);

	const struct loss_view loss = { .rtt_us = v.rtt_us,
		.queue = v.queue_us > CONGESTED_US ||
			 e->control.phase == CONTROL_DRAIN,
		.spare = has_spare(e, &v) };

	switch (estimate_loss_update(&e->loss, now_us, &loss)) {
	case LOSS_NOTHING:
		break;
	case LOSS_QUEUE:
		control_overuse(&e->control, &v);
		break;
	case LOSS_TRY:
		control_hold(&e->control, now_us,
			(uint64_t)((double)arrives * TRIAL));
		break;
	case LOSS_RANDOM:
		control_release(&e->control, now_us, e->control.before_bps);
		break;
	case LOSS_OURS:
		control_release(&e->control, now_us, e->control.bps);
		e->control.capacity_bps = arrives;
		e->control.decreased_us = now_us;
		break;
	}
}

static void judge_delay(struct estimate *e, uint64_t now_us)
{
	enum delay_signal signal = estimate_delay_signal(&e->delay, now_us);
	struct control_view v = view_of(e, now_us);

	if (control_foreign(&e->control, &v,
		    estimate_delay_still_us(&e->delay, now_us))) {
		estimate_delay_rebase(&e->delay, now_us);
		control_undo(&e->control, now_us);
	} else if (signal == DELAY_OVERUSE) {
		e->overuses++;
		control_overuse(&e->control, &v);
	} else if (control_free(&e->control, &v)) {
		estimate_delay_compete(&e->delay);
	}
}

int estimate_feedback(
	struct estimate *e, uint64_t now_us, const uint8_t *body, size_t len)
{
	uint64_t last_us = e->sent.last_feedback_us;
	struct sent_walk w;

	if (!e->twcc || sent_feedback(&e->sent, now_us, body, len, &w) < 0) {
		e->bad_feedbacks++;
		return -EBADMSG;
	}
	if (e->feedbacks++ && !e->stalled)
		e->interval_us = (e->interval_us * 7 + now_us - last_us) / 8;
	if (e->stalled)
		resume(e, now_us);
	/* Nobody listened to what is not told of: it has not arrived. */
	if (e->feedbacks == 1 && w.untold_bytes) {
		w.untold_bytes = 0;
		begin(e);
	}
	read_fates(e, &w);
	judge_delay(e, now_us);
	judge_probes(e, now_us);
	judge_loss(e, now_us);
	return 0;
}

void estimate_remb(struct estimate *e, uint64_t now_us, uint64_t bps)
{
	e->remb_bps = bps;
	e->remb_us = now_us;
	if (!e->twcc && bps > e->control.bps)
		control_release(&e->control, now_us, bps);
}

/* draft-ietf-rmcat-gcc-02, 6: the loss-based controller. */
void estimate_report(struct estimate *e, uint64_t now_us, unsigned n,
	uint8_t fraction_lost, uint64_t rtt_us)
{
	struct estimate_control *c = &e->control;
	uint64_t past_us = now_us - e->reported_us, used_bps;
	double loss = fraction_lost / 256.0, bps = (double)c->bps;

	if (rtt_us)
		e->rtt_us = rtt_us;
	if (e->twcc || n == 0 || past_us == 0)
		return;
	used_bps = e->report_bytes * 8000000 / past_us;
	e->report_bytes = 0;
	e->reported_us = now_us;
	if (loss > 0.1)
		bps *= 1 - 0.5 * loss;
	else if (loss < 0.02 && c->bps < 2 * used_bps)
		bps *= 1.05;
	/* The receiver sees more than we: loss alone does not halve its word.
	 */
	if (loss > 0.1 && e->remb_bps && bps < (double)e->remb_bps / 2)
		bps = (double)e->remb_bps / 2;
	if (bps < (double)c->min_bps)
		bps = (double)c->min_bps;
	control_release(c, now_us, (uint64_t)bps);
}

void estimate_want(struct estimate *e, uint64_t bps)
{
	e->wanted_bps = bps;
}

static uint64_t silence_of(const struct estimate *e)
{
	uint64_t us = SILENCE_INTERVALS * e->interval_us;

	if (e->feedbacks == 0)
		return SILENCE_FIRST_US;
	if (us < SILENCE_MIN_US)
		us = SILENCE_MIN_US;
	if (us > SILENCE_MAX_US)
		us = SILENCE_MAX_US;
	/* The round trip holds one interval at most. */
	return us + e->sent.rtt_us;
}

/* Sent into a silence for long: hold, then less and less. */
static void watch_silence(struct estimate *e, uint64_t now_us)
{
	uint64_t oldest_us = sent_oldest_us(&e->sent);
	uint64_t since_us = e->sent.last_feedback_us;

	if (oldest_us == UINT64_MAX)
		return;
	if (oldest_us > since_us)
		since_us = oldest_us;
	if (e->awake_us > since_us)
		since_us = e->awake_us;
	if (!e->stalled) {
		if (now_us - since_us < silence_of(e))
			return;
		e->stalled = true;
		e->stalls++;
		e->stalled_us = e->backed_off_us = now_us;
		control_hold(&e->control, now_us, e->control.bps);
	} else if (now_us - e->backed_off_us >= BACK_OFF_US) {
		e->backed_off_us = now_us;
		control_hold(&e->control, now_us,
			(uint64_t)((double)e->control.bps * BACK_OFF));
	}
}

void estimate_tick(struct estimate *e, uint64_t now_us)
{
	struct control_view v;
	uint64_t rate;

	if (!e->twcc)
		return;
	if (now_us - e->ticked_us > ASLEEP_US)
		e->awake_us = now_us;
	e->ticked_us = now_us;
	watch_silence(e, now_us);
	if (e->stalled || probe_busy(&e->probe) || e->loss.phase != LOSS_CALM)
		return;
	v = view_of(e, now_us);
	rate = control_probe_wish(&e->control, &v, e->wanted_bps);
	if (rate && probe_wish(&e->probe, rate))
		e->probes++;
}

uint64_t estimate_deadline(const struct estimate *e, uint64_t now_us)
{
	uint64_t at_us = now_us + TICK_US, probe_us;

	if (!e->twcc)
		return UINT64_MAX;
	probe_us = probe_deadline(&e->probe, now_us);
	return probe_us < at_us ? probe_us : at_us;
}

uint64_t estimate_bps(const struct estimate *e, uint64_t now_us)
{
	uint64_t bps = e->control.bps;

	if (e->remb_bps && now_us - e->remb_us < REMB_TIMEOUT_US &&
		e->remb_bps < bps)
		return e->remb_bps;
	return bps;
}

uint64_t estimate_pace_bps(const struct estimate *e, uint64_t now_us)
{
	uint64_t bps = estimate_bps(e, now_us) * PACE_PERCENT / 100;
	uint64_t probe_bps = probe_rate(&e->probe);

	return bps > probe_bps ? bps : probe_bps;
}

size_t estimate_padding(struct estimate *e, uint64_t now_us)
{
	return e->stalled ? 0 : probe_due(&e->probe, now_us);
}

uint64_t estimate_stall_us(const struct estimate *e)
{
	return e->stalled ? ESTIMATE_STALL_GAP_US : 0;
}
