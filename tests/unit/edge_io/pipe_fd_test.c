/* The descriptor of a WIRE_PLUG: it arrives, and none is ever left open. */
#include <dirent.h>
#include <errno.h>
#include <event2/event.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>
#include "sfu/pipe.h"

struct side {
	struct pipe *pipe;
	unsigned got, ends;
	int fd; /* the last that was taken */
	bool take;
};

struct fixture {
	struct event_base *base;
	struct side a, b;
	int raw;
};

static void on_message(void *arg, const struct wire_message *m)
{
	struct side *s = arg;

	if (!m) {
		s->ends++;
		return;
	}
	s->got++;
	if (m->type != WIRE_PLUG)
		return;
	assert_true(m->u.plug.fd >= 0);
	if (s->take)
		assert_int_equal((s->fd = pipe_take_fd(s->pipe)), m->u.plug.fd);
}

static unsigned open_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

enum kind { MEMORY, SOCKET, RAW };

static void set_up(struct fixture *f, enum kind kind)
{
	struct pipe *ends[2];
	int fd[2];

	memset(f, 0, sizeof(*f));
	f->base = event_base_new();
	f->raw = -1;
	f->b.take = true;
	if (kind == MEMORY) {
		assert_int_equal(pipe_pair(f->base, ends), 0);
		f->a.pipe = ends[0];
		f->b.pipe = ends[1];
		pipe_listen(ends[0], on_message, &f->a);
		pipe_listen(ends[1], on_message, &f->b);
		return;
	}
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fd), 0);
	f->b.pipe = pipe_new(f->base, fd[0], on_message, &f->b);
	if (kind == SOCKET)
		f->a.pipe = pipe_new(f->base, fd[1], on_message, &f->a);
	else
		f->raw = fd[1];
}

static void tear_down(struct fixture *f)
{
	pipe_free(f->a.pipe);
	pipe_free(f->b.pipe);
	event_base_free(f->base);
	if (f->raw >= 0)
		close(f->raw);
}

static void turn(struct fixture *f)
{
	for (int i = 0; i < 20; i++)
		event_base_loop(f->base, EVLOOP_NONBLOCK);
}

/* Something to pass on; far: its other end. */
static int make_fd(int *far)
{
	int fd[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	*far = fd[0];
	return fd[1];
}

static int send_plug(struct fixture *f, int fd)
{
	struct wire_message m = { .type = WIRE_PLUG, .id = 1 };

	m.u.plug.conference = "room";
	m.u.plug.label = "label";
	m.u.plug.options.listen = true;
	m.u.plug.fd = fd;
	return pipe_send(f->a.pipe, &m);
}

/* Nobody has the other end of far open any more. */
static bool is_closed(int far)
{
	char c;

	return recv(far, &c, 1, MSG_DONTWAIT) == 0;
}

static void arrives(enum kind kind)
{
	struct fixture f;
	int far;
	char c = 0;

	set_up(&f, kind);
	assert_int_equal(send_plug(&f, make_fd(&far)), 0);
	turn(&f);
	assert_int_equal(f.b.got, 1);
	assert_int_equal(send(f.b.fd, "x", 1, 0), 1);
	assert_int_equal(recv(far, &c, 1, MSG_DONTWAIT), 1);
	assert_int_equal(c, 'x');
	/* Only the taker has it. */
	close(f.b.fd);
	assert_true(is_closed(far));
	close(far);
	tear_down(&f);
}

static void is_closed_when_not_taken(enum kind kind)
{
	struct fixture f;
	int far;

	set_up(&f, kind);
	f.b.take = false;
	assert_int_equal(send_plug(&f, make_fd(&far)), 0);
	turn(&f);
	assert_int_equal(f.b.got, 1);
	assert_int_equal(f.b.ends, 0);
	assert_true(is_closed(far));
	close(far);
	tear_down(&f);
}

static void is_closed_with_the_pipe(enum kind kind)
{
	struct fixture f;
	int far;

	set_up(&f, kind);
	assert_int_equal(send_plug(&f, make_fd(&far)), 0);
	f.b.pipe = pipe_free(f.b.pipe);
	f.a.pipe = pipe_free(f.a.pipe);
	assert_true(is_closed(far));
	close(far);
	tear_down(&f);
}

/* The reader sleeps, the descriptor waits in our queue, the pipe goes. */
static void is_closed_from_the_queue(void)
{
	struct fixture f;
	struct wire_message m = { .type = WIRE_OFFER, .id = 1 };
	char *text = malloc(SFU_SDP_MAX + 1);
	int far;

	set_up(&f, SOCKET);
	memset(text, 'x', SFU_SDP_MAX);
	text[SFU_SDP_MAX] = 0;
	m.u.text.v = text;
	while (pipe_queued(f.a.pipe) == 0)
		assert_int_equal(pipe_send(f.a.pipe, &m), 0);
	assert_int_equal(send_plug(&f, make_fd(&far)), 0);
	assert_false(is_closed(far));
	f.a.pipe = pipe_free(f.a.pipe);
	assert_true(is_closed(far));
	close(far);
	free(text);
	tear_down(&f);
}

/* … and when it reads at last, the descriptor has been closed here. */
static void arrives_late(void)
{
	struct fixture f;
	struct wire_message m = { .type = WIRE_OFFER, .id = 1 };
	char *text = malloc(SFU_SDP_MAX + 1);
	int far;

	set_up(&f, SOCKET);
	memset(text, 'x', SFU_SDP_MAX);
	text[SFU_SDP_MAX] = 0;
	m.u.text.v = text;
	while (pipe_queued(f.a.pipe) == 0)
		assert_int_equal(pipe_send(f.a.pipe, &m), 0);
	assert_int_equal(send_plug(&f, make_fd(&far)), 0);
	f.b.fd = -1;
	for (int i = 0; i < 100; i++)
		turn(&f);
	assert_true(f.b.fd >= 0);
	close(f.b.fd);
	assert_true(is_closed(far));
	close(far);
	free(text);
	tear_down(&f);
}

static void stays_ours_after_an_error(enum kind kind)
{
	struct fixture f;
	int far, fd = make_fd(&far);

	set_up(&f, kind);
	f.b.pipe = pipe_free(f.b.pipe);
	turn(&f);
	assert_int_equal(send_plug(&f, fd), -EPIPE);
	assert_false(is_closed(far));
	assert_int_equal(close(fd), 0);
	close(far);
	tear_down(&f);
}

/* Sends bytes with n descriptors, as a taken-over process might. */
static void send_raw(
	struct fixture *f, const void *data, size_t len, int fd, unsigned n)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(4 * sizeof(int))];
	} control = { .bytes = { 0 } };
	struct iovec v = { (void *)(uintptr_t)data, len };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };
	int fds[4] = { fd, fd, fd, fd };

	if (n) {
		m.msg_control = &control;
		m.msg_controllen = CMSG_SPACE(n * sizeof(int));
		struct cmsghdr *h = CMSG_FIRSTHDR(&m);
		h->cmsg_level = SOL_SOCKET;
		h->cmsg_type = SCM_RIGHTS;
		h->cmsg_len = CMSG_LEN(n * sizeof(int));
		memcpy(CMSG_DATA(h), fds, n * sizeof(int));
	}
	assert_int_equal(sendmsg(f->raw, &m, 0), (ssize_t)len);
}

struct raw {
	uint32_t head[4];
	uint8_t payload[64];
};

static void test_protocol(void **state)
{
	const struct raw leave = { { WIRE_LEAVE, 1, 0, 0 }, { 0 } };
	struct raw plug = { { WIRE_PLUG, 1, 0, 0 }, { 0 } };
	struct wire_message m = { .type = WIRE_PLUG, .id = 1 };
	const struct {
		const struct raw *what;
		unsigned fds, got, ends;
	} rows[] = { { &leave, 0, 1, 0 }, { &leave, 1, 0, 1 },
		{ &plug, 0, 0, 1 }, { &plug, 1, 1, 0 }, { &plug, 2, 1, 0 },
		{ &plug, 4, 1, 0 }, { &leave, 4, 0, 1 } };
	unsigned before = open_fds();

	(void)state;
	m.u.plug.conference = "r";
	m.u.plug.label = "l";
	plug.head[2] =
		(uint32_t)wire_encode(&m, plug.payload, sizeof(plug.payload));
	for (unsigned i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct fixture f;
		int far, fd = make_fd(&far);

		set_up(&f, RAW);
		f.b.take = false;
		send_raw(&f, rows[i].what,
			sizeof(plug.head) + rows[i].what->head[2], fd,
			rows[i].fds);
		close(fd);
		turn(&f);
		assert_int_equal(f.b.got, rows[i].got);
		assert_int_equal(f.b.ends, rows[i].ends);
		tear_down(&f);
		assert_true(is_closed(far));
		close(far);
		assert_int_equal(open_fds(), before);
	}
}

static void test_passing(void **state)
{
	unsigned before = open_fds();

	(void)state;
	for (enum kind k = MEMORY; k <= SOCKET; k++) {
		arrives(k);
		is_closed_when_not_taken(k);
		is_closed_with_the_pipe(k);
		stays_ours_after_an_error(k);
	}
	is_closed_from_the_queue();
	arrives_late();
	assert_int_equal(open_fds(), before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_passing),
		cmocka_unit_test(test_protocol),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
