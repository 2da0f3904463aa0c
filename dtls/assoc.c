#include "dtls/assoc.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <usrsctp.h>

#include "dtls/assoc_inside.h"
#include "dtls/checksum.h"
#include "dtls/chunk.h"

/* usrsctp is one global per process, and so is this. */
static struct {
	bool is_init, has_ticked;
	bool sums; /* checksums are ours */
	uint64_t last_us;
	uintptr_t ids;          /* made so far */
	uint8_t in[UINT16_MAX]; /* a packet, with the port usrsctp knows */
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

/* Where our port stands in a packet that leaves, and in one that comes. */
enum { FROM_PORT = 0, TO_PORT = 2, HEADER = 12 };

static void put_port(uint8_t *at, uint16_t port)
{
	at[0] = (uint8_t)(port >> 8);
	at[1] = (uint8_t)port;
}

static int on_output(
	void *addr, void *buf, size_t len, uint8_t tos, uint8_t set_df)
{
	struct assoc *a = find((uintptr_t)addr);

	(void)tos;
	(void)set_df;
	if (a == NULL)
		return 0;
	if (global.sums && len >= HEADER) {
		put_port((uint8_t *)buf + FROM_PORT, a->local_port);
		checksum_write(buf, len);
	}
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
	/* 200 ms at least: a tick may have passed when it starts. */
	usrsctp_sysctl_set_sctp_rto_min_default(200 + ASSOC_TICK_US / 1000);
	usrsctp_sysctl_set_sctp_rto_max_default(5000);
	usrsctp_sysctl_set_sctp_init_rto_max_default(2000);
	usrsctp_sysctl_set_sctp_init_rtx_max_default(16);
	/* The only path must not be given up (it would stay so, without
	 * heartbeats) before the association is. */
	usrsctp_sysctl_set_sctp_assoc_rtx_max_default(15);
	usrsctp_sysctl_set_sctp_path_rtx_max_default(30);
	/* That is, with the next tick. */
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
	global.sums = checksum_is_fast();
	if (global.sums)
		usrsctp_enable_crc32c_offload();
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

/* port: in network order. */
static struct sockaddr_conn address(const struct assoc *a, uint16_t port)
{
	struct sockaddr_conn ret;

	memset(&ret, 0, sizeof(ret));
	ret.sconn_family = AF_CONN;
	ret.sconn_port = port;
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
	path.spp_pathmtu = ASSOC_MTU - CHUNK_COMMON_HEADER;
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

/* Our port for usrsctp, in network order. It looks through all sockets of a
 * port, one after the other, for each bind and each INIT; and who they are for
 * is in the id as well. So each has its own, where the sums are ours: it is in
 * them. */
static uint16_t inner_port(const struct assoc *a)
{
	return global.sums ? (uint16_t)(a->id % UINT16_MAX + 1)
			   : htons(a->local_port);
}

static int open_socket(struct assoc *a, uint16_t remote_port)
{
	struct sockaddr_conn local = address(a, inner_port(a));
	struct sockaddr_conn remote = address(a, htons(remote_port));

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
	a->local_port = local_port;
	if (!add(a)) {
		assoc_free(a);
		return -ENOMEM;
	}
	usrsctp_register_address((void *)a->id);
	if (open_socket(a, remote_port) != 0) {
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

static bool is_for(const struct assoc *a, const uint8_t *packet)
{
	return packet[TO_PORT] << 8 == (a->local_port & 0xff00) &&
	       packet[TO_PORT + 1] == (a->local_port & 0xff);
}

static const uint8_t *with_inner_port(
	const struct assoc *a, const uint8_t *packet, size_t len)
{
	uint16_t port = inner_port(a);

	memcpy(global.in, packet, len);
	memcpy(global.in + TO_PORT, &port, sizeof(port));
	return global.in;
}

void assoc_input(struct assoc *a, const uint8_t *buf, size_t len)
{
	if (len > UINT16_MAX || !chunk_is_sound_packet(buf, len) ||
		!is_for(a, buf) || (global.sums && !checksum_holds(buf, len))) {
		a->drops++;
		return;
	}
	a->has_moved = true;
	if (global.sums)
		buf = with_inner_port(a, buf, len);
	usrsctp_conninput((void *)a->id, buf, len, 0);
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

	if (a->state != ASSOC_IS_UP)
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
	if (a->state != ASSOC_IS_UP)
		return -ENOTCONN;
	if (stream >= a->streams)
		return -EINVAL;
	assoc_want_reset(a, stream);
	return 0;
}

size_t assoc_queued(const struct assoc *a)
{
	struct sctp_status status;
	socklen_t len = sizeof(status);

	memset(&status, 0, sizeof(status));
	if (a->state != ASSOC_IS_UP || usrsctp_getsockopt(a->so, IPPROTO_SCTP,
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
