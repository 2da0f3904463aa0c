#include "sfu/wire.h"

#include <errno.h>
#include <string.h>
#include "sfu/log.h"

/* Both ends stop at the first thing that does not fit and say so at the end:
 * fewer branches for the callers to forget. */
struct writer {
	uint8_t *buf;
	size_t len, size;
	bool bad;
};

struct reader {
	const uint8_t *buf;
	size_t len;
	bool bad;
};

static void put(struct writer *w, const void *data, size_t len)
{
	if (w->bad || len > w->size - w->len) {
		w->bad = true;
		return;
	}
	if (len)
		memcpy(w->buf + w->len, data, len);
	w->len += len;
}

static void put_u32(struct writer *w, uint32_t v)
{
	put(w, &v, sizeof(v));
}

static void put_block(
	struct writer *w, const void *data, size_t len, size_t max)
{
	if (len > max) {
		w->bad = true;
		return;
	}
	put_u32(w, (uint32_t)len);
	put(w, data, len);
}

/* With its NUL, so that the reader can point at it. NULL becomes "". */
static void put_text(struct writer *w, const char *text, size_t max)
{
	if (!text)
		text = "";
	put_block(w, text, strlen(text) + 1, max + 1);
}

static const uint8_t *get(struct reader *r, size_t len)
{
	const uint8_t *at = r->buf;

	if (r->bad || len > r->len) {
		r->bad = true;
		return NULL;
	}
	r->buf += len;
	r->len -= len;
	return at;
}

static uint32_t get_u32(struct reader *r)
{
	const uint8_t *at = get(r, 4);
	uint32_t v = 0;

	if (at)
		memcpy(&v, at, sizeof(v));
	return v;
}

static bool get_bool(struct reader *r)
{
	uint32_t v = get_u32(r);

	if (v > 1)
		r->bad = true;
	return v == 1;
}

static const uint8_t *get_block(struct reader *r, size_t *ret_len, size_t max)
{
	size_t len = get_u32(r);

	if (len > max)
		r->bad = true;
	*ret_len = r->bad ? 0 : len;
	return get(r, len);
}

static const char *get_text(struct reader *r, size_t *ret_len, size_t max)
{
	size_t len;
	const uint8_t *at = get_block(r, &len, max + 1);

	if (!at || !len || at[len - 1] || memchr(at, 0, len - 1)) {
		r->bad = true;
		return "";
	}
	if (ret_len)
		*ret_len = len - 1;
	return (const char *)at;
}

static void get_flat(struct reader *r, void *ret, size_t len)
{
	const uint8_t *at = get(r, len);

	if (at)
		memcpy(ret, at, len);
}

static size_t text_max(enum wire_type type)
{
	if (type == WIRE_OFFER || type == WIRE_ANSWER)
		return SFU_SDP_MAX;
	return type == WIRE_CANDIDATE ? WIRE_LINE_MAX : WIRE_TEXT_MAX;
}

static void put_event(struct writer *w, const struct sfu_event *e)
{
	put_u32(w, e->type);
	put_u32(w, (uint32_t)e->code);
	put_u32(w, e->speaker);
	put_u32(w, e->reason);
	put_u32(w, e->binary);
	put_text(w, e->sdp, SFU_SDP_MAX);
	put_text(w, e->text, WIRE_TEXT_MAX);
	put_block(w, e->data, e->len, SFU_CONTROL_MAX);
	put_u32(w, e->n_streams);
	for (unsigned i = 0; i < e->n_streams; i++) {
		const struct sfu_stream *s = &e->streams[i];

		put_text(w, s->id, SFU_STREAM_MAX);
		put_u32(w, s->owner);
		put_text(w, s->source, SFU_STREAM_MAX);
		put_u32(w, (uint32_t)s->audio | (uint32_t)s->video << 1 |
				   (uint32_t)s->paused << 2);
	}
}

static void copy_text(struct reader *r, char ret[SFU_STREAM_MAX + 1])
{
	size_t len = 0;
	const char *text = get_text(r, &len, SFU_STREAM_MAX);

	memcpy(ret, text, len);
	ret[len] = 0;
}

static void get_stream(struct reader *r, struct sfu_stream *s)
{
	uint32_t has;

	copy_text(r, s->id);
	s->owner = get_u32(r);
	copy_text(r, s->source);
	has = get_u32(r);
	if (has >> 2 >= SFU_PAUSED_REASONS)
		r->bad = true;
	s->audio = has & 1;
	s->video = has & 2;
	s->paused = (enum sfu_paused)(has >> 2);
}

static void get_event(
	struct reader *r, struct sfu_stream *streams, struct sfu_event *e)
{
	uint32_t type = get_u32(r), reason;

	e->type = (enum sfu_event_type)type;
	e->code = (int)get_u32(r);
	e->speaker = get_u32(r);
	reason = get_u32(r);
	e->reason = (enum sfu_reason)reason;
	e->binary = get_bool(r);
	e->sdp = get_text(r, NULL, SFU_SDP_MAX);
	e->text = get_text(r, NULL, WIRE_TEXT_MAX);
	e->data = get_block(r, &e->len, SFU_CONTROL_MAX);
	e->n_streams = get_u32(r);
	if (type > SFU_EV_LEFT || reason > SFU_UNANSWERED ||
		e->n_streams > SFU_STREAMS_MAX || (e->n_streams && !streams)) {
		r->bad = true;
		return;
	}
	e->streams = streams;
	for (unsigned i = 0; i < e->n_streams && !r->bad; i++)
		get_stream(r, &streams[i]);
}

static void put_payload(struct writer *w, const struct wire_message *m)
{
	switch (m->type) {
	case WIRE_OPTIONS:
		put(w, &m->u.options, sizeof(m->u.options));
		break;
	case WIRE_JOIN:
		put_text(w, m->u.join.conference, SFU_NAME_MAX);
		put_text(w, m->u.join.label, SFU_LABEL_MAX);
		put_u32(w, m->u.join.options.renegotiate);
		break;
	case WIRE_PLUG:
		put_text(w, m->u.plug.conference, SFU_NAME_MAX);
		put_text(w, m->u.plug.label, SFU_LABEL_MAX);
		put_u32(w, m->u.plug.options.listen);
		put_u32(w, m->u.plug.options.publish);
		break;
	case WIRE_RELAY:
		put_text(w, m->u.relay.conference, SFU_NAME_MAX);
		put_u32(w, m->u.relay.rank);
		break;
	case WIRE_OFFER:
	case WIRE_ANSWER:
	case WIRE_CANDIDATE:
	case WIRE_HELLO:
	case WIRE_SORRY:
		put_text(w, m->u.text.v, text_max(m->type));
		break;
	case WIRE_MESSAGE:
		put_u32(w, m->u.data.binary);
		put_block(w, m->u.data.v, m->u.data.len, SFU_CONTROL_MAX);
		break;
	case WIRE_VIEW:
		put_text(w, m->u.view.stream, SFU_STREAM_MAX);
		put_u32(w, m->u.view.height);
		put_u32(w, m->u.view.visible);
		break;
	case WIRE_SCREEN:
		put_text(w, m->u.screen.stream, SFU_STREAM_MAX);
		put_u32(w, m->u.screen.on);
		break;
	case WIRE_LOG_LEVEL:
		put_u32(w, m->u.level);
		break;
	case WIRE_EVENT:
		put_event(w, &m->u.event);
		break;
	case WIRE_STATS:
		put(w, &m->u.stats, sizeof(m->u.stats));
		break;
	case WIRE_ROOMS:
		put_block(w, m->u.rooms.v,
			m->u.rooms.n * sizeof(m->u.rooms.v[0]),
			sizeof(m->u.rooms.v));
		break;
	case WIRE_LEAVE:
	case WIRE_ASK_STATS:
	case WIRE_STOP:
	case WIRE_BYE:
	case WIRE_TYPES:
		break;
	}
}

int wire_encode(const struct wire_message *m, uint8_t *ret, size_t size)
{
	struct writer w = { .buf = ret, .size = size };

	if (m->type < WIRE_OPTIONS || m->type >= WIRE_TYPES)
		return -EINVAL;
	if (m->type == WIRE_EVENT && m->u.event.n_streams > SFU_STREAMS_MAX)
		return -E2BIG;
	put_payload(&w, m);
	return w.bad ? -E2BIG : (int)w.len;
}

static void get_options(struct reader *r, struct worker_options *o)
{
	get_flat(r, o, sizeof(*o));
	if (o->n_listen > WIRE_LIST || o->n_advertise > WIRE_LIST ||
		o->port > UINT16_MAX)
		r->bad = true;
	for (unsigned i = 0; i < WIRE_LIST; i++) {
		o->listen[i][WIRE_ADDRESS_MAX - 1] = 0;
		o->advertise[i][WIRE_ADDRESS_MAX - 1] = 0;
	}
}

static void get_rooms(struct reader *r, struct stats_rooms *rooms)
{
	size_t len;
	const uint8_t *at = get_block(r, &len, sizeof(rooms->v));

	if (!at || len % sizeof(rooms->v[0])) {
		r->bad = true;
		return;
	}
	memcpy(rooms->v, at, len);
	rooms->n = len / sizeof(rooms->v[0]);
}

static void get_payload(
	struct reader *r, struct sfu_stream *streams, struct wire_message *m)
{
	switch (m->type) {
	case WIRE_OPTIONS:
		get_options(r, &m->u.options);
		break;
	case WIRE_JOIN:
		m->u.join.conference = get_text(r, NULL, SFU_NAME_MAX);
		m->u.join.label = get_text(r, NULL, SFU_LABEL_MAX);
		m->u.join.options.renegotiate = get_bool(r);
		break;
	case WIRE_PLUG:
		m->u.plug.conference = get_text(r, NULL, SFU_NAME_MAX);
		m->u.plug.label = get_text(r, NULL, SFU_LABEL_MAX);
		m->u.plug.options.listen = get_bool(r);
		m->u.plug.options.publish = get_bool(r);
		m->u.plug.fd = -1;
		break;
	case WIRE_RELAY:
		m->u.relay.conference = get_text(r, NULL, SFU_NAME_MAX);
		m->u.relay.rank = get_u32(r);
		m->u.relay.fd = -1;
		break;
	case WIRE_OFFER:
	case WIRE_ANSWER:
	case WIRE_CANDIDATE:
	case WIRE_HELLO:
	case WIRE_SORRY:
		m->u.text.v = get_text(r, &m->u.text.len, text_max(m->type));
		break;
	case WIRE_MESSAGE:
		m->u.data.binary = get_bool(r);
		m->u.data.v = get_block(r, &m->u.data.len, SFU_CONTROL_MAX);
		break;
	case WIRE_VIEW:
		m->u.view.stream = get_text(r, NULL, SFU_STREAM_MAX);
		m->u.view.height = get_u32(r);
		m->u.view.visible = get_bool(r);
		break;
	case WIRE_SCREEN:
		m->u.screen.stream = get_text(r, NULL, SFU_STREAM_MAX);
		m->u.screen.on = get_bool(r);
		break;
	case WIRE_LOG_LEVEL:
		m->u.level = get_u32(r);
		if (m->u.level > LOG_LVL_DEBUG)
			r->bad = true;
		break;
	case WIRE_EVENT:
		get_event(r, streams, &m->u.event);
		m->u.event.participant = m->id;
		break;
	case WIRE_STATS:
		get_flat(r, &m->u.stats, sizeof(m->u.stats));
		break;
	case WIRE_ROOMS:
		get_rooms(r, &m->u.rooms);
		break;
	case WIRE_LEAVE:
	case WIRE_ASK_STATS:
	case WIRE_STOP:
	case WIRE_BYE:
	case WIRE_TYPES:
		break;
	}
}

int wire_decode(uint32_t type, sfu_id id, const uint8_t *payload, size_t len,
	struct sfu_stream *streams, struct wire_message *ret)
{
	struct reader r = { .buf = payload, .len = len };

	if (type < WIRE_OPTIONS || type >= WIRE_TYPES)
		return -EBADMSG;
	memset(ret, 0, sizeof(*ret));
	ret->type = (enum wire_type)type;
	ret->id = id;
	get_payload(&r, streams, ret);
	return r.bad || r.len ? -EBADMSG : 0;
}
