/* Late joins, and the way without a server. */
#include "bench/load_private.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { DETOUR_BUFFER = 8 << 20 };

bool load_receive_read(const char *word, bool *ret_trains)
{
	bool trains = strcmp(word, load_receive_word(true)) == 0;

	if (!trains && strcmp(word, load_receive_word(false)) != 0)
		return false;
	*ret_trains = trains;
	return true;
}

const char *load_receive_word(bool trains)
{
	return trains ? "gro" : "plain";
}

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
	int room = DETOUR_BUFFER;

	own.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	/* Nothing may be lost: which packet came is known by their order. */
	if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room,
			       sizeof(room)) != 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
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
	load_detour_drain(l);
	if (on && l->detour[0] < 0)
		open_detour(l);
	l->detours = on;
}

void load_detour_sent(struct load *l, uint64_t at_us, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		l->detour_sent[l->detour_put++ % LOAD_DETOUR] = at_us;
}

/* One socket keeps their order. */
void load_detour_drain(struct load *l)
{
	uint64_t at[LOAD_BATCH];
	unsigned n;

	while (l->detour[1] >= 0 &&
		(n = load_socket_stamps(l, l->detour[1], at)) > 0)
		for (unsigned i = 0; i < n; i++)
			load_delay_add(l,
				l->detour_sent[l->detour_got++ % LOAD_DETOUR],
				at[i]);
}

void load_late(const struct load *l, uint64_t *frames, uint64_t *late)
{
	load_pace_counts(l->pace, frames, late);
}

void load_side_free(struct load *l)
{
	for (unsigned i = 0; i < 2; i++)
		if (l->detour[i] >= 0)
			close(l->detour[i]);
}
