#include "tests/unit/http/client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>

static char reply[4 << 20];

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

int client_connect(unsigned port)
{
	struct sockaddr_in addr = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr = { htonl(INADDR_LOOPBACK) } };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(
		connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	return fd;
}

void client_turn(struct event_base *base, unsigned ms)
{
	uint64_t end = now_ms() + ms;

	do {
		event_base_loop(base, EVLOOP_NONBLOCK);
		usleep(500);
	} while (now_ms() < end);
}

const char *client_talk(struct event_base *base, int fd, const char *bytes,
	size_t len, unsigned ms, int *ret_closed)
{
	uint64_t end = now_ms() + ms;
	size_t sent = 0, got = 0;
	int closed = 0;

	while (!closed && now_ms() < end) {
		ssize_t n = 0;

		if (sent < len)
			n = send(fd, bytes + sent, len - sent,
				MSG_DONTWAIT | MSG_NOSIGNAL);
		sent += n > 0 ? (size_t)n : 0;
		event_base_loop(base, EVLOOP_NONBLOCK);
		n = recv(
			fd, reply + got, sizeof(reply) - 1 - got, MSG_DONTWAIT);
		if (n > 0)
			got += (size_t)n;
		else
			usleep(200);
		closed = n == 0;
	}
	reply[got] = '\0';
	if (ret_closed)
		*ret_closed = closed;
	return reply;
}

const char *client_get(struct event_base *base, unsigned port,
	const char *request_line, const char *headers, const char *body)
{
	size_t size = strlen(headers) + strlen(body) + 4096;
	char *request = malloc(size);
	int fd = client_connect(port), closed, len;
	const char *got;

	assert_non_null(request);
	len = snprintf(request, size,
		"%s HTTP/1.1\r\nHost: h\r\nConnection: close\r\n%s\r\n%s",
		request_line, headers, body);
	got = client_talk(base, fd, request, (size_t)len, 3000, &closed);
	assert_true(closed);
	close(fd);
	free(request);
	return got;
}

const char *client_header(const char *text, const char *name)
{
	static char value[2048];
	size_t len = strlen(name);
	const char *end = strstr(text, "\r\n\r\n");

	for (const char *p = strstr(text, "\r\n"); p && p < end;
		p = strstr(p, "\r\n")) {
		p += 2;
		if (strncasecmp(p, name, len) == 0 && p[len] == ':') {
			snprintf(value, sizeof(value), "%.*s",
				(int)strcspn(p + len + 2, "\r"), p + len + 2);
			return value;
		}
	}
	return NULL;
}

int client_status(const char *text)
{
	return strncmp(text, "HTTP/1.1 ", 9) == 0 ? atoi(text + 9) : -1;
}

const char *client_body(const char *text)
{
	const char *end = strstr(text, "\r\n\r\n");

	return end ? end + 4 : "";
}
