/*
 * A client of the tests in this folder: bytes over a real loopback socket while
 * the server's event base runs in the same thread.
 */
#ifndef TESTS_UNIT_HTTP_CLIENT_H
#define TESTS_UNIT_HTTP_CLIENT_H

#include <stddef.h>

struct event_base;

/* A connected socket to 127.0.0.1:port. */
int client_connect(unsigned port);

/* Runs the base for about ms milliseconds. */
void client_turn(struct event_base *base, unsigned ms);

/* Sends len bytes; reads until the server closes or ms are over. Returns static
 * text. *ret_closed may be NULL. */
const char *client_talk(struct event_base *base, int fd, const char *bytes,
	size_t len, unsigned ms, int *ret_closed);

/* One request on a connection of its own, head without "Connection"; the reply
 * whole. */
const char *client_get(struct event_base *base, unsigned port,
	const char *request_line, const char *headers, const char *body);

/* The value of a header of a reply, static text; NULL: not there. */
const char *client_header(const char *reply, const char *name);
int client_status(const char *reply);
const char *client_body(const char *reply);

#endif
