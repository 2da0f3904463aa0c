/* Late joins, and the way without a server. */
#include "bench/load_private.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

void load_storm(struct load *l, unsigned each_second)
{
	l->storm = each_second;
	l->storm_us = load_clock_us();
}

void load_storm_tick(struct load *l, uint64_t now_us)
{
	unsigned i = 0;

	while (l->storm && l->storm_us <= now_us) {
		while (i < l->n_seats &&
			(!l->seat[i].late || l->seat[i].state != SEAT_WAITING))
			i++;
		if (i == l->n_seats || load_error(l))
			return;
		load_join(&l->seat[i]);
		l->storm_us += 1000000 / l->storm;
	}
}

unsigned load_arrived(const struct load *l)
{
	unsigned n = 0;

	for (unsigned i = 0; i < l->n_seats; i++)
		n += l->seat[i].late && l->seat[i].state == SEAT_CONNECTED;
	return n;
}

static int open_one(struct sockaddr_in *ret)
{
	struct sockaddr_in own = { .sin_family = AF_INET };
	socklen_t len = sizeof(*ret);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), on = 1;

	own.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd >= 0 && bind(fd, (struct sockaddr *)&own, sizeof(own)) == 0 &&
		getsockname(fd, (struct sockaddr *)ret, &len) == 0 &&
		setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on)) ==
			0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

static void open_detour(struct load *l)
{
	struct sockaddr_in at[2];

	for (unsigned i = 0; i < 2; i++)
		l->detour[i] = open_one(&at[i]);
	if (l->detour[0] < 0 || l->detour[1] < 0 ||
		connect(l->detour[0], (struct sockaddr *)&at[1],
			sizeof(at[1])) != 0)
		load_fail(l, "no sockets: %s", strerror(errno));
}

void load_detour(struct load *l, bool on)
{
	load_socket_flush(l);
	if (on && l->detour[0] < 0)
		open_detour(l);
	l->detours = on;
}

void load_side_free(struct load *l)
{
	for (unsigned i = 0; i < 2; i++)
		if (l->detour[i] >= 0)
			close(l->detour[i]);
}
