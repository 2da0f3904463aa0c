#include <arpa/inet.h>
#include <errno.h>
#include <netinet/udp.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>
#include "ice/ice.h"
#include "sfu/udp.h"

static void no_flush(struct outbox *out)
{
	(void)out;
	fail_msg("the outbox was full");
}

static int client(const char *ip, struct sockaddr_storage *ret)
{
	socklen_t len = sizeof(*ret);
	int fd;

	assert_int_equal(udp_address_parse(ip, 0, ret), 0);
	fd = socket(ret->ss_family, SOCK_DGRAM, 0);
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)ret,
				 ice_addr_len((struct sockaddr *)ret)),
		0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)ret, &len), 0);
	return fd;
}

static void send_to(
	int fd, const char *ip, unsigned port, const void *buf, size_t len)
{
	struct sockaddr_storage to;

	assert_int_equal(udp_address_parse(ip, port, &to), 0);
	assert_int_equal(sendto(fd, buf, len, 0, (struct sockaddr *)&to,
				 ice_addr_len((struct sockaddr *)&to)),
		(ssize_t)len);
}

static bool readable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 1000) == 1;
}

static void add(
	struct outbox *o, const struct sockaddr_storage *to, const char *text)
{
	struct packet *p = outbox_add(o, (const struct sockaddr *)to);

	p->len = (uint16_t)strlen(text);
	memcpy(p->data, text, p->len);
}

static void expect(int fd, const char *text, const char *from)
{
	struct sockaddr_storage a, want;
	socklen_t len = sizeof(a);
	char buf[64] = "";

	assert_true(readable(fd));
	assert_int_equal(recvfrom(fd, buf, sizeof(buf) - 1, 0,
				 (struct sockaddr *)&a, &len),
		(ssize_t)strlen(text));
	assert_string_equal(buf, text);
	assert_int_equal(
		udp_address_parse(from,
			ntohs(((struct sockaddr_in *)&a)->sin_port), &want),
		0);
	assert_true(ice_addr_equal(
		(struct sockaddr *)&a, (struct sockaddr *)&want));
}

static const struct udp_path *give(void *arg, const struct sockaddr *to)
{
	(void)to;
	return arg;
}

static const struct udp_path *refuse(void *arg, const struct sockaddr *to)
{
	(void)arg;
	(void)to;
	fail_msg("nobody needs a path here");
	return NULL;
}

static uint64_t clock_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* The kernel's word for it, and not when we found the time to read. */
static void test_when_it_came(void **state)
{
	const char *listen[] = { "127.0.0.1" };
	const struct udp_datagram *d = NULL;
	struct sockaddr_storage me;
	char error[UDP_ERROR_MAX];
	uint64_t before_us, after_us;
	struct udp u;
	int fd = client("127.0.0.1", &me);

	(void)state;
	assert_int_equal(udp_init(&u, listen, 1, 0, error), 0);
	before_us = clock_us();
	send_to(fd, "127.0.0.1", udp_port(&u, 0), "hello", 5);
	assert_true(readable(u.v[0].fd));
	after_us = clock_us();
	usleep(30000);
	assert_int_equal(udp_receive(&u, 0, &d), 1);
	/* The two clocks are not read at once. */
	assert_in_range(d->at_us, before_us - 1000, after_us + 1000);
	close(fd);
	udp_done(&u);
}

/* A reply leaves from the address it came to, also on a wildcard socket. */
static void test_wildcard(void **state)
{
	const char *listen[] = { "0.0.0.0" };
	const struct udp_datagram *d = NULL;
	struct sockaddr_storage me;
	char error[UDP_ERROR_MAX];
	struct udp_path path;
	struct outbox out;
	struct udp u;
	int fd = client("127.0.0.1", &me);

	(void)state;
	assert_int_equal(udp_init(&u, listen, 1, 0, error), 0);
	assert_int_equal(outbox_init(&out, no_flush, NULL), 0);
	/* Not the address the kernel would choose for a reply. */
	send_to(fd, "127.0.0.77", udp_port(&u, 0), "hello", 5);
	assert_true(readable(u.v[0].fd));
	assert_int_equal(udp_receive(&u, 0, &d), 1);
	assert_int_equal(d->len, 5);
	assert_memory_equal(d->buf, "hello", 5);
	assert_true(ice_addr_equal(d->from, (struct sockaddr *)&me));
	assert_true(d->path.has_local);
	path = d->path;
	add(&out, &me, "one");
	add(&out, &me, "two");
	udp_send(&u, &out, give, &path);
	expect(fd, "one", "127.0.0.77");
	expect(fd, "two", "127.0.0.77");
	udp_send(&u, &out, give, NULL);
	expect(fd, "one", "127.0.0.1");
	assert_int_equal(u.stats.out, 4);
	assert_int_equal(u.stats.out_bytes, 12);
	outbox_done(&out);
	udp_done(&u);
	close(fd);
}

/* Two families, two addresses of one: each by its own socket, in order. */
static void test_families(void **state)
{
	const char *listen[] = { "127.0.0.1", "::1", "127.0.0.2" };
	struct udp_path second = { .socket = 2 };
	struct sockaddr_storage v4, v6;
	char error[UDP_ERROR_MAX];
	struct outbox out;
	struct udp u;
	int fd4 = client("127.0.0.1", &v4), fd6 = client("::1", &v6);

	(void)state;
	assert_int_equal(udp_init(&u, listen, 3, 0, error), 0);
	assert_int_equal(u.n, 3);
	assert_int_equal(outbox_init(&out, no_flush, NULL), 0);
	add(&out, &v4, "a");
	add(&out, &v6, "b");
	add(&out, &v4, "c");
	outbox_add(&out, (struct sockaddr *)&v4); /* not to be sent */
	udp_send(&u, &out, give, &second);
	expect(fd4, "a", "127.0.0.2");
	expect(fd4, "c", "127.0.0.2");
	expect(fd6, "b", "::1");
	assert_int_equal(u.stats.out, 3);
	outbox_done(&out);
	udp_done(&u);
	close(fd4);
	close(fd6);
}

static void test_no_socket(void **state)
{
	const char *listen[] = { "127.0.0.1" };
	struct sockaddr_storage v6, v4;
	char error[UDP_ERROR_MAX];
	struct outbox out;
	struct udp u;

	(void)state;
	assert_int_equal(udp_init(&u, listen, 1, 0, error), 0);
	assert_int_equal(outbox_init(&out, no_flush, NULL), 0);
	assert_int_equal(udp_address_parse("::1", 9, &v6), 0);
	/* The kernel refuses to send to port 0; the next one still goes. */
	assert_int_equal(udp_address_parse("127.0.0.1", 0, &v4), 0);
	add(&out, &v6, "x");
	add(&out, &v4, "y");
	assert_int_equal(udp_address_parse("127.0.0.1", 9, &v4), 0);
	add(&out, &v4, "z");
	udp_send(&u, &out, refuse, NULL);
	assert_int_equal(u.stats.no_socket, 1);
	assert_int_equal(u.stats.send_error, 1);
	assert_int_equal(u.stats.out, 1);
	outbox_done(&out);
	udp_done(&u);
}

/* Full batches, nothing lost; over-long datagrams are counted drops. */
static void test_batches(void **state)
{
	const char *listen[] = { "127.0.0.1" };
	static char big[UDP_DATAGRAM_MAX + 1];
	const struct udp_datagram *d = NULL;
	struct sockaddr_storage me;
	char error[UDP_ERROR_MAX];
	unsigned got = 0, n;
	struct udp u;
	int fd = client("127.0.0.1", &me);

	(void)state;
	assert_int_equal(udp_init(&u, listen, 1, 0, error), 0);
	assert_int_equal(udp_receive(&u, 0, &d), 0);
	assert_int_equal(udp_receive(&u, 1, &d), 0);
	for (unsigned i = 0; i < 2 * UDP_BATCH; i++) {
		char c = (char)i;

		send_to(fd, "127.0.0.1", udp_port(&u, 0), &c, 1);
	}
	send_to(fd, "127.0.0.1", udp_port(&u, 0), big, sizeof(big));
	send_to(fd, "127.0.0.1", udp_port(&u, 0), big, sizeof(big) - 1);
	send_to(fd, "127.0.0.1", udp_port(&u, 0), "", 0);
	assert_true(readable(u.v[0].fd));
	while ((n = udp_receive(&u, 0, &d))) {
		assert_true(n <= UDP_BATCH);
		for (unsigned i = 0; i < n; i++, got++)
			if (got < 2 * UDP_BATCH)
				assert_int_equal(d[i].buf[0], (uint8_t)got);
	}
	assert_int_equal(got, 2 * UDP_BATCH + 2);
	assert_int_equal(u.stats.too_long, 1);
	assert_int_equal(u.stats.in, 2 * UDP_BATCH + 3);
	udp_done(&u);
	close(fd);
}

/* A wall of packets: never blocks, and every packet is accounted for. */
static void test_never_blocks(void **state)
{
	const char *listen[] = { "127.0.0.1" };
	struct sockaddr_storage me;
	char error[UDP_ERROR_MAX];
	uint64_t tried = 0;
	struct outbox out;
	struct udp u;
	int small = 1, fd = client("127.0.0.1", &me);

	(void)state;
	assert_int_equal(udp_init(&u, listen, 1, 0, error), 0);
	setsockopt(u.v[0].fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	assert_int_equal(outbox_init(&out, no_flush, NULL), 0);
	for (unsigned i = 0; i < OUTBOX_PACKETS; i++)
		outbox_add(&out, (struct sockaddr *)&me)->len = 1400;
	for (unsigned k = 0; k < 8; k++) {
		udp_send(&u, &out, refuse, NULL);
		tried += out.n;
	}
	assert_int_equal(
		u.stats.out + u.stats.not_taken + u.stats.send_error, tried);
	assert_true(u.stats.out > 0);
	outbox_done(&out);
	udp_done(&u);
	close(fd);
}

/* Puts a packet of len bytes, all of one letter, into a flow. */
static void add_flow(struct outbox *o, const struct sockaddr_storage *to,
	struct outbox_flow *flow, char letter, size_t len)
{
	struct packet *p =
		outbox_add_flow(o, (const struct sockaddr *)to, flow);

	memset(p->data, letter, len);
	p->len = (uint16_t)len;
}

static void expect_letter(int fd, char letter, size_t len)
{
	char buf[2000];

	assert_true(readable(fd));
	assert_int_equal(recv(fd, buf, sizeof(buf), 0), (ssize_t)len);
	assert_int_equal(buf[0], letter);
	assert_int_equal(buf[len - 1], letter);
}

static uint64_t send_mixed(struct udp *u, struct outbox *out)
{
	struct outbox_flow flow[2] = { { 0 } };
	struct sockaddr_storage at[2];
	int fd[2] = { client("127.0.0.1", &at[0]),
		client("127.0.0.1", &at[1]) };
	uint64_t before = u->stats.out;

	/* Packet by packet to both, as a fan-out comes. */
	for (char c = 'a'; c < 'e'; c++)
		for (unsigned i = 0; i < 2; i++)
			add_flow(out, &at[i], &flow[i], c, 1000);
	for (unsigned i = 0; i < 2; i++) {
		add_flow(out, &at[i], &flow[i], 'e', 700); /* ends a train */
		add_flow(out, &at[i], &flow[i], 'f', 800);
		add_flow(out, &at[i], &flow[i], 'g', 0); /* not to be sent */
		add_flow(out, &at[i], &flow[i], 'h', 800);
		add_flow(out, &at[i], &flow[i], 'i', 900); /* longer */
	}
	udp_send(u, out, refuse, NULL);
	out->n = 0;
	for (unsigned i = 0; i < 2; i++) {
		for (char c = 'a'; c < 'e'; c++)
			expect_letter(fd[i], c, 1000);
		expect_letter(fd[i], 'e', 700);
		expect_letter(fd[i], 'f', 800);
		expect_letter(fd[i], 'h', 800);
		expect_letter(fd[i], 'i', 900);
		close(fd[i]);
	}
	return u->stats.out - before;
}

/* What goes to one receiver leaves together, whole and in its order, also
 * where the device refuses to cut it. */
static void test_trains(void **state)
{
	const char *listen[] = { "127.0.0.1" };
	char error[UDP_ERROR_MAX];
	struct outbox out;
	struct udp u;

	(void)state;
	assert_int_equal(udp_init(&u, listen, 1, 0, error), 0);
	assert_int_equal(outbox_init(&out, no_flush, NULL), 0);
	assert_int_equal(send_mixed(&u, &out), 16);
	assert_int_equal(u.stats.trains, 4);
	assert_int_equal(u.stats.send_error + u.stats.not_taken, 0);
	/* A second batch knows nothing of the first. */
	assert_int_equal(send_mixed(&u, &out), 16);
	assert_int_equal(u.stats.trains, 8);
	u.v[0].refusals = 1000;
	assert_int_equal(send_mixed(&u, &out), 16);
	assert_int_equal(u.stats.trains, 8);
	outbox_done(&out);
	udp_done(&u);
}

/* A train that is refused goes as single datagrams. */
static void test_refused_train(void **state)
{
	const char *listen[] = { "127.0.0.1" };
	struct outbox_flow flow = { 0 };
	struct sockaddr_storage me;
	char error[UDP_ERROR_MAX];
	struct outbox out;
	struct udp u;
	int fd = client("127.0.0.1", &me), on = 1;

	(void)state;
	assert_int_equal(udp_init(&u, listen, 1, 0, error), 0);
	assert_int_equal(outbox_init(&out, no_flush, NULL), 0);
	/* Without checksums the kernel cuts no trains. */
	assert_int_equal(
		setsockopt(u.v[0].fd, SOL_SOCKET, SO_NO_CHECK, &on, sizeof(on)),
		0);
	for (char c = 'a'; c < 'd'; c++)
		add_flow(&out, &me, &flow, c, 500);
	udp_send(&u, &out, refuse, NULL);
	for (char c = 'a'; c < 'd'; c++)
		expect_letter(fd, c, 500);
	assert_int_equal(u.stats.out, 3);
	assert_int_equal(u.stats.trains, 0);
	assert_int_equal(u.v[0].refusals, 1);
	outbox_done(&out);
	udp_done(&u);
	close(fd);
}

/* Sends len bytes as one train of datagrams of `size` bytes. */
static void send_train(
	int fd, unsigned port, uint16_t size, const uint8_t *buf, size_t len)
{
	union {
		struct cmsghdr align;
		char v[CMSG_SPACE(sizeof(uint16_t))];
	} control;
	struct iovec iov = { (void *)(uintptr_t)buf, len };
	struct sockaddr_storage to;
	struct msghdr m = { .msg_name = &to,
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control.v) };

	assert_int_equal(udp_address_parse("127.0.0.1", port, &to), 0);
	m.msg_namelen = ice_addr_len((struct sockaddr *)&to);
	control.align.cmsg_level = SOL_UDP;
	control.align.cmsg_type = UDP_SEGMENT;
	control.align.cmsg_len = CMSG_LEN(sizeof(size));
	memcpy(CMSG_DATA(&control.align), &size, sizeof(size));
	assert_int_equal(sendmsg(fd, &m, 0), (ssize_t)len);
}

/* Trains come in whole where the kernel has UDP_GRO, and cut where not: here
 * nobody sees the difference. More than a batch holds stays for the next. */
static void trains_come_in(bool whole)
{
	const char *listen[] = { "127.0.0.1" };
	enum { SIZE = 300, FULL = 40, REST = 77 };
	const struct udp_datagram *d = NULL;
	uint8_t train[FULL * SIZE + REST];
	struct sockaddr_storage me;
	char error[UDP_ERROR_MAX];
	unsigned got = 0, n;
	struct udp u;
	int off = 0, fd = client("127.0.0.1", &me);

	for (size_t i = 0; i < sizeof(train); i++)
		train[i] = (uint8_t)(i / SIZE);
	assert_int_equal(udp_init(&u, listen, 1, 0, error), 0);
	if (!whole) {
		setsockopt(u.v[0].fd, SOL_UDP, UDP_GRO, &off, sizeof(off));
		u.v[0].trains = false;
	}
	send_to(fd, "127.0.0.1", udp_port(&u, 0), "before", 6);
	send_train(fd, udp_port(&u, 0), SIZE, train, sizeof(train));
	send_to(fd, "127.0.0.1", udp_port(&u, 0), "behind", 6);
	assert_true(readable(u.v[0].fd));
	while ((n = udp_receive(&u, 0, &d))) {
		assert_true(n <= UDP_BATCH);
		for (unsigned i = 0; i < n; i++, got++) {
			bool single = got == 0 || got == FULL + 2;

			assert_true(ice_addr_equal(
				d[i].from, (struct sockaddr *)&me));
			assert_int_equal(d[i].len, single            ? 6
						   : got == FULL + 1 ? REST
								     : SIZE);
			if (!single)
				assert_int_equal(
					d[i].buf[d[i].len - 1], got - 1);
		}
		if (whole && got < FULL + 3)
			assert_true(udp_has_more(&u));
	}
	assert_false(udp_has_more(&u));
	assert_int_equal(got, FULL + 3);
	assert_int_equal(u.stats.in, FULL + 3);
	assert_int_equal(u.stats.in_bytes, sizeof(train) + 12);
	udp_done(&u);
	close(fd);
}

static void test_trains_in(void **state)
{
	(void)state;
	trains_come_in(true);
	trains_come_in(false);
}

/* A train of segments that are too long is as many datagrams too long. */
static void test_long_trains_in(void **state)
{
	const char *listen[] = { "127.0.0.1" };
	static const uint8_t train[2 * 3000 + 100];
	const struct udp_datagram *d = NULL;
	struct sockaddr_storage me;
	char error[UDP_ERROR_MAX];
	struct udp u;
	int fd = client("127.0.0.1", &me);

	(void)state;
	assert_int_equal(udp_init(&u, listen, 1, 0, error), 0);
	send_train(fd, udp_port(&u, 0), 3000, train, sizeof(train));
	assert_true(readable(u.v[0].fd));
	assert_int_equal(udp_receive(&u, 0, &d), 1);
	assert_int_equal(d->len, 100);
	assert_int_equal(u.stats.too_long, 2);
	udp_done(&u);
	close(fd);
}

static void test_errors(void **state)
{
	const char *one[] = { "127.0.0.1" }, *bad[] = { "localhost" };
	const char *foreign[] = { "192.0.2.250" };
	char error[UDP_ERROR_MAX] = "";
	struct udp u, v;

	(void)state;
	assert_int_equal(udp_init(&u, one, 1, 0, error), 0);
	assert_int_equal(
		udp_init(&v, one, 1, udp_port(&u, 0), error), -EADDRINUSE);
	assert_non_null(strstr(error, "media.port"));
	assert_non_null(strstr(error, "another program"));
	assert_int_equal(v.n, 0);
	udp_done(&u);
	assert_int_equal(udp_init(&v, bad, 1, 0, error), -EINVAL);
	assert_non_null(strstr(error, "media.listen"));
	assert_int_equal(udp_init(&v, foreign, 1, 0, error), -EADDRNOTAVAIL);
	assert_non_null(strstr(error, "media.listen"));
	assert_int_equal(udp_init(&v, NULL, 0, 0, error), -EINVAL);
	udp_done(&v);
}

static void test_addresses(void **state)
{
	const char *one[] = { "127.0.0.1" }, *all[] = { "0.0.0.0", "::" };
	struct sockaddr_storage a[UDP_ADDRESSES];
	char error[UDP_ERROR_MAX];
	unsigned n;
	struct udp u;

	(void)state;
	assert_int_equal(udp_init(&u, one, 1, 0, error), 0);
	assert_int_equal(udp_addresses(&u, a), 1);
	assert_int_equal(ntohs(((struct sockaddr_in *)&a[0])->sin_port),
		udp_port(&u, 0));
	udp_done(&u);
	assert_int_equal(udp_init(&u, all, 2, 0, error), 0);
	n = udp_addresses(&u, a);
	assert_in_range(n, 1, UDP_ADDRESSES);
	for (unsigned i = 0; i < n; i++) {
		const struct sockaddr_in6 *v6 = (const void *)&a[i];

		assert_true(v6->sin6_port != 0);
		if (a[i].ss_family == AF_INET6)
			assert_false(IN6_IS_ADDR_LINKLOCAL(&v6->sin6_addr));
	}
	udp_done(&u);
}

static void test_parse(void **state)
{
	static const char *const bad[] = { "", "1.2.3", "localhost",
		"1.2.3.4:5", "[::1]", "::g", "1.2.3.4 " };
	struct sockaddr_storage a;

	(void)state;
	for (unsigned i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(udp_address_parse(bad[i], 1, &a), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_when_it_came),
		cmocka_unit_test(test_wildcard),
		cmocka_unit_test(test_families),
		cmocka_unit_test(test_no_socket),
		cmocka_unit_test(test_batches),
		cmocka_unit_test(test_never_blocks),
		cmocka_unit_test(test_trains),
		cmocka_unit_test(test_refused_train),
		cmocka_unit_test(test_trains_in),
		cmocka_unit_test(test_long_trains_in),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_parse),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
