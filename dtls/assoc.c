#include "dtls/assoc.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <usrsctp.h>

enum {
	HEADER_MIN = 12, /* SCTP common header */
	READ_MIN = 4096, /* a notification never comes in pieces then */
	BUFFER_FIRST = 8192,
	BUFFER_KEPT = 65536, /* a larger buffer is given back when idle */
	BUFFER_MAX = ASSOC_MESSAGE_MAX + 2 * READ_MIN,
	BITMAP_LEN = ASSOC_STREAMS / 8
};

enum assoc_state { OPENING, UP, DOWN };

struct assoc {
	struct socket *so;
	struct assoc_out *out;
	uintptr_t id;
	enum assoc_state state;
	bool is_down_told;
	bool is_blocked, has_moved;
	bool is_complete; /* buf holds what was handed out already */
	bool is_skipping; /* the rest of a message that is too big */
	uint16_t streams;
	size_t sent; /* bytes since usrsctp's queue was seen empty */
	uint64_t drops;
	uint8_t reset_in[BITMAP_LEN];   /* events to hand out */
	uint8_t reset_done[BITMAP_LEN]; /* events to hand out */
	uint8_t reset_want[BITMAP_LEN]; /* to be asked for */
	uint8_t reset_asked[BITMAP_LEN];
	uint8_t *buf;
	size_t len, cap;
};

/* usrsctp is one global per process, and so is this. */
static struct {
	bool is_init, has_ticked;
	uint64_t last_us;
	uintptr_t ids; /* made so far */
	struct assoc *table[ASSOC_MAX];
} global;

/* The table's index is the low part of an id, so that an id is never given
 * out twice and is found at once. */
static struct assoc *find(uintptr_t id)
{
	struct assoc *a = global.table[id % ASSOC_MAX];

	return a != NULL && a->id == id ? a : NULL;
}

static bool add(struct assoc *a)
{
	for (unsigned i = 0; i < ASSOC_MAX; i++) {
		uintptr_t id = ++global.ids;

		if (id == 0 || global.table[id % ASSOC_MAX] != NULL)
			continue;
		a->id = id;
		global.table[id % ASSOC_MAX] = a;
		return true;
	}
	return false;
}

static int on_output(
	void *addr, void *buf, size_t len, uint8_t tos, uint8_t set_df)
{
	struct assoc *a = find((uintptr_t)addr);

	(void)tos;
	(void)set_df;
	if (a == NULL)
		return 0;
	a->has_moved = true;
	a->out->send(a->out, buf, len);
	return 0;
}

static void tune(void)
{
	/* Nothing of this is negotiated by browsers. */
	usrsctp_sysctl_set_sctp_ecn_enable(0);
	usrsctp_sysctl_set_sctp_asconf_enable(0);
	usrsctp_sysctl_set_sctp_auto_asconf(0);
	usrsctp_sysctl_set_sctp_auth_enable(0);
	usrsctp_sysctl_set_sctp_nrsack_enable(0);
	usrsctp_sysctl_set_sctp_pktdrop_enable(0);
	usrsctp_sysctl_set_sctp_reconfig_enable(1);
	usrsctp_sysctl_set_sctp_pr_enable(1);
	/* DTLS has said who is there: an unknown packet gets no answer. */
	usrsctp_sysctl_set_sctp_blackhole(2);
	/* RFC 9260 section 16 suggests 1 s, 1 s and 60 s, made for paths
	 * nobody has measured; ours carries video at the same time. */
	usrsctp_sysctl_set_sctp_rto_initial_default(500);
	usrsctp_sysctl_set_sctp_rto_min_default(200);
	usrsctp_sysctl_set_sctp_rto_max_default(5000);
	usrsctp_sysctl_set_sctp_init_rto_max_default(2000);
	usrsctp_sysctl_set_sctp_init_rtx_max_default(16);
	/* The only path must not be given up (it would stay so, without
	 * heartbeats) before the association is. */
	usrsctp_sysctl_set_sctp_assoc_rtx_max_default(15);
	usrsctp_sysctl_set_sctp_path_rtx_max_default(30);
	usrsctp_sysctl_set_sctp_delayed_sack_time_default(20);
	usrsctp_sysctl_set_sctp_initial_cwnd(10);
	/* Its 512 chunks are less than one send buffer. */
	usrsctp_sysctl_set_sctp_max_chunks_on_queue(8192);
	usrsctp_sysctl_set_sctp_nr_outgoing_streams_default(ASSOC_STREAMS);
	usrsctp_sysctl_set_sctp_nr_incoming_streams_default(ASSOC_STREAMS);
}

int assoc_global_init(void)
{
	if (global.is_init)
		return 0;
	usrsctp_init_nothreads(0, on_output, NULL);
	tune();
	global.is_init = true;
	global.has_ticked = false;
	return 0;
}

void assoc_global_done(void)
{
	if (!global.is_init)
		return;
	/* It refuses while a closed association's timer still holds on to it;
	 * then usrsctp stays, ready for the next assoc_global_init. */
	if (usrsctp_finish() == 0)
		global.is_init = false;
}

void assoc_global_tick(uint64_t now_us)
{
	uint64_t elapsed_ms;

	if (!global.is_init)
		return;
	if (!global.has_ticked || now_us < global.last_us) {
		global.has_ticked = true;
		global.last_us = now_us;
		return;
	}
	elapsed_ms = (now_us - global.last_us) / 1000;
	if (elapsed_ms == 0)
		return;
	global.last_us += elapsed_ms * 1000; /* keeps the rest */
	/* After a stall (a suspended machine) timers fire once, not wrapped. */
	if (elapsed_ms > 60000)
		elapsed_ms = 60000;
	usrsctp_handle_timers((uint32_t)elapsed_ms);
}

static struct sockaddr_conn address(const struct assoc *a, uint16_t port)
{
	struct sockaddr_conn ret;

	memset(&ret, 0, sizeof(ret));
	ret.sconn_family = AF_CONN;
	ret.sconn_port = htons(port);
	ret.sconn_addr = (void *)a->id;
	return ret;
}

static bool set(struct assoc *a, int option, const void *value, socklen_t len)
{
	return usrsctp_setsockopt(a->so, IPPROTO_SCTP, option, value, len) == 0;
}

static bool set_int(struct assoc *a, int option, int value)
{
	return set(a, option, &value, sizeof(value));
}

static bool set_sockets(struct assoc *a)
{
	struct linger linger = { .l_onoff = 1, .l_linger = 0 };
	int send = ASSOC_SEND_BUFFER, receive = ASSOC_RECEIVE_BUFFER;

	/* No lingering: usrsctp_close aborts at once, so that nothing is left
	 * to send for an association that is gone. */
	return usrsctp_set_non_blocking(a->so, 1) == 0 &&
	       usrsctp_setsockopt(a->so, SOL_SOCKET, SO_LINGER, &linger,
		       sizeof(linger)) == 0 &&
	       usrsctp_setsockopt(a->so, SOL_SOCKET, SO_SNDBUF, &send,
		       sizeof(send)) == 0 &&
	       usrsctp_setsockopt(a->so, SOL_SOCKET, SO_RCVBUF, &receive,
		       sizeof(receive)) == 0;
}

static bool set_path(struct assoc *a)
{
	struct sctp_paddrparams path;

	/* One path of known size (RFC 8261 section 5), whose life ICE watches:
	 * no discovery, no heartbeats. */
	memset(&path, 0, sizeof(path));
	path.spp_address.ss_family = AF_CONN;
	path.spp_flags = SPP_PMTUD_DISABLE | SPP_HB_DISABLE;
	/* usrsctp counts without the common header. */
	path.spp_pathmtu = ASSOC_MTU - HEADER_MIN;
	return set(a, SCTP_PEER_ADDR_PARAMS, &path, sizeof(path));
}

static bool set_events(struct assoc *a)
{
	static const uint16_t types[] = { SCTP_ASSOC_CHANGE,
		SCTP_STREAM_RESET_EVENT, SCTP_PARTIAL_DELIVERY_EVENT };

	for (unsigned i = 0; i < 3; i++) {
		struct sctp_event event = { .se_assoc_id = SCTP_FUTURE_ASSOC,
			.se_type = types[i],
			.se_on = 1 };

		if (!set(a, SCTP_EVENT, &event, sizeof(event)))
			return false;
	}
	return true;
}

static bool set_options(struct assoc *a)
{
	struct sctp_initmsg init = { .sinit_num_ostreams = ASSOC_STREAMS,
		.sinit_max_instreams = ASSOC_STREAMS };
	struct sctp_assoc_value reset = { .assoc_id = SCTP_FUTURE_ASSOC,
		.assoc_value = SCTP_ENABLE_RESET_STREAM_REQ };

	/* Fragments of two messages never mix (no RFC 8260 here): one buffer
	 * per association joins them. */
	return set_sockets(a) && set_path(a) && set_events(a) &&
	       set(a, SCTP_INITMSG, &init, sizeof(init)) &&
	       set(a, SCTP_ENABLE_STREAM_RESET, &reset, sizeof(reset)) &&
	       set_int(a, SCTP_NODELAY, 1) && set_int(a, SCTP_RECVRCVINFO, 1) &&
	       set_int(a, SCTP_FRAGMENT_INTERLEAVE, 0);
}

static int open_socket(
	struct assoc *a, uint16_t local_port, uint16_t remote_port)
{
	struct sockaddr_conn local = address(a, local_port);
	struct sockaddr_conn remote = address(a, remote_port);

	a->so = usrsctp_socket(
		AF_CONN, SOCK_STREAM, IPPROTO_SCTP, NULL, NULL, 0, NULL);
	if (a->so == NULL || !set_options(a) ||
		usrsctp_bind(a->so, (struct sockaddr *)&local, sizeof(local)) !=
			0)
		return -ENOMEM;
	if (usrsctp_connect(
		    a->so, (struct sockaddr *)&remote, sizeof(remote)) != 0 &&
		errno != EINPROGRESS)
		return -ENOMEM;
	return 0;
}

int assoc_new(struct assoc **ret, struct assoc_out *out, uint16_t local_port,
	uint16_t remote_port)
{
	struct assoc *a;

	if (assoc_global_init() != 0)
		return -ENOMEM;
	a = calloc(1, sizeof(*a));
	if (a == NULL)
		return -ENOMEM;
	a->out = out;
	a->buf = malloc(BUFFER_FIRST);
	a->cap = BUFFER_FIRST;
	if (a->buf == NULL || !add(a)) {
		assoc_free(a);
		return -ENOMEM;
	}
	usrsctp_register_address((void *)a->id);
	if (open_socket(a, local_port, remote_port) != 0) {
		assoc_free(a);
		return -ENOMEM;
	}
	*ret = a;
	return 0;
}

struct assoc *assoc_free(struct assoc *a)
{
	if (a == NULL)
		return NULL;
	if (a->so != NULL)
		usrsctp_close(a->so);
	if (a->id != 0) {
		usrsctp_deregister_address((void *)a->id);
		global.table[a->id % ASSOC_MAX] = NULL;
	}
	free(a->buf);
	free(a);
	return NULL;
}

void assoc_input(struct assoc *a, const uint8_t *buf, size_t len)
{
	if (len < HEADER_MIN + 4 || len > 65535)
		return;
	a->has_moved = true;
	usrsctp_conninput((void *)a->id, buf, len, 0);
}

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
	static const uint8_t none[BITMAP_LEN];

	return memcmp(map, none, BITMAP_LEN) == 0;
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

	if (a->state != UP || is_empty(a->reset_want))
		return;
	memset(&ask.head, 0, sizeof(ask.head));
	ask.head.srs_flags = SCTP_STREAM_RESET_OUTGOING;
	for (unsigned i = 0; i < ASSOC_STREAMS; i++)
		if (bit_get(a->reset_want, i))
			ask.head.srs_stream_list[n++] = (uint16_t)i;
	ask.head.srs_number_streams = n;
	if (!set(a, SCTP_RESET_STREAMS, &ask,
		    (socklen_t)(sizeof(ask.head) + n * sizeof(uint16_t))))
		return;
	for (unsigned i = 0; i < BITMAP_LEN; i++)
		a->reset_asked[i] |= a->reset_want[i];
	memset(a->reset_want, 0, BITMAP_LEN);
}

static void note_change(struct assoc *a, const struct sctp_assoc_change *c)
{
	switch (c->sac_state) {
	case SCTP_COMM_UP:
		if (a->state != OPENING)
			break;
		a->state = UP;
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
		a->state = DOWN;
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
		uint8_t bytes[READ_MIN];
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
	uint8_t *buf;

	a->len = 0;
	a->is_complete = a->is_skipping = false;
	if (a->cap <= BUFFER_KEPT)
		return;
	buf = realloc(a->buf, BUFFER_FIRST);
	if (buf == NULL)
		return;
	a->buf = buf;
	a->cap = BUFFER_FIRST;
}

/* Room for READ_MIN more bytes, or the message is too big. */
static void make_room(struct assoc *a)
{
	size_t cap = a->cap * 2;
	uint8_t *buf = NULL;

	if (a->cap - a->len >= READ_MIN)
		return;
	if (cap > BUFFER_MAX)
		cap = BUFFER_MAX;
	if (cap > a->cap)
		buf = realloc(a->buf, cap);
	if (buf != NULL) {
		a->buf = buf;
		a->cap = cap;
	} else {
		a->is_skipping = true;
		a->len = 0;
	}
}

enum got { GOT_NOTHING, GOT_PART, GOT_NOTE, GOT_MESSAGE };

/* "Not yet", as against "never again". */
static bool is_pending(const struct assoc *a, int error)
{
	return error == EAGAIN || error == EWOULDBLOCK ||
	       error == EINPROGRESS ||
	       (error == ENOTCONN && a->state == OPENING);
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
	make_room(a);
	memset(ret_info, 0, sizeof(*ret_info));
	n = usrsctp_recvv(a->so, a->buf + a->len, a->cap - a->len,
		(struct sockaddr *)&from, &from_len, ret_info, &info_len, &type,
		&flags);
	if (n <= 0) {
		/* 0: the peer has shut down. */
		if (n == 0 || !is_pending(a, errno))
			a->state = DOWN;
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
	if (a->state == DOWN && !a->is_down_told) {
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

int assoc_next(struct assoc *a, struct assoc_event *ret)
{
	struct sctp_rcvinfo info;

	for (;;) {
		bool was_opening = a->state == OPENING;

		if (next_waiting(a, ret))
			return 1;
		if (a->state == DOWN)
			return 0;
		switch (receive(a, &info)) {
		case GOT_MESSAGE:
			return deliver(a, &info, ret);
		case GOT_NOTE:
			if (was_opening && a->state == UP)
				return simple(ret, ASSOC_UP, 0);
			break;
		case GOT_NOTHING:
			if (a->state != DOWN)
				return next_writable(a, ret);
			break;
		case GOT_PART:
			break;
		}
	}
}

static void put_reliability(
	struct sctp_sendv_spa *spa, const struct assoc_reliability *how)
{
	if (how->unordered)
		spa->sendv_sndinfo.snd_flags |= SCTP_UNORDERED;
	if (how->kind == ASSOC_RELIABLE)
		return;
	spa->sendv_flags |= SCTP_SEND_PRINFO_VALID;
	spa->sendv_prinfo.pr_policy =
		how->kind == ASSOC_TIMED ? SCTP_PR_SCTP_TTL : SCTP_PR_SCTP_RTX;
	spa->sendv_prinfo.pr_value = how->value;
}

static int map_send_error(struct assoc *a, int error)
{
	switch (error) {
	case EAGAIN:
		a->is_blocked = true;
		a->has_moved = false;
		return -EAGAIN;
	case EMSGSIZE:
	case EINVAL:
		return -error;
	default:
		return -ENOTCONN;
	}
}

int assoc_send(struct assoc *a, uint16_t stream, uint32_t ppid,
	const struct assoc_reliability *how, const uint8_t *buf, size_t len)
{
	struct sctp_sendv_spa spa;

	if (a->state != UP)
		return -ENOTCONN;
	if (len == 0 || len > ASSOC_MESSAGE_MAX)
		return -EMSGSIZE;
	if (stream >= a->streams)
		return -EINVAL;
	if (assoc_queued(a) == 0)
		a->sent = 0;
	memset(&spa, 0, sizeof(spa));
	spa.sendv_flags = SCTP_SEND_SNDINFO_VALID;
	spa.sendv_sndinfo.snd_sid = stream;
	spa.sendv_sndinfo.snd_ppid = htonl(ppid);
	spa.sendv_sndinfo.snd_flags = SCTP_EOR;
	put_reliability(&spa, how);
	if (usrsctp_sendv(a->so, buf, len, NULL, 0, &spa, sizeof(spa),
		    SCTP_SENDV_SPA, 0) < 0)
		return map_send_error(a, errno);
	a->sent += len;
	return 0;
}

int assoc_reset(struct assoc *a, uint16_t stream)
{
	if (a->state != UP)
		return -ENOTCONN;
	if (stream >= a->streams)
		return -EINVAL;
	bit_set(a->reset_want, stream);
	ask_reset(a);
	return 0;
}

size_t assoc_queued(const struct assoc *a)
{
	struct sctp_status status;
	socklen_t len = sizeof(status);

	memset(&status, 0, sizeof(status));
	if (a->state != UP || usrsctp_getsockopt(a->so, IPPROTO_SCTP,
				      SCTP_STATUS, &status, &len) != 0)
		return 0;
	/* While there is data, some of it is always on its way. */
	if (status.sstat_unackdata == 0)
		return 0;
	return a->sent < ASSOC_SEND_BUFFER ? a->sent : ASSOC_SEND_BUFFER;
}

uint16_t assoc_streams(const struct assoc *a)
{
	return a->streams;
}

uint64_t assoc_drops(const struct assoc *a)
{
	return a->drops;
}
