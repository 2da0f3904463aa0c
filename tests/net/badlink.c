/*
 * A bad link between two network namespaces: the one it is started in and a new
 * one of its own, with a TUN device in each, and the network model of
 * tests/sim/link.h between them, in real time.
 *
 *	badlink NUMBER SEED
 *
 * The new namespace has 10.201.NUMBER.2, everything else is reached through
 * 10.201.NUMBER.1, which is here. Programs enter it by
 * nsenter --net=/proc/PID/ns/net. Orders come as lines on stdin (orders.h),
 *each is answered by a line of JSON; the first line says that it is ready. It
 *ends with stdin or its parent, and its devices and its namespace with it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>
#include "tests/net/orders.h"
#include "tests/net/tun.h"

enum {
	BUFFERS = 2 * LINK_PACKETS + 64, /* queue and wire of one side, full */
	BUFFER_BYTES = TUN_MTU + 16,
	READS = 64,   /* packets of one device before the other has its turn */
	WAITS = 4000, /* buckets of a millisecond */
	LINE_BYTES = 256,
	MOVE_US = 500000, /* without any address on the way to another */
};

static const char *const side_name[ORDERS_SIDES] = { "down", "up" };

/* One direction: read from one device, written to the other. */
struct side {
	int from, to;
	struct link link;
	uint8_t (*buffer)[BUFFER_BYTES];
	uint32_t *idle; /* buffers nobody uses, a stack */
	unsigned n_idle;
	/* Of the link's own counters: those at the last reset. */
	uint64_t sent, dropped, lost, delivered, delivered_bytes;
	uint32_t
		wait[WAITS + 1]; /* how long packets waited at the bottleneck */
	uint64_t unsent;         /* the other device's queue was full */
};

struct badlink {
	struct side side[ORDERS_SIDES];
	struct orders orders;
	uint64_t outage_until_us, reset_us;
	uint64_t arrive_us; /* at the other address; 0: not on the way */
	int timer;
	char line[LINE_BYTES];
	size_t line_len;
	bool over;
	char device[16]; /* in the new namespace */
};

static uint64_t now_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void die(const char *what, int rc)
{
	fprintf(stderr, "badlink: %s: %s\n", what, strerror(-rc));
	exit(1);
}

static void side_start(struct side *s, uint64_t seed, uint64_t now)
{
	static const struct link_config clean;
	s->buffer = calloc(BUFFERS, sizeof(*s->buffer));
	s->idle = calloc(BUFFERS, sizeof(*s->idle));
	if (!s->buffer || !s->idle || !link_init(&s->link, &clean, seed, now))
		die("memory", -ENOMEM);
	for (unsigned i = 0; i < BUFFERS; i++)
		s->idle[s->n_idle++] = i;
}

static void note_wait(struct side *s, uint64_t now)
{
	uint64_t ms = link_wait_us(&s->link, now) / 1000;
	s->wait[ms < WAITS ? ms : WAITS]++;
}

static void side_read(struct side *s, uint64_t now)
{
	for (unsigned i = 0; i < READS && s->n_idle; i++) {
		uint32_t at = s->idle[s->n_idle - 1];
		ssize_t n = read(s->from, s->buffer[at], BUFFER_BYTES);
		if (n <= 0)
			return;
		note_wait(s, now);
		if (link_send(&s->link, now, (size_t)n, at))
			s->n_idle--;
	}
}

static void side_write(struct side *s, uint64_t now)
{
	struct link_packet p;
	while (link_take(&s->link, now, &p)) {
		if (!p.lost && write(s->to, s->buffer[p.handle], p.len) < 0)
			s->unsent++;
		s->idle[s->n_idle++] = (uint32_t)p.handle;
	}
}

static unsigned wait_percentile(const struct side *s, unsigned percent)
{
	uint64_t all = 0, below = 0;
	for (unsigned i = 0; i <= WAITS; i++)
		all += s->wait[i];
	for (unsigned i = 0; i <= WAITS; i++) {
		below += s->wait[i];
		if (below * 100 >= all * percent)
			return i;
	}
	return WAITS;
}

static void print_side(const struct side *s)
{
	const struct link *l = &s->link;
	printf("{\"sent\":%" PRIu64 ",\"dropped\":%" PRIu64 ",\"lost\":%" PRIu64
	       ",\"delivered\":%" PRIu64 ",\"bytes\":%" PRIu64
	       ",\"unsent\":%" PRIu64
	       ",\"wait_p50_ms\":%u,\"wait_p95_ms\":%u,\"wait_max_ms\":%u}",
		l->sent - s->sent, l->dropped - s->dropped, l->lost - s->lost,
		l->delivered - s->delivered,
		l->delivered_bytes - s->delivered_bytes, s->unsent,
		wait_percentile(s, 50), wait_percentile(s, 95),
		wait_percentile(s, 100));
}

static void count(const struct badlink *b, uint64_t now)
{
	printf("{\"seconds\":%.3f", (double)(now - b->reset_us) / 1e6);
	for (unsigned i = 0; i < ORDERS_SIDES; i++) {
		printf(",\"%s\":", side_name[i]);
		print_side(&b->side[i]);
	}
	printf("}\n");
}

static void reset(struct badlink *b, uint64_t now)
{
	b->reset_us = now;
	for (unsigned i = 0; i < ORDERS_SIDES; i++) {
		struct side *s = &b->side[i];
		s->sent = s->link.sent;
		s->dropped = s->link.dropped;
		s->lost = s->link.lost;
		s->delivered = s->link.delivered;
		s->delivered_bytes = s->link.delivered_bytes;
		memset(s->wait, 0, sizeof(s->wait));
		s->unsent = 0;
	}
}

/* What was ordered, with an outage on top of it. */
static void apply(struct badlink *b, unsigned sides, uint64_t now)
{
	for (unsigned i = 0; i < ORDERS_SIDES; i++) {
		struct link_config c = b->orders.cfg[i];
		c.cut |= b->outage_until_us != 0;
		if (sides >> i & 1)
			link_set(&b->side[i].link, now, &c);
	}
}

/* Browsers ask the kernel to tell them of links that go and come; what is back
 * at once they do not notice. */
static void leave(struct badlink *b, uint64_t now)
{
	int rc = tun_down(b->device);
	if (rc)
		die("taking the device down", rc);
	b->arrive_us = now + MOVE_US;
}

static void arrive(struct badlink *b)
{
	struct in_addr router = b->orders.address;
	router.s_addr = (router.s_addr & htonl(0xffffff00)) | htonl(1);
	int rc = tun_up(b->device, b->orders.address, router);
	if (rc)
		die("the new address", rc);
	b->arrive_us = 0;
}

static void obey(struct badlink *b, const char *line, uint64_t now)
{
	switch (orders_take(&b->orders, line)) {
	case ORDER_COUNT:
		count(b, now);
		return;
	case ORDER_ADDRESS:
		leave(b, now);
		break;
	case ORDER_BAD:
		printf("{\"ok\":false,\"why\":\"not understood\"}\n");
		return;
	case ORDER_RESET:
		reset(b, now);
		break;
	case ORDER_OUTAGE:
		b->outage_until_us = now + b->orders.outage_us;
		apply(b, 3, now);
		break;
	case ORDER_SET:
		apply(b, b->orders.sides, now);
		break;
	}
	printf("{\"ok\":true}\n");
}

static void listen_to(struct badlink *b, uint64_t now)
{
	ssize_t n = read(STDIN_FILENO, b->line + b->line_len,
		sizeof(b->line) - b->line_len - 1);
	if (n <= 0) {
		b->over = n == 0 || errno != EAGAIN;
		return;
	}
	b->line_len += (size_t)n;
	b->line[b->line_len] = 0;
	char *begin = b->line, *end;
	for (; (end = strchr(begin, '\n')); begin = end + 1) {
		*end = 0;
		obey(b, begin, now);
	}
	b->line_len -= (size_t)(begin - b->line);
	memmove(b->line, begin, b->line_len);
	if (b->line_len == sizeof(b->line) - 1)
		b->over = true; /* that is no order, whatever it becomes */
	fflush(stdout);
}

static void set_timer(struct badlink *b, uint64_t now)
{
	uint64_t due = b->outage_until_us ? b->outage_until_us : UINT64_MAX;
	if (b->arrive_us && b->arrive_us < due)
		due = b->arrive_us;
	for (unsigned i = 0; i < ORDERS_SIDES; i++) {
		uint64_t d = link_deadline(&b->side[i].link);
		if (d < due)
			due = d;
	}
	if (due < now + 1)
		due = now + 1;
	struct itimerspec t = { 0 };
	if (due != UINT64_MAX) {
		t.it_value.tv_sec = (time_t)(due / 1000000);
		t.it_value.tv_nsec = (long)(due % 1000000 * 1000);
	}
	timerfd_settime(b->timer, TFD_TIMER_ABSTIME, &t, NULL);
}

static void turn(struct badlink *b)
{
	struct pollfd fd[] = {
		{ .fd = b->side[0].from, .events = POLLIN },
		{ .fd = b->side[1].from, .events = POLLIN },
		{ .fd = STDIN_FILENO, .events = POLLIN },
		{ .fd = b->timer, .events = POLLIN },
	};
	if (poll(fd, 4, -1) < 0 && errno != EINTR)
		die("poll", -errno);
	uint64_t now = now_us(), ticks;
	while (read(b->timer, &ticks, sizeof(ticks)) > 0)
		;
	if (b->outage_until_us && now >= b->outage_until_us) {
		b->outage_until_us = 0;
		apply(b, 3, now);
	}
	if (b->arrive_us && now >= b->arrive_us)
		arrive(b);
	for (unsigned i = 0; i < ORDERS_SIDES; i++) {
		side_read(&b->side[i], now);
		side_write(&b->side[i], now);
	}
	if (fd[2].revents)
		listen_to(b, now);
	set_timer(b, now);
}

static struct in_addr address_of(unsigned number, unsigned host)
{
	return (struct in_addr){ htonl(
		10u << 24 | 201u << 16 | number << 8 | host) };
}

/* One device here, then a namespace of our own and one device there. */
static void open_devices(struct badlink *b, unsigned number)
{
	struct in_addr router = address_of(number, 1);
	snprintf(b->device, sizeof(b->device), "bad%u", number);
	int here = tun_open(b->device, router);
	if (here < 0)
		die("a TUN device", here);
	if (unshare(CLONE_NEWNET) < 0)
		die("a namespace", -errno);
	int there = tun_open(b->device, address_of(number, 2));
	if (there < 0)
		die("a TUN device in the new namespace", there);
	int rc = tun_loopback();
	if (!rc)
		rc = tun_default_route(b->device, router);
	if (rc)
		die("the routes of the new namespace", rc);
	b->side[ORDERS_DOWN].from = b->side[ORDERS_UP].to = here;
	b->side[ORDERS_UP].from = b->side[ORDERS_DOWN].to = there;
}

/* A browser that takes all of the CPU must not bend the link. */
static bool before_others(void)
{
	struct sched_param p = { .sched_priority = 1 };
	return sched_setscheduler(0, SCHED_RR | SCHED_RESET_ON_FORK, &p) == 0;
}

int main(int argc, char **argv)
{
	static struct badlink b;
	char *end = NULL;
	unsigned long number = argc == 3 ? strtoul(argv[1], &end, 10) : 0;
	if (argc != 3 || *end || number > 255) {
		fprintf(stderr, "usage: badlink NUMBER SEED\n");
		return 2;
	}
	uint64_t seed = strtoull(argv[2], NULL, 10), now = now_us();
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGPIPE, SIG_IGN);
	open_devices(&b, (unsigned)number);
	for (unsigned i = 0; i < ORDERS_SIDES; i++)
		side_start(&b.side[i], seed * ORDERS_SIDES + i + 1, now);
	b.timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (b.timer < 0 ||
		fcntl(STDIN_FILENO, F_SETFL,
			fcntl(STDIN_FILENO, F_GETFL) | O_NONBLOCK) < 0)
		die("the timer and stdin", -errno);
	reset(&b, now);
	printf("{\"ready\":true,\"pid\":%d,\"realtime\":%s}\n", (int)getpid(),
		before_others() ? "true" : "false");
	fflush(stdout);
	while (!b.over)
		turn(&b);
	return 0;
}
