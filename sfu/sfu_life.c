#include "sfu/sfu_private.h"

#include <errno.h>
#include <event2/buffer.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "sfu/config.h"
#include "sfu/log.h"

/* Packets kept for retransmission per track: half a second of 2.5 Mbit/s video
 * has about 130, a keyframe of 300 kB about 250 more. */
enum { HISTORY_VIDEO = 512, HISTORY_AUDIO = 64, STOP_US = 800000 };

uint64_t sfu_clock_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

void sfu_on_sorry(struct sfu *s, const char *text)
{
	if (s->told_failed || s->stopping)
		return;
	s->told_failed = true;
	s->failed(s->failed_arg, text);
}

static void on_second(evutil_socket_t fd, short what, void *arg)
{
	struct sfu *s = arg;

	(void)fd;
	(void)what;
	for (unsigned i = 0; i < s->n_children && !s->stopping; i++)
		child_ask(&s->child[i]);
	if (!s->stopping)
		sfu_bridge_all(s);
}

static void end_stop(struct sfu *s)
{
	sfu_stopped_h *stopped = s->stopped;

	if (!stopped)
		return;
	s->stopped = NULL;
	event_del(s->stop_timer);
	stopped(s->stopped_arg);
}

void sfu_on_gone(struct sfu *s)
{
	for (unsigned i = 0; i < s->n_children; i++)
		if (s->child[i].state != CHILD_GONE)
			return;
	end_stop(s);
}

static void on_stop_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	end_stop(arg);
}

void sfu_stop(struct sfu *s, sfu_stopped_h *stopped, void *arg)
{
	static const struct wire_message stop = { .type = WIRE_STOP };
	struct timeval tv = { .tv_usec = STOP_US };
	bool waits = false;

	s->stopped = stopped;
	s->stopped_arg = arg;
	s->stopping = true;
	for (unsigned i = 0; i < s->n_children; i++) {
		struct child *c = &s->child[i];

		event_del(c->restart);
		if (c->pipe && pipe_send(c->pipe, &stop) == 0)
			waits = true;
		else
			c->state = CHILD_GONE;
	}
	if (!waits)
		tv.tv_usec = 0;
	event_add(s->stop_timer, &tv);
}

static void fill_list(char ret[WIRE_LIST][WIRE_ADDRESS_MAX], uint32_t *ret_n,
	const struct config_list *list)
{
	*ret_n = 0;
	for (unsigned i = 0; i < list->n && i < WIRE_LIST; i++) {
		/* Longer than any address: the worker will say so. */
		strncpy(ret[i], list->v[i], WIRE_ADDRESS_MAX - 1);
		++*ret_n;
	}
}

static enum log_level level_of(void)
{
	enum log_level l = LOG_LVL_ERROR;

	while (l < LOG_LVL_DEBUG && log_on((enum log_level)(l + 1)))
		l = (enum log_level)(l + 1);
	return l;
}

static void fill_options(
	struct worker_options *o, unsigned index, const struct config *config)
{
	o->index = index;
	o->port = config->media.port ? config->media.port + index : 0;
	o->conferences = config->limits.conferences;
	o->log_level = level_of();
	o->pii = config->log.pii;
	fill_list(o->listen, &o->n_listen, &config->media.listen);
	fill_list(o->advertise, &o->n_advertise, &config->media.advertise);
	o->limits = (struct limits){
		.participants = config->limits.participants,
		.tracks = config->limits.tracks,
		.media_lines = config->limits.media_lines,
		.video_max_bps = config->limits.video_max_bps,
		.channel_queue = (size_t)config->limits.channel_queue_bytes,
		.last_n = config->media.last_n,
		.audio_n = config->media.audio_n,
		.history_video = HISTORY_VIDEO,
		.history_audio = HISTORY_AUDIO,
		.resend_bps = config->limits.resend_bps,
	};
}

static void on_restart(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	child_start(arg);
}

static int init_child(
	struct sfu *s, unsigned index, const struct config *config)
{
	struct child *c = &s->child[index];

	c->sfu = s;
	TAILQ_INIT(&c->guests);
	fill_options(&c->options, index, config);
	c->restart = evtimer_new(s->base, on_restart, c);
	return c->restart ? 0 : -ENOMEM;
}

int sfu_new(struct sfu **ret, struct event_base *base,
	const struct config *config, sfu_failed_h *failed, void *arg)
{
	static const struct timeval second = { .tv_sec = 1 };
	unsigned n = config->media.workers ? config->media.workers : 1;
	struct sfu *s = calloc(1, sizeof(*s));
	int err = -ENOMEM;

	if (!s)
		return err;
	s->base = base;
	s->failed = failed;
	s->failed_arg = arg;
	s->local = !config->media.workers;
	s->max_places = config->limits.conferences;
	s->max_guests = config->limits.participants;
	s->policy.split_load = config->media.split_load >= 100
				       ? UINT_MAX
				       : config->media.split_load * 10;
	s->policy.split_guests = config->media.split_participants;
	LIST_INIT(&s->bridges);
	s->child = calloc(n, sizeof(*s->child));
	s->every_second = event_new(base, -1, EV_PERSIST, on_second, s);
	s->stop_timer = evtimer_new(base, on_stop_timer, s);
	if (!s->child || !s->every_second || !s->stop_timer)
		goto fail;
	for (unsigned i = 0; i < n; i++) {
		s->n_children++;
		err = init_child(s, i, config);
		if (err)
			goto fail;
	}
	for (unsigned i = 0; i < n; i++)
		child_start(&s->child[i]);
	event_add(s->every_second, &second);
	*ret = s;
	return 0;
fail:
	sfu_free(s);
	return err;
}

struct sfu *sfu_free(struct sfu *s)
{
	if (!s)
		return NULL;
	s->stopping = true;
	for (unsigned i = 0; i < s->n_children; i++) {
		struct child *c = &s->child[i];
		struct guest *g;

		while ((g = TAILQ_FIRST(&c->guests))) {
			TAILQ_REMOVE(&c->guests, g, of_child);
			sfu_free_guest(s, g);
		}
		child_hang_up(c);
	}
	for (unsigned i = 0; i < s->n_children; i++)
		child_done(&s->child[i]);
	if (s->every_second)
		event_free(s->every_second);
	if (s->stop_timer)
		event_free(s->stop_timer);
	free(s->child);
	free(s);
	return NULL;
}

void sfu_log_level(struct sfu *s, unsigned level)
{
	struct wire_message m = { .type = WIRE_LOG_LEVEL };

	m.u.level = level;
	for (unsigned i = 0; i < s->n_children; i++) {
		s->child[i].options.log_level = level;
		if (s->child[i].pipe)
			pipe_send(s->child[i].pipe, &m);
	}
}

bool sfu_ready(const struct sfu *s)
{
	for (unsigned i = 0; i < s->n_children; i++)
		if (s->child[i].state == CHILD_READY)
			return !s->stopping;
	return false;
}

static const char *name_of(const struct sfu *s, uint64_t key)
{
	const struct place *p;

	LIST_FOREACH(p, &s->places, next)
	if (stats_room_key(p->name) == key)
		return p->name;
	return NULL;
}

static void print_rooms(const struct sfu *s, struct evbuffer *out)
{
	struct stats_room_row *v;
	size_t n = 0;

	v = calloc((size_t)s->n_children * STATS_ROOMS, sizeof(*v));
	for (unsigned i = 0; v && i < s->n_children; i++) {
		const struct stats_rooms *rooms = &s->child[i].rooms;

		for (size_t k = 0; k < rooms->n; k++) {
			const char *name = name_of(s, rooms->v[k].key);

			/* It ended a moment ago. */
			if (!name)
				continue;
			snprintf(v[n].conference, sizeof(v[n].conference), "%s",
				log_tag(name));
			v[n].worker = i;
			v[n++].room = &rooms->v[k];
		}
	}
	stats_print_rooms(v, n, out);
	free(v);
}

void sfu_metrics(const struct sfu *s, struct evbuffer *out)
{
	struct worker_stats sum = { 0 };
	uint64_t restarts = 0;

	for (unsigned i = 0; i < s->n_children; i++) {
		stats_add(&sum, &s->child[i].before, false);
		stats_add(&sum, &s->child[i].last, true);
		restarts += s->child[i].restarts;
	}
	stats_print(&sum, out);
	print_rooms(s, out);
	evbuffer_add_printf(out,
		"# HELP hearth_worker_restarts_total Workers started again "
		"after they died.\n"
		"# TYPE hearth_worker_restarts_total counter\n"
		"hearth_worker_restarts_total %" PRIu64 "\n"
		"# HELP hearth_worker_up Whether a worker takes calls.\n"
		"# TYPE hearth_worker_up gauge\n",
		restarts);
	for (unsigned i = 0; i < s->n_children; i++)
		evbuffer_add_printf(out, "hearth_worker_up{worker=\"%u\"} %d\n",
			i, s->child[i].state == CHILD_READY);
}
