#include "tests/net/orders.h"
#include <arpa/inet.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { WORDS = 5, PPM_OF_PERCENT = 10000 };

struct words {
	char text[128];
	char *word[WORDS];
	unsigned n;
};

static bool split(struct words *w, const char *line)
{
	if (strlen(line) >= sizeof(w->text))
		return false;
	memcpy(w->text, line, strlen(line) + 1);
	w->n = 0;
	char *rest = NULL;
	for (char *p = strtok_r(w->text, " \t\r", &rest); p;
		p = strtok_r(NULL, " \t\r", &rest)) {
		if (w->n == WORDS)
			return false;
		w->word[w->n++] = p;
	}
	return w->n > 0;
}

/* A number from 0 to most, with k or M behind it if `units`. */
static bool number(const char *text, double most, bool units, double *ret)
{
	char *end;
	double v = strtod(text, &end);
	if (end == text || !isfinite(v))
		return false;
	if (units && (*end == 'k' || *end == 'M'))
		v *= *end++ == 'k' ? 1e3 : 1e6;
	if (*end || v < 0 || v > most)
		return false;
	*ret = v;
	return true;
}

static bool set_burst(struct link_config *c, const struct words *w)
{
	double begin, len, loss;
	if (w->n != 5 || !number(w->word[2], 100, false, &begin) ||
		!number(w->word[3], 100000, false, &len) ||
		!number(w->word[4], 100, false, &loss))
		return false;
	c->burst_ppm = (unsigned)(begin * PPM_OF_PERCENT);
	c->burst_len = (unsigned)len;
	c->burst_loss_ppm = (unsigned)(loss * PPM_OF_PERCENT);
	return true;
}

static bool set_jitter(struct link_config *c, const char *text, bool reorder)
{
	double ms;
	if (!number(text, 60000, false, &ms))
		return false;
	c->jitter_us = (uint64_t)(ms * 1000);
	c->reorder = reorder;
	return true;
}

static bool set_time(uint64_t *us, const char *text)
{
	double ms;
	if (!number(text, 60000, false, &ms))
		return false;
	*us = (uint64_t)(ms * 1000);
	return true;
}

static bool set_rate(struct link_config *c, const char *text)
{
	double bps;
	if (!number(text, 1e10, true, &bps))
		return false;
	c->rate_bps = (uint64_t)bps;
	return true;
}

static bool set_loss(struct link_config *c, const char *text)
{
	double percent;
	if (!number(text, 100, false, &percent))
		return false;
	c->loss_ppm = (unsigned)(percent * PPM_OF_PERCENT);
	return true;
}

static bool set_cut(struct link_config *c, const char *text)
{
	if (strcmp(text, "0") != 0 && strcmp(text, "1") != 0)
		return false;
	c->cut = *text == '1';
	return true;
}

static bool set(struct link_config *c, const struct words *w)
{
	const char *key = w->word[1];
	if (!strcmp(key, "clean") && w->n == 2) {
		*c = (struct link_config){ 0 };
		return true;
	}
	if (!strcmp(key, "burst"))
		return set_burst(c, w);
	if (w->n != 3)
		return false;
	const char *value = w->word[2];
	if (!strcmp(key, "rate"))
		return set_rate(c, value);
	if (!strcmp(key, "loss"))
		return set_loss(c, value);
	if (!strcmp(key, "queue"))
		return set_time(&c->queue_us, value);
	if (!strcmp(key, "delay"))
		return set_time(&c->delay_us, value);
	if (!strcmp(key, "cut"))
		return set_cut(c, value);
	if (!strcmp(key, "jitter") || !strcmp(key, "reorder"))
		return set_jitter(c, value, *key == 'r');
	return false;
}

static enum order set_sides(struct orders *o, const struct words *w)
{
	static const struct {
		const char *name;
		unsigned sides;
	} names[] = { { "down", 1u << ORDERS_DOWN }, { "up", 1u << ORDERS_UP },
		{ "both", 1u << ORDERS_DOWN | 1u << ORDERS_UP } };
	for (unsigned i = 0; w->n > 1 && i < 3; i++) {
		if (strcmp(w->word[0], names[i].name) != 0)
			continue;
		for (unsigned side = 0; side < ORDERS_SIDES; side++)
			if (names[i].sides >> side & 1 &&
				!set(&o->cfg[side], w))
				return ORDER_BAD;
		o->sides = names[i].sides;
		return ORDER_SET;
	}
	return ORDER_BAD;
}

enum order orders_take(struct orders *o, const char *line)
{
	struct words w;
	if (!split(&w, line))
		return ORDER_BAD;
	const char *verb = w.word[0];
	if (w.n == 1 && !strcmp(verb, "count"))
		return ORDER_COUNT;
	if (w.n == 1 && !strcmp(verb, "reset"))
		return ORDER_RESET;
	if (w.n == 2 && !strcmp(verb, "outage"))
		return set_time(&o->outage_us, w.word[1]) ? ORDER_OUTAGE
							  : ORDER_BAD;
	if (w.n == 2 && !strcmp(verb, "address")) {
		struct in_addr a;
		if (inet_pton(AF_INET, w.word[1], &a) != 1)
			return ORDER_BAD;
		o->address = a;
		return ORDER_ADDRESS;
	}
	return set_sides(o, &w);
}
