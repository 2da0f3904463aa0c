/*
 * Participants without pictures: RTP-level clients (tests/sim/client.h) on real
 * sockets, for rooms that would need more browsers than a machine can run. Each
 * is a single-stream peer, which sees and hears whoever speaks; signalling is
 *the caller's.
 *
 *	crowd ADDRESS PORT             of hearth's media
 *
 * Lines on stdin, each answered by a line of JSON on stdout:
 *
 *	join ID receive                offers {"offer": SDP}
 *	join ID publish FPS PACKETS    the same; frames of PACKETS of 1,100
 *bytes answer ID SDP                  CR LF of the SDP written as byte 0x1f
 *	count                          {"clients": [{"id", "connected", …}]}
 *
 * It ends with its stdin or its parent.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "dtls/assoc.h"
#include "tests/sim/client.h"

enum {
	SEATS = 256,
	LINE_BYTES = CLIENT_SDP + 64,
	DATAGRAM = 2048,
	TICK_MS = 5,
	PACKET_BYTES = 1100,
	LINE_END = 0x1f,
};

struct seat {
	struct client_out out; /* first: the client's way out */
	struct client *client;
	int fd;
};

struct crowd {
	struct sockaddr_in to;
	struct cert *cert;
	struct seat seat[SEATS];
	unsigned n;
	char line[LINE_BYTES];
	size_t line_len;
	bool over;
};

static uint64_t now_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* What the kernel does not take is lost, as anywhere. */
static void on_send(struct client_out *out, const uint8_t *buf, size_t len)
{
	struct seat *s = (struct seat *)out;
	while (send(s->fd, buf, len, 0) < 0 && errno == EINTR)
		;
}

static int open_socket(const struct crowd *c)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	const struct sockaddr *to = (const struct sockaddr *)&c->to;
	if (connect(fd, to, sizeof(c->to)) == 0)
		return fd;
	int rc = -errno;
	close(fd);
	return rc;
}

static struct seat *find(struct crowd *c, uint32_t id)
{
	for (unsigned i = 0; i < c->n; i++)
		if (c->seat[i].client->cfg.id == id)
			return &c->seat[i];
	return NULL;
}

static void refuse(const char *why)
{
	printf("{\"ok\":false,\"why\":\"%s\"}\n", why);
}

static void print_sdp(const char *sdp)
{
	printf("{\"offer\":\"");
	for (; *sdp; sdp++) {
		if (*sdp == '\r' || *sdp == '\n')
			printf("\\%c", *sdp == '\r' ? 'r' : 'n');
		else if (*sdp == '"' || *sdp == '\\')
			printf("\\%c", *sdp);
		else
			putchar(*sdp);
	}
	printf("\"}\n");
}

static void seat_join(struct crowd *c, const struct client_config *cfg)
{
	if (c->n == SEATS || find(c, cfg->id)) {
		refuse("no such seat");
		return;
	}
	struct seat *s = &c->seat[c->n];
	*s = (struct seat){ .out = { on_send }, .fd = open_socket(c) };
	s->client = s->fd < 0 ? NULL : client_new(cfg, c->cert, &s->out);
	char *offer = s->client ? client_offer(s->client, false) : NULL;
	if (!offer) {
		refuse("no socket or no memory");
		client_free(s->client);
		if (s->fd >= 0)
			close(s->fd);
		return;
	}
	c->n++;
	print_sdp(offer);
	free(offer);
}

static void join(struct crowd *c, char *line)
{
	struct client_config cfg = { .metadata_free = true,
		.packet_bytes = PACKET_BYTES };
	char role[16];
	unsigned fps = 0, packets = 0;
	int n = sscanf(line, "join %" SCNu32 " %15s %u %u", &cfg.id, role, &fps,
		&packets);
	bool publishes = n == 4 && !strcmp(role, "publish");
	if (!publishes && (n != 2 || strcmp(role, "receive") != 0)) {
		refuse("not understood");
		return;
	}
	if (publishes) {
		cfg.audio = cfg.video = true;
		cfg.fps = fps;
		cfg.packets_per_frame = packets;
	} else {
		cfg.spares = 1;
	}
	seat_join(c, &cfg);
}

static void answer(struct crowd *c, char *line)
{
	uint32_t id = 0;
	int at = 0;
	sscanf(line, "answer %" SCNu32 " %n", &id, &at);
	struct seat *s = at ? find(c, id) : NULL;
	if (!s) {
		refuse("no such seat");
		return;
	}
	for (char *p = line + at; *p; p++)
		if (*p == LINE_END)
			*p = '\n';
	if (client_answer(s->client, now_us(), line + at) != 0)
		refuse("a bad answer");
	else
		printf("{\"ok\":true}\n");
}

static void count_one(const struct client *c)
{
	uint64_t packets[2] = { 0 }, bytes[2] = { 0 };
	for (unsigned i = 0; i < CLIENT_STREAMS; i++) {
		const struct client_stream *s = &c->stream[i];
		if (!s->used)
			continue;
		packets[s->kind] += s->packets;
		bytes[s->kind] += s->bytes;
	}
	printf("{\"id\":%" PRIu32 ",\"connected\":%s"
	       ",\"audio_packets\":%" PRIu64 ",\"audio_bytes\":%" PRIu64
	       ",\"video_packets\":%" PRIu64 ",\"video_bytes\":%" PRIu64
	       ",\"nacks\":%" PRIu64 ",\"plis\":%" PRIu64 ",\"sent\":%" PRIu64
	       "}",
		c->cfg.id, c->connected && !c->closed ? "true" : "false",
		packets[CLIENT_AUDIO], bytes[CLIENT_AUDIO],
		packets[CLIENT_VIDEO], bytes[CLIENT_VIDEO], c->count.nacks_sent,
		c->count.plis, c->send[CLIENT_VIDEO].packets);
}

static void obey(struct crowd *c, char *line)
{
	if (!strncmp(line, "join ", 5)) {
		join(c, line);
	} else if (!strncmp(line, "answer ", 7)) {
		answer(c, line);
	} else if (!strcmp(line, "count")) {
		printf("{\"clients\":[");
		for (unsigned i = 0; i < c->n; i++) {
			if (i)
				putchar(',');
			count_one(c->seat[i].client);
		}
		printf("]}\n");
	} else {
		refuse("not understood");
	}
}

static void listen_to(struct crowd *c)
{
	ssize_t n = read(STDIN_FILENO, c->line + c->line_len,
		sizeof(c->line) - c->line_len - 1);
	if (n <= 0) {
		c->over = n == 0 || errno != EAGAIN;
		return;
	}
	c->line_len += (size_t)n;
	c->line[c->line_len] = 0;
	char *begin = c->line, *end;
	for (; (end = strchr(begin, '\n')); begin = end + 1) {
		*end = 0;
		obey(c, begin);
	}
	c->line_len -= (size_t)(begin - c->line);
	memmove(c->line, begin, c->line_len);
	if (c->line_len == sizeof(c->line) - 1)
		c->over = true; /* that is no order, whatever it becomes */
	fflush(stdout);
}

static void take(struct seat *s)
{
	uint8_t buf[DATAGRAM];
	for (ssize_t n; (n = recv(s->fd, buf, sizeof(buf), 0)) > 0;)
		client_input(s->client, now_us(), buf, (size_t)n);
}

static void turn(struct crowd *c)
{
	struct pollfd fd[SEATS + 1];
	for (unsigned i = 0; i < c->n; i++)
		fd[i] = (struct pollfd){ .fd = c->seat[i].fd,
			.events = POLLIN };
	fd[c->n] = (struct pollfd){ .fd = STDIN_FILENO, .events = POLLIN };
	unsigned n = c->n; /* a line may add one */
	if (poll(fd, n + 1, TICK_MS) < 0)
		return;
	for (unsigned i = 0; i < n; i++)
		if (fd[i].revents)
			take(&c->seat[i]);
	if (fd[n].revents)
		listen_to(c);
	uint64_t now = now_us();
	for (unsigned i = 0; i < c->n; i++)
		if (client_deadline(c->seat[i].client) <= now)
			client_tick(c->seat[i].client, now);
}

int main(int argc, char **argv)
{
	static struct crowd c;
	c.to.sin_family = AF_INET;
	if (argc != 3 || inet_pton(AF_INET, argv[1], &c.to.sin_addr) != 1) {
		fprintf(stderr, "usage: crowd ADDRESS PORT\n");
		return 2;
	}
	c.to.sin_port = htons((uint16_t)strtoul(argv[2], NULL, 10));
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	c.cert = cert_new((uint64_t)time(NULL));
	if (!c.cert || assoc_global_init() != 0 || crypt_global_init() != 0 ||
		fcntl(STDIN_FILENO, F_SETFL,
			fcntl(STDIN_FILENO, F_GETFL) | O_NONBLOCK) < 0) {
		fprintf(stderr, "crowd: it cannot start\n");
		return 1;
	}
	while (!c.over)
		turn(&c);
	return 0;
}
