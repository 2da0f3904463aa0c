/*
 * TUN devices and network namespaces (Linux, as root): whole IP packets in and
 * out of a file descriptor. A namespace lives as long as the process that made
 * it and those that were put into it, so nothing is left behind by a kill.
 */
#ifndef HEARTH_TESTS_NET_TUN_H
#define HEARTH_TESTS_NET_TUN_H

#include <netinet/in.h>

enum { TUN_MTU = 1400, TUN_QUEUE = 2000 };

/* A new device in this thread's namespace, up, non-blocking, with this address
 * and the prefix /24. Returns its descriptor or a negative errno. */
int tun_open(const char *name, struct in_addr address);

/* The device goes down, its routes with it. 0, negative errno. */
int tun_down(const char *name);
/* It is up with this address, and the way out leads through that neighbour. 0,
 * negative errno. */
int tun_up(const char *name, struct in_addr address, struct in_addr gateway);

/* Everything goes by way of this neighbour. 0, negative errno. */
int tun_default_route(const char *name, struct in_addr gateway);

/* The loopback device of this namespace works. 0, negative errno. */
int tun_loopback(void);

#endif
