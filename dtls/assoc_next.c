#include "dtls/assoc.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dtls/assoc_inside.h"

enum { BUFFER_MAX = ASSOC_MESSAGE_MAX + 2 * ASSOC_READ_MIN };

static bool bit_get(const uint8_t *map, unsigned i)
{
	return map[i / 8] >> i % 8 & 1;
}

static void bit_set(uint8_t *map, unsigned i)
{
	map[i / 8] |= (uint8_t)(1u << i % 8);
}

static int bit_take(uint8_t *map)
{
	for (unsigned i = 0; i < ASSOC_STREAMS; i++) {
		if (map[i / 8] == 0) {
			i |= 7;
			continue;
		}
		if (bit_get(map, i)) {
			map[i / 8] &= (uint8_t) ~(1u << i % 8);
			return (int)i;
		}
	}
	return -1;
}

static bool is_empty(const uint8_t *map)
{
	static const uint8_t none[ASSOC_BITMAP_LEN];

	return memcmp(map, none, ASSOC_BITMAP_LEN) == 0;
}

/* usrsctp takes one request at a time and refuses the next until the peer has
 * answered; what is wanted meanwhile goes into the next one. */
static void ask_reset(struct assoc *a)
{
	union {
		struct sctp_reset_streams head;
		uint8_t room[sizeof(struct sctp_reset_streams) +
			     ASSOC_STREAMS * sizeof(uint16_t)];
	} ask;
	uint16_t n = 0;

	if (a->state != ASSOC_IS_UP || is_empty(a->reset_want))
		return;
	memset(&ask.head, 0, sizeof(ask.head));
	ask.head.srs_flags = SCTP_STREAM_RESET_OUTGOING;
	for (unsigned i = 0; i < ASSOC_STREAMS; i++)
		if (bit_get(a->reset_want, i))
			ask.head.srs_stream_list[n++] = (uint16_t)i;
	ask.head.srs_number_streams = n;
	if (usrsctp_setsockopt(a->so, IPPROTO_SCTP, SCTP_RESET_STREAMS, &ask,
		    (socklen_t)(sizeof(ask.head) + n * sizeof(uint16_t))) != 0)
		return;
	for (unsigned i = 0; i < ASSOC_BITMAP_LEN; i++)
		a->reset_asked[i] |= a->reset_want[i];
	memset(a->reset_want, 0, ASSOC_BITMAP_LEN);
}

void assoc_want_reset(struct assoc *a, uint16_t stream)
{
	bit_set(a->reset_want, stream);
	ask_reset(a);
}

static void note_change(struct assoc *a, const struct sctp_assoc_change *c)
{
	switch (c->sac_state) {
	case SCTP_COMM_UP:
		if (a->state != ASSOC_IS_OPENING)
			break;
		a->state = ASSOC_IS_UP;
		a->streams = c->sac_outbound_streams < c->sac_inbound_streams
				     ? c->sac_outbound_streams
				     : c->sac_inbound_streams;
		if (a->streams > ASSOC_STREAMS)
			a->streams = ASSOC_STREAMS;
		break;
	case SCTP_RESTART: /* the peer has forgotten every channel */
	case SCTP_COMM_LOST:
	case SCTP_SHUTDOWN_COMP:
	case SCTP_CANT_STR_ASSOC:
		a->state = ASSOC_IS_DOWN;
		break;
	}
}

static void note_reset(struct assoc *a, const struct sctp_stream_reset_event *e)
{
	size_t n = (e->strreset_length - sizeof(*e)) / sizeof(uint16_t);
	bool in = e->strreset_flags & SCTP_STREAM_RESET_INCOMING_SSN;
	bool is_refused = e->strreset_flags &
			  (SCTP_STREAM_RESET_DENIED | SCTP_STREAM_RESET_FAILED);

	for (unsigned i = 0; i < (n ? n : ASSOC_STREAMS); i++) {
		unsigned s = n ? e->strreset_stream_list[i] : i;

		if (s >= ASSOC_STREAMS)
			continue;
		if (in && !is_refused)
			bit_set(a->reset_in, s);
		else if (!in && bit_get(a->reset_asked, s)) {
			a->reset_asked[s / 8] &= (uint8_t) ~(1u << s % 8);
			bit_set(a->reset_done, s);
		}
	}
}

/* A notification stands behind what has come of a message so far. */
static void note(struct assoc *a, size_t at)
{
	union {
		union sctp_notification n;
		uint8_t bytes[ASSOC_READ_MIN];
	} u;
	size_t len = a->len - at;

	a->len = at;
	if (len > sizeof(u) || len < sizeof(u.n.sn_header))
		return;
	memcpy(u.bytes, a->buf + at, len);
	if (u.n.sn_header.sn_length > len)
		return;
	if (u.n.sn_header.sn_type == SCTP_ASSOC_CHANGE &&
		len >= sizeof(u.n.sn_assoc_change))
		note_change(a, &u.n.sn_assoc_change);
	if (u.n.sn_header.sn_type == SCTP_STREAM_RESET_EVENT &&
		len >= sizeof(u.n.sn_strreset_event))
		note_reset(a, &u.n.sn_strreset_event);
	/* The sender gave the message up; what has come of it is void. */
	if (u.n.sn_header.sn_type == SCTP_PARTIAL_DELIVERY_EVENT)
		a->is_complete = true;
}

static void begin_message(struct assoc *a)
{
	a->len = 0;
	a->is_complete = a->is_skipping = false;
}

/* Nothing is there to be read: what has come of a message stays. */
static void rest(struct assoc *a)
{
	if (a->len != 0)
		return;
	free(a->buf);
	a->buf = NULL;
	a->cap = 0;
}

/* Room for ASSOC_READ_MIN more bytes, or the message is too big. False: there
 * is no memory at all. */
static bool make_room(struct assoc *a)
{
	size_t cap = a->cap ? a->cap * 2 : ASSOC_BUFFER_FIRST;
	uint8_t *buf = NULL;

	if (a->cap - a->len >= ASSOC_READ_MIN)
		return true;
	if (cap > BUFFER_MAX)
		cap = BUFFER_MAX;
	if (cap > a->cap)
		buf = realloc(a->buf, cap);
	if (buf != NULL) {
		a->buf = buf;
		a->cap = cap;
	} else if (a->buf != NULL) {
		a->is_skipping = true;
		a->len = 0;
	}
	return a->buf != NULL;
}

enum got { GOT_NOTHING, GOT_PART, GOT_NOTE, GOT_MESSAGE };

/* "Not yet", as against "never again". */
static bool is_pending(const struct assoc *a, int error)
{
	return error == EAGAIN || error == EWOULDBLOCK ||
	       error == EINPROGRESS ||
	       (error == ENOTCONN && a->state == ASSOC_IS_OPENING);
}

static enum got receive(struct assoc *a, struct sctp_rcvinfo *ret_info)
{
	struct sockaddr_conn from;
	socklen_t from_len = sizeof(from), info_len = sizeof(*ret_info);
	unsigned type = 0;
	int flags = 0;
	ssize_t n;

	if (a->is_complete)
		begin_message(a);
	/* It stays with usrsctp until there is. */
	if (!make_room(a))
		return GOT_NOTHING;
	memset(ret_info, 0, sizeof(*ret_info));
	n = usrsctp_recvv(a->so, a->buf + a->len, a->cap - a->len,
		(struct sockaddr *)&from, &from_len, ret_info, &info_len, &type,
		&flags);
	if (n <= 0) {
		/* 0: the peer has shut down. */
		if (n == 0 || !is_pending(a, errno))
			a->state = ASSOC_IS_DOWN;
		rest(a);
		return GOT_NOTHING;
	}
	a->len += (size_t)n;
	if (flags & MSG_NOTIFICATION) {
		note(a, a->len - (size_t)n);
		return GOT_NOTE;
	}
	a->is_complete = flags & MSG_EOR;
	return a->is_complete ? GOT_MESSAGE : GOT_PART;
}

static int deliver(struct assoc *a, const struct sctp_rcvinfo *info,
	struct assoc_event *ret)
{
	bool is_too_big = a->is_skipping || a->len > ASSOC_MESSAGE_MAX;

	a->drops += is_too_big;
	*ret = (struct assoc_event){ .type = is_too_big ? ASSOC_TOO_BIG
							: ASSOC_MESSAGE,
		.stream = info->rcv_sid,
		.ppid = ntohl(info->rcv_ppid),
		.data = is_too_big ? NULL : a->buf,
		.len = is_too_big ? 0 : a->len };
	return 1;
}

static int simple(struct assoc_event *ret, enum assoc_event_type type, int s)
{
	*ret = (struct assoc_event){ .type = type, .stream = (uint16_t)s };
	return 1;
}

/* Events that need no reading. */
static int next_waiting(struct assoc *a, struct assoc_event *ret)
{
	int s;

	s = bit_take(a->reset_in);
	if (s >= 0)
		return simple(ret, ASSOC_RESET, s);
	s = bit_take(a->reset_done);
	if (s >= 0)
		return simple(ret, ASSOC_RESET_DONE, s);
	if (a->state == ASSOC_IS_DOWN && !a->is_down_told) {
		a->is_down_told = true;
		return simple(ret, ASSOC_DOWN, 0);
	}
	return 0;
}

static int next_writable(struct assoc *a, struct assoc_event *ret)
{
	ask_reset(a);
	/* Once per input or output: a message larger than the room that has
	 * come must not be tried in a circle. */
	if (!a->is_blocked || !a->has_moved ||
		!(usrsctp_get_events(a->so) & SCTP_EVENT_WRITE))
		return 0;
	a->is_blocked = a->has_moved = false;
	return simple(ret, ASSOC_WRITABLE, 0);
}

bool assoc_is_blocked(const struct assoc *a)
{
	return a->is_blocked;
}

int assoc_next(struct assoc *a, struct assoc_event *ret)
{
	struct sctp_rcvinfo info;

	for (;;) {
		bool was_opening = a->state == ASSOC_IS_OPENING;

		if (next_waiting(a, ret))
			return 1;
		if (a->state == ASSOC_IS_DOWN)
			return 0;
		switch (receive(a, &info)) {
		case GOT_MESSAGE:
			return deliver(a, &info, ret);
		case GOT_NOTE:
			if (was_opening && a->state == ASSOC_IS_UP)
				return simple(ret, ASSOC_UP, 0);
			break;
		case GOT_NOTHING:
			if (a->state != ASSOC_IS_DOWN)
				return next_writable(a, ret);
			break;
		case GOT_PART:
			break;
		}
	}
}
