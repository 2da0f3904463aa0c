#include "rtp/estimate_loss.h"

#include <string.h>

#define EXCESS       0.04 /* above the inherent loss: too much */
#define EXCESS_SHARE 0.35 /* or as a share of it, if that is more */
#define SAME         0.6  /* of the loss tried is "as much" */
#define INHERENT_MAX 0.5
#define BELIEVED_MAX 0.25
#define RECENT       0.3

void estimate_loss_init(struct estimate_loss *l)
{
	memset(l, 0, sizeof(*l));
}

static void begin_window(struct estimate_loss *l, uint64_t now_us)
{
	l->window_us = now_us;
	l->lost = l->told = 0;
	l->congested = false;
}

void estimate_loss_restart(struct estimate_loss *l, uint64_t now_us)
{
	l->phase = LOSS_CALM;
	l->high = 0;
	l->ignore_us = now_us;
	begin_window(l, now_us);
}

void estimate_loss_packet(struct estimate_loss *l, uint64_t sent_us, int lost)
{
	if (sent_us < l->ignore_us)
		return;
	if (lost < 0) {
		l->lost -= l->lost > 0;
		return;
	}
	l->told++;
	l->lost += lost > 0;
}

void estimate_loss_report(
	struct estimate_loss *l, unsigned n, uint8_t fraction_lost)
{
	l->told += n;
	l->lost += (n * fraction_lost + 128) / 256;
}

static bool window_done(const struct estimate_loss *l, uint64_t now_us)
{
	uint64_t past_us = now_us - l->window_us;

	if (past_us < LOSS_WINDOW_US || l->told == 0)
		return false;
	return l->told >= LOSS_WINDOW_PACKETS || past_us >= LOSS_WINDOW_MAX_US;
}

/* Above what the path loses by itself, and by more than two standard
 * deviations of so many packets' chance. */
static bool too_much(const struct estimate_loss *l, double loss, unsigned n)
{
	double share = l->inherent * EXCESS_SHARE;
	double above = loss - l->inherent - (share > EXCESS ? share : EXCESS);

	return above > 0 &&
	       above * above > 4 * l->inherent * (1 - l->inherent) / n;
}

/* Down at once, up only as noise: a real rise is the business of a trial. */
static void learn(struct estimate_loss *l, double loss)
{
	double k = loss < l->inherent ? 0.25 : 0.1;

	l->inherent += k * (loss - l->inherent);
}

/* What nothing is sent less for. If it is ours all the same, what is sent again
 * for it makes it more. */
static bool believe(
	struct estimate_loss *l, double loss, const struct loss_view *v)
{
	if (!v->spare || l->doubt || loss > BELIEVED_MAX)
		return false;
	l->doubted = l->inherent;
	l->doubt = LOSS_DOUBT_WINDOWS;
	l->inherent = loss;
	l->high = 0;
	return true;
}

static enum loss_verdict begin_trial(
	struct estimate_loss *l, uint64_t now_us, double loss)
{
	l->phase = LOSS_SETTLE;
	l->phase_us = now_us;
	l->tried = loss;
	l->high = 0;
	return LOSS_TRY;
}

static enum loss_verdict end_trial(struct estimate_loss *l, double loss)
{
	l->phase = LOSS_CALM;
	l->high = 0;
	if (loss < SAME * l->tried) {
		if (l->doubt && l->doubted < l->inherent)
			l->inherent = l->doubted;
		l->doubt = 0;
		return LOSS_OURS;
	}
	l->doubt = 0;
	l->inherent = loss < INHERENT_MAX ? loss : INHERENT_MAX;
	return LOSS_RANDOM;
}

enum loss_verdict estimate_loss_update(
	struct estimate_loss *l, uint64_t now_us, const struct loss_view *v)
{
	double loss;
	bool queue;
	unsigned n;

	if (l->phase == LOSS_SETTLE) {
		/* Its own packets begin to be told of. */
		if (now_us - l->phase_us < v->rtt_us + 100000) {
			begin_window(l, now_us);
			return LOSS_NOTHING;
		}
		l->phase = LOSS_LOOK;
		begin_window(l, now_us);
	}
	queue = l->congested |= v->queue;
	if (!window_done(l, now_us))
		return LOSS_NOTHING;
	n = l->told;
	loss = l->last = (double)l->lost / n;
	l->recent += RECENT * (loss - l->recent);
	begin_window(l, now_us);
	if (l->phase == LOSS_LOOK)
		return end_trial(l, loss);
	if (!too_much(l, loss, n)) {
		l->high = 0;
		l->doubt -= l->doubt > 0;
		if (!queue)
			learn(l, loss);
		return LOSS_NOTHING;
	}
	if (queue)
		return LOSS_QUEUE;
	/* A burst touches two windows. */
	if (++l->high < 3 || believe(l, loss, v))
		return LOSS_NOTHING;
	return begin_trial(l, now_us, loss);
}
