#include "dtls/channel.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "dtls/dcep.h"

/* RFC 8831 section 8, and RFC 8832 section 8.1. */
enum ppid {
	PPID_DCEP = 50,
	PPID_TEXT = 51,
	PPID_BINARY = 53,
	PPID_TEXT_EMPTY = 56,
	PPID_BINARY_EMPTY = 57
};

struct slot {
	struct channel ch; /* first: the caller's pointer is the slot's */
	bool is_acked;     /* the peer knows it: unordered may be unordered */
	bool is_out_reset, is_in_reset;
	unsigned waiting; /* messages in the queue */
};

struct waiting {
	STAILQ_ENTRY(waiting) next;
	struct slot *slot;
	uint32_t ppid;
	size_t len;
	uint8_t data[];
};

struct channels {
	struct assoc *assoc;
	bool is_even; /* our stream ids */
	bool is_up;
	size_t message_max;
	size_t queue_max, queued;
	uint64_t drops;
	STAILQ_HEAD(, waiting) queue;
	/* A message that was the first sign of a channel's opening: told after
	 * CHANNEL_EV_OPEN. */
	struct channel_event held;
	bool has_held;
	/* An OPEN that came while its stream was closing: read again after
	 * CHANNEL_EV_CLOSED. */
	struct assoc_event again;
	bool has_again;
	struct slot *slots[CHANNELS_MAX];  /* made when first needed */
	uint16_t by_stream[ASSOC_STREAMS]; /* index + 1; 0: none */
};

static void set_state(struct slot *s, enum channel_state to)
{
	static const uint8_t allowed[] = {
		[CHANNEL_FREE] = 1 << CHANNEL_OPENING | 1 << CHANNEL_OPEN,
		[CHANNEL_OPENING] = 1 << CHANNEL_OPEN | 1 << CHANNEL_CLOSING,
		[CHANNEL_OPEN] = 1 << CHANNEL_CLOSING,
		[CHANNEL_CLOSING] = 1 << CHANNEL_FREE
	};

	assert(allowed[s->ch.state] & 1 << to);
	s->ch.state = to;
}

static bool is_usable(const struct slot *s)
{
	return s->ch.state == CHANNEL_OPENING || s->ch.state == CHANNEL_OPEN;
}

static struct slot *by_stream(struct channels *c, uint16_t stream)
{
	if (stream >= ASSOC_STREAMS || c->by_stream[stream] == 0)
		return NULL;
	return c->slots[c->by_stream[stream] - 1];
}

int channels_new(struct channels **ret, struct assoc_out *out, bool dtls_client,
	uint16_t local_port, uint16_t remote_port, size_t queue_max)
{
	struct channels *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return -ENOMEM;
	STAILQ_INIT(&c->queue);
	c->is_even = dtls_client;
	c->queue_max = queue_max;
	c->message_max = CHANNELS_MESSAGE_DEFAULT;
	if (assoc_new(&c->assoc, out, local_port, remote_port) != 0) {
		channels_free(c);
		return -ENOMEM;
	}
	*ret = c;
	return 0;
}

static void drop_queue(struct channels *c)
{
	struct waiting *w;

	while ((w = STAILQ_FIRST(&c->queue)) != NULL) {
		STAILQ_REMOVE_HEAD(&c->queue, next);
		free(w);
	}
	c->queued = 0;
}

struct channels *channels_free(struct channels *c)
{
	if (c == NULL)
		return NULL;
	assoc_free(c->assoc);
	drop_queue(c);
	for (unsigned i = 0; i < CHANNELS_MAX; i++)
		free(c->slots[i]);
	free(c);
	return NULL;
}

void channels_set_max(struct channels *c, size_t bytes)
{
	if (bytes == 0 || bytes > ASSOC_MESSAGE_MAX)
		bytes = ASSOC_MESSAGE_MAX;
	c->message_max = bytes;
}

bool channels_is_up(const struct channels *c)
{
	return c->is_up;
}

/* Open for the peer too, once it has answered with whatever (RFC 8832
 * section 6: until then in order, so that nothing overtakes the OPEN). */
static int send_now(struct channels *c, const struct slot *s, uint32_t ppid,
	const uint8_t *buf, size_t len)
{
	struct assoc_reliability how = s->ch.how;

	if (ppid == PPID_DCEP)
		how = (struct assoc_reliability){ .kind = ASSOC_RELIABLE };
	if (!s->is_acked)
		how.unordered = false;
	return assoc_send(c->assoc, s->ch.stream, ppid, &how, buf, len);
}

static int enqueue(struct channels *c, struct slot *s, uint32_t ppid,
	const uint8_t *buf, size_t len)
{
	struct waiting *w = malloc(sizeof(*w) + len);

	if (w == NULL)
		return -ENOBUFS;
	w->slot = s;
	w->ppid = ppid;
	w->len = len;
	memcpy(w->data, buf, len);
	STAILQ_INSERT_TAIL(&c->queue, w, next);
	c->queued += len;
	s->waiting++;
	return 0;
}

/* DCEP's own messages are few and small: queue_max is not for them. */
static int send_or_queue(struct channels *c, struct slot *s, uint32_t ppid,
	const uint8_t *buf, size_t len)
{
	int ret = -EAGAIN;

	if (STAILQ_EMPTY(&c->queue))
		ret = send_now(c, s, ppid, buf, len);
	if (ret != -EAGAIN)
		return ret;
	if (ppid != PPID_DCEP && c->queued + len > c->queue_max)
		return -ENOBUFS;
	return enqueue(c, s, ppid, buf, len);
}

static void reset_when_sent(struct channels *c, struct slot *s)
{
	if (s->ch.state == CHANNEL_CLOSING && s->waiting == 0 &&
		assoc_reset(c->assoc, s->ch.stream) != 0)
		s->is_out_reset = true; /* no stream of ours to reset */
}

static void send_waiting(struct channels *c)
{
	struct waiting *w;

	while ((w = STAILQ_FIRST(&c->queue)) != NULL) {
		if (send_now(c, w->slot, w->ppid, w->data, w->len) == -EAGAIN)
			return;
		STAILQ_REMOVE_HEAD(&c->queue, next);
		c->queued -= w->len;
		w->slot->waiting--;
		reset_when_sent(c, w->slot);
		free(w);
	}
}

static struct slot *take_slot(struct channels *c, uint16_t stream)
{
	struct slot *s;
	unsigned i = 0;

	while (i < CHANNELS_MAX && c->slots[i] != NULL &&
		c->slots[i]->ch.state != CHANNEL_FREE)
		i++;
	if (i == CHANNELS_MAX)
		return NULL;
	if (c->slots[i] == NULL)
		c->slots[i] = malloc(sizeof(*s));
	s = c->slots[i];
	if (s == NULL)
		return NULL;
	memset(s, 0, sizeof(*s));
	s->ch.stream = stream;
	c->by_stream[stream] = (uint16_t)(i + 1);
	return s;
}

static void free_slot(struct channels *c, struct slot *s)
{
	c->by_stream[s->ch.stream] = 0;
	set_state(s, CHANNEL_FREE);
}

static int free_stream(const struct channels *c)
{
	for (unsigned i = c->is_even ? 0 : 1; i < assoc_streams(c->assoc);
		i += 2)
		if (c->by_stream[i] == 0)
			return (int)i;
	return -1;
}

struct channel *channels_open(struct channels *c, const char *label,
	const char *protocol, const struct assoc_reliability *how)
{
	uint8_t buf[DCEP_OPEN_MAX];
	size_t len = dcep_write_open(buf, how, label, protocol);
	int stream = c->is_up && len > 0 ? free_stream(c) : -1;
	struct slot *s = NULL;

	if (stream >= 0)
		s = take_slot(c, (uint16_t)stream);
	if (s == NULL)
		return NULL;
	s->ch.ours = true;
	s->ch.how = *how;
	/* dcep_write_open has measured both. */
	memcpy(s->ch.label, label, strlen(label) + 1);
	memcpy(s->ch.protocol, protocol, strlen(protocol) + 1);
	if (send_or_queue(c, s, PPID_DCEP, buf, len) != 0) {
		c->by_stream[stream] = 0; /* still CHANNEL_FREE */
		return NULL;
	}
	set_state(s, CHANNEL_OPENING);
	return &s->ch;
}

int channels_send(struct channels *c, struct channel *ch, bool binary,
	const uint8_t *buf, size_t len)
{
	static const uint8_t zero[1];
	struct slot *s = (struct slot *)ch;
	uint32_t ppid = binary ? PPID_BINARY : PPID_TEXT;

	if (!c->is_up || !is_usable(s))
		return -ENOTCONN;
	if (len > c->message_max)
		return -EMSGSIZE;
	if (len > 0)
		return send_or_queue(c, s, ppid, buf, len);
	/* SCTP cannot carry nothing: one byte that is ignored stands for it. */
	ppid = binary ? PPID_BINARY_EMPTY : PPID_TEXT_EMPTY;
	return send_or_queue(c, s, ppid, zero, sizeof(zero));
}

void channels_close(struct channels *c, struct channel *ch)
{
	struct slot *s = (struct slot *)ch;

	if (!c->is_up || !is_usable(s))
		return;
	set_state(s, CHANNEL_CLOSING);
	reset_when_sent(c, s);
}

struct channel *channels_find(struct channels *c, const char *label)
{
	for (unsigned i = 0; i < CHANNELS_MAX && c->slots[i] != NULL; i++)
		if (is_usable(c->slots[i]) &&
			strcmp(c->slots[i]->ch.label, label) == 0)
			return &c->slots[i]->ch;
	return NULL;
}

struct channel *channels_at(struct channels *c, unsigned index)
{
	for (unsigned i = 0; i < CHANNELS_MAX && c->slots[i] != NULL; i++)
		if (is_usable(c->slots[i]) && index-- == 0)
			return &c->slots[i]->ch;
	return NULL;
}

size_t channels_queued(const struct channels *c)
{
	return c->queued + assoc_queued(c->assoc);
}

uint64_t channels_drops(const struct channels *c)
{
	return c->drops + assoc_drops(c->assoc);
}

static int event(
	struct channel_event *ret, enum channel_event_type type, struct slot *s)
{
	*ret = (struct channel_event){ .type = type,
		.channel = s ? &s->ch : NULL };
	return 1;
}

/* Drops what the peer said; with a stream to blame, closes our half of it, by
 * which the peer learns of it (RFC 8832 section 6). */
static int refuse(struct channels *c, uint16_t stream)
{
	c->drops++;
	if (by_stream(c, stream) == NULL)
		assoc_reset(c->assoc, stream);
	return 0;
}

/* The peer takes a stream up again once both resets are done, which it may know
 * before we do: its answer to ours was lost. */
static int reopen(struct channels *c, struct slot *s,
	const struct assoc_event *e, struct channel_event *ret)
{
	free_slot(c, s);
	c->again = *e;
	c->has_again = true;
	return event(ret, CHANNEL_EV_CLOSED, s);
}

static int on_open(struct channels *c, const struct assoc_event *e,
	struct channel_event *ret)
{
	static const uint8_t ack[1] = { DCEP_ACK };
	struct dcep_open open;
	struct slot *s = by_stream(c, e->stream);

	if (s != NULL && s->is_in_reset && s->waiting == 0)
		return reopen(c, s, e, ret);

	/* The peer's ids are those that are not ours: no two channels can be
	 * opened on one id from both sides (RFC 8832 section 6). */
	if (e->stream >= assoc_streams(c->assoc) ||
		(e->stream % 2 == 0) == c->is_even || s != NULL ||
		dcep_parse_open(&open, e->data, e->len) != 0)
		return refuse(c, e->stream);
	s = take_slot(c, e->stream);
	if (s == NULL)
		return refuse(c, e->stream);
	s->ch.how = open.how;
	memcpy(s->ch.label, open.label, sizeof(s->ch.label));
	memcpy(s->ch.protocol, open.protocol, sizeof(s->ch.protocol));
	if (send_or_queue(c, s, PPID_DCEP, ack, sizeof(ack)) != 0) {
		c->by_stream[e->stream] = 0;
		return refuse(c, e->stream);
	}
	s->is_acked = true;
	set_state(s, CHANNEL_OPEN);
	return event(ret, CHANNEL_EV_OPEN, s);
}

static int on_dcep(struct channels *c, const struct assoc_event *e,
	struct channel_event *ret)
{
	struct slot *s = by_stream(c, e->stream);

	if (e->data[0] == DCEP_OPEN)
		return on_open(c, e, ret);
	if (e->data[0] != DCEP_ACK || e->len != 1 || s == NULL || !s->ch.ours) {
		c->drops++;
		return 0;
	}
	s->is_acked = true;
	if (s->ch.state != CHANNEL_OPENING)
		return 0; /* a message came first, or it is closing */
	set_state(s, CHANNEL_OPEN);
	return event(ret, CHANNEL_EV_OPEN, s);
}

static int on_data(struct channels *c, const struct assoc_event *e, bool binary,
	bool is_empty, struct channel_event *ret)
{
	struct slot *s = by_stream(c, e->stream);
	bool is_first;

	if (s == NULL || !is_usable(s)) {
		c->drops++;
		return 0;
	}
	is_first = s->ch.state == CHANNEL_OPENING;
	event(ret, CHANNEL_EV_MESSAGE, s);
	ret->binary = binary;
	ret->data = e->data;
	ret->len = is_empty ? 0 : e->len;
	if (!is_first)
		return 1;
	/* The peer's ACK was overtaken: its message says the same. */
	c->held = *ret;
	c->has_held = true;
	s->is_acked = true;
	set_state(s, CHANNEL_OPEN);
	return event(ret, CHANNEL_EV_OPEN, s);
}

static int on_message(struct channels *c, const struct assoc_event *e,
	struct channel_event *ret)
{
	switch (e->ppid) {
	case PPID_DCEP:
		return on_dcep(c, e, ret);
	case PPID_TEXT:
	case PPID_BINARY:
		return on_data(c, e, e->ppid == PPID_BINARY, false, ret);
	case PPID_TEXT_EMPTY:
	case PPID_BINARY_EMPTY:
		return on_data(c, e, e->ppid == PPID_BINARY_EMPTY, true, ret);
	default:
		c->drops++;
		return 0;
	}
}

static int close_when_reset(
	struct channels *c, struct slot *s, struct channel_event *ret)
{
	if (s->ch.state != CHANNEL_CLOSING || !s->is_in_reset ||
		!s->is_out_reset)
		return 0;
	free_slot(c, s);
	return event(ret, CHANNEL_EV_CLOSED, s);
}

static int on_reset(struct channels *c, const struct assoc_event *e,
	struct channel_event *ret)
{
	struct slot *s = by_stream(c, e->stream);

	if (s == NULL)
		return 0;
	if (e->type == ASSOC_RESET_DONE) {
		/* or else of the stream's channel before this one */
		s->is_out_reset = s->ch.state == CHANNEL_CLOSING;
	} else {
		s->is_in_reset = true;
		channels_close(c, &s->ch);
	}
	return close_when_reset(c, s, ret);
}

static int on_down(struct channels *c, struct channel_event *ret)
{
	c->is_up = false;
	drop_queue(c);
	for (unsigned i = 0; i < CHANNELS_MAX && c->slots[i] != NULL; i++)
		c->slots[i]->ch.state = CHANNEL_FREE;
	memset(c->by_stream, 0, sizeof(c->by_stream));
	return event(ret, CHANNEL_EV_DOWN, NULL);
}

static int on_event(struct channels *c, const struct assoc_event *e,
	struct channel_event *ret)
{
	struct slot *s;

	switch (e->type) {
	case ASSOC_UP:
		c->is_up = true;
		return 0;
	case ASSOC_DOWN:
		return on_down(c, ret);
	case ASSOC_MESSAGE:
		return on_message(c, e, ret);
	case ASSOC_RESET:
	case ASSOC_RESET_DONE:
		return on_reset(c, e, ret);
	case ASSOC_TOO_BIG: /* a channel with a hole in it is no channel */
		s = by_stream(c, e->stream);
		if (s != NULL)
			channels_close(c, &s->ch);
		return 0;
	case ASSOC_WRITABLE:
		send_waiting(c);
		return 0;
	}
	return 0;
}

void channels_input(struct channels *c, const uint8_t *buf, size_t len)
{
	assoc_input(c->assoc, buf, len);
}

bool channels_wait(const struct channels *c)
{
	return c->has_held || c->has_again || assoc_is_blocked(c->assoc);
}

int channels_next(struct channels *c, struct channel_event *ret)
{
	struct assoc_event e;

	if (c->has_held) {
		c->has_held = false;
		*ret = c->held;
		return 1;
	}
	if (c->has_again) {
		c->has_again = false;
		if (on_open(c, &c->again, ret))
			return 1;
	}
	while (assoc_next(c->assoc, &e))
		if (on_event(c, &e, ret))
			return 1;
	return 0;
}
