/* Which worker takes whom, and the links between the parts of a conference. */
#include "sfu/sfu_private.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include "sfu/log.h"

static bool is_up(const struct child *c)
{
	return c->state == CHILD_STARTING || c->state == CHILD_READY;
}

struct child *sfu_choose(struct sfu *s, const struct place *p, bool plug)
{
	struct placement_worker *v = calloc(s->n_children, sizeof(*v));
	int at;

	if (!v)
		return NULL;
	for (unsigned i = 0; i < s->n_children; i++) {
		const struct child *c = &s->child[i];

		v[i] = (struct placement_worker){ .up = is_up(c),
			.load = c->load,
			.fresh = c->fresh,
			.guests = c->n_guests,
			.here = p ? p->part[i] : 0 };
	}
	/* A program hears everybody from any part. */
	at = placement_choose(v, s->n_children, &s->policy, plug);
	free(v);
	return at < 0 ? NULL : &s->child[at];
}

void sfu_measure(struct child *c, const struct worker_stats *now)
{
	uint64_t clock = sfu_clock_us(), dt = clock - c->measured_us;
	uint64_t cpu = now->cpu_us - c->last.cpu_us;

	/* Two answers close together say nothing. */
	if (c->measured_us && dt < 100000)
		return;
	/* Of the first there is no interval. */
	if (c->measured_us && now->cpu_us >= c->last.cpu_us)
		c->load = cpu >= dt ? PLACEMENT_FULL
				    : (unsigned)(cpu * PLACEMENT_FULL / dt);
	c->fresh = 0;
	c->measured_us = clock;
}

/* --- bridges -----------------------------------------------------------------
 */

static struct bridge *find_bridge(const struct sfu *s, const struct place *p,
	const struct child *a, const struct child *b)
{
	struct bridge *d;

	LIST_FOREACH(d, &s->bridges, next)
	if (d->place == p && d->end[0] == a && d->end[1] == b)
		return d;
	return NULL;
}

static void drop(struct bridge *d)
{
	LIST_REMOVE(d, next);
	free(d);
}

/* One end; what cannot be sent is closed, and the other worker sees it. */
static bool order(const struct child *c, const struct child *other,
	const struct place *p, sfu_id id, int fd)
{
	struct wire_message m = { .type = WIRE_RELAY, .id = id };

	m.u.relay.conference = p->name;
	m.u.relay.rank = other->options.index;
	m.u.relay.fd = fd;
	if (c->pipe && pipe_send(c->pipe, &m) == 0)
		return true;
	close(fd);
	return false;
}

static void build(struct sfu *s, struct place *p, const struct child *a,
	const struct child *b)
{
	struct bridge *d = calloc(1, sizeof(*d));
	int fd[2];
	bool good;

	if (!d || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd) != 0) {
		log_error("no_bridge", "error=%d", errno);
		free(d);
		return;
	}
	*d = (struct bridge){ .id = ++s->last_id,
		.place = p,
		.end = { a, b },
		.born_us = sfu_clock_us() };
	good = order(a, b, p, d->id, fd[0]);
	if (!order(b, a, p, d->id, fd[1]) || !good) {
		free(d);
		return;
	}
	LIST_INSERT_HEAD(&s->bridges, d, next);
}

void sfu_bridge(struct sfu *s, struct place *p)
{
	for (unsigned i = 0; i < s->n_children; i++)
		for (unsigned k = i + 1; k < s->n_children && p->part[i]; k++)
			if (p->part[k] &&
				!find_bridge(s, p, &s->child[i], &s->child[k]))
				build(s, p, &s->child[i], &s->child[k]);
}

void sfu_bridge_all(struct sfu *s)
{
	struct place *p;

	LIST_FOREACH(p, &s->places, next)
	sfu_bridge(s, p);
}

bool sfu_bridge_over(struct child *c, sfu_id id)
{
	struct sfu *s = c->sfu;
	struct bridge *d;
	struct place *p;
	bool lived;

	LIST_FOREACH(d, &s->bridges, next)
	if (d->id == id && (d->end[0] == c || d->end[1] == c))
		break;
	if (!d)
		return false;
	p = d->place;
	lived = sfu_clock_us() - d->born_us >= BRIDGE_SHORT_US;
	drop(d);
	if (lived && !s->stopping)
		sfu_bridge(s, p);
	return true;
}

void sfu_forget_place(struct sfu *s, const struct place *p)
{
	struct bridge *d, *next;

	for (d = LIST_FIRST(&s->bridges); d; d = next) {
		next = LIST_NEXT(d, next);
		if (d->place == p)
			drop(d);
	}
}

void sfu_forget_child(struct sfu *s, const struct child *c)
{
	struct bridge *d, *next;

	for (d = LIST_FIRST(&s->bridges); d; d = next) {
		next = LIST_NEXT(d, next);
		if (d->end[0] == c || d->end[1] == c)
			drop(d);
	}
}
