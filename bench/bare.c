#include "bench/bare.h"

#include <errno.h>
#include <malloc.h>
#include <netinet/udp.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include "bench/inside.h"
#include "rtp/bytes.h"
#include "sfu/conference_private.h"
#include "sfu/worker_private.h"

enum {
	IN = 32, /* datagrams of one recvmmsg */
	IN_BYTES = 2048,
	TRAIN = 10,   /* segments of one send: a picture */
	TARGETS = 12, /* receivers at once: what fits the cache */
	SLOTS = TRAIN * TARGETS,
	SLOT = IN_BYTES + CRYPT_TRAILER,
	POLL_MS = 20,
};

/* One receiver, all that is known of it. */
struct target {
	struct sockaddr_storage to;
	socklen_t to_len;
	struct crypt *key;
	uint32_t ssrc, ts_offset;
	uint16_t seq_offset;
	const uint8_t *pt_map;
};

struct bare {
	int fd;
	struct crypt *key; /* the publisher's */
	uint32_t ssrc;
	struct target *target;
	unsigned n;

	struct mmsghdr in[IN];
	struct iovec in_iov[IN];
	uint8_t buf[IN][IN_BYTES];

	/* Opened, to be forwarded. */
	const uint8_t *got[TRAIN];
	size_t got_len[TRAIN];
	unsigned n_got;

	struct crypt_job job[SLOTS];
	struct mmsghdr out[SLOTS];
	struct iovec out_iov[SLOTS];
	union {
		struct cmsghdr align;
		char v[CMSG_SPACE(sizeof(uint16_t))];
	} control[SLOTS];
	uint8_t slot[SLOTS][SLOT];
};

/* Taking over. */

static void take_target(struct target *t, const struct subscription *s)
{
	const struct sockaddr *to = ice_selected(&s->to->peer.ice);
	const struct encoding *e = s->track->encoding[0];

	t->to_len = ice_addr_len(to);
	memcpy(&t->to, to, t->to_len);
	t->key = s->to->peer.crypt;
	t->ssrc = s->ssrc;
	t->ts_offset = s->rewrite.ts_offset;
	t->seq_offset = (uint16_t)(e->seq_base + s->rewrite.seq_offset);
	t->pt_map = s->pt_map;
}

static bool take_track(struct bare *b, const struct track *t)
{
	b->target = calloc(t->n_subs, sizeof(*b->target));
	b->key = t->owner->peer.crypt;
	b->ssrc = t->encoding[0]->ssrc;
	for (unsigned i = 0; b->target && i < t->n_subs; i++)
		if (t->sub[i]->active && ice_selected(&t->sub[i]->to->peer.ice))
			take_target(&b->target[b->n++], t->sub[i]);
	return b->n > 0;
}

/* Of the one conference the one track that anybody watches. */
static bool take_over(struct bare *b, const struct worker *w)
{
	const struct worker_room *r = LIST_FIRST(&w->rooms);

	for (unsigned i = 0; r && i < r->conference->n; i++) {
		const struct participant *p = r->conference->p[i];

		for (unsigned k = 0; k < p->n_tracks; k++)
			if (p->track[k]->n_subs &&
				p->track[k]->encoding[0]->started)
				return take_track(b, p->track[k]);
	}
	return false;
}

static void prepare(struct bare *b)
{
	for (unsigned i = 0; i < IN; i++) {
		b->in_iov[i].iov_base = b->buf[i];
		b->in_iov[i].iov_len = IN_BYTES;
		b->in[i].msg_hdr.msg_iov = &b->in_iov[i];
		b->in[i].msg_hdr.msg_iovlen = 1;
	}
}

/* Forwarding. */

static void write_packet(
	const struct bare *b, const struct target *t, unsigned k, uint8_t *to)
{
	const uint8_t *from = b->got[k];

	memcpy(to, from, b->got_len[k]);
	to[1] = (uint8_t)((from[1] & 0x80) |
			  t->pt_map[subscription_pt_at(from[1] & 0x7f)]);
	put_u16(to + 2, (uint16_t)(get_u16(from + 2) + t->seq_offset));
	put_u32(to + 4, get_u32(from + 4) + t->ts_offset);
	put_u32(to + 8, t->ssrc);
}

/* The packets first to last of a message to t, which are of one size. */
static void put_message(struct bare *b, unsigned at, const struct target *t,
	unsigned first, unsigned n)
{
	struct msghdr *m = &b->out[at].msg_hdr;
	struct cmsghdr *c = &b->control[at].align;
	uint16_t size = (uint16_t)b->out_iov[first].iov_len;

	m->msg_name = (void *)(uintptr_t)&t->to;
	m->msg_namelen = t->to_len;
	m->msg_iov = &b->out_iov[first];
	m->msg_iovlen = n;
	m->msg_control = n > 1 ? c : NULL;
	m->msg_controllen = n > 1 ? sizeof(b->control[at].v) : 0;
	m->msg_flags = 0;
	if (n == 1)
		return;
	c->cmsg_level = SOL_UDP;
	c->cmsg_type = UDP_SEGMENT;
	c->cmsg_len = CMSG_LEN(sizeof(size));
	memcpy(CMSG_DATA(c), &size, sizeof(size));
}

/* How many packets from `first`, of at most n, go in one send. */
static unsigned train(const struct bare *b, unsigned first, unsigned n)
{
	unsigned k = 1;

	while (k < n &&
		b->out_iov[first + k].iov_len <= b->out_iov[first].iov_len) {
		k++;
		if (b->out_iov[first + k - 1].iov_len <
			b->out_iov[first].iov_len)
			break;
	}
	return k;
}

static void send_all(struct bare *b, const struct target *t, unsigned targets)
{
	unsigned n = 0, at = 0;

	for (unsigned i = 0; i < targets; i++)
		for (unsigned k = 0; k < b->n_got;) {
			unsigned first = i * b->n_got + k;
			unsigned len = train(b, first, b->n_got - k);

			put_message(b, n++, &t[i], first, len);
			k += len;
		}
	while (at < n) {
		int sent = sendmmsg(b->fd, b->out + at, n - at, MSG_DONTWAIT);

		if (sent < 0 && errno == EINTR)
			continue;
		at += sent > 0 ? (unsigned)sent : 1;
	}
}

static void forward_to(struct bare *b, const struct target *t, unsigned targets)
{
	unsigned n = 0;

	inside_enter(INSIDE_ROUTE);
	for (unsigned i = 0; i < targets; i++)
		for (unsigned k = 0; k < b->n_got; k++, n++) {
			write_packet(b, &t[i], k, b->slot[n]);
			b->job[n] = (struct crypt_job){ .key = t[i].key,
				.buf = b->slot[n],
				.len = b->got_len[k] };
		}
	inside_enter(INSIDE_SEAL);
	crypt_seal_batch(b->job, n);
	inside_enter(INSIDE_SEND);
	for (unsigned i = 0; i < n; i++) {
		b->out_iov[i].iov_base = b->slot[i];
		b->out_iov[i].iov_len = b->job[i].len;
	}
	send_all(b, t, targets);
	inside_page()->bare_packets += n;
}

static void forward(struct bare *b)
{
	for (unsigned i = 0; b->n_got && i < b->n; i += TARGETS)
		forward_to(b, &b->target[i],
			b->n - i < TARGETS ? b->n - i : TARGETS);
	b->n_got = 0;
	inside_enter(INSIDE_ROUTE);
}

static bool is_media(const struct bare *b, const uint8_t *buf, size_t len)
{
	return rtp_classify(buf, len) == RTP_KIND_RTP &&
	       len >= RTP_HEADER_LEN && get_u32(buf + 8) == b->ssrc;
}

static void open_all(struct bare *b, unsigned n)
{
	struct crypt_open v[IN];
	unsigned k = 0;

	for (unsigned i = 0; i < n; i++)
		if (is_media(b, b->buf[i], b->in[i].msg_len))
			v[k++] = (struct crypt_open){ .key = b->key,
				.buf = b->buf[i],
				.len = b->in[i].msg_len };
	inside_page()->bare_other += n - k;
	crypt_open_batch(v, k);
	for (unsigned i = 0; i < k; i++) {
		if (v[i].got != CRYPT_OK)
			continue;
		b->got[b->n_got] = v[i].buf;
		b->got_len[b->n_got++] = v[i].len;
		if (b->n_got == TRAIN)
			forward(b);
	}
}

static void turn(struct bare *b)
{
	int n;

	inside_enter(INSIDE_RECEIVE);
	n = recvmmsg(b->fd, b->in, IN, MSG_DONTWAIT, NULL);
	inside_enter(INSIDE_ROUTE);
	if (n > 0)
		open_all(b, (unsigned)n);
	forward(b);
	inside_enter(INSIDE_REST);
	inside_page()->bare_turns++;
}

static void run(struct bare *b)
{
	struct pollfd readable = { .fd = b->fd, .events = POLLIN };
	struct inside *page = inside_page();

	page->bare_receivers = b->n;
	page->bare_runs = true;
	while (page->bare)
		if (poll(&readable, 1, POLL_MS) > 0)
			turn(b);
	page->bare_runs = false;
}

/* The worker that lends itself. */

struct host {
	struct event_base *base;
	struct worker *worker;
	int code;
};

static void tell_heap(void)
{
	struct mallinfo2 m = mallinfo2();

	inside_page()->heap_bytes = m.uordblks + m.hblkhd;
	inside_page()->heap_reads++;
}

static void on_signal(evutil_socket_t fd, short what, void *arg)
{
	struct host *h = arg;
	struct bare *b;

	(void)fd;
	(void)what;
	tell_heap();
	if (!inside_page()->bare)
		return;
	b = calloc(1, sizeof(*b));
	if (b && h->worker->udp.n) {
		b->fd = h->worker->udp.v[0].fd;
		prepare(b);
		if (take_over(b, h->worker))
			run(b);
		free(b->target);
	}
	free(b);
}

static void on_end(void *arg, int code)
{
	struct host *h = arg;

	h->code = code;
	event_base_loopbreak(h->base);
}

static int serve(struct host *h)
{
	struct pipe *pipe = pipe_new(h->base, WORKER_FD, NULL, NULL);
	struct event *asked = evsignal_new(h->base, SIGUSR2, on_signal, h);

	if (pipe && asked && event_add(asked, NULL) == 0 &&
		worker_new(&h->worker, h->base, pipe, true, on_end, h) == 0)
		event_base_dispatch(h->base);
	worker_free(h->worker);
	if (asked)
		event_free(asked);
	return h->code;
}

int bare_worker_main(void)
{
	static const int unheard[] = { SIGTERM, SIGINT, SIGHUP, SIGUSR1,
		SIGPIPE };
	struct host h = { .code = 1 };

	prctl(PR_SET_NAME, "hearth-worker");
	for (unsigned i = 0; i < sizeof(unheard) / sizeof(*unheard); i++)
		signal(unheard[i], SIG_IGN);
	if (inside_find() != 0)
		return 1;
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	h.base = event_base_new();
	if (!h.base)
		return 1;
	event_base_priority_init(h.base, WORKER_PRIORITIES);
	h.code = serve(&h);
	event_base_free(h.base);
	return h.code;
}
