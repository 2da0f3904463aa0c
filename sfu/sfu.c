#include "sfu/sfu_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *sfu_reason_text(enum sfu_reason r)
{
	static const char *const text[] = {
		[SFU_BY_COMMAND] = "by_command",
		[SFU_REFUSED] = "refused",
		[SFU_ICE_FAILED] = "ice_failed",
		[SFU_ICE_TIMEOUT] = "ice_timeout",
		[SFU_DTLS_FAILED] = "dtls_failed",
		[SFU_WORKER_DIED] = "worker_died",
		[SFU_FULL] = "full",
		[SFU_CLOSED] = "closed",
		[SFU_UNANSWERED] = "unanswered",
	};

	if ((unsigned)r >= sizeof(text) / sizeof(*text))
		return "unknown";
	return text[r];
}

const char *sfu_paused_text(enum sfu_paused why)
{
	static const char *const text[] = {
		[SFU_NOT_PAUSED] = "",
		[SFU_PAUSED_BANDWIDTH] = "bandwidth",
		[SFU_PAUSED_LAST_N] = "last_n",
		[SFU_PAUSED_HIDDEN] = "not_shown",
	};

	if ((unsigned)why >= sizeof(text) / sizeof(*text))
		return "unknown";
	return text[why];
}

/* Guests and places. */

static struct guest *find_guest(struct sfu *s, sfu_id id)
{
	struct guest *g;

	LIST_FOREACH(g, &s->ids[id % SFU_IDS], by_id)
	if (g->id == id)
		return g;
	return NULL;
}

static struct place *find_place(struct sfu *s, const char *name)
{
	struct place *p;

	LIST_FOREACH(p, &s->places, next)
	if (strcmp(p->name, name) == 0)
		return p;
	return NULL;
}

static struct place *new_place(struct sfu *s, const char *name, int *ret_error)
{
	size_t parts = s->n_children * sizeof(unsigned);
	struct place *p;

	if (s->n_places >= s->max_places) {
		*ret_error = -EBUSY;
		return NULL;
	}
	p = calloc(1, sizeof(*p) + parts + strlen(name) + 1);
	if (!p) {
		*ret_error = -ENOMEM;
		return NULL;
	}
	p->name = (char *)(p->part + s->n_children);
	memcpy(p->name, name, strlen(name) + 1);
	LIST_INSERT_HEAD(&s->places, p, next);
	s->n_places++;
	return p;
}

static void enter_place(struct guest *g)
{
	g->place->guests++;
	g->place->plugs += g->plug;
	g->place->part[g->child->options.index]++;
}

static void leave_place(struct sfu *s, const struct guest *g)
{
	struct place *p = g->place;

	p->plugs -= g->plug;
	p->part[g->child->options.index]--;
	if (--p->guests)
		return;
	sfu_forget_place(s, p);
	LIST_REMOVE(p, next);
	s->n_places--;
	free(p);
}

void sfu_free_guest(struct sfu *s, struct guest *g)
{
	LIST_REMOVE(g, by_id);
	leave_place(s, g);
	free(g);
}

static int check_names(const char *conference, const char *label)
{
	if (!*conference || strchr(label, '\n'))
		return -EINVAL;
	if (strlen(conference) > SFU_NAME_MAX || strlen(label) > SFU_LABEL_MAX)
		return -E2BIG;
	return 0;
}

/* As conference_join and conference_plug count them. */
static bool is_full(const struct sfu *s, const struct place *p, bool plug)
{
	return plug ? p->plugs >= CONFERENCE_PLUGS
		    : p->guests - p->plugs >= s->max_guests;
}

static struct guest *new_guest(
	struct sfu *s, const char *conference, bool plug, int *ret_error)
{
	struct place *p = find_place(s, conference);
	struct child *c;
	struct guest *g;

	*ret_error = -EBUSY;
	if (s->stopping || (p && is_full(s, p, plug)))
		return NULL;
	*ret_error = -EAGAIN;
	c = sfu_choose(s, p, plug);
	if (!c)
		return NULL;
	*ret_error = -ENOMEM;
	g = calloc(1, sizeof(*g));
	if (g && !p)
		p = new_place(s, conference, ret_error);
	if (!g || !p) {
		free(g);
		return NULL;
	}
	*ret_error = 0;
	g->place = p;
	g->child = c;
	g->plug = plug;
	enter_place(g);
	g->id = ++s->last_id;
	LIST_INSERT_HEAD(&s->ids[g->id % SFU_IDS], g, by_id);
	return g;
}

static int send_join(struct guest *g, struct wire_message *m)
{
	int err;

	m->id = g->id;
	err = pipe_send(g->child->pipe, m);
	if (err == -EPIPE)
		return -EAGAIN;
	return err == -E2BIG || !err ? err : -ENOMEM;
}

/* m: WIRE_JOIN or WIRE_PLUG, all but its id. */
static sfu_id enter(struct sfu *s, const char *conference, const char *label,
	struct wire_message *m, sfu_event_h *handler, void *arg, int *ret_error)
{
	int err = check_names(conference, label);
	struct guest *g = NULL;

	if (!err)
		g = new_guest(s, conference, m->type == WIRE_PLUG, &err);
	if (g) {
		err = send_join(g, m);
		if (err)
			sfu_free_guest(s, g);
	}
	if (err) {
		if (ret_error)
			*ret_error = err;
		return 0;
	}
	g->handler = handler;
	g->arg = arg;
	TAILQ_INSERT_TAIL(&g->child->guests, g, of_child);
	g->child->n_guests++;
	g->child->fresh++;
	sfu_bridge(s, g->place);
	return g->id;
}

sfu_id sfu_join(struct sfu *s, const char *conference, const char *label,
	const struct sfu_join_options *opt, sfu_event_h *handler, void *arg,
	int *ret_error)
{
	struct wire_message m = { .type = WIRE_JOIN };

	m.u.join.conference = conference;
	m.u.join.label = label;
	if (opt)
		m.u.join.options = *opt;
	return enter(s, conference, label, &m, handler, arg, ret_error);
}

sfu_id sfu_plug(struct sfu *s, const char *conference, const char *label,
	const struct sfu_plug_options *opt, int fd, sfu_event_h *handler,
	void *arg, int *ret_error)
{
	struct wire_message m = { .type = WIRE_PLUG };
	sfu_id id;

	m.u.plug.conference = conference;
	m.u.plug.label = label;
	m.u.plug.options = *opt;
	m.u.plug.fd = fd;
	id = enter(s, conference, label, &m, handler, arg, ret_error);
	if (!id)
		close(fd);
	return id;
}

/* Commands. */

static int command(struct sfu *s, const struct wire_message *m)
{
	struct guest *g = find_guest(s, m->id);
	int err;

	if (!g)
		return -ENOENT;
	err = pipe_send(g->child->pipe, m);
	/* A worker that just died: EV_LEFT is on the way. */
	if (err == -EPIPE)
		return 0;
	return err == -E2BIG || !err ? err : -ENOMEM;
}

static int command_text(
	struct sfu *s, enum wire_type type, sfu_id id, const char *text)
{
	struct wire_message m = { .type = type, .id = id };

	m.u.text.v = text;
	m.u.text.len = strlen(text);
	return command(s, &m);
}

int sfu_offer(struct sfu *s, sfu_id id, const char *sdp)
{
	return command_text(s, WIRE_OFFER, id, sdp);
}

int sfu_answer(struct sfu *s, sfu_id id, const char *sdp)
{
	return command_text(s, WIRE_ANSWER, id, sdp);
}

int sfu_candidate(struct sfu *s, sfu_id id, const char *line)
{
	return command_text(s, WIRE_CANDIDATE, id, line);
}

int sfu_message(
	struct sfu *s, sfu_id id, bool binary, const void *data, size_t len)
{
	struct wire_message m = { .type = WIRE_MESSAGE, .id = id };

	m.u.data.binary = binary;
	m.u.data.v = data;
	m.u.data.len = len;
	return command(s, &m);
}

int sfu_view(struct sfu *s, sfu_id id, const char *stream, unsigned height,
	bool visible)
{
	struct wire_message m = { .type = WIRE_VIEW, .id = id };

	m.u.view.stream = stream;
	m.u.view.height = height;
	m.u.view.visible = visible;
	return command(s, &m);
}

int sfu_screen(struct sfu *s, sfu_id id, const char *stream, bool screen)
{
	struct wire_message m = { .type = WIRE_SCREEN, .id = id };

	m.u.screen.stream = stream;
	m.u.screen.on = screen;
	return command(s, &m);
}

int sfu_leave(struct sfu *s, sfu_id id)
{
	struct wire_message m = { .type = WIRE_LEAVE, .id = id };

	return command(s, &m);
}

int sfu_close(struct sfu *s, const char *conference)
{
	struct place *p = find_place(s, conference);
	struct guest *g;

	if (!p)
		return -ENOENT;
	for (unsigned i = 0; i < s->n_children; i++)
		TAILQ_FOREACH(g, &s->child[i].guests, of_child)
	if (g->place == p)
		sfu_leave(s, g->id);
	return 0;
}

/* What workers report. */

void sfu_on_event(struct child *c, const struct sfu_event *ev)
{
	struct guest *g = find_guest(c->sfu, ev->participant);
	sfu_event_h *handler;
	void *arg;

	if (!g && ev->type == SFU_EV_LEFT &&
		sfu_bridge_over(c, ev->participant))
		return;
	/* A worker speaks of its own participants only. */
	if (!g || g->child != c)
		return;
	handler = g->handler;
	arg = g->arg;
	if (ev->type == SFU_EV_LEFT) {
		TAILQ_REMOVE(&c->guests, g, of_child);
		c->n_guests--;
		sfu_free_guest(c->sfu, g);
	}
	handler(arg, ev);
}

void sfu_on_death(struct child *c, struct child_guests *guests)
{
	struct sfu *s = c->sfu;
	struct sfu_event ev = { .type = SFU_EV_LEFT,
		.reason = s->stopping ? SFU_BY_COMMAND : SFU_WORKER_DIED };
	struct child_guests orphans = TAILQ_HEAD_INITIALIZER(orphans);
	struct guest *g;

	sfu_forget_child(s, c);
	/* All of them first: a handler that joins again must not find the
	 * part that died with the worker. */
	TAILQ_FOREACH(g, guests, of_child)
	{
		LIST_REMOVE(g, by_id);
		leave_place(s, g);
	}
	TAILQ_CONCAT(&orphans, guests, of_child);
	while ((g = TAILQ_FIRST(&orphans))) {
		TAILQ_REMOVE(&orphans, g, of_child);
		ev.participant = g->id;
		g->handler(g->arg, &ev);
		free(g);
	}
}
